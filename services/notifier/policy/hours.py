"""Hours at which nobody is written to, by the clock on their wall."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_FARTHEST = timedelta(days=4)
"""Longer than clocks can keep skipping the only hour at which a day is open."""


@dataclass(slots=True, frozen=True)
class Hours:
    """From the minute `begin` of the day until before the minute `end`; over midnight if it ends earlier than it begins.

    24:00 is minute 1440. What begins when it ends is no time at all; 0 to 1440 is the whole day. It is the clock on the
    wall that counts: an hour that clocks skip is in no day, and one that they repeat is in it twice.
    """

    begin: int
    end: int

    def cover(self, wall: time) -> bool:
        """Whether a time of the day lies in them."""
        minute = wall.hour * 60 + wall.minute
        if self.begin <= self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end

    def __str__(self) -> str:
        return f"{shown(self.begin)}–{shown(self.end)}"


def covering(hours: Collection[Hours], now: datetime, zone: ZoneInfo) -> Hours | None:
    """The first of these hours that `now` lies in, where the clock shows the time of `zone`."""
    wall = now.astimezone(zone).time()
    return next((each for each in hours if each.cover(wall)), None)


def next_open(now: datetime, zone: ZoneInfo, hours: Collection[Hours]) -> datetime | None:
    """The first instant, at or after `now`, in none of these hours, in UTC; None if they leave no time of the day."""
    at = now.astimezone(UTC)
    farthest = at + _FARTHEST
    while at < farthest:
        quiet = covering(hours, at, zone)
        if quiet is None:
            return at
        at = _after(at, quiet, zone)
    return None


def _after(at: datetime, quiet: Hours, zone: ZoneInfo) -> datetime:
    """When these hours, which `at` lies in, end; or, if that is earlier, when clocks are set."""
    wall = at.astimezone(zone)
    midnight = wall.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    end = midnight + timedelta(minutes=quiet.end)
    if end <= wall.replace(tzinfo=None):
        end += _DAY
    until = at + (end - wall.replace(tzinfo=None))
    offset = wall.utcoffset()
    if until.astimezone(zone).utcoffset() == offset:
        return until
    # clocks are set in between: find the second at which they are
    low, high = at.replace(microsecond=0), until
    while high - low > _SECOND:
        middle = low + (high - low) // _SECOND // 2 * _SECOND
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
    return high


def shown(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
