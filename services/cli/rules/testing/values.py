"""What people write in a test file for an instant, a length of time, and an amount of money."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

from services.contracts.calendar import YEARS
from services.contracts.durations import Duration, parse_duration
from services.contracts.inbound import MAX_AMOUNT_MINOR, Scalar
from services.rules.language.currencies import CURRENCIES, minor_units

NOTHING = "nothing"
"""The type of pydantic's error about a key without a value."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_AMOUNT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?) ?([A-Z]{3}|元)")
_YUAN = "元"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Amount(NamedTuple):
    """In minor units of a currency."""

    minor: int
    currency: str


def read_moment(text: Any) -> datetime:
    """An instant; without an offset in it it is naive, of the zone of the file. Raise `ValueError`."""
    if isinstance(text, datetime):
        return text
    if isinstance(text, str) and _MOMENT.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise ValueError(f"there is no instant {text}: {error}") from error
        if moment.year not in YEARS:
            raise ValueError(f"the year must lie between {YEARS[0]} and {YEARS[-1]}")
        return moment
    raise ValueError(f"{text!r} is no instant; write it such as 2026-03-01 09:00, or 2026-03-01T09:00+08:00")


def local(moment: datetime, zone: ZoneInfo) -> datetime:
    """The instant that is meant, in the zone of the file."""
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def _when(text: Any) -> Any:
    """An instant, or how long before the beginning: `-44d`."""
    if isinstance(text, timedelta):
        return text
    if isinstance(text, str) and text.startswith("-"):
        return -parse_duration(text.removeprefix("-"))
    try:
        return read_moment(text)
    except ValueError as error:
        raise ValueError(f"{error}, or -44d for so long before the test begins") from error


def _amount(text: Any) -> Any:
    if isinstance(text, Amount):
        return text
    found = _AMOUNT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{text!r} is no amount; write the currency behind it, such as 120 CNY")
    currency = "CNY" if found[2] == _YUAN else found[2]
    if currency not in CURRENCIES:
        raise ValueError(f"there is no currency {currency}; write a code such as CNY")
    minor = minor_units(Decimal(found[1]), currency)
    if minor > MAX_AMOUNT_MINOR:
        raise ValueError(f"{text} is more than any order; at most {MAX_AMOUNT_MINOR} minor units")
    return Amount(minor, currency)


def something(value: Any) -> Any:
    """What stands behind a key. Nothing is refused: it reads as if the key were left out, or as none."""
    if value is None:
        raise PydanticCustomError(NOTHING, "nothing stands behind this key")
    return value


def _positive(length: timedelta) -> timedelta:
    if not length:
        raise ValueError("a length of 0 means nothing here")
    return length


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters are not allowed here")
    return text


def _attribute(value: Any) -> Any:
    if isinstance(value, dict | list):
        raise ValueError("an attribute is text, a number, true or false")  # noqa: TRY004 - pydantic wants ValueError
    return value


Moment = Annotated[datetime, BeforeValidator(read_moment, json_schema_input_type=str)]
When = Annotated[datetime | timedelta, BeforeValidator(_when, json_schema_input_type=str)]
Money = Annotated[Amount, BeforeValidator(_amount, json_schema_input_type=str)]
Length = Annotated[Duration, AfterValidator(_positive)]
Attribute = Annotated[Scalar, BeforeValidator(_attribute)]
Line = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=200, strip_whitespace=True), AfterValidator(_printable)
]
"""A line of text of any script."""
