"""The values of a rule file: how people write them, and what they are read as."""

import re
from datetime import date, time, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from services.contracts.channels import ChannelName
from services.contracts.durations import Duration
from services.contracts.parameters import JUMP_PARAMETERS, PARAMETERS
from services.rules.language.features import FEATURES, known_event, unknown_event
from services.rules.language.functions import FUNCTIONS
from services.rules.language.syntax import RESERVED
from services.runtime.problems import suggestion
from services.runtime.validation import NO_VALUE

MAX_PARAM_TEXT = 256
MAX_PARAM_NUMBER = 10**15 - 1
"""Up to here a number is one that every reader of JSON reads as it was written."""
EXPRESSION = "="
"""What a parameter that asks about the customer begins with."""

_PERCENTAGE = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+) *%")
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = re.compile("[0-9]{1,2}:[0-9]{2}")

Name = Annotated[str, StringConstraints(strict=True, max_length=64, pattern=r"^[\w][\w.-]{0,63}$")]
"""Letters of any script, digits, `_ . -`; no blanks."""
Conditions = Annotated[list[Any], Field(json_schema_extra={"items": {"$ref": "#/$defs/Condition"}})]
"""Checked by `condition`, which knows the catalogue."""


def _refusal(message: str, **context: Any) -> PydanticCustomError:
    return PydanticCustomError("unknown_value", message, context)


def _known_channel(channel: str) -> str:
    known = [name.value for name in ChannelName]
    if channel not in known:
        hint = suggestion(channel, known) or f"; known: {', '.join(known)}"
        raise _refusal("there is no channel {name}{hint}", name=channel, hint=hint)
    return channel


def _known_event(name: str) -> str:
    if not known_event(name):
        raise _refusal("{said}", said=unknown_event(name))
    return name


def distinct(channels: list[str]) -> list[str]:
    if len(set(channels)) < len(channels):
        raise ValueError("a channel stands here twice")
    return channels


def _share(value: Any) -> float:
    found = _PERCENTAGE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is no share; write a percentage such as 10%")
    share = float(found[1]) / 100
    if not 0 < share < 1:
        raise ValueError(f"{value!r} is no share; write more than 0% and less than 100%")
    return share


def _day(value: Any) -> Any:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(_shaped(_DAY, value))
    except ValueError:
        raise ValueError(f"{value!r} is no day; write it such as 2026-11-11") from None


def _clock(value: Any) -> Any:
    if isinstance(value, time):
        return value
    try:
        hour, minute = _shaped(_CLOCK, value).split(":")
        return time(int(hour), int(minute))
    except ValueError:
        raise ValueError(f"{value!r} is no time of the day; write it such as 10:00") from None


def _shaped(shape: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise ValueError
    return value


def _positive(length: timedelta) -> timedelta:
    if not length:
        raise ValueError("a length of 0 means nothing here")
    return length


def _fact(name: str) -> str:
    if not name.isidentifier() or name in RESERVED or name in FEATURES or name in FUNCTIONS:
        raise ValueError(f"{name} cannot name a fact; use letters, digits and _, and no word that means something else")
    return name


def _param_name(name: str) -> str:
    if not name.isidentifier() or name in RESERVED:
        raise ValueError(f"{name} cannot name a parameter; use letters, digits and _, and no word of the language")
    if name in PARAMETERS or name in JUMP_PARAMETERS:
        raise ValueError(f"every message has its {name} already; choose another name")
    return name


def _param(value: Any) -> Any:
    match value:
        case None:
            raise PydanticCustomError(NO_VALUE, "it has no value")
        case bool():
            return value
        case int() | float():
            if not abs(value) <= MAX_PARAM_NUMBER:
                raise ValueError(f"a number has at most {len(str(MAX_PARAM_NUMBER))} digits")
            return value
        case str():
            return _param_text(value)
        case _:
            raise ValueError("a parameter is text, a number, true or false")


def _param_text(value: str) -> str:
    if value.startswith("＝"):
        raise ValueError("＝ is full width; write =")
    # how long an expression may be is told where it is read
    if len(value) > MAX_PARAM_TEXT and not is_expression(value):
        raise ValueError(f"a text may have {MAX_PARAM_TEXT} characters")
    return value


def is_expression(param: object) -> bool:
    """Whether a parameter asks about the customer."""
    return isinstance(param, str) and param.startswith(EXPRESSION)


Channel = Annotated[str, StringConstraints(strict=True), AfterValidator(_known_channel)]
EventName = Annotated[str, StringConstraints(strict=True), AfterValidator(_known_event)]
Share = Annotated[float, BeforeValidator(_share, json_schema_input_type=str)]
Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=str)]
Clock = Annotated[time, BeforeValidator(_clock, json_schema_input_type=str)]
Length = Annotated[Duration, AfterValidator(_positive)]
Fact = Annotated[str, StringConstraints(strict=True, max_length=64), AfterValidator(_fact)]
ParamName = Annotated[str, StringConstraints(strict=True, max_length=64), AfterValidator(_param_name)]
Param = Annotated[str | int | float | bool, BeforeValidator(_param)]
"""Passed on as it is, or with `=` in front asked of the customer when the message is decided."""
