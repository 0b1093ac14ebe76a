"""The scoring processor, example by example."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts import wire
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent, ClockTick, Event, OrderPaid, Origin
from services.contracts.profile import Cause, Happening, Octant, Profile, RfSegment, Window
from services.contracts.topics import PROFILES
from services.runtime.partitioning import partition_of
from services.runtime.processor import Emit
from services.scoring import archive
from services.scoring.census import Counts, cutoffs
from services.scoring.config import ScoringConfig
from services.scoring.daylog import Sums
from services.scoring.happening import happening
from services.scoring.processor import ScoringProcessor
from services.scoring.rfm import Measures
from tests.unit.contracts.strategies import of
from tests.unit.scoring.reference import (
    START,
    World,
    amended,
    cancelled,
    deleted,
    did,
    events,
    last_at,
    merged,
    paid,
    record,
    refunded,
    taken_over,
    under,
    updated,
)

ANY_EVENT = st.one_of([of(kind) for kind in get_args(AnyEvent)])
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
    assert profile.lifetime == profile.windows["7d"] == profile.windows["365d"] == Window(orders=1, net_minor=12_345)
    assert (profile.average_order_minor, profile.refund_share, profile.rhythm_days) == (12_345, 0.0, None)
    assert (profile.rf_segment, profile.super_user, profile.cutoffs) == (RfSegment.NEW, False, "")
    assert profile.first_order_day == profile.last_order_day == date(2024, 3, 1)
    assert (profile.activity, profile.activity_at, profile.half_life_days) == (0.0, NOON, 30)
    assert (profile.flags, profile.tags, profile.attributes) == ((), (), {})
    assert profile.event == Happening(type="order.paid", amount_minor=12_345, discount_minor=0)
    assert (profile.last_at, profile.currency) == ({"order.paid": NOON}, "CNY")
    assert world.due == profile.fresh_until == midnight(2024, 3, 8)


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
    assert (profile.orders, profile.net_minor, profile.lifetime.net_minor) == (1, 50, 50)
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


def test_time_alone_lowers_the_scores_and_empties_the_windows() -> None:
    """One profile per change, each at its midnight, none in between; then the customer sleeps for good."""
    world = World()
    world.give(paid("1", NOON))
    world.pass_to(NOON + 1000 * DAY)
    got = [(p.as_of, p.r, [w.orders for w in p.windows.values()]) for p in world.profiles[1:]]
    assert got == [
        (midnight(2024, 3, 8), 5, [0, 1, 1, 1]),
        (midnight(2024, 3, 16), 4, [0, 1, 1, 1]),
        (midnight(2024, 3, 31), 4, [0, 0, 1, 1]),
        (midnight(2024, 4, 1), 3, [0, 0, 1, 1]),
        (midnight(2024, 5, 30), 3, [0, 0, 0, 1]),
        (midnight(2024, 5, 31), 2, [0, 0, 0, 1]),
        (midnight(2024, 8, 29), 1, [0, 0, 0, 1]),
        (midnight(2025, 3, 1), 1, [0, 0, 0, 0]),
    ]
    assert all(
        (p.version, p.cause, p.cause_id, p.occurred_at, p.event) == (1, Cause.TIME, "", p.as_of, None)
        for p in world.profiles[1:]
    )
    assert [p.fresh_until for p in world.profiles] == [*(p.as_of for p in world.profiles[1:]), None]
    assert world.due is None
    assert world.profile is not None
    assert (world.profile.last_order_day, world.profile.first_order_day) == (None, date(2024, 3, 1))
    assert world.profile.lifetime.orders == 1


def test_an_event_makes_a_new_version() -> None:
    """Time alone keeps the version and moves the instant."""
    world = World()
    world.give(paid("1", NOON))
    world.pass_to(NOON + 10 * DAY)
    world.give(paid("2", NOON + 11 * DAY))
    assert [(p.version, p.cause) for p in world.profiles] == [
        (1, Cause.OWN_EVENT),
        (1, Cause.TIME),
        (2, Cause.OWN_EVENT),
    ]


def test_two_snapshots_of_one_version_never_carry_the_same_instant() -> None:
    """A reader that keeps the last (version, instant) would skip the second."""
    world = World()
    world.give(paid("1", NOON))
    assert world.state is not None
    world.state.config = 1
    world.wake(NOON)
    first, second = world.profiles
    assert (first.version, second.version, second.cause) == (1, 1, Cause.CONFIG)
    assert second.as_of > first.as_of


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
    """A day on which all was refunded leaves a window: nothing that a profile says is different."""
    world = World()
    world.give(paid("1", NOON))
    world.give(refunded("1", NOON, 10_000))
    world.wake(NOON + 7 * DAY)
    assert len(world.profiles) == 2
    assert world.due == midnight(2024, 3, 31)


def test_an_event_of_tomorrow_counts_from_tomorrow_on() -> None:
    """A clock a moment ahead of ours must not put a day into the window before it begins."""
    processor = ScoringProcessor(ScoringConfig(), SHANGHAI, 1)
    now = midnight(2024, 3, 2) - timedelta(minutes=1)
    step = processor.apply(None, paid("1", now + timedelta(minutes=2)), record(1), now)
    assert step is not None
    assert step.state is not None
    assert step.due == midnight(2024, 3, 2)
    assert step.state.order_sums(365).orders == 0
    woken = processor.wake(step.state, step.due)
    assert len(woken.outputs) == 1
    assert woken.state is not None
    assert woken.state.order_sums(365).orders == 1


def test_a_clock_that_steps_back_over_midnight_does_no_harm() -> None:
    """The sums are those of the earlier day."""
    processor = ScoringProcessor(ScoringConfig(window_days=1), SHANGHAI, 1)
    before, after = midnight(2024, 3, 2) - timedelta(seconds=1), midnight(2024, 3, 2)
    step = processor.apply(None, paid("1", before), record(1), before)
    assert step is not None
    assert step.state is not None
    assert processor.wake(step.state, after).state is step.state
    assert step.state.order_sums(1).orders == 0
    again = processor.apply(step.state, paid("2", before), record(2), before)
    assert again is not None
    assert step.state.order_sums(1).orders == 2


def test_another_window_applies_to_stored_states() -> None:
    """A changed configuration scores everybody anew, and says that this is the cause."""
    year = ScoringProcessor(ScoringConfig(), SHANGHAI, 1)
    week = ScoringProcessor(ScoringConfig(window_days=7), SHANGHAI, 1)
    step = year.apply(None, paid("1", NOON), record(1), NOON + 10 * DAY)
    assert step is not None
    assert step.state is not None
    woken = week.wake(week.load(year.dump(step.state)), NOON + 10 * DAY)
    (output,) = woken.outputs
    assert output.value is not None
    profile = wire.PROFILES.decode(output.value)
    assert isinstance(profile, Profile)
    assert (profile.cause, profile.window_days, profile.orders, profile.lifetime.orders) == (Cause.CONFIG, 7, 0, 1)


def test_a_longer_window_finds_orders_that_were_packed_away() -> None:
    """Orders are never forgotten, only their days are."""
    year = ScoringProcessor(ScoringConfig(), SHANGHAI, 1)
    long = ScoringProcessor(ScoringConfig(window_days=1000), SHANGHAI, 1)
    step = year.apply(None, paid("1", NOON, discount=7), record(1), NOON + 700 * DAY)
    assert step is not None
    assert step.state is not None
    assert (step.state.orders, archive.count(step.state.packed)) == ({}, 1)
    state = long.load(long.dump(step.state))
    assert state.order_sums(1000) == Sums(1, 10_000, 10_000, 7)


def test_what_is_older_than_every_window_counts_for_life_and_is_flagged() -> None:
    """An order, its refund, and an interaction of two years ago; the first order day goes back."""
    world = World()
    world.give(paid("1", NOON))
    late = world.give(paid("0", NOON - 700 * DAY, 500))
    assert late is not None
    assert late.flags == ("late",)
    assert (late.orders, late.lifetime.orders, late.lifetime.net_minor) == (1, 2, 10_500)
    assert late.first_order_day == date(2022, 4, 1)
    taken_back = world.give(refunded("0", NOON - 699 * DAY, 500))
    assert taken_back is not None
    assert (taken_back.flags, taken_back.cause) == (("late",), Cause.REFUND)
    assert (taken_back.lifetime.orders, taken_back.first_order_day) == (1, date(2024, 3, 1))
    seen = world.give(did("view", NOON - 700 * DAY, "v"))
    assert seen is not None
    assert (seen.windows["365d"].counts, seen.lifetime.counts) == ({}, {"view": 1})
    assert world.give(paid("0", NOON - 700 * DAY, 500)) is None


def test_the_window_may_be_the_whole_life() -> None:
    """Recency, frequency and money of ever; old orders are packed and still taken back exactly."""
    world = World(ScoringConfig(window_days=None))
    world.give(paid("1", NOON))
    world.give(paid("2", NOON + 100 * DAY))
    world.pass_to(NOON + 2000 * DAY)
    assert world.state is not None
    assert archive.count(world.state.packed) == 2
    profile = world.give(refunded("2", NOON + 2000 * DAY, 10_000))
    assert profile is not None
    assert (profile.window_days, profile.orders, profile.last_order_day) == (None, 1, date(2024, 3, 1))


def test_a_flag_of_the_event_is_a_flag_of_the_profile() -> None:
    """A reader may want to know that a time was corrected."""
    event = msgspec.structs.replace(paid("1", NOON), flags=("clamped_future",))
    profile = World().give(event)
    assert profile is not None
    assert profile.flags == ("clamped_future",)


def test_a_deleted_customer_is_forgotten() -> None:
    """The profile is taken from its topic; what is late does not bring the customer back, what comes after does."""
    world = World()
    world.give(paid("1", NOON))
    world.give(did("view", NOON, "v"))
    world.play(deleted("顾客1", NOON + DAY))
    assert world.others == [Emit(PROFILES.name, None)]
    assert world.state is not None
    assert world.processor.digest(world.state) is None
    assert world.state.orders == {}
    assert world.state.kinds == {}
    assert world.give(did("view", NOON + DAY, "late")) is None
    profile = world.give(did("view", NOON + DAY + timedelta(seconds=1), "new"))
    assert profile is not None
    assert (profile.orders, profile.lifetime.counts) == (0, {"view": 1})


def test_of_a_deleted_customer_nothing_is_left_after_the_lateness_horizon() -> None:
    """Not even the note that there was one."""
    world = World()
    world.give(paid("1", NOON))
    world.now = NOON + DAY
    world.play(deleted("顾客1", NOON + DAY))
    assert world.due == NOON + DAY + timedelta(hours=48)
    assert world.state is not None
    step = world.processor.wake(world.state, world.due)
    assert (step.state, step.outputs) == (None, ())


def test_drift_is_told_from_time() -> None:
    """New cut-offs that change a score are the cause; a limit passed on the way is time's."""
    world = World(ScoringConfig.model_validate({"method": "quantile"}), ZoneInfo("UTC"))
    world.give(paid("1", NOON, 50_000))
    counts = Counts()
    for money in range(100):
        counts.add(Measures(0, 1, 1000 * money))
    epoch = NOON.replace(hour=0) + DAY
    census = counts.census(epoch, ZoneInfo("UTC"), 0, 1)
    world.population.learn(cutoffs([census], epoch, 1, world.population.config, ZoneInfo("UTC")))
    world.population.enforce(0, int(epoch.timestamp()))
    world.wake(epoch)
    assert world.profile is not None
    assert (world.profile.cause, world.profile.cutoffs[:16]) == (Cause.DRIFT, "2024-03-02T00:00")
    assert (world.profile.r, world.profile.f, world.profile.m) == (1, 1, 3)


