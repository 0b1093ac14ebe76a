"""The condition language: what holds, what is unknown, what is refused and how."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rules.language.condition import make_predicate
from services.rules.language.expression import compile_value
from services.rules.language.scene import Scene
from services.rules.language.syntax import parse_expression
from services.rules.language.terms import Vocabulary
from services.rules.language.tree import Not, Tree
from services.runtime.problems import Place
from tests.unit.rules.customers import VOCABULARY, scene, windows


def tree_of(text: str) -> Tree:
    tree, problems = parse_expression(text, Place("f", 1, 1), VOCABULARY)
    assert not problems, problems
    return tree


def holds(text: str, at: Scene) -> bool:
    return make_predicate(text, text, tree_of(text)).test(at)


def said(text: str) -> str:
    _, problems = parse_expression(text, Place("f", 1, 1), VOCABULARY)
    return "\n".join(map(str, sorted(problems)))


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("r == 3", True),
        ("1 < r <= 3", True),
        ("1 < r < 3", False),
        ("r > 1 and (f > 5 or m == 3)", True),
        ("not r > 1", False),
        ('segment == "重要保持"', True),
        ('segment in ["重要保持", "重要挽留"]', True),
        ('segment not in ["重要保持"]', False),
        ("recency_days == 10", True),
        ("days_since_first_order - recency_days == 90", True),
        ("-recency_days + 20 >= 10 * 1", True),
        ("net_minor / orders > 3000", True),
        ('tagged("vip")', True),
        ('tagged("vip") == false', False),
        ('count("view") == 7', True),
        ('count("view", "30d") >= 7 and count("share") == 0', True),
        ('orders == 4 and orders("30d") == 0 and orders("lifetime") == lifetime_orders', True),
        ('net_minor("1w") <= net_minor', True),
        ("super_user", False),
        ("not super_user and super_user == false", True),
        ('rf_segment in ["need_attention", "at_risk"]', True),
        ("refund_share < 0.1 and discount_share >= 0.25", True),
        ("average_order_minor > 3000 and rhythm_days < 30", True),
        ("overdue == 1.25", True),
        ("overdue * rhythm_days == recency_days", True),
        ('attr("城市") == "上海"', True),
        ('attr("age") >= 40', True),
        ('attr("age") == "41"', False),
        ('attr("age") == true', False),
        ('attr("gone") == "x"', False),
        ('attr("gone") != "x"', False),
        ('attr("age") + 1 == 42', True),
        ('attr("城市") + 1 > 0', False),
        ('tier("community") == "影响"', True),
        ("activity >= 16", True),
        ("  r > 1", True),
    ],
)
def test_conditions_hold_as_they_read(text: str, truth: bool) -> None:
    """The ordinary customer, with a tag, attributes and a tier."""
    customer = scene(
        tiers={"community": "影响"},
        tags=("vip",),
        attributes={"城市": "上海", "age": 41},
        windows=windows(view=7),
    )
    assert holds(text, customer) is truth


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("recency_days >= 0", False),
        ("recency_days < 0", False),
        ("recency_days != 3", False),
        ("recency_days not in [3]", False),
        ("not recency_days >= 45", True),
        ("recency_days + 1 > 0", False),
        ("days_since_first_order == 0", False),
        ("overdue < 9", False),
        ("not overdue >= 2", True),
    ],
)
def test_a_comparison_with_unknown_is_false(text: str, truth: bool) -> None:
    """Someone who never ordered has no recency; only `not` turns that into true."""
    assert holds(text, scene(last_order_day=None, first_order_day=None)) is truth


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("segmet == 3", "f:1:1: unknown_name: there is no feature segmet (did you mean segment?)"),
        ('segment == "重要保"', "f:1:12: unknown_value: segment is never 重要保 (did you mean 重要保持?)"),
        ('segment == "重要保持" and segmet', "f:1:23: unknown_name: there is no feature segmet (did you mean segment?)"),
        ("segment == 重要保持", 'f:1:12: unknown_name: there is no feature 重要保持; a text stands in quotes: "重要保持"'),
        ("recency_days = 45", "f:1:14: syntax: this is not a condition: = means nothing here; write == to compare"),
        ("r > 1 && f > 1", "f:1:7: syntax: this is not a condition: & means nothing here; write and"),
        ('r > "3"', 'f:1:5: type: r is a number, "3" is text; they never compare'),
        ('segment > "a"', "f:1:11: type: > compares numbers; write == or != for text"),
        ('attr("x") < "a"', "f:1:13: type: < compares numbers; write == or != for of any type"),
        ("r", "f:1:1: type: r is a number, not yes or no; compare it, such as r == 3"),
        ('attr("vip")', 'f:1:1: type: attr("vip") is of any type, not yes or no; compare it, such as attr("vip") == "text"'),
        ("1 < 2", "f:1:1: constant: this says nothing about a customer; name a feature"),
        ("tagged", 'f:1:1: bad_call: tagged needs an argument: tagged("tag")'),
        ("tagged(vip)", 'f:1:1: bad_call: write tagged("tag"), with quoted text in the brackets'),
        ("r(3) > 1", "f:1:1: bad_call: r takes no argument; write r alone"),
        ('taged("x")', "f:1:1: unknown_name: there is no function taged (did you mean tagged?)"),
        ('count("mesage") > 1', "f:1:7: unknown_value: there is no interaction kind mesage (did you mean message?)"),
        ('count("view", "28d") > 1', "f:1:15: unknown_value: there is no window 28d (did you mean 30d?); write 7d, 30d, 90d, 365d or lifetime"),
        ("orders() > 1", 'f:1:1: bad_call: write orders("30d"), with quoted text in the brackets'),
        ("net_minor(30) > 1", 'f:1:1: bad_call: write net_minor("30d"), with quoted text in the brackets'),
        ('overdue("30d") > 1', "f:1:1: bad_call: overdue takes no argument; write overdue alone"),
        ("count > 1", 'f:1:1: bad_call: count needs an argument: count("kind", "30d")'),
        ('rf_segment == "champion"', "f:1:15: unknown_value: rf_segment is never champion (did you mean champions?)"),
        ("rf_segment == at_risk", 'f:1:15: unknown_name: there is no feature at_risk; a text stands in quotes: "at_risk"'),
        ("super_user == 1", "f:1:15: type: super_user is yes or no, 1 is a number; they never compare"),
        ("activity > overdue", "f:1:12: not_supported: activity compares only with a value that time does not change"),
        ('tier("comunity") == "核心"', "f:1:6: unknown_value: there is no ladder comunity (did you mean community?)"),
        ('tier("community") == "core"', 'f:1:22: unknown_value: tier("community") is never core; one of 外围, 影响, 核心'),
        ("activity * 2 > 3", "f:1:1: not_supported: activity cannot be reckoned with; compare it with a value, such as activity >= 40"),
        ("activity > recency_days", "f:1:12: not_supported: activity compares only with a value that time does not change"),
        ("event.amount > 5", "f:1:1: unknown_name: there is no feature event.amount (did you mean event.amount_minor?)"),
        ("event > 5", "f:1:1: bad_call: event is not a value; name a part of it, such as event.kind"),
        ("event. > 5", "f:1:7: syntax: this is not a condition: behind event. stands what of it is meant"),
        ('event.kind == "vieww"', "f:1:15: unknown_value: there is no interaction kind vieww (did you mean view?)"),
        ('since("view") > 3', 'f:1:17: type: since("view") is a length of time, 3 is a number; write a unit, such as 36h'),
        ('since("order.payed") > 3h', "f:1:7: unknown_value: there is no kind or type of event order.payed (did you mean order.paid?)"),
        ("recency_days > 36h", "f:1:16: type: recency_days counts whole days; write 2d or 2"),
        ("r > 3 XYZ", "f:1:5: unknown_value: there is no currency XYZ; write a code such as CNY"),
        ("r > 45x", "f:1:5: syntax: 45x is no number; write a unit such as 45d, 36h, 30% or 500 CNY, or the number alone"),
        ("r in 3", "f:1:6: type: after in stands a list, such as [3]"),
        ("r is 3", "f:1:3: syntax: this is not a condition: is does not fit here; write =="),
        ("super_user is true", "f:1:12: syntax: this is not a condition: is does not fit here; write =="),
        ("r > 10000000000000000", "f:1:5: too_large: numbers reach up to 1,000,000,000,000,000"),
        ("r > 1e999", "f:1:5: too_large: numbers reach up to 1,000,000,000,000,000"),
        ("segment + 1 > 2", "f:1:1: type: segment is text; only numbers can be reckoned with"),
        ("__import__('os').system('x') == 1", "f:1:1: unknown_name: there is no function __import__"),
        ("[r for r in [1]] == 1", "f:1:1: syntax: this is not a condition: [ does not fit here"),
        ("(lambda: r)() > 1", "f:1:8: syntax: this is not a condition: : means nothing here"),
        ("r ** 9 > 1", "f:1:4: syntax: this is not a condition: * does not fit here"),
        ("r > None", "f:1:5: unknown_name: nothing equals unknown; write not (r >= 0) for those who have none"),
        ("recency_days > 2026-01-01", "f:1:16: type: 2026-01-01 is a date, and a date is no number; count days, such as recency_days >= 45"),
        ("r > 2026/11/11", "f:1:5: type: 2026/11/11 is a date, and a date is no number; count days, such as recency_days >= 45"),
        ("recency_days > 045", "f:1:16: syntax: 045 is no number; write 45 (a date is no number either)"),
        ("r > 00", "f:1:5: syntax: 00 is no number; write 0 (a date is no number either)"),
        ("net_minor / 0 > 1", "f:1:13: constant: nothing can be divided by 0"),
        ("net_minor / (0.0) > 1", "f:1:13: constant: nothing can be divided by 0"),
        ("net_minor / 0 CNY > 1", "f:1:13: constant: nothing can be divided by 0"),
        ('attr("") == 1', "f:1:6: unknown_value: nothing stands between the quotes"),
        ('count("view", " ") > 1', "f:1:15: unknown_value: nothing stands between the quotes"),
        ('count("custom:") > 1', "f:1:7: unknown_value: custom: needs a name, such as custom:tasting"),
        ('since("custom:") > 1d', "f:1:7: unknown_value: custom: needs a name, such as custom:tasting"),
        ('event.kind == "custom:"', "f:1:15: unknown_value: custom: needs a name, such as custom:tasting"),
        ("order >= 3", 'f:1:1: unknown_name: there is no feature order (did you mean orders?); a text stands in quotes: "order"'),
        ('r > 1 and segment is "x"', "f:1:19: syntax: this is not a condition: is does not fit here; write =="),
        ("r.__class__ == 1", "f:1:2: syntax: this is not a condition: there is nothing behind a dot but for event.…"),
        ("profile.r > 1", "f:1:8: syntax: this is not a condition: there is nothing behind a dot but for event.…; write r"),
        ("net_minor > 500 cny", "f:1:13: unknown_value: there is no currency cny; write CNY"),
        ("r > １", "f:1:5: syntax: this is not a condition: １ means nothing here; write it in half width"),
        ("r > 1 或 f > 2", "f:1:7: syntax: this is not a condition: 或 does not fit here; write or"),
        ("非 super_user", "f:1:1: syntax: this is not a condition: 非 does not fit here; write not"),
        ("super_user == True", "f:1:15: syntax: this is not a condition: True does not fit here; write true"),
        ("recency_days != null", "f:1:17: unknown_name: nothing equals unknown; write recency_days >= 0 for those who have one"),
        ('since("view") == None', 'f:1:18: unknown_name: nothing equals unknown; write not (since("view") >= 0s) for those who have none'),
        ('attr("x") == null', 'f:1:14: unknown_name: nothing equals unknown; write not (attr("x") == attr("x")) for those who have none'),
        ("null == r", "f:1:1: unknown_name: nothing equals unknown; write such as not (recency_days >= 0)"),
        ("discount_share > 30 % and r > 1", "f:1:21: syntax: this is not a condition: % means nothing here; write 30% without a blank"),
        ("orders % 2 == 0", "f:1:8: syntax: this is not a condition: % means nothing here; there is no remainder"),
        ("r " * 251, "f:1:1: too_long: a condition may have 500 characters; split it into several"),
    ],
)  # fmt: skip
def test_mistakes_are_said_with_place_and_hint(text: str, sentence: str) -> None:
    """The first sentence of each, exactly; columns count characters, not bytes."""
    assert said(text).splitlines()[0] == sentence


@pytest.mark.parametrize(
    "text",
    [
        'segment is "重要保持"',
        "r.__class__ == 1",
        "profile.r > 1",
        "attr('x') == null",
        "非 super_user",
        "recency_days 45",
    ],
)
def test_one_slip_is_one_sentence(text: str) -> None:
    """What follows from it is not told."""
    assert len(said(text).splitlines()) == 1


def test_a_fact_is_no_function_and_may_be_called_as_it_likes() -> None:
    """A word that others write by mistake is a name where somebody has defined it."""
    vocabulary = Vocabulary({}, {"regular": tree_of("orders >= 3"), "非": tree_of("r > 1")})
    _, problems = parse_expression('regular("30d")', Place("f", 1, 1), vocabulary)
    assert list(map(str, problems)) == ["f:1:1: bad_call: regular is a fact; write it without brackets"]
    assert parse_expression("not 非 and regular", Place("f", 1, 1), vocabulary)[1] == []


@pytest.mark.parametrize("known", [41, 0, -1, "上海", True])
def test_the_way_out_holds_for_those_who_have_none(known: str | float | bool) -> None:
    """Whoever is told to write it gets what was meant."""
    text = 'not (attr("x") == attr("x"))'
    assert holds(text, scene())
    assert not holds(text, scene(attributes={"x": known}))


def test_nesting_is_bounded() -> None:
    """Twenty levels are enough for a person."""
    assert "too_deep: more than 20 levels in one condition" in said("not " * 25 + "r > 1")
    assert said("(" * 240 + "r > 1" + ")" * 240)


@given(st.text(alphabet="rfm activity_days<>=!()[]\"'.,+-*/0123456789andornotin重要", max_size=60))
def test_whatever_is_accepted_can_be_asked(text: str) -> None:
    """An accepted condition gives true or false for anybody, known or unknown, and never raises."""
    tree, problems = parse_expression(text, Place("f", 1, 1), VOCABULARY)
    if not problems:
        predicate = make_predicate(text, text, tree)
        for customer in (scene(), scene(last_order_day=None, first_order_day=None, orders=0, activity=0.0)):
            assert predicate.test(customer) in {True, False}
            predicate.flip(customer)
            assert predicate.verdict(customer).holds is predicate.test(customer)


numbers = st.one_of(st.integers(-9, 9), st.floats(-9, 9, allow_nan=False).map(lambda x: round(x, 2)))
arithmetic = st.recursive(
    st.one_of(st.sampled_from(["r", "f", "m", "orders", "recency_days"]), numbers.map(str)),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
    max_leaves=6,
)
comparisons = st.tuples(arithmetic, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), arithmetic).map(" ".join)
formulas = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda t: f"(not {t})"),
    ),
    max_leaves=5,
)


@given(formulas, st.integers(1, 5), st.integers(1, 5), st.integers(0, 20))
def test_a_condition_agrees_with_python(text: str, r: int, f: int, orders: int) -> None:
    """Where every value is known, a condition means what the same text means in Python."""
    names: dict[str, Any] = {"r": r, "f": f, "m": 3, "orders": orders, "recency_days": 10}
    tree, problems = parse_expression(text, Place("f", 1, 1), VOCABULARY)
    if problems:
        assert {problem.code for problem in problems} <= {"constant", "too_long"}
        return
    try:
        expected = eval(text, {}, names)  # noqa: S307 - text of our own making
    except ZeroDivisionError:
        return
    assert make_predicate(text, text, tree).test(scene(r=r, f=f, orders=orders)) is expected


def test_arithmetic_out_of_range_is_unknown() -> None:
    """Neither infinity nor an overflow gets into a comparison."""
    half = " * ".join(["net_minor"] * 12)
    product = f"({half}) * ({half})"
    huge = scene(net_minor=10**15)
    assert not holds(f"({product}) / 3.0 > 1", huge)
    assert not holds(f"0.1 * ({product}) > 1", huge)
    assert compile_value(tree_of("r > 1"))(huge) is True


def test_a_verdict_shows_what_was_seen() -> None:
    """Every feature of the condition with its value; long fractions rounded."""
    text = 'not (activity >= 40 or tagged("vip"))'
    verdict = make_predicate(text, text, tree_of(text)).verdict(scene(activity=1 / 3))
    assert verdict.condition == text
    assert verdict.holds
    assert verdict.actual == {"activity": 0.333333, 'tagged("vip")': False}
    assert isinstance(tree_of(text), Not)
