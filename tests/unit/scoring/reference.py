"""The batch answer: everything recomputed from all events at once, as plainly as possible, sharing no code with scoring.

Also what the tests say events with.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import strategies as st

from services.contracts import wire
from services.contracts.events import (
    AnyEvent,
    CustomerDeleted,
    CustomerMerged,
    CustomerUpdated,
    Interaction,
    OrderAmended,
    OrderCancelled,
    OrderPaid,
    OrderRefunded,
)
from services.contracts.profile import Octant, Profile, Window
from services.contracts.topics import PROFILES, TRANSFERS
from services.contracts.transfer import TransferMessage
from services.runtime.processor import Emit, Step
from services.runtime.record import Record
from services.scoring.config import ScoringConfig
from services.scoring.population import Population
from services.scoring.processor import ScoringMessage, ScoringProcessor
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
    first_order_day: date | None = None
    last_order_day: date | None = None
    average_order_minor: int | None = None
    discount_share: float | None = None
    refund_share: float | None = None
    rhythm_days: float | None = None
    windows: dict[str, Window] = field(default_factory=dict)
    lifetime: Window = field(default_factory=Window)
    last_at: dict[str, datetime] = field(default_factory=dict)
    activity: float = 0.0
    tags: set[str] = field(default_factory=set)
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Bought:
    """One order as all events leave it. `counts` says whether it is one for R and F."""

    at: datetime
    net: int
    paid: int
    discount: int

    @property
    def counts(self) -> bool:
        return self.net > 0


def answer(known: Sequence[AnyEvent], now: datetime, config: ScoringConfig, zone: ZoneInfo) -> Answer:
    """The batch answer as of `now`. Interactions count once per (source, id)."""
    today = now.astimezone(zone).date()

    def day(at: datetime) -> date:
        return at.astimezone(zone).date()

    def within(at: datetime, width: int | None) -> bool:
        age = (today - day(at)).days
        return width is None or 0 <= age < width

    bought = orders_of(known)
    unlinked = unlinked_refunds(known)
    deeds = {(e.source, e.id): e for e in known if isinstance(e, Interaction)}.values()

    def window(width: int | None) -> Window:
        return Window(
            orders=sum(o.counts for o in bought if within(o.at, width)),
            net_minor=sum(o.net for o in bought if within(o.at, width))
            - sum(amount for at, amount in unlinked if within(at, width)),
            counts=dict(sorted(Counter(e.kind for e in deeds if within(e.occurred_at, width)).items())),
        )

    main = window(config.window_days)
    inside = [o for o in bought if within(o.at, config.window_days)]
    paid, discount = sum(o.paid for o in inside), sum(o.discount for o in inside)
    result = Answer(
        orders=main.orders,
        net_minor=main.net_minor,
        first_order_day=min((day(o.at) for o in bought if o.counts), default=None),
        last_order_day=max((day(o.at) for o in inside if o.counts), default=None),
        average_order_minor=floor(Fraction(main.net_minor, main.orders) + Fraction(1, 2)) if main.orders else None,
        discount_share=discount / (paid + discount) if paid + discount else None,
        refund_share=min(1.0, max(0.0, (paid - main.net_minor) / paid)) if paid else None,
        rhythm_days=rhythm({day(o.at) for o in bought if o.counts and within(o.at, 365)}, config),
        windows={f"{width}d": window(width) for width in (7, 30, 90, 365)},
        lifetime=window(None),
        last_at=last_at(known),
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


def rhythm(days: set[date], config: ScoringConfig) -> float | None:
    """The shrunk median gap."""
    if len(days) < 3:
        return None
    ordered = sorted(days)
    gaps = sorted((later - earlier).days for earlier, later in pairwise(ordered))
    middle = (gaps[(len(gaps) - 1) // 2] + gaps[len(gaps) // 2]) / 2
    prior, weight = config.rhythm.prior / timedelta(days=1), config.rhythm.weight
    return (len(gaps) * middle + weight * prior) / (len(gaps) + weight)


def last_at(known: Sequence[AnyEvent]) -> dict[str, datetime]:
    """The newest millisecond of each interaction kind and of each type of event about an order, repeats included."""
    names = {"OrderPaid": "paid", "OrderRefunded": "refunded", "OrderCancelled": "cancelled", "OrderAmended": "amended"}
    newest: dict[str, datetime] = {}
    for e in sorted(known, key=lambda e: e.occurred_at):
        if not isinstance(e, CustomerUpdated):
            name = e.kind if isinstance(e, Interaction) else f"order.{names[type(e).__name__]}"
            newest[name] = e.occurred_at.replace(microsecond=e.occurred_at.microsecond // 1000 * 1000)
    return newest


def orders_of(known: Sequence[AnyEvent]) -> list[Bought]:
    """Every order that was paid and not cancelled."""
    orders = []
    cancellations = {e.order_id for e in known if isinstance(e, OrderCancelled)}
    for order_id in {e.order_id for e in known if isinstance(e, OrderPaid)} - cancellations:
        paid_at, paid, discount = max(
            (e.occurred_at.replace(microsecond=0), e.amount_minor, e.discount_minor)
            for e in known
            if isinstance(e, OrderPaid) and e.order_id == order_id
        )
        amendments = [(e.rev, e.amount_minor) for e in known if isinstance(e, OrderAmended) and e.order_id == order_id]
        if amendments:
            paid = max(amendments)[1]
        net = paid
        refunds = [e for e in known if isinstance(e, OrderRefunded) and e.order_id == order_id]
        for refund_id in {e.refund_id for e in refunds}:
            net -= max(e.amount_minor for e in refunds if e.refund_id == refund_id)
        orders.append(Bought(paid_at, max(0, net), paid, discount))
    return orders


def unlinked_refunds(known: Sequence[AnyEvent]) -> list[tuple[datetime, int]]:
    """When and how much, once per refund id."""
    refunds = [e for e in known if isinstance(e, OrderRefunded) and e.order_id is None]
    return [
        max((e.occurred_at.replace(microsecond=0), e.amount_minor) for e in refunds if e.refund_id == refund_id)
        for refund_id in {e.refund_id for e in refunds}
    ]


TIMELESS = ("lifetime", "first_order_day", "last_at", "attributes")
TIMED = (
    "r",
    "f",
    "m",
    "segment",
    "orders",
    "net_minor",
    "last_order_day",
    "average_order_minor",
    "discount_share",
    "refund_share",
    "rhythm_days",
    "windows",
)


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
        self.config = config or ScoringConfig()
        self.population = Population(self.config, zone, 1)
        self.processor = ScoringProcessor(self.config, zone, 1, self.population)
        self.state: CustomerState | None = None
        self.due: datetime | None = None
        self.profile: Profile | None = None
        self.profiles: list[Profile] = []
        self.others: list[Emit] = []
        self.handed: TransferMessage | None = None
        self.now = START
        self.offset = 0

    def give(self, event: AnyEvent) -> Profile | None:
        """Fold an event on the event clock, timers before it first; the profile it gave, if any."""
        self.pass_to(max(self.now, event.occurred_at))
        self.offset += 1
        before = len(self.profiles)
        self._take(self.processor.apply(self.state, event, record(self.offset), self.now))
        return self.profiles[-1] if len(self.profiles) > before else None

    def play(self, message: ScoringMessage) -> None:
        """Fold a message that is no event of the customer's own, at the world's own time."""
        self.offset += 1
        self._take(self.processor.apply(self.state, message, record(self.offset), self.now))

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
        before = len(self.profiles)
        for output in step.outputs:
            if output.value is None or output.topic != PROFILES.name:
                self.others.append(output)
                continue
            profile = wire.PROFILES.decode(output.value)
            assert isinstance(profile, Profile)
            self.profile = profile
            self.profiles.append(profile)
        if len(self.profiles) > before:
            # but for who was deleted: there the timer may also end the note of it
            assert step.state is not None
            assert step.state.erased_us is not None or self.profiles[-1].fresh_until == step.due


def taken_over(old: World, new: World, merger: CustomerMerged | None = None) -> None:
    """Play a merger, and carry what the old id's owner has to hand over to the new one's."""
    if merger is not None:
        old.play(merger)
    carried, old.others = old.others, []
    for output in carried:
        if output.topic == TRANSFERS.name and output.value is not None:
            old.handed = wire.TRANSFERS.decode(output.value)
            new.now = max(new.now, old.now)
            new.pass_to(new.now)
            new.offset += 1
            new._take(new.processor.apply(new.state, old.handed, transfer(new.offset), new.now))


def transfer(offset: int) -> Record:
    return Record(TRANSFERS.name, 0, offset, 0, None, b"")


def under(customer: str, event: AnyEvent) -> AnyEvent:
    """The same event under another id."""
    return msgspec.structs.replace(event, customer_id=customer)


def merged(customer: str, into: str, at: datetime) -> CustomerMerged:
    return CustomerMerged(**_base(f"merge-{customer}-{into}", at) | {"customer_id": customer}, into_id=into)


def deleted(customer: str, at: datetime) -> CustomerDeleted:
    return CustomerDeleted(**_base(f"delete-{customer}", at) | {"customer_id": customer})


def record(offset: int, value: bytes | None = b"", partition: int = 0) -> Record:
    return Record("koi.events", partition, offset, 0, None, value)


def _base(event_id: str, at: datetime) -> dict[str, Any]:
    return {"id": event_id, "source": "test", "customer_id": "顾客1", "occurred_at": at, "received_at": at}


def paid(order: str, at: datetime, amount: int = 10_000, currency: str = "CNY", discount: int = 0) -> OrderPaid:
    base = _base(f"paid-{order}", at)
    return OrderPaid(**base, order_id=order, amount_minor=amount, currency=currency, discount_minor=discount)


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
        st.builds(paid, order, at, amount, discount=st.sampled_from([0, 500])),
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
