"""Flips against brute force: nothing changes before the instant that was said."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, example, given
from hypothesis import strategies as st

from services.contracts.calendar import BusinessDays, as_day, to_ms
from services.contracts.profile import Profile
from services.rules.language.condition import Predicate, make_predicate
from services.rules.language.scene import DAY_MS, Scene
from services.rules.language.syntax import parse_expression
from services.rules.language.terms import Vocabulary
from services.runtime.problems import Place
from tests.unit.contracts.strategies import of
from tests.unit.contracts.test_calendar import zones
from tests.unit.rules.customers import NOON, TODAY, profile, scene

VOCABULARY = Vocabulary({"community": ("外围", "核心"), "other": ("a", "b")})
OPERATORS = ["<", "<=", "==", "!=", ">", ">="]
days = st.integers(-3, 120)
halves = st.integers(-2, 200).map(lambda n: n / 2)


def predicate(text: str) -> Predicate:
    tree, problems = parse_expression(text, Place("f", 1, 1), VOCABULARY)
    assert not problems, problems
    return make_predicate(text, text, tree)


day_terms = st.tuples(
    st.sampled_from(["recency_days", "days_since_first_order", "overdue"]), st.sampled_from(OPERATORS), halves
).map(lambda t: f"{t[0]} {t[1]} {t[2]}")
LENGTHS = {"0s": 0, "1s": 1_000, "90m": 5_400_000, "36h": 129_600_000, "5d": 5 * DAY_MS, "2w": 14 * DAY_MS}
since_terms = st.tuples(st.sampled_from(["view", "order.paid"]), st.sampled_from(OPERATORS), st.sampled_from(sorted(LENGTHS))).map(
    lambda t: f'since("{t[0]}") {t[1]} {t[2]}'
)  # fmt: skip
tier_day_terms = st.tuples(
    st.sampled_from(["community", "other"]), st.sampled_from(OPERATORS), st.integers(-1, 40)
).map(lambda t: f'tier_days("{t[0]}") {t[1]} {t[2]}d' if t[2] >= 0 else f'tier_days("{t[0]}") {t[1]} {t[2]}')
activity_terms = st.tuples(
    st.just("activity"), st.sampled_from(OPERATORS), st.one_of(halves, st.floats(0.001, 100))
).map(lambda t: f"{t[0]} {t[1]} {t[2]!r}")
mirrored_terms = st.tuples(halves, st.sampled_from(OPERATORS)).map(lambda t: f"{t[0]} {t[1]} recency_days")
arithmetic_terms = st.tuples(halves, st.sampled_from(OPERATORS)).map(lambda t: f"recency_days * 2 - 3 {t[1]} {t[0]}")
other_terms = st.sampled_from(
    [
        "r >= 3",
        "recency_days in [3, 7, 11]",
        "5 <= activity < 12",
        "recency_days < days_since_first_order",
        "overdue + 1 >= 2.5",
        "overdue > recency_days / 10",
        "(activity >= 5) == (r >= 3)",
        "(overdue > 2) == (recency_days >= 9)",
        "super_user == (activity < 4)",
        "(overdue > 1) in [super_user, true]",
        '36h <= since("view") < 5d',
        'since("view") in [0s, 36h, 2w]',
        '(since("view") > 36h) != (activity >= 4)',
        'tier_days("community") + recency_days > 20',
        'tier_days("community") >= recency_days',
        'since("order.paid") >= attr("patience")',
        '2w > since("view")',
    ]
)
terms = st.one_of(day_terms, activity_terms, since_terms, tier_day_terms, mirrored_terms, arithmetic_terms, other_terms)
formulas = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda t: f"(not {t})"),
    ),
    max_leaves=3,
)
rhythms = st.none() | st.sampled_from([0.04, 1.0, 7.0, 8.1]) | st.floats(0.01, 400)
moments = st.integers(0, 400 * DAY_MS).map(lambda ms: NOON - timedelta(milliseconds=ms % (200 * DAY_MS)))


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    now = draw(moments)
    past = st.integers(-DAY_MS, 60 * DAY_MS).map(lambda ms: now - timedelta(milliseconds=ms))
    known = st.one_of(st.none(), days.map(lambda n: now.date() - timedelta(days=n)))
    customer = profile(
        zone=draw(zones).key,
        first_order_day=draw(known),
        last_order_day=draw(known),
        activity=draw(st.one_of(st.just(0.0), halves, st.floats(0, 200), st.floats(-5, 0))),
        activity_at=now - timedelta(milliseconds=draw(st.integers(-DAY_MS, 90 * DAY_MS))),
        half_life_days=draw(st.sampled_from([0.5, 7.0, 30.0, 365.0, 36500.0])),
        rhythm_days=draw(rhythms),
        last_at={name: draw(past) for name in draw(st.sets(st.sampled_from(["view", "order.paid"])))},
        attributes={"patience": draw(st.sampled_from([None, "x", True, 5_000, 7.5, 1e300]))},
    )
    known_since = to_ms(draw(past))
    entered = draw(st.sampled_from([{}, {"community": to_ms(draw(past))}]))
    calendar = BusinessDays(ZoneInfo(customer.zone))
    return Scene(customer, to_ms(now), calendar, {}, entered=entered, began_ms=known_since)


def later(scene: Scene, now_ms: int) -> Scene:
    """The same customer at another instant."""
    return Scene(scene.profile, now_ms, scene.days, scene.tiers, entered=scene.entered, began_ms=scene.began_ms)


@given(formulas, scenes(), st.lists(st.floats(0, 1), max_size=12))
def test_nothing_changes_before_the_flip(text: str, at: Scene, shares: list[float]) -> None:
    """The instant lies ahead; up to the millisecond before it, and for ever if there is none, the truth stays."""
    asked = predicate(text)
    flip = asked.flip(at)
    end = at.now_ms + 500 * DAY_MS if flip is None else flip
    assert end > at.now_ms
    truth = asked.test(at)
    instants = {
        end - 1,
        max(at.now_ms, end - DAY_MS // 24),
        *(at.now_ms + int((end - 1 - at.now_ms) * s) for s in shares),
    }
    # the days between, at their first instants
    first = at.today + 1
    instants |= {m for day in range(first, first + 60) if (m := at.days.start(day) * 1000) < end}
    assert all(asked.test(later(at, ms)) is truth for ms in instants)


@given(st.one_of(day_terms, activity_terms, since_terms, tier_day_terms), scenes())
@example("activity >= 8", scene())
def test_a_single_comparison_flips_exactly_then(text: str, at: Scene) -> None:
    """For < <= > >= the instant is exact to the millisecond."""
    assume("==" not in text and "!=" not in text)
    asked = predicate(text)
    flip = asked.flip(at)
    if flip is not None:
        # a skipped day reaches its value with the next one, and days still ahead of a future order read as 0
        assert asked.test(later(at, flip)) is not asked.test(at)


@given(st.sampled_from(OPERATORS), st.sampled_from(sorted(LENGTHS)), st.integers(-DAY_MS, 20 * DAY_MS))
@example(">=", "36h", 0)
@example("==", "0s", 0)
def test_a_length_is_passed_to_the_millisecond(op: str, length: str, ago_ms: int) -> None:
    """The first later instant at which the comparison reads otherwise is that long after it happened, or one more."""
    at = scene(last_at={"view": NOON - timedelta(milliseconds=ago_ms)})
    began = at.now_ms - ago_ms
    asked = predicate(f'since("view") {op} {length}')
    truth = asked.test(at)
    # time that has not come yet reads as 0, so nothing changes before it has
    turns = sorted({began + 1, began + LENGTHS[length], began + LENGTHS[length] + 1})
    changed = next((ms for ms in turns if ms > at.now_ms and asked.test(later(at, ms)) is not truth), None)
    assert asked.flip(at) == changed


@given(st.sampled_from(OPERATORS), st.integers(0, 40), st.integers(0, 60), zones)
def test_days_in_a_tier_are_passed_at_the_very_midnight(op: str, days: int, stayed: int, zone: ZoneInfo) -> None:
    """Never late and never early, in whatever zone."""
    at = scene(zone=zone.key)
    at.entered = {"community": at.now_ms - stayed * DAY_MS}
    asked = predicate(f'tier_days("community") {op} {days}d')
    truth = asked.test(at)
    midnights = (at.days.start(at.today + n) * 1000 for n in range(1, 110))
    assert asked.flip(at) == next((m for m in midnights if asked.test(later(at, m)) is not truth), None)


def test_half_a_life_halves_activity() -> None:
    """From 16 to below 8 takes one half-life and a millisecond."""
    start = scene()
    flip = predicate("activity >= 8").flip(start)
    assert flip == start.now_ms + 30 * DAY_MS + 1
    assert predicate("activity < 16").flip(start) == start.now_ms + 1
    assert predicate("activity <= 8").flip(start) == start.now_ms + 30 * DAY_MS


def test_a_comparison_of_truths_flips_with_what_it_compares() -> None:
    """Not at midnight only: activity passes a value at any time of the day."""
    start = scene()
    expected = predicate("activity >= 15.9").flip(start)
    for text in (
        "(activity >= 15.9) == true",
        "super_user != (activity >= 15.9)",
        "(activity >= 15.9) in [super_user]",
    ):
        assert predicate(text).flip(start) == expected, text


def test_silence_flips_at_the_business_midnight() -> None:
    """Forty-five days after the day of the last order, when that day begins in the profile's zone."""
    start = scene(last_order_day=TODAY)
    expected = start.days.start(as_day(TODAY) + 45) * 1000
    assert predicate("recency_days >= 45").flip(start) == expected
    assert predicate("45 <= recency_days").flip(start) == expected
    assert predicate("recency_days > 44.5").flip(start) == expected
    assert predicate("recency_days >= 45").flip(later(start, expected)) is None


