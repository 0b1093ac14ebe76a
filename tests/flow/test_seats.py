"""Tiers of a few: who is in them is settled among all partitions, at reviews, and the same whatever happens on the way."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts import topics, wire
from services.contracts.decision import DecisionReason, Outcome
from services.contracts.profile import Cause
from services.contracts.seats import Seats
from services.rules.book.compiler import compile_rulebook
from services.rules.book.rulebook import Rulebook
from services.rules.seats.seating import DELAY_S
from services.runtime.partitioning import partition_of
from services.scoring.config import ScoringConfig
from tests.flow.broker import COMMITTING, PUBLISHING, Misfortune, Point
from tests.flow.outcome import outcome
from tests.flow.pond import PARTITIONS, Clockwork, Pond
from tests.flow.said import DAY_ONE, ZONE, after, cancelled, paid, tick, updated

LADDER = """\
kind: ladder
name: 社群
tiers:
  - name: 外围
  - name: 核心
    enter: [orders >= 1]
    leave: [orders == 0]
    capacity: {max: 2, rank_by: net_minor, review: weekly}
on_jump:
  - {to_higher: true, notify: {template: 升级祝贺, channels: [webhook], category: service}}
  - {to_lower: true, notify: {template: 店员关怀, channels: [webhook], to: owner}}
