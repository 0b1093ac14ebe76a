"""Instants, zones and business days, as every service must understand them."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pydantic import AfterValidator

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware instant on a wire of ours: RFC 3339 with an offset."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEARS = range(1970, 9001)
"""The years of instants on the wires: what every reader can reckon with, a lifetime ahead included."""

_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)
_HOUR_S = 3600
_DAY_S = 86_400
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MAX_CACHED_HOURS = 200_000
_MAX_CACHED_STARTS = 20_000


def to_ms(at: datetime) -> int:
    """Unix milliseconds, rounded down."""
    return (at - EPOCH) // _MILLISECOND


def to_ms_up(at: datetime) -> int:
    """Unix milliseconds, rounded up: a timer never fires before its instant."""
    return -((EPOCH - at) // _MILLISECOND)


def from_ms(at_ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=at_ms)


def known_zone(name: str) -> str:
    """The name of a time zone that exists. Raise `ValueError`."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {name!r}; write a name such as Asia/Shanghai or UTC") from error
    return name


Zone = Annotated[str, AfterValidator(known_zone)]
"""The name of a time zone that exists."""


def as_day(day: date) -> int:
    """A calendar day as a number: days since 1970-01-01."""
    return day.toordinal() - _EPOCH_ORDINAL


def as_date(day: int) -> date:
    return date.fromordinal(day + _EPOCH_ORDINAL)


class BusinessDays:
    """Which day of a zone an instant belongs to, and when a day begins.

    A day begins at the first instant at which the zone's calendar shows it, or a later one where the zone skipped it, and
    lasts until the next begins. So days never run backwards: where clocks are set back over midnight, the second pass
    belongs to the later day. Instants are Unix seconds, rounded down; days are numbers as of `as_day`.

    zoneinfo is slow and this is asked several times per event, so the day is remembered of every hour that belongs to
    one day as a whole.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._hours: dict[int, int] = {}
        self._starts: dict[int, int] = {}

    def day_of(self, second: int) -> int:
        """The day that an instant belongs to."""
        hour = second // _HOUR_S
        day = self._hours.get(hour)
        if day is None:
            day = self._day(second)
            first = hour * _HOUR_S
            if self._day(first) == self._day(first + _HOUR_S - 1):
                if len(self._hours) >= _MAX_CACHED_HOURS:
                    self._hours.clear()
                self._hours[hour] = day
        return day

    def start(self, day: int) -> int:
        """The first instant of a day; for one that the zone skipped, of the next."""
        start = self._starts.get(day)
        if start is None:
            if len(self._starts) >= _MAX_CACHED_STARTS:
                self._starts.clear()
            start = self._starts[day] = self._find_start(day)
        return start

    def _day(self, second: int) -> int:
        shown = self._shown(second)
        return shown + 1 if second >= self.start(shown + 1) else shown

    def _shown(self, second: int) -> int:
        """The day that a calendar on the wall shows."""
        return as_day(datetime.fromtimestamp(second, self.zone).date())

    def _find_start(self, day: int) -> int:
        midnight = datetime.combine(as_date(day), datetime.min.time(), self.zone)
        high = (midnight - EPOCH) // _SECOND
        if self._shown(high - 1) < day:
            return high
        # clocks went over midnight from before it: the day began when they did
        low = high - _DAY_S
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._shown(middle) >= day else (middle, high)
        return high
