"""Epochs: the instants at which the partitions of a service meet."""

from collections.abc import Collection
from datetime import UTC, date, datetime
from enum import StrEnum

from services.contracts.calendar import BusinessDays, as_date, as_day

_HOUR_S = 3600


class Every(StrEnum):
    """How often."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    """On Monday."""
    MONTHLY = "monthly"
    """On the first."""


_DAYS = {Every.DAILY: 1, Every.WEEKLY: 7, Every.MONTHLY: 31}
"""From the first day of one, at least, into the next, and not beyond it."""


class Epochs:
    """Instants in Unix seconds: full hours (of UTC), or the beginnings of business days, weeks from Monday, or months.

    Of several periods all instants count. With a delay all of them come so many seconds later.
    """

    def __init__(self, every: Every | Collection[Every], days: BusinessDays, *, delay_s: int = 0) -> None:
        """Of one period, or of at least one."""
        self._every = (every,) if isinstance(every, Every) else tuple(every)
        self._days = days
        self._delay_s = delay_s

    def latest(self, second: int) -> int:
        """The last epoch at or before an instant."""
        return self._delay_s + max(self._latest(every, second - self._delay_s) for every in self._every)

    def following(self, epoch: int) -> int:
        """The epoch after one."""
        return self._delay_s + min(self._following(every, epoch - self._delay_s) for every in self._every)

    def missed(self, passed: int | None, second: int) -> int | None:
        """Which epoch is to be made up for at an instant, by whom the last one passed was `passed`: the latest; None if nothing is.

        Of each period the latest counts, and the earliest of these comes first: a week's epoch is not lost because a day
        has begun since.
        """
        latest = (self._delay_s + self._latest(every, second - self._delay_s) for every in self._every)
        return min((epoch for epoch in latest if passed is None or passed < epoch), default=None)

    def _latest(self, every: Every, second: int) -> int:
        if every is Every.HOURLY:
            return second // _HOUR_S * _HOUR_S
        return self._days.start(self._first_day(every, self._days.day_of(second)))

    def _following(self, every: Every, epoch: int) -> int:
        if every is Every.HOURLY:
            return self._latest(every, epoch) + _HOUR_S
        first = self._first_day(every, self._days.day_of(epoch))
        return self._days.start(self._first_day(every, first + _DAYS[every]))

    def _first_day(self, every: Every, day: int) -> int:
        today = as_date(day)
        if every is Every.WEEKLY:
            return day - today.weekday()
        return as_day(date(today.year, today.month, 1)) if every is Every.MONTHLY else day


def instant(epoch: int) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)
