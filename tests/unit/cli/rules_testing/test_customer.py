"""A ready-made customer is what the test says, and fits in all else."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.rules.testing.customer import ReadyMade
from services.cli.rules.testing.first import Setting
from services.cli.rules.testing.sketch import LIFETIME, WINDOW_NAMES, Sketch
from services.contracts.calendar import BusinessDays, to_ms
from services.contracts.events import CustomerUpdated, Interaction, OrderPaid, OrderRefunded
from services.contracts.profile import Octant, Profile, RfSegment
from services.rules.engine.state import pack_profile, unpack_profile
from services.rules.language.features import FEATURES
from services.rules.language.functions import FUNCTIONS
from services.rules.language.scene import Scene
from services.rules.language.terms import Value, Vocabulary
from services.scoring.config import ScoringConfig

ZONE = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 3, 1, 1, tzinfo=UTC)
SETTING = Setting(BusinessDays(ZONE), ScoringConfig())


def made(**said: Any) -> ReadyMade:
    return ReadyMade("客户-1", Sketch.model_validate(said), SETTING, AT)


def scene(profile: Profile, at: datetime = AT) -> Scene:
    return Scene(profile, to_ms(at), SETTING.days, {}, event=profile.event)


def read(profile: Profile, name: str, *arguments: str, at: datetime = AT) -> Value:
    """What a condition reads."""
    feature = FUNCTIONS[name].bind(arguments, Vocabulary({})) if arguments else FEATURES[name]
    return feature.read(scene(profile, at))


def later(days: float) -> datetime:
    return AT + timedelta(days=days)


SCORE = st.integers(1, 5)
PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "r": SCORE,
    "f": SCORE,
    "m": SCORE,
    "segment": st.sampled_from([octant.value for octant in Octant]),
    "rf_segment": st.sampled_from([segment.value for segment in RfSegment]),
    "super_user": st.booleans(),
    "recency_days": st.none() | st.integers(0, 364),
    "overdue": st.floats(0.01, 50, allow_nan=False),
    "orders": st.integers(0, 300),
    "net_minor": st.integers(-1000, 10**8),
    "average_order_minor": st.none() | st.integers(0, 10**6),
    "discount_share": st.none() | st.floats(0, 1),
    "refund_share": st.none() | st.floats(0, 1),
    "days_since_first_order": st.none() | st.integers(364, 4000),
    "activity": st.floats(0, 10**6),
}
SKETCHES = st.fixed_dictionaries({}, optional=PLAIN).filter(
    lambda said: "overdue" not in said or bool(said.get("recency_days", 1))
)


@given(SKETCHES)
def test_every_feature_that_is_said_reads_as_it_was_said(said: dict[str, Any]) -> None:
    profile = made(**said).profile
    found = {name: read(profile, name) for name in said}
    overdue = said.get("overdue")
    if overdue is not None:
        # the least above that a double can say
        value = found.pop("overdue")
        assert isinstance(value, float)
        assert overdue <= value <= overdue * (1 + 1e-12)
    assert found == {name: value for name, value in said.items() if name != "overdue"}


@given(SKETCHES)
def test_it_is_a_profile_that_the_rules_can_keep(said: dict[str, Any]) -> None:
    profile = made(**said).profile
    assert unpack_profile(pack_profile(profile)) == profile
    assert profile.fresh_until is None
    assert (
        profile.first_order_day is None
        or profile.last_order_day is None
        or profile.first_order_day <= profile.last_order_day
    )


@given(SKETCHES)
def test_a_longer_window_holds_what_a_shorter_one_does(said: dict[str, Any]) -> None:
    profile = made(**said).profile
    windows = [*profile.windows.values(), profile.lifetime]
    orders = [window.orders for window in windows]
    assert orders == sorted(orders)
    assert profile.windows["365d"].orders == profile.orders


@given(SKETCHES)
def test_scores_and_segments_fit_where_one_is_said(said: dict[str, Any]) -> None:
    profile = made(**said).profile
    if not {"r", "f", "m", "segment"} & said.keys():
        assert profile.rf_segment is RfSegment.of(profile.r, profile.f) or "rf_segment" in said
    if "rf_segment" not in said and not {"r", "f"} & said.keys():
        high = [score >= 4 for score in (profile.r, profile.f, profile.m)]
        if "m" not in said:
            assert profile.segment is Octant.of(r_high=high[0], f_high=high[1], m_high=high[2])


@given(SKETCHES, SKETCHES, st.floats(0, 400))
def test_what_is_said_later_reads_as_it_was_said_then(
    first: dict[str, Any], second: dict[str, Any], days: float
) -> None:
    customer = made(**first)
    customer.change(Sketch.model_validate(second), None, later(days))
    for name, value in second.items():
        if name == "overdue" and customer.profile.last_order_day is None:
            continue  # nobody who never ordered is late
        found = read(customer.profile, name, at=later(days))
        assert found == (pytest.approx(value) if isinstance(value, float) else value)
    assert customer.profile.version == 1


@given(SKETCHES, st.floats(0, 400))
def test_time_alone_changes_nothing_but_days_and_activity(said: dict[str, Any], days: float) -> None:
    customer = made(**said)
    before = customer.profile
    after = customer.change(None, None, later(days))
    for name in FEATURES:
        then, now = read(before, name, at=later(days)), read(after, name, at=later(days))
        assert now == (pytest.approx(then) if isinstance(then, float) else then)


def test_nobody_who_is_said_to_have_bought_has() -> None:
    profile = made(tags=["vip"], activity=3.0).profile
    assert (profile.r, profile.f, profile.m, profile.segment) == (1, 1, 1, Octant.GENERAL_RETAIN)
    assert (profile.orders, profile.net_minor, profile.last_order_day, profile.first_order_day) == (0, 0, None, None)
    assert profile.average_order_minor is profile.discount_share is profile.rhythm_days is None
    assert profile.last_at == {}
    assert profile.lifetime.orders == 0


def test_a_segment_makes_scores_and_these_make_what_they_measure() -> None:
    profile = made(segment="重要保持").profile
    assert (profile.r, profile.f, profile.m) == (1, 5, 5)
    assert read(profile, "recency_days") == 181
    assert (profile.orders, profile.net_minor) == (12, 500_000)
    assert profile.rf_segment is RfSegment.CANT_LOSE
    assert profile.rhythm_days is not None


def test_days_make_a_score_as_far_as_the_segment_lets_them() -> None:
    assert made(recency_days=20).profile.r == 4
    assert made(recency_days=20, segment="重要保持").profile.r == 3
    assert made(recency_days=20, segment="重要价值").profile.r == 4
    assert made(recency_days=20, r=1).profile.r == 1


def test_whoever_bought_long_ago_is_known_and_unscored() -> None:
    profile = made(lifetime_orders=3, orders=0).profile
    assert (profile.orders, profile.lifetime.orders, profile.last_order_day) == (0, 3, None)
    assert read(profile, "days_since_first_order") == 730
    assert profile.segment is Octant.GENERAL_RETAIN


def test_windows_are_filled_in_both_ways() -> None:
    windows = {"30d": {"orders": 4, "net_minor": 900, "counts": {"view": 3}}, "90d": {"counts": {"view": 3}}}
    profile = made(orders=5, recency_days=2, windows=windows).profile
    assert [read(profile, "orders", name) for name in WINDOW_NAMES] == [1, 4, 4, 5, 5]
    assert [read(profile, "count", "view", name) for name in WINDOW_NAMES] == [0, 3, 3, 3, 3]
    assert read(profile, "net_minor", "30d") == 900
    # in the middle of what is in the month and not in the week
    assert read(profile, "since", "view") == timedelta(days=18.5) // timedelta(milliseconds=1)


def test_how_long_ago_something_happened() -> None:
    profile = made(since={"group_join": timedelta(days=3), "order.paid": timedelta(days=44)}).profile
    assert read(profile, "since", "group_join") == 3 * 86_400_000
    assert read(profile, "recency_days") == 44
    assert [read(profile, "count", "group_join", name) for name in WINDOW_NAMES] == [1, 1, 1, 1, 1]
    assert read(made(recency_days=44).profile, "since", "order.paid") is not None
    assert made(since={"order.paid": timedelta(days=400)}).profile.last_order_day is None


def test_an_interaction_is_counted_in_every_window() -> None:
    customer = made(activity=8.0, windows={"30d": {"counts": {"view": 3}}}, segment="重要保持", recency_days=44)
    event = Interaction(
        id="e", source="s", customer_id="客户-1", occurred_at=later(30), received_at=later(30), kind="view", value=2.0
    )
    after = customer.change(None, event, later(30))
    assert [read(after, "count", "view", name, at=later(30)) for name in WINDOW_NAMES] == [1, 4, 4, 4, 4]
    assert read(after, "activity", at=later(30)) == pytest.approx(4 + 2)
    assert read(after, "event.kind", at=later(30)) == "view"
    assert read(after, "since", "view", at=later(30)) == 0
    assert (after.segment, read(after, "recency_days", at=later(30))) == (Octant.KEEP, 74)
    assert customer.change(None, None, later(31)).event is None


def test_an_order_changes_what_it_measures_whatever_was_said_before() -> None:
    customer = made(segment="重要保持", r=1, recency_days=44, orders=5, net_minor=400_000)
    event = OrderPaid(
        id="e",
        source="s",
        customer_id="客户-1",
        occurred_at=later(1),
        received_at=later(1),
        order_id="o",
        amount_minor=100_000,
        currency="CNY",
    )
    after = customer.change(None, event, later(1))
    assert (after.orders, after.net_minor, after.lifetime.orders) == (6, 500_000, 6)
    assert (after.r, after.f, after.m, after.segment) == (5, 4, 5, Octant.CHAMPION)
    assert read(after, "recency_days", at=later(1)) == 0
    assert read(after, "orders", "7d", at=later(1)) == 1
    assert read(after, "average_order_minor", at=later(1)) == 83_333


def test_money_that_goes_back() -> None:
    customer = made(orders=2, net_minor=60_000)
    event = OrderRefunded(
        id="e",
        source="s",
        customer_id="客户-1",
        occurred_at=AT,
        received_at=AT,
        refund_id="x",
        amount_minor=55_000,
        currency="CNY",
    )
    after = customer.change(None, event, AT)
    assert (after.net_minor, after.m, after.orders) == (5_000, 1, 2)
    assert read(after, "event.type") == "order.refunded"


def test_tags_and_attributes_come_and_go() -> None:
    customer = made(tags=["vip", "新客"], attributes={"城市": "上海", "店": "一"})
    event = CustomerUpdated(
        id="e",
        source="s",
        customer_id="客户-1",
        occurred_at=AT,
        received_at=AT,
        tags_add=("勿扰",),
        tags_remove=("新客",),
        attributes={"店": None, "级": 3},
    )
    after = customer.change(None, event, AT)
    assert after.tags == ("vip", "勿扰")
    assert after.attributes == {"城市": "上海", "级": 3}
    assert customer.change(Sketch(tags=[], attributes={"城市": "北京"}), None, AT).tags == ()
    assert customer.profile.attributes == {"城市": "北京", "级": 3}


def test_the_newer_of_scores_and_segments_counts() -> None:
    customer = made(segment="重要保持", r=1)
    assert customer.change(Sketch(r=5), None, AT).segment is Octant.CHAMPION
    after = customer.change(Sketch(segment=Octant.GENERAL_RETAIN), None, AT)
    assert (after.r, after.f, after.m) == (3, 3, 3)
    assert customer.change(Sketch(rf_segment=RfSegment.NEW), None, AT).r == 5


@pytest.mark.parametrize("width", [None, 1, 30, 400])
@given(said=SKETCHES)
def test_whatever_the_window_there_is_a_profile(width: int | None, said: dict[str, Any]) -> None:
    said.pop("recency_days", None)  # it may lie before the window
    setting = Setting(SETTING.days, ScoringConfig(window_days=width))
    profile = ReadyMade("c", Sketch.model_validate(said), setting, AT).profile
    assert unpack_profile(pack_profile(profile)) == profile


def test_the_greatest_numbers_can_be_kept() -> None:
    most = {
        "orders": 10**6,
        "lifetime_orders": 10**6,
        "rhythm_days": 1e12,
        "activity": 1e12,
        "days_since_first_order": 36_500,
    }
    for more in ({"net_minor": 10**12}, {"average_order_minor": 10**8}):
        profile = made(**most, **more).profile
        assert unpack_profile(pack_profile(profile)) == profile
    assert made(orders=10**6, rhythm_days=1e12).profile.first_order_day is not None


def test_a_window_that_is_a_whole_life() -> None:
    setting = Setting(SETTING.days, ScoringConfig(window_days=None))
    profile = ReadyMade("c", Sketch(orders=7, recency_days=900), setting, AT).profile
    assert (profile.window_days, profile.orders, profile.lifetime.orders) == (None, 7, 7)
    assert profile.windows["365d"].orders == 0
    assert LIFETIME not in profile.windows
