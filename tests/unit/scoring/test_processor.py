"""The scoring processor, example by example."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from services.contracts import wire
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent, ClockTick, OrderPaid, Origin
from services.contracts.profile import Cause, Octant
from services.runtime.partitioning import partition_of
from services.scoring.config import ScoringConfig
from services.scoring.processor import ScoringProcessor
from tests.unit.scoring.reference import (
    START,
    World,
    amended,
    cancelled,
    did,
    paid,
    record,
    refunded,
    updated,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)
NOON = datetime(2024, 3, 1, 4, tzinfo=UTC)  # noon in Shanghai


def midnight(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=SHANGHAI).astimezone(UTC)


def test_a_first_order_makes_a_profile() -> None:
    """With everything a reader needs, and woken at the midnight when recency falls."""
    world = World()
    profile = world.give(paid("1", NOON, 12_345))
    assert profile is not None
    assert (profile.customer_id, profile.version) == ("顾客1", 1)
    assert (profile.as_of, profile.occurred_at) == (NOON, NOON)
    assert (profile.cause, profile.cause_id, profile.zone) == (Cause.OWN_EVENT, "paid-1", "Asia/Shanghai")
    assert (profile.r, profile.f, profile.m, profile.segment) == (5, 1, 2, Octant.GENERAL_DEVELOP)
    assert (profile.window_days, profile.orders, profile.net_minor) == (365, 1, 12_345)
    assert (profile.lifetime_orders, profile.lifetime_net_minor) == (1, 12_345)
    assert profile.first_order_day == profile.last_order_day == date(2024, 3, 1)
    assert (profile.activity, profile.activity_at, profile.half_life_days) == (0.0, NOON, 30)
    assert (profile.counts, profile.tags, profile.attributes) == ({}, (), {})
    assert world.due == midnight(2024, 3, 16)


def test_a_repeat_changes_nothing_and_gives_no_profile() -> None:
    """Of every type of event."""
    world = World()
    for event in (
        paid("1", NOON),
        refunded("1", NOON, 10),
        refunded(None, NOON, 10),
        amended("1", NOON, 500),
        cancelled("2", NOON),
        did("view", NOON, "i"),
        updated(NOON, "u", tags_add=("vip",), attributes={"city": "上海"}),
    ):
        assert world.give(event) is not None
        assert world.state is not None
        before = world.processor.dump(world.state)
        assert world.give(event) is None
        assert world.processor.dump(world.state) == before


def test_an_event_that_says_nothing_makes_no_customer() -> None:
    """An update of the owner alone is not scoring's business."""
    world = World()
    assert world.give(updated(NOON, "u", owner="clerk")) is None
    assert world.state is None


def test_a_full_refund_takes_the_order_back() -> None:
    """Recency falls back to the order before, and the cause is the refund."""
    world = World()
    world.give(paid("1", NOON, 100))
    world.give(paid("2", NOON + 20 * DAY, 100))
    profile = world.give(refunded("2", NOON + 21 * DAY, 100))
    assert profile is not None
    assert (profile.cause, profile.cause_id) == (Cause.REFUND, "refund-r")
    assert (profile.last_order_day, profile.r, profile.orders) == (date(2024, 3, 1), 4, 1)


def test_a_refund_may_come_before_its_order() -> None:
    """It waits, and takes its part once the order is there; the order's day is its own."""
    world = World()
    first = world.give(refunded("1", NOON, 30))
    assert first is not None
    assert (first.orders, first.net_minor, first.cause) == (0, 0, Cause.REFUND)
    profile = world.give(paid("1", NOON - 2 * DAY, 100))
    assert profile is not None
    assert (profile.orders, profile.net_minor, profile.last_order_day) == (1, 70, date(2024, 2, 28))
    assert (profile.as_of, profile.occurred_at) == (NOON, NOON - 2 * DAY)


