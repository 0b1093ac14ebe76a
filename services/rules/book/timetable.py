"""Recurring instants of a calendar: every Tuesday at 10:00."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from itertools import islice

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
    _ahead: dict[tuple[str, int], tuple[int, ...]] = field(default_factory=dict, compare=False, repr=False)

    def latest(self, now_ms: int, days: BusinessDays) -> int | None:
        """The last instant at or before now (Unix ms)."""
        today = days.day_of(now_ms // 1000)
        found = (self._of_day(day, days) for day in range(today + 1, today - _FURTHEST, -1))
        return next((at for at in found if at is not None and at <= now_ms), None)

    def following(self, now_ms: int, days: BusinessDays) -> int | None:
        """The first instant after now (Unix ms)."""
        key = days.zone.key, days.day_of(now_ms // 1000)
        ahead = self._ahead.get(key)
        if ahead is None:
            if len(self._ahead) >= _REMEMBERED:
                self._ahead.clear()
            ahead = self._ahead[key] = self._from(key[1], days)
        return next((at for at in ahead if at > now_ms), None)

    def _from(self, today: int, days: BusinessDays) -> tuple[int, ...]:
        """The instants of a day and of the one before and behind it, and the first of all later ones."""
        near = [at for day in range(today - 1, today + 2) if (at := self._of_day(day, days)) is not None]
        later = (self._of_day(day, days) for day in range(today + 2, today + _FURTHEST))
        return (*near, *islice((at for at in later if at is not None), 1))

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
