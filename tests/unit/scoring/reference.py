"""The batch answer: everything recomputed from all events at once, as plainly as possible, sharing no code with scoring.

Also what the tests say events with.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from services.contracts import wire
from services.contracts.events import (
    AnyEvent,
    CustomerUpdated,
    Interaction,
    OrderAmended,
    OrderCancelled,
    OrderPaid,
    OrderRefunded,
)
from services.contracts.profile import Octant, Profile
from services.runtime.processor import Step
from services.runtime.record import Record
from services.scoring.config import ScoringConfig
from services.scoring.processor import ScoringProcessor
from services.scoring.state import CustomerState

ZONES = [
    ZoneInfo(name)
    for name in ("Asia/Shanghai", "UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu")
]
START = datetime(2024, 1, 1, tzinfo=UTC)
FOREVER = timedelta(days=36_500)


@dataclass
class Answer:
    """What a profile must say."""

    r: int = 1
    f: int = 1
    m: int = 1
    segment: Octant = Octant.GENERAL_RETAIN
    orders: int = 0
    net_minor: int = 0
    lifetime_orders: int = 0
    lifetime_net_minor: int = 0
    first_order_day: date | None = None
    last_order_day: date | None = None
    counts: dict[str, int] = field(default_factory=dict)
    activity: float = 0.0
    tags: set[str] = field(default_factory=set)
    attributes: dict[str, Any] = field(default_factory=dict)


def answer(known: Sequence[AnyEvent], now: datetime, config: ScoringConfig, zone: ZoneInfo) -> Answer:
    """The batch answer as of `now`. Interactions count once per (source, id)."""
    today = now.astimezone(zone).date()

    def day(at: datetime) -> date:
        return at.astimezone(zone).date()

    def inside(which: date) -> bool:
        return 0 <= (today - which).days < config.window_days

    orders = [(day(at), net) for at, net in counting_orders(known)]
    money = [*orders, *((day(at), -amount) for at, amount in unlinked_refunds(known))]
    deeds = {(e.source, e.id): e for e in known if isinstance(e, Interaction)}.values()
    result = Answer(
        orders=sum(inside(d) for d, _ in orders),
        net_minor=sum(net for d, net in money if inside(d)),
        lifetime_orders=len(orders),
        lifetime_net_minor=sum(net for _, net in money),
        first_order_day=min((d for d, _ in orders), default=None),
        last_order_day=max((d for d, _ in orders if inside(d)), default=None),
        counts=dict(Counter(e.kind for e in deeds if inside(day(e.occurred_at)))),
        activity=sum(
            config.weight(e.kind) * e.value * 0.5 ** ((now - e.occurred_at) / config.half_life) for e in deeds
        ),
    )
    if result.last_order_day is not None:
        ages = (today - result.last_order_day).days
        result.r = 5 - sum(ages > limit for limit in config.thresholds.r)
        result.f = 1 + sum(result.orders >= limit for limit in config.thresholds.f)
        result.m = 1 + sum(result.net_minor >= limit for limit in config.thresholds.m)
    high = config.high
    result.segment = Octant.of(r_high=result.r >= high.r, f_high=result.f >= high.f, m_high=result.m >= high.m)
    for e in sorted((e for e in known if isinstance(e, CustomerUpdated)), key=lambda e: e.occurred_at):
        result.tags = (result.tags - set(e.tags_remove)) | set(e.tags_add)
        result.attributes |= e.attributes
    return result


def counting_orders(known: Sequence[AnyEvent]) -> list[tuple[datetime, int]]:
    """When each counting order was paid, and its net."""
    orders = []
    cancellations = {e.order_id for e in known if isinstance(e, OrderCancelled)}
    for order_id in {e.order_id for e in known if isinstance(e, OrderPaid)} - cancellations:
        paid_at, amount = max(
            (e.occurred_at.replace(microsecond=0), e.amount_minor)
            for e in known
            if isinstance(e, OrderPaid) and e.order_id == order_id
        )
        amendments = [(e.rev, e.amount_minor) for e in known if isinstance(e, OrderAmended) and e.order_id == order_id]
        if amendments:
            amount = max(amendments)[1]
        refunds = [e for e in known if isinstance(e, OrderRefunded) and e.order_id == order_id]
        for refund_id in {e.refund_id for e in refunds}:
            amount -= max(e.amount_minor for e in refunds if e.refund_id == refund_id)
        if amount > 0:
            orders.append((paid_at, amount))
    return orders


def unlinked_refunds(known: Sequence[AnyEvent]) -> list[tuple[datetime, int]]:
    """When and how much, once per refund id."""
    refunds = [e for e in known if isinstance(e, OrderRefunded) and e.order_id is None]
    return [
        max((e.occurred_at.replace(microsecond=0), e.amount_minor) for e in refunds if e.refund_id == refund_id)
        for refund_id in {e.refund_id for e in refunds}
    ]


TIMELESS = ("lifetime_orders", "lifetime_net_minor", "first_order_day", "attributes")
TIMED = ("r", "f", "m", "segment", "orders", "net_minor", "last_order_day", "counts")


def assert_says(profile: Profile, expected: Answer) -> None:
    """All of a profile that does not depend on how it came about."""
    got = {name: getattr(profile, name) for name in (*TIMED, *TIMELESS)}
    assert got == {name: getattr(expected, name) for name in (*TIMED, *TIMELESS)}
    assert set(profile.tags) == expected.tags


def activity_at(profile: Profile, now: datetime) -> float:
    """What a reader of the profile computes at `now`."""
    days = (now - profile.activity_at) / timedelta(days=1)
    return float(profile.activity * 0.5 ** (days / profile.half_life_days))


class World:
    """One customer, one processor, and a clock that only the test moves."""

    def __init__(self, config: ScoringConfig | None = None, zone: ZoneInfo = ZONES[0]) -> None:
        self.processor = ScoringProcessor(config or ScoringConfig(), zone, 1)
        self.state: CustomerState | None = None
        self.due: datetime | None = None
        self.profile: Profile | None = None
        self.profiles: list[Profile] = []
        self.now = START
        self.offset = 0

    def give(self, event: AnyEvent) -> Profile | None:
        """Fold an event on the event clock, timers before it first; the profile it gave, if any."""
        self.pass_to(max(self.now, event.occurred_at))
        self.offset += 1
        before = len(self.profiles)
        self._take(self.processor.apply(self.state, event, record(self.offset), self.now))
        return self.profiles[-1] if len(self.profiles) > before else None

    def pass_to(self, now: datetime) -> None:
        """Let time pass, waking the customer at each instant it asked for."""
        while self.due is not None and self.due <= now:
            assert self.state is not None
            at = self.due
            self._take(self.processor.wake(self.state, at))
            assert self.due is None or self.due > at
        self.now = now

    def wake(self, now: datetime) -> None:
        """Wake once, late, as after a stop."""
        assert self.state is not None
        self.now = now
        self._take(self.processor.wake(self.state, now))

    def _take(self, step: Step[CustomerState] | None) -> None:
        if step is None:
            return
        self.state, self.due = step.state, step.due
        for output in step.outputs:
            profile = wire.PROFILES.decode(output.value)
            assert isinstance(profile, Profile)
            self.profile = profile
            self.profiles.append(profile)


def record(offset: int, value: bytes | None = b"", partition: int = 0) -> Record:
    return Record("koi.events", partition, offset, 0, None, value)


def _base(event_id: str, at: datetime) -> dict[str, Any]:
    return {"id": event_id, "source": "test", "customer_id": "顾客1", "occurred_at": at, "received_at": at}


def paid(order: str, at: datetime, amount: int = 10_000, currency: str = "CNY") -> OrderPaid:
    return OrderPaid(**_base(f"paid-{order}", at), order_id=order, amount_minor=amount, currency=currency)


def refunded(order: str | None, at: datetime, amount: int, refund: str = "r") -> OrderRefunded:
    base = _base(f"refund-{refund}", at)
    return OrderRefunded(**base, refund_id=refund, order_id=order, amount_minor=amount, currency="CNY")


def cancelled(order: str, at: datetime) -> OrderCancelled:
    return OrderCancelled(**_base(f"cancel-{order}", at), order_id=order)


def amended(order: str, at: datetime, amount: int, rev: int = 1) -> OrderAmended:
    return OrderAmended(**_base(f"amend-{order}-{rev}", at), order_id=order, amount_minor=amount, rev=rev)


def did(kind: str, at: datetime, event_id: str, value: float = 1.0) -> Interaction:
    return Interaction(**_base(event_id, at), kind=kind, value=value)


def updated(at: datetime, event_id: str, **changes: Any) -> CustomerUpdated:
    return CustomerUpdated(**_base(event_id, at), **changes)


def instants(days: int = 800) -> st.SearchStrategy[datetime]:
    """Instants to the half second, from `START` on."""
    return st.integers(0, days * 86_400 * 2).map(lambda n: START + timedelta(seconds=n / 2))


def events(days: int = 800) -> st.SearchStrategy[list[AnyEvent]]:
    """Events of one customer: few orders, so that they meet their refunds; interactions and updates with ids of their own."""
    at = instants(days)
    order = st.sampled_from(["o1", "o2", "o3", "o4"])
    amount = st.sampled_from([0, 1, 4_000, 10_000, 49_999, 60_000])
    refund = st.sampled_from([1, 4_000, 10_000])
    refund_id = st.sampled_from(["r1", "r2", "r3"])
    one: st.SearchStrategy[AnyEvent] = st.one_of(
        st.builds(paid, order, at, amount),
        st.builds(paid, st.uuids().map(str), at, amount),
        st.builds(refunded, order, at, refund, refund_id),
        st.builds(refunded, st.none(), at, refund, refund_id),
        st.builds(cancelled, st.just("o4"), at),
        st.builds(amended, order, at, amount, st.integers(1, 3)),
    )
    kinds = st.sampled_from(["view", "message", "unfollow", "custom:品鉴会"])
    value = st.sampled_from([0.0, 0.5, 1.0, 3.0])
    deeds = st.lists(
        st.builds(did, kinds, at, st.integers(0, 20).map(str), value), max_size=8, unique_by=lambda e: e.id
    )
    names = st.lists(st.sampled_from(["vip", "猫奴", "coupon_hunter"]), max_size=2).map(tuple)
    values = st.dictionaries(st.sampled_from(["city", "age"]), st.sampled_from(["上海", 3, None, 1.5, True]))
    updates = st.lists(
        st.builds(
            lambda at, tags_add, tags_remove, attributes: updated(
                at, f"u{at}", tags_add=tags_add, tags_remove=tags_remove, attributes=attributes
            ),
            at,
            names,
            names,
            values,
        ),
        max_size=4,
        unique_by=lambda e: e.occurred_at,
    )
    return st.tuples(st.lists(one, max_size=14), deeds, updates).map(lambda parts: [*parts[0], *parts[1], *parts[2]])