def test_an_unlinked_refund_lowers_money_alone() -> None:
    """On its own day; the same refund stated again, later and higher, replaces the first statement."""
    world = World()
    world.give(paid("1", NOON, 100))
    world.give(refunded(None, NOON, 30))
    profile = world.give(refunded(None, NOON + DAY, 50))
    assert profile is not None
    assert (profile.orders, profile.net_minor, profile.lifetime_net_minor) == (1, 50, 50)
    assert profile.last_order_day == date(2024, 3, 1)
    world.pass_to(NOON + 365 * DAY)
    assert world.profile is not None
    assert (world.profile.net_minor, world.profile.orders) == (-50, 0)


@pytest.mark.parametrize(("amount", "cause"), [(50, Cause.REFUND), (150, Cause.OWN_EVENT)])
def test_an_amendment_that_lowers_counts_as_a_refund(amount: int, cause: Cause) -> None:
    """One that raises is the customer's own event."""
    world = World()
    world.give(paid("1", NOON, 100))
    profile = world.give(amended("1", NOON, amount))
    assert profile is not None
    assert (profile.net_minor, profile.cause) == (amount, cause)


def test_orders_for_nothing_count_where_configured() -> None:
    """By default an order counts if its net is above 0."""
    for setting, orders in (("ignore", 0), ("count", 1)):
        world = World(ScoringConfig.model_validate({"free_orders": setting}))
        profile = world.give(paid("1", NOON, 0))
        assert profile is not None
        assert profile.orders == orders


def test_the_day_turns_at_the_business_midnight() -> None:
    """One second decides to which day an order belongs."""
    for at, day in ((midnight(2024, 3, 2) - timedelta(seconds=1), 1), (midnight(2024, 3, 2), 2)):
        profile = World().give(paid("1", at))
        assert profile is not None
        assert profile.last_order_day == date(2024, 3, day)


def test_time_alone_lowers_the_scores_down_to_nothing() -> None:
    """One profile per change, each at its midnight, none in between; then the customer sleeps for good."""
    world = World()
    world.give(paid("1", NOON))
    world.pass_to(NOON + 1000 * DAY)
    got = [(p.as_of, p.r, p.orders, p.version, p.cause, p.occurred_at) for p in world.profiles[1:]]
    days = [midnight(2024, 3, 16), midnight(2024, 4, 1), midnight(2024, 5, 31), midnight(2024, 8, 29)]
    days.append(midnight(2025, 3, 1))
    expected = [(4, 1), (3, 1), (2, 1), (1, 1), (1, 0)]
    assert got == [(at, r, n, 1, Cause.TIME, at) for at, (r, n) in zip(days, expected, strict=True)]
    assert world.due is None
    assert world.profile is not None
    assert (world.profile.last_order_day, world.profile.first_order_day) == (None, date(2024, 3, 1))


def test_an_event_resets_the_tick() -> None:
    """(version, tick) rises: a new version starts at tick 0."""
    world = World()
    world.give(paid("1", NOON))
    world.pass_to(NOON + 20 * DAY)
    world.give(paid("2", NOON + 21 * DAY))
    assert [(p.version, p.cause) for p in world.profiles] == [
        (1, Cause.OWN_EVENT),
        (1, Cause.TIME),
        (2, Cause.OWN_EVENT),
    ]


def test_a_wake_long_after_its_instant_catches_up_at_once() -> None:
    """One profile for all that passed during a stop, and the next wake is ahead."""
    world = World()
    world.give(paid("1", NOON))
    now = NOON + 100 * DAY
    world.wake(now)
    assert len(world.profiles) == 2
    assert world.profiles[-1].r == 2
    assert world.due == midnight(2024, 8, 29)


