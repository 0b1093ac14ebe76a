"""The state of one customer. Ids of orders, refunds and interactions are kept as 8-byte hashes."""

from collections.abc import Iterator, Mapping

import msgspec

from services.contracts.calendar import BusinessDays
from services.contracts.events import CUSTOM_PREFIX
from services.contracts.profile import WINDOWS
from services.runtime.blob import Blobs
from services.scoring import archive
from services.scoring.activity import Activity
from services.scoring.archive import Packed
from services.scoring.daylog import MAX_KINDS, NOTHING, OTHER_KINDS, Deeds, OrderDays, Sums, deeds_of, next_change
from services.scoring.orders import Order, UnlinkedRefund
from services.scoring.registers import Register
from services.scoring.repeats import Repeats
from services.scoring.rfm import Scores

SCHEMA = 3
ORDER_TYPES = 4
LONGEST = max(WINDOWS)
"""Days for which interactions are kept by day."""


class CustomerState(msgspec.Struct, array_like=True, gc=False, kw_only=True):
    """Everything scoring knows of one customer.

    Sums are as of the end of the business day `today`; `history` is how many days are kept one by one. Orders older than that
    live in `packed` if they are plain, else on in `orders`; of their days only the first and the last with a counting
    order are known.

    `version` and `published_us` are those of the profile published last (see `contracts.profile`; microseconds since
    1970), `scores` the scores in it, `epoch` (Unix seconds) the cut-offs and `config` the configuration it was scored with.
    `orders` and `unlinked` by short hash of the order and refund id. `last_ms` holds the newest instant (Unix ms) of every
    interaction kind and of every type of event about an order. `merged_into` is set on what is left of a customer who
    was merged into another, `erased_us` on what is left of one who was deleted: until when events are void.
    """

    schema: int = SCHEMA
    customer_id: str
    version: int = -1
    published_us: int = 0
    today: int
    history: int
    scores: Scores = Scores()
    epoch: int | None = None
    config: int = 0
    lifetime: Sums = NOTHING
    early_first: int | None = None
    early_last: int | None = None
    log: OrderDays = msgspec.field(default_factory=OrderDays)
    orders: dict[int, Order] = {}
    packed: bytes = archive.EMPTY
    unlinked: dict[int, UnlinkedRefund] = {}
    kinds: dict[str, Deeds] = {}
    last_ms: dict[str, int] = {}
    activity: Activity = msgspec.field(default_factory=Activity)
    repeats: Repeats = msgspec.field(default_factory=Repeats)
    tags: dict[str, Register] = {}
    attributes: dict[str, Register] = {}
    absorbed: list[str] = []
    merged_into: str | None = None
    erased_us: int | None = None

    @property
    def blank(self) -> bool:
        """Whether nothing was ever published of it: what is left of a deleted customer, or a mere alias."""
        return self.version < 0

    # --- orders

    def order(self, key: int) -> Order:
        """The order, to be changed; after that give what it came to before (see `contribution`) to `settle`."""
        order = self.orders.get(key)
        if order is None:
            found = archive.find(self.packed, key)
            if found is None:
                order = Order()
            else:
                self.packed = archive.without(self.packed, key)
                order = Order(found.paid_at, found.paid_minor, found.discount_minor)
            self.orders[key] = order
        return order

    def settle(self, key: int, before: tuple[int, Sums], days: BusinessDays, *, free: bool) -> None:
        """Count what the order comes to now instead of `before`."""
        order = self.orders[key]
        after = contribution(order, days, free=free)
        if after != before:
            self.count(before[0], -before[1])
            self.count(*after)
            if before[1].orders and self.is_early(before[0]):
                # it may have been the first or the last of them
                self._find_early(days, free=free)
            elif after[1].orders and self.is_early(after[0]):
                self._widen(after[0])
        if order.plain and self.is_early(after[0]):
            self._pack({key: order})

    def count(self, day: int, change: Sums) -> None:
        """Add to a day (or with negative numbers retract), and to the lifetime."""
        if change == NOTHING:
            return
        self.lifetime = Sums(*(a + b for a, b in zip(self.lifetime, change, strict=True)))
        if not self.is_early(day):
            self.log.add(day, change)

    def all_orders(self) -> Iterator[tuple[int, Order]]:
        """Every order by key, packed ones too."""
        yield from self.orders.items()
        for key, paid_at, paid_minor, discount_minor in archive.unpack(self.packed):
            yield key, Order(paid_at, paid_minor, discount_minor)

    def first_order_day(self) -> int | None:
        return self.log.first() if self.early_first is None else self.early_first

    def last_order_day(self, width: int | None) -> int | None:
        """Of the counting orders in the window of `width` days, None being the whole life."""
        last = self.log.last(self.today, width)
        return self.early_last if last is None and width is None else last

    def bought(self, width: int | None) -> tuple[int, int]:
        """Counting orders and net money in the window of `width` days, None being the whole life."""
        return (self.lifetime.orders, self.lifetime.net) if width is None else self.log.bought(self.today, width)

    def order_sums(self, width: int | None) -> Sums:
        """In the window of `width` days, None being the whole life."""
        return self.lifetime if width is None else self.log.sums(self.today, width)

    # --- interactions

    def count_deed(self, day: int, kind: str) -> None:
        deeds = deeds_of(self.kinds, kind)
        deeds.lifetime += 1
        if day > self.today - LONGEST:
            deeds.add(day)

    def happened(self, name: str, at_ms: int) -> bool:
        """Remember the newest instant of an interaction kind, or of a type of event; whether this is it."""
        newest = self.last_ms.get(name)
        if newest is None and len(self.last_ms) >= MAX_KINDS + ORDER_TYPES and name.startswith(CUSTOM_PREFIX):
            # as they are counted: see `deeds_of`
            name = OTHER_KINDS
            newest = self.last_ms.get(name)
        if newest is not None and at_ms <= newest:
            return False
        self.last_ms[name] = at_ms
        return True

    def counts(self, width: int) -> dict[str, int]:
        """Interactions in the window per kind, sorted by kind, without zeros."""
        if not self.kinds:
            return {}
        totals = ((kind, deeds.total(self.today, width)) for kind, deeds in self.kinds.items())
        return dict(sorted((kind, total) for kind, total in totals if total))

    # --- time

    def advance(self, today: int, width: int | None, days: BusinessDays) -> bool:
        """Let the windows end at `today`; return whether any of them comes to something else.

        `width` is the window of RFM. Days that have left every window are let go, and their orders packed.
        """
        if today == self.today:
            return False
        old, self.today = self.today, today
        main = width or LONGEST
        moved = (
            self.log.moves(old, today, main, deep=True)
            or any(self.log.moves(old, today, each, deep=False) for each in WINDOWS)
            or any(deeds.moves(old, today, each) for deeds in self.kinds.values() for each in WINDOWS)
        )
        if today > old:
            self._let_go(days)
        return moved

    def next_change(self, width: int | None) -> int | None:
        """The next day at which a day leaves or enters a window by time alone."""
        soonest = next_change(self.log.days, self.today, {*WINDOWS, width or LONGEST})
        for deeds in self.kinds.values():
            day = next_change(deeds.days, self.today, WINDOWS)
            if day is not None and (soonest is None or day < soonest):
                soonest = day
        return soonest

    def resize(self, history: int, days: BusinessDays, *, free: bool) -> None:
        """Keep another number of days, after a change of configuration: the days of orders are worked out anew."""
        if history == self.history:
            return
        self.history = history
        self.rebuild(dict(self.all_orders()), days, free=free)

    def rebuild(self, orders: Mapping[int, Order], days: BusinessDays, *, free: bool) -> None:
        """Count everything anew from these orders and the unlinked refunds."""
        self.orders, self.packed, self.log, self.lifetime = {}, archive.EMPTY, OrderDays(), NOTHING
        self.early_first = self.early_last = None
        early = {}
        for key, order in orders.items():
            day, sums = contribution(order, days, free=free)
            self.count(day, sums)
            if sums.orders and self.is_early(day):
                self._widen(day)
            if order.plain and self.is_early(day):
                early[key] = order
            self.orders[key] = order
        self._pack(early)
        for refund in self.unlinked.values():
            self.count(days.day_of(refund.at), Sums(net=-refund.amount_minor))

    def is_early(self, day: int) -> bool:
        """Whether a day is out of every window, now and for ever."""
        return day <= self.today - self.history

    def _let_go(self, days: BusinessDays) -> None:
        first = self.today - self.history + 1
        if self.log.days and self.log.days[0] < first:
            for day in self.log.drop(first):
                self._widen(day)
            old = {k: o for k, o in self.orders.items() if o.plain and self.is_early(days.day_of(o.paid_at or 0))}
            self._pack(old)
        for deeds in self.kinds.values():
            deeds.drop(self.today - LONGEST + 1)

    def _pack(self, orders: Mapping[int, Order]) -> None:
        packed = [Packed(k, o.paid_at or 0, o.paid_minor, o.discount_minor) for k, o in orders.items()]
        packed = [order for order in packed if order.fits()]
        if packed:
            self.packed = archive.with_orders(self.packed, packed)
            for order in packed:
                del self.orders[order.key]

    def _widen(self, day: int) -> None:
        self.early_first = day if self.early_first is None else min(day, self.early_first)
        self.early_last = day if self.early_last is None else max(day, self.early_last)

    def _find_early(self, days: BusinessDays, *, free: bool) -> None:
        self.early_first = self.early_last = None
        for _, order in self.all_orders():
            day, sums = contribution(order, days, free=free)
            if sums.orders and self.is_early(day):
                self._widen(day)


def contribution(order: Order, days: BusinessDays, *, free: bool) -> tuple[int, Sums]:
    """The day an order belongs to, and what it comes to there."""
    if order.paid_at is None or not order.stands:
        return 0, NOTHING
    sums = Sums(int(order.counts(free=free)), order.net_minor, order.amount_minor, order.discount_minor)
    return days.day_of(order.paid_at), sums


def new(customer_id: str, today: int, history: int) -> CustomerState:
    """A customer nothing is known of."""
    return CustomerState(customer_id=customer_id, today=today, history=history)


BLOBS = Blobs(CustomerState, SCHEMA, "customer state", if_older="rebuild the states from koi.events")
