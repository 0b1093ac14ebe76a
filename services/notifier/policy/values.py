"""The values of a policy file: how people write them, and what they are read as."""

import re
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from services.contracts.calendar import known_zone
from services.contracts.channels import Category, ChannelName
from services.notifier.customer.history import CAPACITY
from services.notifier.policy.hours import DAY_MINUTES, shown
from services.runtime.problems import suggestion

NO_CAP = "none"
BUSINESS = "business"
"""Stands for the business time zone."""

_CLOCK = re.compile("([0-9]{1,2}):([0-5][0-9])")
_PERCENTAGE = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+) *%")

T = TypeVar("T")


def _minute(value: Any) -> int | None:
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) * 60 + int(found[2]) if found else None


def _begin(value: Any) -> int:
    minute = _minute(value)
    if minute is None or minute >= DAY_MINUTES:
        raise ValueError(f"{value!r} is no time of the day; write it such as 21:00")
    return minute


def _end(value: Any) -> int:
    minute = _minute(value)
    if minute is None or minute > DAY_MINUTES:
        raise ValueError(f"{value!r} is no time of the day; write it such as 09:00, at most 24:00")
    return minute


def _share(value: Any) -> float:
    found = _PERCENTAGE.fullmatch(value) if isinstance(value, str) else None
    share = float(found[1]) / 100 if found else 0.0
    if not 0 < share < 1:
        raise ValueError(f"{value!r} is no share; write a percentage such as 2%, more than 0% and less than 100%")
    return share


def _most(value: Any) -> int | None:
    if value == NO_CAP:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= CAPACITY:
        raise ValueError(f"{value!r} is no cap; write a whole number from 1 to {CAPACITY}, or {NO_CAP}")
    return value


def _zone(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no time zone; write a name such as Asia/Shanghai, or {BUSINESS}")  # noqa: TRY004 - pydantic wants ValueError
    return value if value == BUSINESS else known_zone(value)


def _channel(value: Any) -> Any:
    known = [name.value for name in ChannelName]
    if value not in known:
        hint = suggestion(value, known) or f"; known: {', '.join(known)}"
        raise PydanticCustomError(
            "unknown_value", "there is no channel {name}{hint}", {"name": str(value), "hint": hint}
        )
    return value


def _some(items: tuple[T, ...]) -> tuple[T, ...]:
    if not items:
        raise ValueError("at least one must stand here, or leave the key out")
    if len(set(items)) < len(items):
        raise ValueError("the same stands here twice")
    return items


def _promoting(category: Category) -> Category:
    if category is Category.TRANSACTIONAL:
        raise ValueError("transactional messages are kept from nobody; write marketing or service")
    return category


_CLOCK_SCHEMA = {"type": "string", "examples": ["21:00", "09:00"]}

Begin = Annotated[
    int,
    BeforeValidator(_begin),
    PlainSerializer(shown),
    WithJsonSchema({**_CLOCK_SCHEMA, "pattern": "^([01]?[0-9]|2[0-3]):[0-5][0-9]$"}),
]
"""A time of the day, as the minute."""
End = Annotated[
    int,
    BeforeValidator(_end),
    PlainSerializer(shown),
    WithJsonSchema({**_CLOCK_SCHEMA, "pattern": "^(([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00)$"}),
]
"""The same, or 24:00."""
Share = Annotated[
    float,
    BeforeValidator(_share),
    WithJsonSchema(
        {"type": "string", "pattern": r"^(?!0*\.?0*\s*%)([0-9]{1,2}(\.[0-9]*)?|\.[0-9]+) *%$", "examples": ["2%", "5%"]}
    ),
]
"""A percentage, as a number between 0 and 1."""
Most = Annotated[
    int | None,
    BeforeValidator(_most),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1, "maximum": CAPACITY}, {"const": NO_CAP}]}),
]
"""How many at most; None is any number."""
ZoneOrBusiness = Annotated[
    str, BeforeValidator(_zone), WithJsonSchema({"type": "string", "examples": [BUSINESS, "Asia/Shanghai"]})
]
Channel = Annotated[ChannelName, BeforeValidator(_channel)]
Promoting = Annotated[
    Category,
    AfterValidator(_promoting),
    WithJsonSchema({"enum": [Category.MARKETING.value, Category.SERVICE.value]}),
]
"""A category of which somebody may get nothing for the sake of a comparison."""
Some = Annotated[tuple[T, ...], AfterValidator(_some), Field(json_schema_extra={"minItems": 1, "uniqueItems": True})]
"""At least one, and none of them twice."""
