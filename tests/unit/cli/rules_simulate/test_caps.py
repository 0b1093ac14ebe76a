"""Limits per customer: what would have been held back."""

from hypothesis import given
from hypothesis import strategies as st

from services.cli.rules.forecasting.caps import WEEK, Caps, Limits, LimitsOf, limits_of, unless_said, worded
from services.contracts.channels import Category
from services.notifier.policy.models import Policy

days = st.lists(st.integers(0, 30), max_size=40).map(sorted)
limits = st.builds(Limits, st.none() | st.integers(0, 3), st.none() | st.integers(0, 6))
NEVER_SO_MANY = 99


def of_marketing(limit: Limits) -> LimitsOf:
    return {Category.MARKETING: limit}


@given(days, limits)
def test_what_passes_keeps_the_limits(found: list[int], limit: Limits) -> None:
    """On every day and on any seven of them; and nothing is held back that would have fitted."""
    caps = Caps(of_marketing(limit))
    most_a_day, most_a_week = (NEVER_SO_MANY if most is None else most for most in (limit.day, limit.week))
    passed: list[int] = []
    for day in found:
        window = [other for other in passed if day - WEEK < other <= day]
        fits = passed.count(day) < most_a_day and len(window) < most_a_week
        assert caps.send("客户", Category.MARKETING, day) is fits
        if fits:
            passed.append(day)
    assert all(passed.count(day) <= most_a_day for day in passed)
    assert all(sum(day <= other < day + WEEK for other in passed) <= most_a_week for day in range(31))
    assert caps.total == len(found) - len(passed)


@given(days, days)
def test_customers_and_categories_are_counted_apart(ours: list[int], theirs: list[int]) -> None:
    """However they come among each other."""
    together, alone = Caps(unless_said()), [Caps(unless_said()), Caps(unless_said())]
    for day, whose in sorted([(day, 0) for day in ours] + [(day, 1) for day in theirs]):
        together.send(("甲", "乙")[whose], Category.MARKETING, day)
        together.send("甲", Category.SERVICE, day)
        alone[whose].send("甲", Category.MARKETING, day)
    assert together.by_day[Category.MARKETING] == sum(caps.by_day[Category.MARKETING] for caps in alone)
    assert together.by_week[Category.MARKETING] == sum(caps.by_week[Category.MARKETING] for caps in alone)


def test_transactional_messages_know_no_limit() -> None:
    """Nor does what is not counted appear in the sums, though it takes its place."""
    caps = Caps(of_marketing(Limits(1, 3)))
    assert all(caps.send("甲", Category.TRANSACTIONAL, 1) for _ in range(9))
    assert caps.send("甲", Category.MARKETING, 1, counted=False)
    assert not caps.send("甲", Category.MARKETING, 1, counted=False)
    assert caps.total == 0
    assert not caps.send("甲", Category.MARKETING, 1)
    assert (caps.by_day[Category.MARKETING], caps.total) == (1, 1)


def test_they_are_those_of_the_policy() -> None:
    """Each category has its own; what is said for all stands for those of every category that has any."""
    policy = Policy.model_validate({"caps": {"marketing": {"day": 2, "week": "none"}}})
    found = limits_of(policy)
    assert found == {Category.MARKETING: Limits(2, None), Category.SERVICE: Limits(3, 10)}
    assert worded(found) == "marketing 2 a day and any number in 7 days, service 3 a day and 10 in 7 days"
    assert limits_of(policy, 1, 4) == dict.fromkeys((Category.MARKETING, Category.SERVICE), Limits(1, 4))
    assert unless_said()[Category.MARKETING] == Limits(1, 3)