def test_activity_is_that_of_the_newest_interaction() -> None:
    """A late one is added with what has faded of it."""
    world = World(ScoringConfig(weights={"message": 4, "view": 1}))
    world.give(did("message", NOON, "1", value=2))
    profile = world.give(did("view", NOON - 30 * DAY, "2"))
    assert profile is not None
    assert (profile.activity, profile.activity_at) == (8.5, NOON)
    assert profile.windows["365d"].counts == {"message": 1, "view": 1}


def test_the_newest_instant_of_each_kind_and_type_is_in_the_profile() -> None:
    """To the millisecond, rounded down; what is older changes nothing, nor does a repeat, nor time alone."""
    world = World()
    world.give(did("view", NOON + timedelta(microseconds=1999), "1"))
    world.give(did("view", NOON - DAY, "2"))
    world.give(paid("1", NOON))
    world.give(refunded("1", NOON + DAY, 10))
    world.give(refunded(None, NOON - DAY, 10, "s"))
    world.give(updated(NOON + 2 * DAY, "u", tags_add=("vip",)))
    assert world.give(did("view", NOON + 2 * DAY, "1")) is None
    world.pass_to(NOON + 1000 * DAY)
    assert world.profile is not None
    assert world.profile.last_at == {
        "order.paid": NOON,
        "order.refunded": NOON + DAY,
        "view": NOON + timedelta(milliseconds=1),
    }


