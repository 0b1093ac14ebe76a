"""A year that was lived, and the same year replayed: the same decisions, with the same ids, in the same order."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.contracts.calendar import to_ms
from services.contracts.profile import Happening, Octant, Profile
from services.contracts.topics import DECISIONS, NOTIFICATIONS
from services.rules.engine.state import RuleState
from services.rules.processor import RuleMessage, RulesProcessor
from services.runtime.fold import Entry, Fold
from services.runtime.processor import Emit
from services.runtime.record import Record
from services.runtime.store import Due
from tests.unit.rules.customers import book, profile, record, told_of, windows
from tests.unit.rules.generated import START, ZONES, lives, rule_sets
from tests.unit.rules.reference import Recalled, Reference, Told, lived

RULES = """
define:
  good: [f >= 3, not silent]
  silent: [recency_days >= 20]
---
kind: ladder
name: pond
tiers:
  - name: 外围
  - {name: 影响, enter: [activity >= 6], leave: [activity < 2], stay_at_least: 7d}
  - {name: 核心, enter: [good, m >= 4], leave: [silent], stay_at_least: 14d}
on_jump:
  - {to: 核心, notify: {template: welcome, channels: [console], category: service}}
  - {to_lower: true, notify: {template: care, channels: [console], to: owner}}
---
kind: campaign
name: win-back
when:
  - silent
  - segment in ["重要保持", "重要挽留"]
until:
  - since("cart_add") < 1h
cooldown: 60d
exclusive: attention
priority: 80
steps:
  - notify: {template: miss_you, channels: [console], category: marketing}
  - wait: 5d
  - when: ['not tagged("vip")']
  - {when: ['since("view") > 48h'], notify: {template: coupon, channels: [console], category: marketing}}
  - wait: 36h
  - notify: {template: call, channels: [console], to: owner}
goal: {event: order.paid, within: 14d}
---
kind: campaign
name: cart
sequence: [cart_add, {no: order.paid, within: 24h}]
when:
  - not since("checkout") <= 48h
cooldown: 7d
holdout: 25%
exclusive: attention
steps:
  - notify: {template: your_cart, channels: [console], category: marketing}
goal: {event: order.paid, within: 3d}
---
kind: campaign
name: tuesday
schedule: {every: tuesday, at: "10:00"}
when: [activity < 5, good]
active: {from: 2026-04-01, to: 2026-12-24}
cooldown: 3w
steps:
  - notify: {template: member_day, channels: [console], category: marketing}
---
kind: campaign
name: first-of-month
mode: shadow
schedule: {every: month, on: 1, at: "02:30"}
when:
  - tier("pond") != "外围"
  - tier_days("pond") >= 10d
steps:
  - wait: 1h
  - notify: {template: monthly, channels: [console], category: marketing}
---
kind: campaign
name: looked-twice
sequence: [view, {event: view, within: 2h}, {event: cart_add, within: 1h}]
steps:
  - notify: {template: may_we_help, channels: [console], category: service}
---
kind: campaign
name: browsing
when:
  - event.kind == "view"
cooldown: 5d
exclusive: attention
priority: 20
steps:
  - notify: {template: new_today, channels: [console], category: marketing}
---
kind: campaign
name: big-order
when:
  - event.type == "order.paid"
  - event.amount_minor >= 100 CNY
steps:
  - notify: {template: thanks, channels: [console], category: service}