def test_a_wake_that_changes_nothing_gives_no_profile_but_a_next_one() -> None:
    """One view leaves the window as another enters: the sums are the same."""
    world = World(ScoringConfig(window_days=7))
    world.give(did("view", NOON, "1"))
    world.give(did("view", NOON + 7 * DAY, "2"))
    assert world.state is not None
    world.wake(NOON + 7 * DAY)
    assert len(world.profiles) == 3  # two events, and the first day's leaving
    assert world.due == midnight(2024, 3, 15)


def test_an_event_of_tomorrow_counts_from_tomorrow_on() -> None:
    """A clock a moment ahead of ours must not put a day into the window before it begins."""
    processor = ScoringProcessor(ScoringConfig(), SHANGHAI, 1)
    now = midnight(2024, 3, 2) - timedelta(minutes=1)
    step = processor.apply(None, paid("1", now + timedelta(minutes=2)), record(1), now)
    assert step is not None
    assert step.state is not None
    assert step.due == midnight(2024, 3, 2)
    assert step.state.log.orders.total == 0
    woken = processor.wake(step.state, step.due)
    assert len(woken.outputs) == 1
    assert woken.state is not None
    assert woken.state.log.orders.total == 1


def test_a_clock_that_steps_back_over_midnight_does_no_harm() -> None:
    """The sums are those of the earlier day."""
    processor = ScoringProcessor(ScoringConfig(window_days=1), SHANGHAI, 1)
    before, after = midnight(2024, 3, 2) - timedelta(seconds=1), midnight(2024, 3, 2)
    step = processor.apply(None, paid("1", before), record(1), before)
    assert step is not None
    assert step.state is not None
    assert processor.wake(step.state, after).state is step.state
    assert step.state.log.orders.total == 0
    again = processor.apply(step.state, paid("2", before), record(2), before)
    assert again is not None
    assert step.state.log.orders.total == 2


def test_another_window_applies_to_stored_states() -> None:
    """A changed configuration recounts at load."""
    year = ScoringProcessor(ScoringConfig(), SHANGHAI, 1)
    week = ScoringProcessor(ScoringConfig(window_days=7), SHANGHAI, 1)
    step = year.apply(None, paid("1", NOON), record(1), NOON + 10 * DAY)
    assert step is not None
    assert step.state is not None
    state = week.load(year.dump(step.state))
    assert (state.log.orders.total, state.lifetime_orders) == (0, 1)


def test_activity_is_that_of_the_newest_interaction() -> None:
    """A late one is added with what has faded of it."""
    world = World(ScoringConfig(weights={"message": 4, "view": 1}))
    world.give(did("message", NOON, "1", value=2))
    profile = world.give(did("view", NOON - 30 * DAY, "2"))
    assert profile is not None
    assert (profile.activity, profile.activity_at) == (8.5, NOON)
    assert profile.counts == {"message": 1, "view": 1}


def test_tags_and_attributes_are_in_the_profile() -> None:
    """A tag both removed and added by one event is set."""
    world = World()
    world.give(updated(NOON, "1", tags_add=("b", "a"), attributes={"城市": "上海"}))
    profile = world.give(updated(NOON + DAY, "2", tags_remove=("b", "a"), tags_add=("b",), attributes={"age": 3}))
    assert profile is not None
    assert (profile.tags, profile.attributes) == (("b",), {"age": 3, "城市": "上海"})


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (paid("2", NOON, currency="USD"), "foreign_currency"),
        (msgspec.structs.replace(refunded("1", NOON, 5), currency="USD"), "foreign_currency"),
        (paid("2", NOON, -1), "malformed"),
        (paid("2", NOON, 10**12 + 1), "malformed"),
        (refunded("1", NOON, 0), "malformed"),
        (amended("1", NOON, 5, rev=0), "malformed"),
        (amended("1", NOON, -5), "malformed"),
        (did("view", NOON, "1", value=-1), "malformed"),
        (did("view", NOON, "1", value=1e300), "malformed"),
        (updated(NOON, "1", attributes={"n": 10**30}), "malformed"),
    ],
)
def test_what_can_never_be_folded_is_refused_before_any_change(event: AnyEvent, reason: str) -> None:
    """The state stays as it was, to the byte."""
    world = World()
    world.give(paid("1", NOON))
    assert world.state is not None
    before = world.processor.dump(world.state)
    with pytest.raises(InvalidMessage) as error:
        world.give(event)
    assert error.value.reason == reason
    assert world.processor.dump(world.state) == before


