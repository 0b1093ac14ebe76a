"""Epochs: the instants at which the population is counted."""

from datetime import UTC, date, datetime

from services.contracts.calendar import BusinessDays, as_date, as_day
from services.scoring.config import Every

_HOUR_S = 3600


class Epochs:
    """Instants in Unix seconds: full hours (of UTC), or the beginnings of business days, weeks from Monday, or months."""

    def __init__(self, every: Every, days: BusinessDays) -> None:
        self._every = every
        self._days = days

    def latest(self, second: int) -> int:
        """The last epoch at or before an instant."""
        if self._every is Every.HOURLY:
            return second // _HOUR_S * _HOUR_S
        return self._days.start(self._first_day(self._days.day_of(second)))

    def following(self, epoch: int) -> int:
        """The epoch after one."""
        if self._every is Every.HOURLY:
            return epoch + _HOUR_S
        day = self._days.day_of(epoch)
        step = {Every.DAILY: 1, Every.WEEKLY: 7, Every.MONTHLY: 31}[self._every]
        return self._days.start(self._first_day(day + step))

    def _first_day(self, day: int) -> int:
        today = as_date(day)
        if self._every is Every.WEEKLY:
            return day - today.weekday()
        return as_day(date(today.year, today.month, 1)) if self._every is Every.MONTHLY else day


def instant(epoch: int) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)