"""
SEGMENTS = list(Octant)
END = START + timedelta(days=400)


def year(customer: str, seed: int, events: int = 80) -> list[Profile]:
    """What scoring would say of somebody who comes and goes."""
    chance = random.Random(f"{customer}{seed}")  # noqa: S311 - reproducible, not secret
    zone, now, last_at, made = chance.choice(ZONES), START, dict[str, datetime](), list[Profile]()
    ordered = None
    for version in range(events):
        now += timedelta(seconds=chance.choice([1, 600, 7200, 86_400 * 4, 86_400 * 11]) * chance.random())
        kind = chance.choice(["view", "view", "cart_add", "checkout", None])
        happened = (
            Happening(type="order.paid", amount_minor=chance.choice([5_000, 15_000]))
            if kind is None
            else Happening(type="interaction", kind=kind)
        )
        last_at = {**last_at, kind or "order.paid": now}
        ordered = now.date() if kind is None else ordered
        made.append(
            profile(
                customer_id=customer, version=version, as_of=now, occurred_at=now, zone=zone, event=happened, last_at=last_at,
                activity=chance.random() * 12, activity_at=now, half_life_days=9.0, last_order_day=ordered, first_order_day=ordered,
                segment=chance.choice(SEGMENTS), f=chance.randint(1, 5), m=chance.randint(1, 5), windows=windows(view=version),
                tags=chance.choice([(), ("vip",)]),
            )
        )  # fmt: skip
    return made


class Store:
    """States and timers as they are kept: bytes and instants."""

    def __init__(self, text: str) -> None:
        self._book = book(text)
        self.processor = RulesProcessor(self._book)
        self._states: dict[str, bytes] = {}
        self._timers: dict[str, int] = {}
        self._watermark_ms: int | None = None
        self.said: dict[str, list[bytes]] = defaultdict(list)

    def restart(self) -> None:
        """Another process takes over."""
        self.processor.close()
        self.processor = RulesProcessor(self._book)

    def run(self, records: Sequence[Record], until_ms: int | None = None) -> None:
        """One pass: what is known is loaded, and what has changed is written down."""
        load, dump = self.processor.load, self.processor.dump
        states: dict[str, RuleState | None] = {name: load(blob) for name, blob in self._states.items()}
        timers = [Due(at_ms, name) for name, at_ms in sorted(self._timers.items(), key=lambda pair: (pair[1], pair[0]))]
        fold: Fold[RuleState, RuleMessage] = Fold(
            self.processor, 0, states, timers, watermark_ms=self._watermark_ms, until_ms=until_ms
        )
        result = fold.run([Entry(each, self.processor.decode(each)) for each in records])
        assert result.taken == len(records)
        self._states |= {name: dump(state) for name, state in result.states.items() if state is not None}
        for name, at_ms in result.timers.items():
            self._timers.pop(name, None)
            if at_ms is not None:
                self._timers[name] = at_ms
        self._watermark_ms = result.watermark_ms
        for output in result.outputs:
            self.said[(output.key or b"").decode()].append(output.topic.encode() + (output.value or b""))

    def next_timer_ms(self) -> int | None:
        return min(self._timers.values(), default=None)


def batches(records: Sequence[Record], sizes: Iterator[int]) -> Iterator[Sequence[Record]]:
    rest = iter(records)
    while some := list(islice(rest, next(sizes))):
        yield some


def in_order(people: Sequence[Sequence[Profile]]) -> list[Record]:
    return [
        record(one) for one in sorted((one for life in people for one in life), key=lambda p: (p.as_of, p.customer_id))
    ]


def replayed(text: str, people: Sequence[Sequence[Profile]]) -> dict[str, list[bytes]]:
    """Everything in one pass."""
    store = Store(text)
    store.run(in_order(people), to_ms(END))
    store.processor.close()
    return store.said


def lived_through(text: str, people: Sequence[Sequence[Profile]], shards: int, seed: int) -> dict[str, list[bytes]]:
    """Record by record, or a few at once, in several shards; each timer in a pass of its own; with restarts in between."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    said: dict[str, list[bytes]] = {}
    for shard in range(shards):
        store = Store(text)
        sizes = iter(lambda: chance.choice([1, 1, 2, 9]), 0)
        for some in batches(in_order(people[shard::shards]), sizes):
            if chance.random() < 0.05:
                store.restart()
            store.run(some)
        while (at_ms := store.next_timer_ms()) is not None and at_ms <= to_ms(END):
            store.run([], at_ms)
        store.processor.close()
        said |= store.said
    return said


def test_a_year_lived_is_a_year_replayed() -> None:
    """To the byte, for everyone; and it was an eventful year."""
    people = [year(f"客户-{i}", 1) for i in range(9)]
    once = replayed(RULES, people)
    assert lived_through(RULES, people, 3, 1) == lived_through(RULES, people, 1, 2) == once
    everything = [d for said in once.values() for d in made_of(said)]
    made = [each for each in everything if isinstance(each, Told)]
    assert len(made) > 250
    assert {each.reason for each in everything if isinstance(each, Recalled)} == {"goal_reached", "ended"}
    rules = {d.rule for d in made}
    assert {"win-back", "cart", "tuesday", "first-of-month", "looked-twice", "browsing", "big-order", "pond"} == rules
    outcomes = {(d.outcome, d.reason) for d in made}
    assert outcomes >= {
        ("fired", None),
        ("continued", None),
        ("promoted", None),
        ("demoted", None),
        ("reached", None),
        ("ended", "goal"),
        ("ended", "until"),
        ("suppressed", "cooldown"),
        ("suppressed", "holdout"),
        ("suppressed", "exclusive"),
    }


def made_of(said: Sequence[bytes]) -> list[Told | Recalled]:
    outputs: list[Emit] = []
    for each in said:
        topic = DECISIONS.name if each.startswith(DECISIONS.name.encode()) else NOTIFICATIONS.name
        outputs.append(Emit(topic, each.removeprefix(topic.encode())))
    return told_of(outputs)


def test_a_year_is_the_one_that_the_plain_reading_tells() -> None:
    """Asked at every midnight, every twelve hours and wherever it wants to be."""
    for i in range(2):
        life = year(f"客户-{i}", 2)
        (said,) = replayed(RULES, [life]).values()
        made = made_of(said)
        extra = {each.at_ms + aside for each in made for aside in (-1, 0, 1)}
        expected = lived(Reference(RULES), life, END, extra, hours=12)
        assert made == expected


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rule_sets(), st.lists(lives(4), min_size=1, max_size=3), st.integers(1, 2), st.integers(0, 9))
def test_any_life_lived_is_the_same_replayed(text: str, people: list[list[Profile]], shards: int, seed: int) -> None:
    """Whatever the rules, the shards and the restarts."""
    named = [[_renamed(one, f"{i}") for one in life] for i, life in enumerate(people)]
    assert lived_through(text, named, shards, seed) == replayed(text, named)


def _renamed(one: Profile, name: str) -> Profile:
    return msgspec.structs.replace(one, customer_id=name)