"""
ALONE = ScoringConfig(super_user=None)
ATTRIBUTE = "城市"
DELAY = timedelta(seconds=DELAY_S)
REVIEWS = [datetime(2025, 3, day, tzinfo=ZONE) + DELAY for day in (3, 10, 17, 24, 31)]
MILLISECOND = timedelta(milliseconds=1)


def book(changes: dict[str, str] | None = None) -> Rulebook:
    text = LADDER
    for old, new in (changes or {}).items():
        assert old in text
        text = text.replace(old, new)
    return compile_rulebook({"规则.yaml": text})


@contextmanager
def pond_of(rulebook: Rulebook, **more: Any) -> Iterator[Pond]:
    pond = Pond(rulebook, **{"event_clock": True, "scoring": ALONE, **more})
    try:
        yield pond
    finally:
        pond.rules.close()


def days(first: int, last: int) -> list[dict[str, Any]]:
    return [tick(after(day + 0.9)) for day in range(first, last)]


def bought(*amounts: tuple[str, int], day: float = 0) -> list[dict[str, Any]]:
    return [paid(name, f"{name}/{day}", after(day, i), amount) for i, (name, amount) in enumerate(amounts)]


def merged(*stories: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted((message for story in stories for message in story), key=lambda message: message["occurred_at"])


def core(pond: Pond) -> set[str]:
    return {customer for customer, tier in pond.tiers().items() if tier == "核心"}


def moves(pond: Pond) -> list[tuple[str, Outcome, datetime]]:
    found = {d.id: d for d in pond.decisions() if d.outcome in (Outcome.PROMOTED, Outcome.DEMOTED)}
    ordered = sorted(found.values(), key=lambda d: (d.decided_at, d.customer_id))
    return [(d.customer_id, d.outcome, d.decided_at.astimezone(ZONE)) for d in ordered]


def versions(pond: Pond) -> list[Seats]:
    return [wire.SEATS.decode(record.value or b"") for record in pond.broker.records(topics.SEATS.name)]


MANY = [(f"会员{number}", 10_000 + 1_000 * number) for number in range(12)]


async def run(rulebook: Rulebook, story: list[dict[str, Any]], **more: Any) -> Pond:
    with pond_of(rulebook, **more) as pond:
        pond.tell(story)
        await pond.settle()
    return pond


async def live(rulebook: Rulebook, story: list[dict[str, Any]]) -> Pond:
    """On the wall clock, as it happens."""
    with pond_of(rulebook, event_clock=False, now=after(-1)) as pond:
        for message in story:
            await pond.live_until(datetime.fromisoformat(message["occurred_at"]))
            if message["type"] != "clock.tick":
                pond.tell([message])
            await pond.settle()
    return pond


def test_the_many_live_in_all_partitions() -> None:
    """Or nothing here would be settled among them."""
    assert {partition_of(name, PARTITIONS) for name, _ in MANY} == set(range(PARTITIONS))
    assert DAY_ONE.weekday() == 5


async def test_the_best_of_all_get_the_seats_at_the_review() -> None:
    """Not before, whoever comes first; and everybody who waits is told so."""
    pond = await run(book(), merged(bought(*MANY), days(0, 10)))
    assert moves(pond) == [(name, Outcome.PROMOTED, REVIEWS[0] + MILLISECOND) for name, _ in MANY[:-3:-1][::-1]]
    assert core(pond) == {"会员10", "会员11"}
    waiting = {d.customer_id for d in pond.decisions() if d.outcome is Outcome.SUPPRESSED}
    assert waiting == {name for name, _ in MANY}
    first, second = versions(pond)[-2:]
    assert [(v.epoch.astimezone(ZONE), v.reported, v.partitions) for v in (first, second)] == [
        (review, PARTITIONS, PARTITIONS) for review in REVIEWS[:2]
    ]
    (slot,) = first.slots
    assert (slot.slot, slot.most, slot.claims, len(slot.customers)) == ("社群/核心", 2, {"": 12}, 16)
    assert slot == second.slots[0]


async def test_who_outranks_a_member_takes_the_seat_at_the_next_review() -> None:
    """The one who must go is told that others rank higher; the conditions that hold are no reason."""
    story = merged(bought(*MANY), bought(("会员0", 90_000), day=3), days(0, 17))
    pond = await run(book(), story)
    assert moves(pond)[2:] == [
        ("会员0", Outcome.PROMOTED, REVIEWS[1] + MILLISECOND),
        ("会员10", Outcome.DEMOTED, REVIEWS[1] + MILLISECOND),
    ]
    (fall,) = (d for d in pond.decisions() if d.outcome is Outcome.DEMOTED)
    assert (fall.reason, fall.cause, fall.verdicts) == (DecisionReason.CAPACITY, Cause.TIME, ())
    assert pond.templates()["会员10"] == ["升级祝贺", "店员关怀"]


async def test_a_seat_that_is_left_stays_empty_until_the_next_review() -> None:
    """Whoever left may come back until then; after it the next in rank has it."""
    gone = [cancelled("会员11", "会员11/0", after(3))]
    pond = await run(book(), merged(bought(*MANY), gone, days(0, 17)))
    assert [(name, outcome) for name, outcome, _ in moves(pond)[2:]] == [
        ("会员11", Outcome.DEMOTED),
        ("会员9", Outcome.PROMOTED),
    ]
    assert moves(pond)[-1][2] == REVIEWS[1] + MILLISECOND
    back = bought(("会员11", 1_000), day=5)
    returned = await run(book(), merged(bought(*MANY), gone, back, days(0, 17)))
    assert [(name, outcome, at.date()) for name, outcome, at in moves(returned)[2:]] == [
        ("会员11", Outcome.DEMOTED, after(3).date()),
        ("会员11", Outcome.PROMOTED, after(5).date()),
        ("会员11", Outcome.DEMOTED, REVIEWS[1].date()),
        ("会员9", Outcome.PROMOTED, REVIEWS[1].date()),
    ]


SILENT_DAYS = 7
"""A window of scoring: whoever bought so many days ago falls out of it at the midnight that begins the day."""


@pytest.mark.parametrize("lived", [False, True], ids=["event clock", "wall clock"])
async def test_a_seat_left_at_a_midnight_is_given_at_its_review(lived: bool) -> None:
    """Also if the profile changes at that midnight, and whoever leaves is looked at a while later."""
    by_silence = book(
        {
            "orders >= 1": "recency_days <= 4",
            "orders == 0": f"recency_days >= {SILENT_DAYS}",
            "net_minor, review: weekly": "lifetime_net_minor, review: daily",
        }
    )
    faithful = [(name, 100) for name, _ in MANY[:-2]]
    visits = [bought(*faithful, day=day) for day in range(2, SILENT_DAYS + 3, 2)]
    story = merged(bought(*MANY), *visits, days(0, SILENT_DAYS + 3))
    pond = await (live if lived else run)(by_silence, story)
    midnights = [after(day).replace(hour=0) for day in range(1, SILENT_DAYS + 3)]
    left = midnights[SILENT_DAYS - 1]
    assert {p.customer_id for p in pond.profiles() if p.as_of == left and p.cause is Cause.TIME} >= {"会员10", "会员11"}
    assert _to_the_second(pond) == [
        ("会员10", Outcome.PROMOTED, midnights[0] + DELAY),
        ("会员11", Outcome.PROMOTED, midnights[0] + DELAY),
        ("会员10", Outcome.DEMOTED, left),
        ("会员11", Outcome.DEMOTED, left),
        ("会员8", Outcome.PROMOTED, left + DELAY),
        ("会员9", Outcome.PROMOTED, left + DELAY),
    ]
    assert [len(_members(pond, midnight + DELAY + MILLISECOND)) for midnight in midnights] == [2] * len(midnights)


def _members(pond: Pond, until: datetime) -> set[str]:
    last = {name: outcome for name, outcome, at in moves(pond) if at <= until}
    return {name for name, outcome in last.items() if outcome is Outcome.PROMOTED}


@pytest.mark.parametrize(("days_at_least", "displaced"), [(7, REVIEWS[1]), (10, REVIEWS[2])])
async def test_a_minimum_stay_keeps_the_seat(days_at_least: int, displaced: datetime) -> None:
    """Whoever came in less than so long ago is not displaced by anybody; at the review after that, by whoever ranks higher.

    A stay of a week is over at the next review, though the seats were taken a moment after the last one.
    """
    stay = book({"    capacity": f"    stay_at_least: {days_at_least}d\n    capacity"})
    story = merged(bought(*MANY), bought(("会员0", 90_000), day=3), days(0, 24))
    pond = await run(stay, story)
    assert [(name, at) for name, _, at in moves(pond)[2:]] == [
        ("会员0", displaced + MILLISECOND),
        ("会员10", displaced + MILLISECOND),
    ]


async def test_seats_are_counted_by_group() -> None:
    """Two in every city, and two among those of whom no city is known; who moves counts in the new city from the next review on."""
    by_city = book({"name: 社群\n": f"name: 社群\nper: {ATTRIBUTE}\n"})
    cities = ["上海", "杭州", None]
    said = [
        updated(name, after(0, 100), attributes={ATTRIBUTE: cities[number % 3]})
        for number, (name, _) in enumerate(MANY)
        if cities[number % 3] is not None
    ]
    moved = [updated("会员9", after(3), 2, attributes={ATTRIBUTE: "杭州"})]
    pond = await run(by_city, merged(bought(*MANY), said, days(0, 2)))
    assert core(pond) == {"会员6", "会员9", "会员7", "会员10", "会员8", "会员11"}
    assert versions(pond)[-1].slots[0].claims == {"": 4, "上海": 4, "杭州": 4}
    pond = await run(by_city, merged(bought(*MANY), said, moved, days(0, 9)))
    assert core(pond) == {"会员3", "会员6", "会员9", "会员10", "会员8", "会员11"}


async def test_slots_are_reviewed_at_their_own_times() -> None:
    """One every month and one every day: a month's seats stand while those of the day change hands."""
    two = compile_rulebook({"a.yaml": LADDER.replace("weekly", "monthly"), "b.yaml": _renamed("daily")})
    with pond_of(two) as pond:
        pond.tell(merged(bought(*MANY), bought(("会员0", 90_000), day=3), days(0, 10)))
        await pond.settle()
        assert core(pond) == set()
        assert {c for c, tier in pond.tiers("名流").items() if tier == "核心"} == {"会员0", "会员11"}
        pond.tell(days(10, 40))
        await pond.settle()
    assert core(pond) == {"会员0", "会员11"}
    assert {at.date() for _, _, at in moves(pond)} == {after(day).date() for day in (1, 4, 31)}
    assert len({version.epoch for version in versions(pond)}) == len(versions(pond)) == 40


