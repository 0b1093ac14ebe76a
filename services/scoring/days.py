"""Business days: calendar days of one time zone, as numbers (days since 1970-01-01)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_HOUR = 3600
_DAY = 86_400
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MAX_CACHED_HOURS = 200_000
_MAX_CACHED_DAYS = 20_000


def as_date(day: int) -> date:
    return date.fromordinal(day + _EPOCH_ORDINAL)


def as_day(day: date) -> int:
    return day.toordinal() - _EPOCH_ORDINAL


class BusinessDays:
    """Maps instants to days and days to the instants at which they begin.

    `day_of` is asked several times per event and zoneinfo is slow, so the offset is remembered per hour; an hour within
    which the offset changes is never remembered.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._offsets: dict[int, int] = {}
        self._midnights: dict[int, datetime] = {}

    def day_of(self, second: int) -> int:
        """The day that `second` (Unix time, floored) falls on."""
        hour = second // _HOUR
        offset = self._offsets.get(hour)
        if offset is None:
            offset = self._offset(second)
            self._remember(hour, offset)
        return (second + offset) // _DAY

    def start(self, day: int, after: datetime) -> datetime:
        """The first instant later than `after` at which `day` begins, in UTC.

        Where clocks skip midnight that is the first instant of the day; where midnight comes twice it may be the second
        one. Should both lie before `after`, it is an hour after `after`: a caller that asks again then gets an answer.
        """
        first = self._midnights.get(day)
        if first is None:
            if len(self._midnights) >= _MAX_CACHED_DAYS:
                self._midnights.clear()
            first = self._midnights[day] = self._midnight(day, 0)
        if first > after:
            return first
        second = self._midnight(day, 1)
        return second if second > after else (after + timedelta(hours=1)).astimezone(UTC)

    def _midnight(self, day: int, fold: int) -> datetime:
        midnight = datetime.combine(as_date(day), datetime.min.time(), self.zone)
        return midnight.replace(fold=fold).astimezone(UTC)

    def _offset(self, second: int) -> int:
        offset = datetime.fromtimestamp(second, self.zone).utcoffset()
        return 0 if offset is None else int(offset.total_seconds())

    def _remember(self, hour: int, offset: int) -> None:
        first = hour * _HOUR
        if self._offset(first) == offset == self._offset(first + _HOUR - 1):
            if len(self._offsets) >= _MAX_CACHED_HOURS:
                self._offsets.clear()
            self._offsets[hour] = offset