def test_the_foreign_currency_is_named_with_the_way_out() -> None:
    """The detail is for the person who must act."""
    with pytest.raises(InvalidMessage) as error:
        World().give(paid("1", NOON, currency="USD"))
    assert error.value.detail == (
        "the amount is in 'USD', scores are counted in CNY: convert it upstream, "
        "or set currency in the scoring configuration"
    )


def test_decode_names_the_customer_the_instant_and_the_origin() -> None:
    """That is what the runtime needs to know of a record."""
    origin = Origin("koi.orders", 3, 17, 1_700_000_000_000)
    event = msgspec.structs.replace(paid("1", NOON), origin=origin)
    inbox = ScoringProcessor(ScoringConfig(), SHANGHAI, 1).decode(record(5, wire.EVENTS.encode(event)))
    assert (inbox.customer_id, inbox.at, inbox.message, inbox.origin) == ("顾客1", NOON, event, origin)


def test_a_tick_moves_the_clock_and_is_sent_on() -> None:
    """It is nobody's event, in every partition, and leaves on koi.profiles as it came."""
    tick = ClockTick(id="t", source="replay", occurred_at=NOON, received_at=NOON)
    processor = ScoringProcessor(ScoringConfig(), SHANGHAI, 24)
    inbox = processor.decode(record(5, wire.EVENTS.encode(tick), partition=7))
    assert (inbox.customer_id, inbox.at) == ("", NOON)
    (output,) = processor.tick(inbox.message)
    assert output.topic == "koi.profiles"
    assert wire.PROFILES.decode(output.value) == tick
    assert processor.apply(None, tick, record(5), NOON) is None


def _json(**changes: Any) -> bytes:
    event: dict[str, Any] = msgspec.to_builtins(paid("1", NOON)) | changes
    return msgspec.json.encode(event)


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (None, "no value"),
        (b"\xff\x00", "not a"),
        (b'{"type": "profile"}', "not a"),
        (_json(customer_id=""), "customer_id is empty"),
        (_json(occurred_at="2024-01-01T00:00:00"), "not a"),
        (_json(occurred_at="9999-01-01T00:00:00Z"), "a year in 1970..9000"),
        (_json(amount_minor=1.5), "not a"),
    ],
)
def test_garbage_is_malformed(value: bytes | None, detail: str) -> None:
    """It goes to the dead letter, never further."""
    with pytest.raises(InvalidMessage, match=detail) as error:
        ScoringProcessor(ScoringConfig(), SHANGHAI, 1).decode(record(5, value))
    assert error.value.reason == "malformed"


def test_an_event_in_a_foreign_partition_is_refused() -> None:
    """Another owner keeps this customer."""
    processor = ScoringProcessor(ScoringConfig(), SHANGHAI, 24)
    event: OrderPaid = paid("1", NOON)
    right = partition_of(event.customer_id, 24)
    assert processor.decode(record(1, wire.EVENTS.encode(event), right)).customer_id == event.customer_id
    with pytest.raises(InvalidMessage, match=f"belongs to partition {right} of 24") as error:
        processor.decode(record(1, wire.EVENTS.encode(event), (right + 1) % 24))
    assert error.value.reason == "wrong_partition"


def test_states_stay_small_when_old_keys_go() -> None:
    """A year of daily views keeps the keys of two days, not of the year."""
    world = World()
    for day in range(365):
        world.give(did("view", START + day * DAY, str(day)))
    assert world.state is not None
    assert len(world.state.seen) == 3
    assert len(world.processor.dump(world.state)) < 2000
