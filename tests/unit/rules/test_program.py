"""Conditions are asked in three ways: one function for all of them, a closure for each, and the tree read as it stands."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.contracts.calendar import BusinessDays, to_ms
from services.contracts.profile import Happening, Octant, Profile, RfSegment, Window
from services.rules.language.condition import Predicate, make_predicate
from services.rules.language.expression import compile_test
from services.rules.language.program import compile_mask
from services.rules.language.scene import Scene
from services.rules.language.syntax import parse_expression
from services.rules.language.terms import Kind, Vocabulary
from services.rules.language.tree import Comparison, Constant, Logic, Membership, Money, Not, Read, Tree
from services.runtime.problems import Place
from tests.unit.rules.customers import NOON, profile
from tests.unit.rules.generated import (
    KINDS,
    ZONES,
    easy_terms,
    event_terms,
    formulas,
    happenings,
    plain_terms,
    tier_terms,
    timed_terms,
)
from tests.unit.rules.reference import Item, Sight, truth

VOCABULARY = Vocabulary({"l0": ("t0", "t1", "t2")})
texts = formulas(st.one_of(plain_terms, timed_terms, event_terms, easy_terms, *tier_terms([("l0", ("t0", "t1"))])), 5)
odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, 1, 41, 1.0, 0.0, -0.0, 41.0, 1e308, -1e308, 5e-324]),
    st.sampled_from(["", "1", "41", "true", "None", "上海", "\u0000", "\ud800", "{f0}", "f0", "x" * 9999]),
    st.text(max_size=3),
)
huge = st.sampled_from([0, 1, -1, 500, 12_345, 10**15, -(10**15), 2**63])


@st.composite
def customers(draw: st.DrawFn) -> Profile:
    day = st.none() | st.integers(-2, 60).map(lambda n: NOON.date() - timedelta(days=n))
    changes: Mapping[str, Any] = {
        "r": draw(st.integers(1, 5)),
        "f": draw(st.integers(1, 5)),
        "m": draw(st.integers(1, 5)),
        "segment": draw(st.sampled_from(Octant)),
        "rf_segment": draw(st.sampled_from(RfSegment)),
        "super_user": draw(st.booleans()),
        "orders": draw(huge),
        "net_minor": draw(huge),
        "average_order_minor": draw(st.none() | huge),
        "lifetime": Window(orders=draw(huge), net_minor=draw(huge)),
        "windows": draw(
            st.sampled_from([{}, {"7d": Window(orders=2, net_minor=500, counts={"view": 3})}, {"365d": Window()}])
        ),
        "currency": draw(st.sampled_from(["CNY", "USD", "JPY", ""])),
        "rhythm_days": draw(st.sampled_from([None, 0.0, 0.3, 7.0, 1e308, 5e-324])),
        "last_order_day": draw(day),
        "first_order_day": draw(day),
        "activity": draw(st.sampled_from([0.0, -3.0, 4.25, 1e308, 5e-324])),
        "half_life_days": draw(st.sampled_from([0.0, 9.0])),
        "zone": draw(st.sampled_from(ZONES)),
        "tags": draw(st.sampled_from([(), ("vip",)])),
        "attributes": draw(st.dictionaries(st.sampled_from(["age", "城市"]), odd_values)),
        "last_at": draw(
            st.dictionaries(
                st.sampled_from([*KINDS, "order.paid"]), st.integers(-7 * 24, 30 * 24).map(lambda n: NOON - timedelta(hours=n))
            )
        ),
    }  # fmt: skip
    return profile(**changes)


@st.composite
def looks(draw: st.DrawFn) -> tuple[Scene, Sight]:
    """The same customer at the same instant, for the service and for the reference."""
    customer = draw(customers())
    now_ms = to_ms(NOON) + draw(st.integers(-30, 60)) * 3_600_000
    event: Happening | None = draw(st.none() | happenings)
    tiers = draw(st.sampled_from([{}, {"l0": "t1"}]))
    entered = {"l0": now_ms - draw(st.integers(0, 9)) * 86_400_000} if tiers else {}
    days = BusinessDays(ZoneInfo(customer.zone))
    scene = Scene(customer, now_ms, days, tiers, entered=entered, began_ms=now_ms - 1, event=event)
    return scene, Sight(customer, now_ms, event, tiers or {"l0": "t0"}, entered, now_ms - 1)


def predicate_of(text: str) -> Predicate:
    tree, problems = parse_expression(text, Place("f", 1, 1), VOCABULARY)
    assert not problems, problems
    return make_predicate(text, text, tree)


@settings(max_examples=100, deadline=None)
@given(st.lists(texts, min_size=1, max_size=8), st.lists(looks(), min_size=1, max_size=4))
@example(['attr("age") == 1', 'attr("age") == true', 'attr("age") != 1', 'attr("age") in [1, true]'], [])
def test_all_three_say_the_same(said: list[str], at: list[tuple[Scene, Sight]]) -> None:
    """Whatever is asked of whomever."""
    predicates = [predicate_of(text) for text in said]
    mask = compile_mask(list(enumerate(predicates)))
    for scene, sight in at:
        true = mask(scene)
        for i, (text, predicate) in enumerate(zip(said, predicates, strict=True)):
            assert predicate.tree is not None
            expected = Item(predicate.tree).holds(sight)
            assert bool(true >> i & 1) is predicate.test(scene) is expected, text
            assert compile_test(predicate.tree)(scene) is truth(predicate.tree, sight), text
        assert true < 1 << len(predicates)


@pytest.mark.parametrize("value", [1, True, 1.0, "1", None, 2**70, 0, False, "", "\ud800"])
@pytest.mark.parametrize(
    "text",
    ['attr("x") == 1', 'attr("x") == true', 'attr("x") == "1"', 'attr("x") != 1', 'attr("x") != "1"', 'attr("x") < 2',
     'attr("x") in [1, "1"]', 'attr("x") not in [1, "1"]', 'attr("x") == attr("x")', 'attr("x") + 1 == 2',
     'attr("x") == 1 CNY', '0 < attr("x") <= 1', 'attr("x") == super_user', 'not attr("x") == 1'],
)  # fmt: skip
def test_what_may_be_of_any_type_equals_its_own_only(text: str, value: Any) -> None:
    """1 is not yes, "1" is not 1, and with unknown nothing compares."""
    customer = profile(attributes={"x": value}, super_user=True)
    scene = Scene(customer, to_ms(NOON), BusinessDays(ZoneInfo(customer.zone)), {})
    predicate = predicate_of(text)
    assert predicate.tree is not None
    expected = truth(predicate.tree, Sight(customer, to_ms(NOON)))
    assert bool(compile_mask([(0, predicate)])(scene)) is predicate.test(scene) is expected


def test_more_conditions_than_one_function_holds() -> None:
    """Each keeps its bit, tables and plain ones alike, over several functions and with gaps between the bits."""
    said = [f"r == {i % 5 + 1}" if i % 2 else f"net_minor >= {i}" for i in range(700)]
    predicates = [predicate_of(text) for text in said]
    mask = compile_mask([(3 * i, predicate) for i, predicate in enumerate(predicates)])
    for r, net_minor in ((1, 0), (3, 350), (5, 10_000)):
        customer = profile(r=r, net_minor=net_minor)
        scene = Scene(customer, to_ms(NOON), BusinessDays(ZoneInfo(customer.zone)), {})
        assert mask(scene) == sum(1 << 3 * i for i, predicate in enumerate(predicates) if predicate.test(scene))


def test_nothing_anybody_wrote_is_ever_python() -> None:
    """Names, texts and numbers of a rule stand outside the function that is made of it."""
    for text in (
        'attr("); import os; (") == "__import__(\'os\')"',
        'tagged("f0 or True")',
        'segment == "重要保持" or attr("m |= 1") == "s.profile"',
        'attr("\\n    return -1") == "\\n"',
    ):
        assert compile_mask([(0, predicate_of(text))])(Scene(profile(tags=()), to_ms(NOON), BusinessDays(ZoneInfo("UTC")), {})) in {0, 1}  # fmt: skip


def test_two_features_are_never_taken_for_one() -> None:
    """A quote in the name of a kind makes no other argument of it."""
    customer = profile(windows={"7d": Window(counts={"custom:a": 1}), "365d": Window()})
    scene = Scene(customer, to_ms(NOON), BusinessDays(ZoneInfo("UTC")), {})
    said = ['count("custom:a", "7d") >= 1', "count('custom:a\", \"7d') >= 1"]
    predicates = [predicate_of(text) for text in said]
    assert [predicate.test(scene) for predicate in predicates] == [True, False]
    assert compile_mask(list(enumerate(predicates)))(scene) == 1


names = st.sampled_from(["r", "f", "net_minor", "super_user", "segment", "activity"])


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Trees that nobody would write: truths compared with truths, constants alone, chains of one sign."""
    from services.rules.language.features import FEATURES  # noqa: PLC0415 - for this alone

    feature = FEATURES[draw(names)]
    constants: dict[Kind, list[Any]] = {
        Kind.NUMBER: [0, 1, 2.5, -1, 10**15, 1e300],
        Kind.TEXT: ["重要保持", "", "1"],
        Kind.BOOL: [True, False],
    }
    constant = Constant(draw(st.sampled_from(constants[feature.kind])), feature.kind)
    equal = st.sampled_from(["==", "!="])
    sign = draw(st.sampled_from(["<", "<=", "==", "!=", ">", ">="]) if feature.kind is Kind.NUMBER else equal)
    pair = Comparison(Read(feature), ((sign, constant),))
    shapes: list[Tree] = [
        pair,
        Comparison(constant, ((sign, Read(feature)), (sign, Read(feature)))),
        Comparison(constant, ((sign, constant),)),
        Membership(Read(feature), (constant, Read(feature)), draw(st.booleans())),
        Membership(constant, (constant,), draw(st.booleans())),
        Comparison(pair, ((draw(equal), Constant(True, Kind.BOOL)),)),
        Comparison(pair, ((draw(equal), Not(pair)),)),
        Constant(draw(st.sampled_from([True, False])), Kind.BOOL),
        Logic(every=draw(st.booleans()), operands=(pair,)),
        Not(Logic(every=draw(st.booleans()), operands=(Not(pair), pair))),
    ]
    if feature.kind is Kind.NUMBER:
        shapes.append(Comparison(Read(feature), ((sign, Money(500, draw(st.sampled_from(["CNY", "USD"])))),)))
        shapes.append(Membership(Read(feature), (Money(1, "CNY"), constant), draw(st.booleans())))
    return draw(st.sampled_from(shapes))


@settings(max_examples=80, deadline=None)
@given(st.lists(trees(), min_size=1, max_size=6), looks())
def test_trees_that_nobody_writes_are_asked_alike(some: list[Tree], at: tuple[Scene, Sight]) -> None:
    """The three agree on every shape that a tree can have."""
    scene, sight = at
    predicates = [make_predicate(str(i), str(i), tree) for i, tree in enumerate(some)]
    true = compile_mask(list(enumerate(predicates)))(scene)
    for i, tree in enumerate(some):
        assert bool(true >> i & 1) is compile_test(tree)(scene) is truth(tree, sight), tree