def test_a_whole_rhythm_late_is_told_at_the_business_midnight() -> None:
    """Every eight days is the rhythm: 2 is reached on the 16th day, 2.1 on the 17th."""
    start = scene(last_order_day=TODAY, rhythm_days=8.0)
    for text, day in (("overdue >= 2", 16), ("2 < overdue", 17), ("overdue >= 2.1", 17), ("overdue == 2", 16)):
        assert predicate(text).flip(start) == start.days.start(as_day(TODAY) + day) * 1000, text
    assert predicate("overdue == 2.1").flip(start) is None


@given(
    st.sampled_from(OPERATORS),
    st.integers(0, 400) | st.floats(0, 60),
    rhythms.filter(bool),
    st.integers(0, 90),
    st.booleans(),
)
@example("==", 1, 49.0, 0, True)  # 1 / 49 * 49 is not 1
@example(">=", 1, 49.0, 0, True)
@example(">", 1, 49.0, 0, True)
def test_overdue_flips_at_the_very_midnight(op: str, amount: float, rhythm: float, silent: int, on_a_day: bool) -> None:
    """Never late and never early: the first later day on which the comparison reads otherwise, whatever is rounded."""
    value = amount / rhythm if on_a_day else amount
    start = scene(last_order_day=TODAY - timedelta(days=silent), rhythm_days=rhythm)
    asked = predicate(f"overdue {op} {value!r}")
    truth = asked.test(start)
    midnights = (start.days.start(start.today + n) * 1000 for n in range(1, 3000))
    assert asked.flip(start) == next((m for m in midnights if asked.test(later(start, m)) is not truth), None) or (
        value * rhythm > 2900
    )


