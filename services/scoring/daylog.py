"""The day log: per customer and day, what happened; sums over any trailing window are read off it.

The window of W days as of day E is (E − W, E]: it includes E and W − 1 days before it. Kept as sparse days rather than
as ages or totals, so that a refund can retract exactly what it must, and time can pass without events.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from services.contracts.events import CUSTOM_PREFIX


class Sums(NamedTuple):
    """What orders come to. Money in minor units.

    `net` is less by unlinked refunds, `paid` what was paid of orders not cancelled, `discount` what was taken off them.
    """

    orders: int = 0
    net: int = 0
    paid: int = 0
    discount: int = 0

    def __neg__(self) -> "Sums":
        return Sums(-self.orders, -self.net, -self.paid, -self.discount)


NOTHING = Sums()


class OrderDays(msgspec.Struct, array_like=True, gc=False):
    """`Sums` per day, in columns; days rise, and a day on which all is 0 is left out."""

    days: list[int] = []
    orders: list[int] = []
    net: list[int] = []
    paid: list[int] = []
    discount: list[int] = []

    def add(self, day: int, change: Sums) -> None:
        """Add to a day; negative numbers retract."""
        columns = (self.orders, self.net, self.paid, self.discount)
        at = bisect_left(self.days, day)
        if at == len(self.days) or self.days[at] != day:
            self.days.insert(at, day)
            for column in columns:
                column.insert(at, 0)
        for column, value in zip(columns, change, strict=True):
            column[at] += value
        if not any(column[at] for column in columns):
            del self.days[at]
            for column in columns:
                del column[at]

    def sums(self, end: int, width: int | None) -> Sums:
        """Over the window of `width` days that ends at `end`; None: all days until then."""
        low, high = _span(self.days, end, width)
        if low == high:
            return NOTHING
        return Sums(
            sum(self.orders[low:high]), sum(self.net[low:high]), sum(self.paid[low:high]), sum(self.discount[low:high])
        )

    def bought(self, end: int, width: int | None) -> tuple[int, int]:
        """Orders and net money alone."""
        low, high = _span(self.days, end, width)
        return sum(self.orders[low:high]), sum(self.net[low:high])

    def ordered(self, end: int, width: int | None) -> list[int]:
        """The days in the window with a counting order."""
        low, high = _span(self.days, end, width)
        return [day for day, orders in zip(self.days[low:high], self.orders[low:high], strict=True) if orders]

    def last(self, end: int, width: int | None) -> int | None:
        """The last day in the window with a counting order."""
        low, at = _span(self.days, end, width)
        while at > low:
            at -= 1
            if self.orders[at]:
                return self.days[at]
        return None

    def first(self) -> int | None:
        """The first day of all with a counting order."""
        return next((day for day, orders in zip(self.days, self.orders, strict=True) if orders), None)

    def moves(self, old: int, new: int, width: int, *, deep: bool) -> bool:
        """Whether a window whose end moves from `old` to `new` comes to other orders or money; `deep`: or to any other sum."""
        if not self.days:
            return False
        for end, back in ((new, old), (new - width, old - width)):
            low, high = _span(self.days, max(end, back), abs(end - back))
            if low < high and (
                any(self.orders[low:high])
                or any(self.net[low:high])
                or (deep and (any(self.paid[low:high]) or any(self.discount[low:high])))
            ):
                return True
        return False

    def drop(self, before: int) -> list[int]:
        """Forget the days before `before`; those of them with a counting order are returned."""
        at = bisect_left(self.days, before)
        ordered = [day for day, orders in zip(self.days[:at], self.orders[:at], strict=True) if orders]
        for column in (self.days, self.orders, self.net, self.paid, self.discount):
            del column[:at]
        return ordered


class Deeds(msgspec.Struct, array_like=True, gc=False):
    """Interactions of one kind: how many ever, and on which days of late."""

    lifetime: int = 0
    days: list[int] = []
    counts: list[int] = []

    def add(self, day: int, count: int = 1) -> None:
        at = bisect_left(self.days, day)
        if at == len(self.days) or self.days[at] != day:
            self.days.insert(at, day)
            self.counts.insert(at, 0)
        self.counts[at] += count

    def total(self, end: int, width: int) -> int:
        """In the window of `width` days that ends at `end`."""
        low, high = _span(self.days, end, width)
        return sum(self.counts[low:high])

    def moves(self, old: int, new: int, width: int) -> bool:
        """Whether a window whose end moves from `old` to `new` gains or loses any."""
        for end, back in ((new, old), (new - width, old - width)):
            low, high = _span(self.days, max(end, back), abs(end - back))
            if low != high:
                return True
        return False

    def drop(self, before: int) -> None:
        """Forget the days before `before`; the lifetime stays."""
        at = bisect_left(self.days, before)
        del self.days[:at], self.counts[:at]


MAX_KINDS = 200
"""Distinct interaction kinds counted per customer. Beyond it new custom ones are counted together, as `custom:*`: a
publisher that puts an id into a kind must not let a profile outgrow its topic."""
OTHER_KINDS = CUSTOM_PREFIX + "*"


def deeds_of(kinds: dict[str, Deeds], kind: str) -> Deeds:
    """Where an interaction of this kind is counted."""
    deeds = kinds.get(kind)
    if deeds is None and len(kinds) >= MAX_KINDS and kind.startswith(CUSTOM_PREFIX):
        kind = OTHER_KINDS
        deeds = kinds.get(kind)
    if deeds is None:
        deeds = kinds[kind] = Deeds()
    return deeds


def next_change(days: Sequence[int], end: int, widths: Iterable[int]) -> int | None:
    """The next day after `end` at which a window of one of these widths moved there holds other days than now.

    Then the first one in it, or one to come, leaves it, or one enters it.
    """
    if not days:
        return None
    high = bisect_right(days, end)
    soonest = days[high] if high < len(days) else None
    for width in widths:
        low = bisect_right(days, end - width)
        if low < len(days):
            leaves = days[low] + width
            if soonest is None or leaves < soonest:
                soonest = leaves
    return soonest


def _span(days: Sequence[int], end: int, width: int | None) -> tuple[int, int]:
    return 0 if width is None else bisect_right(days, end - width), bisect_right(days, end)