def deeds(at: datetime) -> list[AnyEvent]:
    """Of an instant: two interactions with an id of their own, and what is said of the same orders again and again."""
    return [
        did("view", at, f"v{at}"),
        did("custom:品鉴", at, f"c{at}"),
        paid("1", at),
        amended("1", at, 500),
        refunded("1", at, 5),
        refunded(None, at, 5, "s"),
        cancelled("2", at),
    ]


@given(data=st.data())
def test_the_newest_instants_are_the_same_in_any_order_and_under_any_id(data: st.DataObject) -> None:
    """To the microsecond, repeated, and divided between two ids that turn out to be one, before or after."""
    moments = st.integers(0, 9000).map(lambda n: NOON + timedelta(microseconds=n))
    told = [
        data.draw(st.sampled_from(deeds(at)))
        for at in data.draw(st.lists(moments, min_size=1, max_size=8, unique=True))
    ]
    again = data.draw(st.lists(st.sampled_from(told), max_size=4))
    old, new = World(), World()
    given_events = data.draw(st.permutations(told + again))
    moment = data.draw(st.integers(0, len(given_events)))
    for number, event in enumerate([*given_events, None]):
        if number == moment:
            taken_over(old, new, merged("旧号", "顾客1", NOON))
        if event is not None and data.draw(st.booleans()):
            old.give(under("旧号", event))
            taken_over(old, new)
        elif event is not None:
            new.give(event)
    assert new.profile is not None
    assert new.profile.last_at == last_at(told)