def test_every_wake_makes_progress() -> None:
    """Waking at each flip ends: even equality with a decaying number takes a handful of looks."""
    for text in (
        "activity == 8",
        "activity != 8",
        "recency_days == 45",
        "activity > 0",
        "activity >= 0",
        "overdue != 3",
    ):
        at, looks = scene(), 0
        asked = predicate(text)
        while (flip := asked.flip(at)) is not None and looks < 50:
            assert flip > at.now_ms
            at, looks = later(at, flip), looks + 1
        assert looks <= 6, text


def test_what_time_cannot_change_never_flips() -> None:
    """Neither a timeless condition, nor an unknown day, nor a value beyond the calendar."""
    assert not predicate('segment == "重要保持" and r > 1').timed
    assert predicate("recency_days > 3").flip(scene(last_order_day=None)) is None
    assert predicate("recency_days > 900000000000").flip(scene()) is None
    assert predicate("activity > 20").flip(scene()) is None
    assert predicate("activity > 3").flip(scene(half_life_days=0.0)) is None
    assert predicate("activity > 0.000001").flip(scene(half_life_days=900_000.0)) is None
    for unknown in (scene(rhythm_days=None), scene(last_order_day=None), scene(rhythm_days=0.0)):
        assert predicate("overdue > 3").flip(unknown) is None
        assert predicate("overdue * 2 > 3").flip(unknown) is None
    assert predicate("overdue > 900000000000").flip(scene()) is None
    assert predicate("overdue >= -1").flip(scene()) is None


@given(
    of(Profile),
    st.integers(0, 200 * 10**12),
    st.sampled_from(["recency_days", "overdue", "activity", "days_since_first_order", 'tier_days("other")']),
    st.sampled_from(OPERATORS),
    st.integers(-(10**15), 10**15) | st.floats(-(10**15), 10**15),
)
def test_any_customer_has_a_flip_ahead_or_none(
    customer: Profile, now_ms: int, name: str, op: str, value: float
) -> None:
    """However absurd the numbers of a profile are, an instant after now comes out, or none."""
    at = Scene(customer, now_ms, BusinessDays(ZoneInfo("Asia/Shanghai")), {}, began_ms=now_ms // 2)
    flip = predicate(f"{name} {op} {value!r}").flip(at)
    assert flip is None or flip > now_ms
