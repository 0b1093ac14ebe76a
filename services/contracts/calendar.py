"""Instants and zones, as every service must understand them."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pydantic import AfterValidator

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware instant on a wire of ours: RFC 3339 with an offset."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(at: datetime) -> int:
    """Unix milliseconds, rounded down."""
    return (at - _EPOCH) // _MILLISECOND


def to_ms_up(at: datetime) -> int:
    """Unix milliseconds, rounded up: a timer never fires before its instant."""
    return -((_EPOCH - at) // _MILLISECOND)


def from_ms(at_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at_ms)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {name!r}; write a name such as Asia/Shanghai or UTC") from error
    return name


Zone = Annotated[str, AfterValidator(_known_zone)]
"""The name of a time zone that exists."""