def test_the_same_said_again_of_later_is_news_of_its_instant_alone() -> None:
    """A cancellation, a refund or an amendment that is stated twice: no money moves, so it is no refund."""
    world = World()
    world.give(paid("1", NOON))
    for event in (cancelled("1", NOON), refunded("1", NOON, 5), refunded(None, NOON, 5, "s"), amended("1", NOON, 500)):
        first = world.give(event)
        assert first is not None
        again = world.give(msgspec.structs.replace(event, id=f"{event.id}-again", occurred_at=world.now + DAY))
        if event.id == "refund-s":
            # a refund without an order lies on its own day, which is another now
            assert again is not None
            assert again.cause is Cause.REFUND
            continue
        assert again is not None
        assert (again.cause, again.net_minor, again.lifetime) == (Cause.OWN_EVENT, first.net_minor, first.lifetime)
        assert again.last_at == first.last_at | {happening(event).type: world.now}


@given(event=ANY_EVENT)
def test_the_event_is_told_as_it_was_said(event: AnyEvent) -> None:
    """Whatever a profile has a place for, under the same name, and nothing else."""
    told = happening(event)
    assert told.type == msgspec.to_builtins(event)["type"]
    for name in told.__struct_fields__[1:]:
        assert getattr(told, name) == getattr(event, name, None)


def test_there_is_no_place_for_who_and_where_somebody_is() -> None:
    """Ids, tags, attributes, owner and contacts have none; of an update only that there was one is told."""
    assert set(Happening.__struct_fields__) == {
        "type",
        "kind",
        "value",
        "amount_minor",
        "discount_minor",
        "object_id",
        "group_id",
        "campaign_id",
        "touchpoint",
        "channel",
        "shop",
    }
    event = updated(NOON, "u", tags_add=("vip",), attributes={"电话": "13800000000"}, owner="clerk", timezone="UTC")
    profile = World().give(event)
    assert profile is not None
    assert wire.PROFILES.encode(profile).count(b'"event":{"type":"customer.updated"}') == 1


@given(given_events=events())
def test_every_profile_tells_the_event_that_it_names(given_events: list[AnyEvent]) -> None:
    """And one that names none tells none."""
    world = World()
    for event in given_events:
        profile = world.give(event)
        if profile is not None and profile.cause_id:
            assert (profile.cause_id, profile.event) == (event.id, happening(event))
    assert all((profile.event is None) == (not profile.cause_id) for profile in world.profiles)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (paid("1", NOON, 900, discount=100), {"type": "order.paid", "amount_minor": 900, "discount_minor": 100}),
        (refunded("1", NOON, 30), {"type": "order.refunded", "amount_minor": 30}),
        (refunded(None, NOON, 30), {"type": "order.refunded", "amount_minor": 30}),
        (cancelled("1", NOON), {"type": "order.cancelled"}),
        (amended("1", NOON, 40), {"type": "order.amended", "amount_minor": 40}),
        (did("view", NOON, "v", 2.5), {"type": "interaction", "kind": "view", "value": 2.5}),
        (updated(NOON, "u", tags_add=("vip",)), {"type": "customer.updated"}),
    ],
    ids=lambda value: value.id if isinstance(value, Event) else "",
)
def test_what_is_told_of_each_type_of_event(event: AnyEvent, told: dict[str, Any]) -> None:
    """As a reader of the topic sees it: what was not said is not there."""
    profile = World().give(event)
    assert profile is not None
    assert msgspec.to_builtins(profile)["event"] == told


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
    assert wire.PROFILES.decode(output.value or b"") == tick
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
    """A year of daily views keeps the keys of the last of them, in eight bytes each."""
    world = World()
    for day in range(365):
        world.give(did("view", START + day * DAY, str(day)))
    assert world.state is not None
    assert len(world.state.repeats.recent) == 3
    assert len(world.processor.dump(world.state)) < 4000


def test_an_old_order_costs_less_than_a_young_one() -> None:
    """Days and stubs that have left every window are packed. What is kept once for all of them is less than 125 bytes."""
    world = World()
    for day in range(100):
        world.give(paid(str(day), START + day * DAY, 10_000))
    assert world.state is not None
    young = len(world.processor.dump(world.state))
    world.pass_to(START + 500 * DAY)
    old = len(world.processor.dump(world.state))
    assert old < 100 * 23 + 125 < young
