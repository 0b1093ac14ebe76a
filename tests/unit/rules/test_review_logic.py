"""What the review claims of conditions is so, whoever is asked; what is plain is claimed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.rules.language.terms import Feature, Value
from services.rules.language.tree import Not, Tree, features_of
from services.rules.review.clauses import part
from services.rules.review.domains import domain, is_whole
from services.rules.review.logic import MAX_CASES, both, certain, follows, possible
from services.rules.review.values import EVERYTHING, Values, compared, exactly, span
from tests.unit.rules.questions import CUSTOMERS, EXPRESSIONS, predicate_of

VALUES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-3, 3), st.sampled_from(["a", "b", "c"]))
SETS = st.recursive(
    st.one_of(
        VALUES.map(exactly),
        st.builds(compared, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.integers(-3, 3)),
        st.builds(compared, st.sampled_from(["==", "!="]), st.sampled_from(["a", "b", True])),
    ),
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        inner.map(lambda a: ~a),
    ),
    max_leaves=6,
)


def tree_of(text: str) -> Tree:
    return part(predicate_of(text))


def contains(values: Values, value: Value) -> bool:
    return bool(values & exactly(value))


@given(SETS, SETS, VALUES)
def test_sets_of_values_are_an_algebra(one: Values, other: Values, value: Value) -> None:
    """A value is in both, in either, or outside, as it is in each."""
    assert contains(one & other, value) is (contains(one, value) and contains(other, value))
    assert contains(one | other, value) is (contains(one, value) or contains(other, value))
    assert contains(~one, value) is not contains(one, value)
    assert not one & ~one
    assert (one | ~one) == EVERYTHING


@given(st.integers(-3, 3), st.integers(-3, 3), st.sampled_from([">", ">="]), st.sampled_from(["<", "<="]))
def test_whole_numbers_have_none_between(low: int, high: int, after: str, before: str) -> None:
    """Two open ends at neighbours leave nothing of whole numbers."""
    between = (Values(span(after, low)) & Values(span(before, high))).whole()
    inside = [n for n in range(-4, 5) if contains(compared(after, low), n) and contains(compared(before, high), n)]
    assert [n for n in range(-4, 5) if contains(between, n)] == inside
    assert bool(between) is bool(inside)


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS)
def test_what_never_or_always_holds_does_so_for_everybody(text: str) -> None:
    """Of all the customers at all edges none is an exception."""
    predicate = predicate_of(text)
    tree, answers = part(predicate), {predicate.test(customer) for customer in CUSTOMERS}
    if not possible(tree):
        assert answers == {False}, text
    if certain(tree):
        assert answers == {True}, text


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS, EXPRESSIONS)
def test_what_follows_holds_wherever_the_other_does(text: str, other: str) -> None:
    """And what cannot be together is not, of anybody."""
    one, two = predicate_of(text), predicate_of(other)
    if follows(part(one), part(two)):
        assert all(one.test(customer) for customer in CUSTOMERS if two.test(customer)), (text, other)
    if not possible(both(part(one), part(two))):
        assert not any(one.test(customer) and two.test(customer) for customer in CUSTOMERS), (text, other)


@given(EXPRESSIONS)
def test_what_features_are_is_within_what_they_can_be(text: str) -> None:
    """Nobody has a value that a feature is said not to have."""

    def within(feature: Feature) -> bool:
        values = domain(feature)
        known = (feature.read(customer) for customer in CUSTOMERS)
        return all(contains(values.whole() if is_whole(feature) else values, value) for value in known)

    assert all(within(feature) for feature in features_of(tree_of(text)))


@pytest.mark.parametrize(
    "text",
    [
        "r > 5",
        "r > 3 and r < 4",
        "1 <= f < 1",
        "recency_days < 0",
        "recency_days >= 45d and recency_days < 30d",
        "not (recency_days >= 0 or not recency_days >= 0)",
        'segment == "重要保持" and segment == "重要挽留"',
        'segment in ["重要保持", "重要挽留"] and segment not in ["重要保持", "重要挽留"]',
        "super_user and not super_user",
        'tagged("a") and tagged("a") == false',
        "discount_share > 1 or refund_share < 0%",
        "net_minor >= 500 CNY and net_minor >= 10 USD",
        'attr("x") == 3 and attr("x") == "3"',
        'since("view") < 1h and since("view") >= 2h',
        'event.kind == "view" and event.kind == "share"',
        'event.kind == "view" and event.type == "order.paid"',
        'event.amount_minor >= 5 CNY and event.touchpoint == "order"',
        'not (event.type != "order.paid" or event.type == "order.paid")',
        "net_minor / orders > 3 and not net_minor / orders > 3",
        "(r >= 4 or f >= 4) and r < 4 and f < 4",
        'count("view") < 0',
        'tier("community") == "外围" and tier("community") != "外围"',
    ],
)
def test_what_cannot_be_is_seen(text: str) -> None:
    """Each of these holds of nobody."""
    assert not possible(tree_of(text))


@pytest.mark.parametrize(
    "text",
    [
        "r >= 1",
        "r < 6",
        "orders >= 0",
        'count("view", "7d") >= 0',
        'segment != "重要保持" or segment == "重要保持"',
        "recency_days >= 0 or not recency_days >= 0",
        'not (tagged("a") and not tagged("a"))',
    ],
)
def test_what_is_always_so_is_seen(text: str) -> None:
    """Each of these holds of everybody."""
    assert certain(tree_of(text))


@pytest.mark.parametrize(
    "text",
    [
        "recency_days >= 0",  # unknown for whoever never ordered
        "recency_days < 3 or recency_days >= 3",
        "activity < 20 or activity >= 20 and r > 2",
        "net_minor < 0 CNY or net_minor >= 0 CNY",  # who pays in dollars
        'attr("x") != 3 or attr("x") == 3',
        'event.type != "order.paid" or event.type == "order.paid"',  # without an event
        "net_minor / orders > 3 or net_minor / orders <= 3",
        "3 < net_minor - orders < 2",
    ],
)
def test_what_may_be_is_not_called_certain_or_impossible(text: str) -> None:
    """Unknown values, other currencies and looks without an event are thought of."""
    assert not certain(tree_of(text))
    assert possible(tree_of(text))


@pytest.mark.parametrize(
    ("consequence", "condition", "so"),
    [
        ("recency_days >= 30", "recency_days >= 45", True),
        ("recency_days >= 45", "recency_days >= 30", False),
        ("r <= 2", "r < 3", True),
        ('segment != "重要保持"', 'segment == "重要挽留"', True),
        ("r >= 4 or f >= 4", "f == 5", True),
        ("net_minor >= 3 CNY", "net_minor >= 5 CNY", True),
        ("net_minor >= 3", "net_minor >= 5 CNY", True),
        ("net_minor >= 3 CNY", "net_minor >= 500", False),
        ('event.type == "interaction"', 'event.kind == "view"', True),
        ("not recency_days >= 30", "recency_days < 30", True),
        ("recency_days < 30", "not recency_days >= 30", False),
    ],
)
def test_what_follows_from_what(consequence: str, condition: str, so: bool) -> None:
    """Narrower conditions imply wider ones; unknown values are thought of."""
    assert follows(tree_of(consequence), tree_of(condition)) is so


def test_what_has_too_many_cases_is_left_alone() -> None:
    """Nothing is claimed of it, and nobody waits for it."""
    names = [f"t{i}" for i in range(12)]
    pairs = [tree_of(f'tagged("{name}") or attr("{name}") == 1 or attr("{name}") == 2') for name in names]
    assert 3 ** len(names) > MAX_CASES
    assert possible(both(*pairs))
    assert not certain(Not(both(*pairs)))