def _renamed(review: str) -> str:
    return LADDER.replace("name: 社群", "name: 名流").replace("weekly", review)


def season() -> list[dict[str, Any]]:
    """Five weeks in which twelve customers come and go, in two cities."""
    chance = random.Random(5)  # noqa: S311
    story: list[dict[str, Any]] = []
    orders: list[tuple[str, str]] = []
    for number, second in enumerate(sorted(chance.sample(range(30 * 20_000), 120))):
        at, (name, amount) = after(second // 20_000, second % 20_000), chance.choice(MANY)
        match chance.randrange(5):
            case 0 if orders:
                story.append(cancelled(*orders.pop(chance.randrange(len(orders))), at))
            case 1:
                story.append(updated(name, at, number, attributes={ATTRIBUTE: chance.choice(("上海", "杭州"))}))
            case _:
                orders.append((name, f"{name}/{number}"))
                story.append(paid(*orders[-1], at, amount))
    return merged(story, days(0, 36))


BUSY = {
    "name: 社群\n": f"name: 社群\nper: {ATTRIBUTE}\n",
    "    capacity": "    stay_at_least: 3d\n    capacity",
    "net_minor, review: weekly": "activity, review: daily",
}


@pytest.mark.parametrize("seed", range(3))
async def test_a_replay_is_the_same_however_it_is_fed(seed: int) -> None:
    """All at once; or day by day, in small batches, with every process started anew each night."""
    at_once = await run(book(BUSY), season(), clockwork=Clockwork(seed, 300))
    with pond_of(book(BUSY), clockwork=Clockwork(seed + 10, 4)) as daily:
        for message in season():
            daily.tell([message])
            if message["type"] == "clock.tick":
                await daily.settle()
                for name in ("scoring", "rules"):
                    daily.restart(name)
    assert outcome(daily) == outcome(at_once)
    assert versions(daily) == versions(at_once)
    assert len(moves(at_once)) > 15
    assert {d.reason for d in at_once.decisions() if d.outcome is Outcome.DEMOTED} >= {DecisionReason.CAPACITY}


async def test_a_replay_equals_a_life() -> None:
    """Lived on the wall clock, where the seats come a moment after the review, the same moves are made at the same times."""
    lived = await live(book(BUSY), season())
    replayed = await run(book(BUSY), season())
    assert _to_the_second(lived) == _to_the_second(replayed)
    assert lived.templates() == replayed.templates()


def _to_the_second(pond: Pond) -> list[tuple[str, Outcome, datetime]]:
    return sorted(
        ((name, outcome, at.replace(microsecond=0)) for name, outcome, at in moves(pond)), key=itemgetter(2, 0)
    )


SHORT = merged(bought(*MANY[:5]), bought(("会员0", 90_000), day=3), days(0, 10))
SMALL = Clockwork(seed=7, largest=3)


def test_any_mishap_at_any_point() -> None:
    """One publication or commit of rules goes wrong, claims and seats included, in each way it can."""
    quiet = Misfortune()
    expected = asyncio.run(run(book(), SHORT, misfortune=quiet, clockwork=SMALL))
    assert core(expected) == {"会员0", "会员4"}
    for committing, mishaps in ((False, PUBLISHING), (True, COMMITTING)):
        for nth in range(quiet.passed["rules", committing]):
            for mishap in mishaps:
                misfortune = Misfortune({Point("rules", committing, nth): mishap})
                found = asyncio.run(run(book(), SHORT, misfortune=misfortune, clockwork=SMALL))
                assert misfortune.happened
                assert outcome(found) == outcome(expected), f"{mishap} at {misfortune.happened}"


@given(st.integers(0, 2**32), st.integers(1, 9))
@settings(max_examples=12, deadline=None)
def test_mishaps_everywhere(seed: int, largest: int) -> None:
    """A fifth of all publications and commits of rules fail, twice in a row at times."""
    chance = random.Random(seed)  # noqa: S311
    plan = {
        Point("rules", committing, nth): chance.choice(mishaps)
        for committing, mishaps in ((False, PUBLISHING), (True, COMMITTING))
        for nth in range(60)
        if chance.random() < 1 / 5
    }
    found = asyncio.run(run(book(), SHORT, misfortune=Misfortune(plan), clockwork=Clockwork(seed, largest)))
    assert outcome(found) == outcome(asyncio.run(run(book(), SHORT)))


async def test_another_rule_set_reaches_everybody() -> None:
    """Without any event. Whoever is in a tier that has room for two from now on stays until its first review."""
    with pond_of(book({"    capacity: {max: 2, rank_by: net_minor, review: weekly}\n": ""})) as pond:
        pond.tell(merged(bought(*MANY[:5]), days(0, 4)))
        await pond.settle()
        assert len(core(pond)) == 5
        assert versions(pond) == []
        _change(pond, book())
        pond.tell(days(4, 8))
        await pond.settle()
        assert len(core(pond)) == 5
        pond.tell(days(8, 10))
        await pond.settle()
        assert core(pond) == {"会员3", "会员4"}
        _change(pond, book({"max: 2": "max: 3"}))
        pond.tell(days(10, 17))
        await pond.settle()
        assert core(pond) == {"会员2", "会员3", "会员4"}
        _change(pond, book({"weekly": "daily", "orders >= 1": "orders >= 9"}))
        pond.tell(days(17, 19))
        await pond.settle()
    assert core(pond) == {"会员3", "会员4"}


def _change(pond: Pond, rulebook: Rulebook) -> None:
    pond.rulebook = rulebook
    pond.rules.adopt(rulebook)
    pond.restart("rules")


async def test_on_the_wall_clock_a_missed_week_is_made_up_for() -> None:
    """Of a service that was down over a Monday: the seats of the week are given when it is back, then those of the day."""
    two = compile_rulebook({"a.yaml": LADDER, "b.yaml": _renamed("daily")})
    with pond_of(two, event_clock=False, now=after(0, 600)) as pond:
        pond.tell(bought(*MANY))
        await pond.settle()
        pond.broker.now = after(10)
        pond.restart("rules")
        for _ in range(4):
            await pond.settle()
    assert [version.epoch.astimezone(ZONE) for version in versions(pond)][-2:] == [
        REVIEWS[1],
        REVIEWS[1] + timedelta(days=1),
    ]
    assert core(pond) == {"会员10", "会员11"}
