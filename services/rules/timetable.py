"""Recurring instants of a calendar: every Tuesday at 10:00."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time

from services.contracts.calendar import BusinessDays, as_date, to_ms

_FURTHEST = 62
"""Within so many days everything comes round, the 31st of a month too."""
_REMEMBERED = 5000


@dataclass(frozen=True)
class Timetable:
    """At `at`, on the `weekdays` (0 is Monday), or on the `monthday` of every month (of one that is shorter, not at all).

    Times are those of a zone's clocks; one that a day skips comes as much later as the clocks jump.
    """

    at: time
    weekdays: frozenset[int] = frozenset(range(7))
    monthday: int | None = None
    _known: dict[tuple[str, int], int | None] = field(default_factory=dict, compare=False, repr=False)

    def latest(self, now_ms: int, days: BusinessDays) -> int | None:
        """The last instant at or before now (Unix ms)."""
        return self._search(now_ms, days, range(1, -_FURTHEST, -1), lambda at: at <= now_ms)

    def following(self, now_ms: int, days: BusinessDays) -> int | None:
        """The first instant after now (Unix ms)."""
        return self._search(now_ms, days, range(-1, _FURTHEST), lambda at: at > now_ms)

    def _search(self, now_ms: int, days: BusinessDays, offsets: range, fits: Callable[[int], bool]) -> int | None:
        today = days.day_of(now_ms // 1000)
        found = (self._of_day(today + offset, days) for offset in offsets)
        return next((at for at in found if at is not None and fits(at)), None)

    def _of_day(self, day: int, days: BusinessDays) -> int | None:
        key = days.zone.key, day
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            date = as_date(day)
            comes = date.day == self.monthday if self.monthday is not None else date.weekday() in self.weekdays
            local = datetime.combine(date, self.at, days.zone)
            self._known[key] = to_ms(local.astimezone(UTC)) if comes else None
        return self._known[key]
