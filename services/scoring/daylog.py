"""The day log: per customer and day, what happened; and the sums of it over one trailing window.

The window of W days as of day E is (E − W, E]: it includes E and W − 1 days before it. Kept as sparse series rather than
as ages or totals alone, so that a refund can retract exactly what it must and time can pass without events.
"""

from bisect import bisect_left, bisect_right

import msgspec

from services.contracts.events import CUSTOM_PREFIX


class Series(msgspec.Struct, array_like=True, gc=False):
    """Values per day, sorted by day, without zeros; and their sum over the window.

    The sum is carried along: adding to a day or moving the window costs the days changed, not the days known.
    """

    total: int = 0
    days: list[int] = []
    values: list[int] = []

    def add(self, day: int, delta: int, end: int, width: int) -> None:
        """Add `delta` to a day, inside or outside the window (`end` − `width`, `end`]."""
        if delta == 0:
            return
        at = bisect_left(self.days, day)
        if at == len(self.days) or self.days[at] != day:
            self.days.insert(at, day)
            self.values.insert(at, delta)
        elif self.values[at] + delta == 0:
            del self.days[at], self.values[at]
        else:
            self.values[at] += delta
        if end - width < day <= end:
            self.total += delta

    def move(self, old: int, new: int, width: int) -> None:
        """Move the end of the window from `old` forward to `new`."""
        days, values = self.days, self.values
        if not days or (days[-1] <= old and days[0] > new - width):
            return
        entered = sum(values[bisect_right(days, old) : bisect_right(days, new)])
        left = sum(values[bisect_right(days, old - width) : bisect_right(days, new - width)])
        self.total += entered - left

    def recount(self, end: int, width: int) -> None:
        """The sum from scratch."""
        self.total = sum(self.values[bisect_right(self.days, end - width) : bisect_right(self.days, end)])

    def last(self, end: int, width: int) -> int | None:
        """The last day in the window."""
        at = bisect_right(self.days, end)
        return self.days[at - 1] if at and self.days[at - 1] > end - width else None

    def next_change(self, end: int, width: int) -> int | None:
        """The next day E at which the window moved to E holds other days than now: one left it, or one entered."""
        days = self.days
        if not days or days[-1] <= end - width:
            return None
        first = days[0] if days[0] > end - width else days[bisect_right(days, end - width)]
        if first > end:
            return first
        if days[-1] <= end:
            return first + width
        return min(first + width, days[bisect_right(days, end)])


MAX_KINDS = 200
"""Distinct interaction kinds counted per customer. Beyond it new custom ones are counted together, as `custom:*`: a
publisher that puts an id into a kind must not let a profile outgrow its topic."""
OTHER_KINDS = CUSTOM_PREFIX + "*"


class DayLog(msgspec.Struct, array_like=True, gc=False):
    """One customer's series, and the window they are summed over.

    `orders`: counting orders. `net`: net money, minor units, unlinked refunds being negative. `kinds`: interactions per
    kind. An order belongs to the day it was paid on, an interaction to the day it occurred on.
    """

    end: int
    width: int
    orders: Series = msgspec.field(default_factory=Series)
    net: Series = msgspec.field(default_factory=Series)
    kinds: dict[str, Series] = {}

    def add_order(self, day: int, orders: int, net_minor: int) -> None:
        """Add (or with negative numbers retract) orders and money of a day."""
        self.orders.add(day, orders, self.end, self.width)
        self.net.add(day, net_minor, self.end, self.width)

    def add_interaction(self, day: int, kind: str) -> None:
        series = self.kinds.get(kind)
        if series is None and len(self.kinds) >= MAX_KINDS and kind.startswith(CUSTOM_PREFIX):
            kind = OTHER_KINDS
            series = self.kinds.get(kind)
        if series is None:
            series = self.kinds[kind] = Series()
        series.add(day, 1, self.end, self.width)

    def move(self, end: int) -> bool:
        """Let the window end at `end`; return whether any sum changed."""
        if end == self.end:
            return False
        before = self._totals()
        if end > self.end:
            for series in self._all():
                series.move(self.end, end, self.width)
            self.end = end
        else:
            # two workers' clocks may disagree by a moment around midnight
            self.end = end
            self.recount()
        return self._totals() != before

    def resize(self, width: int) -> None:
        """Another window width, after a change of configuration."""
        if width != self.width:
            self.width = width
            self.recount()

    def recount(self) -> None:
        for series in self._all():
            series.recount(self.end, self.width)

    def last_order_day(self) -> int | None:
        """Of the counting orders in the window."""
        return self.orders.last(self.end, self.width)

    def first_order_day(self) -> int | None:
        """Of all counting orders."""
        return self.orders.days[0] if self.orders.days else None

    def counts(self) -> dict[str, int]:
        """Interactions in the window per kind, sorted by kind, without zeros."""
        return {kind: series.total for kind, series in sorted(self.kinds.items()) if series.total}

    def next_change(self) -> int | None:
        """The next day at which a day leaves or enters the window by time alone."""
        changes = [series.next_change(self.end, self.width) for series in self._all()]
        return min((day for day in changes if day is not None), default=None)

    def _all(self) -> list[Series]:
        return [self.orders, self.net, *self.kinds.values()]

    def _totals(self) -> list[int]:
        return [series.total for series in self._all()]
