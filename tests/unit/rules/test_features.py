"""The catalogue: every word of it reads any customer, each window reads its own, and time changes what it is said to."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.calendar import BusinessDays, to_ms
from services.contracts.profile import WINDOWS, Profile, Window, window_name
from services.rules.language.catalogue import CATALOGUE, catalogue_table
from services.rules.language.features import FEATURES
from services.rules.language.functions import FUNCTIONS
from services.rules.language.scene import DAY_MS, Scene
from services.rules.language.terms import BadArgumentError, Feature, Kind, Moves, Value
from tests.unit.contracts.strategies import of
from tests.unit.rules.customers import NOON, VOCABULARY, scene

NAMES = [window_name(days) for days in WINDOWS]
ARGUMENTS: dict[str, list[tuple[str, ...]]] = {
    "orders": [(name,) for name in (*NAMES, "lifetime")],
    "net_minor": [(name,) for name in (*NAMES, "lifetime")],
    "count": [("view",), *(("view", name) for name in (*NAMES, "lifetime"))],
    "tagged": [("vip",)],
    "attr": [("城市",)],
    "since": [("view",), ("order.paid",)],
    "tier": [("community",)],
    "tier_days": [("community",)],
}
TYPES: dict[Kind, tuple[type, ...]] = {
    Kind.NUMBER: (int, float),
    Kind.TEXT: (str,),
    Kind.BOOL: (bool,),
    Kind.LENGTH: (int,),
    Kind.ANY: (str, int, float),
}
some_windows = st.builds(
    Window, orders=st.integers(0, 99), net_minor=st.integers(-9999, 9999), counts=st.just({}) | st.just({"view": 3})
)


def bound(function: str, *arguments: str) -> Feature:
    return FUNCTIONS[function].bind(arguments, VOCABULARY)


def everything() -> list[Feature]:
    return [*FEATURES.values(), *(bound(name, *given) for name in FUNCTIONS for given in ARGUMENTS[name])]


def fits(feature: Feature, value: Value) -> bool:
    """Whether a value is one the catalogue announces."""
    if value is None:
        return True
    if isinstance(value, bool) and feature.kind is Kind.NUMBER:
        return False
    return isinstance(value, TYPES[feature.kind]) and (not feature.choices or value in feature.choices)


@given(of(Profile), st.integers(0, 200 * 10**12))
def test_every_word_reads_any_customer(customer: Profile, now_ms: int) -> None:
    """At any instant of the clock: a value of the type that is said, one of the choices, or unknown; and it never raises."""
    at = Scene(customer, now_ms, BusinessDays(ZoneInfo("Asia/Shanghai")), {})
    for feature in everything():
        assert fits(feature, feature.read(at)), feature.name


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, some_windows)), some_windows)
def test_a_window_reads_its_own(inside: dict[str, Window], lifetime: Window) -> None:
    """Orders, money and interactions, by whatever name the length is called; a kind without interactions counts 0."""
    customer = scene(windows=inside, lifetime=lifetime)
    same = {"7d": "1w", "30d": "720h", "90d": "7776000s", "365d": "365d", "lifetime": "lifetime"}
    for name, window in {**inside, "lifetime": lifetime}.items():
        for text in (name, same[name]):
            assert bound("orders", text).read(customer) == window.orders
            assert bound("net_minor", text).read(customer) == window.net_minor
            assert bound("count", "view", text).read(customer) == window.counts.get("view", 0)
    assert bound("count", "view").read(customer) == inside["365d"].counts.get("view", 0)


def test_the_window_of_rfm_is_another_thing() -> None:
    """Without brackets it is the deployment's own, a whole life included."""
    customer = scene(window_days=None, orders=9, windows={"30d": Window(orders=2)}, lifetime=Window(orders=9))
    assert (FEATURES["orders"].read(customer), bound("orders", "30d").read(customer)) == (9, 2)
    assert bound("orders", "90d").read(customer) is None


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("28d", " (did you mean 30d?)"),
        ("52w", " (did you mean 365d?)"),
        ("100d", " (did you mean 90d?)"),
        ("30", " (did you mean 30d?)"),
        ("lifetme", " (did you mean lifetime?)"),
        ("1m", ""),
        ("0s", ""),
        ("immer", ""),
    ],
)
@pytest.mark.parametrize("function", ["orders", "net_minor", "count"])
def test_another_window_is_refused_with_a_suggestion(function: str, text: str, hint: str) -> None:
    """The nearest length, or word, and all there are; the argument it is about is named."""
    before = ("view",) if function == "count" else ()
    with pytest.raises(BadArgumentError) as caught:
        bound(function, *before, text)
    assert caught.value.position == len(before)
    assert str(caught.value) == f"there is no window {text}{hint}; write 7d, 30d, 90d, 365d or lifetime"


@given(st.integers(0, 40_000), st.sampled_from("smhdw"))
def test_only_equal_lengths_are_windows(number: int, unit: str) -> None:
    """A length is taken if, and only if, it is one of the four to the second."""
    seconds = number * {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}[unit]
    if seconds in {days * 86_400 for days in WINDOWS}:
        assert bound("orders", f"{number}{unit}").moves is Moves.WINDOW
    else:
        with pytest.raises(BadArgumentError, match="there is no window"):
            bound("orders", f"{number}{unit}")


def test_only_what_ticks_changes_while_the_profile_stays() -> None:
    """A year later, under the same profile: the daily ones and activity read otherwise, nothing else does."""
    changes: dict[str, Any] = {
        "tags": ("vip",),
        "attributes": {"城市": "上海"},
        "last_at": {"view": NOON, "order.paid": NOON},
    }
    start = scene(**changes)
    start.began_ms = start.now_ms
    year_later = Scene(start.profile, to_ms(NOON) + 365 * DAY_MS, start.days, {}, began_ms=start.now_ms)
    for feature in everything():
        assert (feature.read(start) != feature.read(year_later)) is feature.moves.ticking, feature.name
        assert (feature.days is not None) is (feature.moves is Moves.DAILY), feature.name


def test_a_whole_life_loses_no_day() -> None:
    """What is counted over a life is not changed by time, what is counted in a window is."""
    for name in ("orders", "net_minor", "count"):
        *kind, _ = ARGUMENTS[name][-1]
        assert bound(name, *kind, "lifetime").moves is Moves.NEVER
        assert bound(name, *kind, "30d").moves is FUNCTIONS[name].moves is Moves.WINDOW


def test_the_catalogue_has_a_line_for_everything() -> None:
    """Each feature and each function, with what time does to it."""
    table = catalogue_table()
    assert len(CATALOGUE) == len(FEATURES) + len(FUNCTIONS) == table.count("\n") - 2
    assert all(f"| `{entry.name}` | {entry.type} |" in table for entry in CATALOGUE.values())
    assert [name for name, entry in CATALOGUE.items() if not entry.time_dependent] == [
        "lifetime_orders",
        "lifetime_net_minor",
        'tagged("tag")',
        'attr("name")',
    ]
