"""Limits per customer: what would have been held back."""

from hypothesis import given
from hypothesis import strategies as st

from services.cli.rules.forecasting.caps import WEEK, Caps, Limits
from services.contracts.channels import Category

days = st.lists(st.integers(0, 30), max_size=40).map(sorted)
limits = st.builds(Limits, st.integers(0, 3), st.integers(0, 6))


@given(days, limits)
def test_what_passes_keeps_the_limits(found: list[int], limit: Limits) -> None:
    """On every day and on any seven of them; and nothing is held back that would have fitted."""
    caps = Caps(limit)
    passed: list[int] = []
    for day in found:
        window = [other for other in passed if day - WEEK < other <= day]
        fits = passed.count(day) < limit.day and len(window) < limit.week
        assert caps.send("客户", Category.MARKETING, day) is fits
        if fits:
            passed.append(day)
    assert all(passed.count(day) <= limit.day for day in passed)
    assert all(sum(day <= other < day + WEEK for other in passed) <= limit.week for day in range(31))
    assert caps.total == len(found) - len(passed)


@given(days, days)
def test_customers_and_categories_are_counted_apart(ours: list[int], theirs: list[int]) -> None:
    """However they come among each other."""
    together, alone = Caps(Limits()), [Caps(Limits()), Caps(Limits())]
    for day, whose in sorted([(day, 0) for day in ours] + [(day, 1) for day in theirs]):
        together.send(("甲", "乙")[whose], Category.MARKETING, day)
        together.send("甲", Category.SERVICE, day)
        alone[whose].send("甲", Category.MARKETING, day)
    assert together.by_day[Category.MARKETING] == sum(caps.by_day[Category.MARKETING] for caps in alone)
    assert together.by_week[Category.MARKETING] == sum(caps.by_week[Category.MARKETING] for caps in alone)


def test_transactional_messages_know_no_limit() -> None:
    """Nor does what is not counted appear in the sums, though it takes its place."""
    caps = Caps(Limits(1, 3))
    assert all(caps.send("甲", Category.TRANSACTIONAL, 1) for _ in range(9))
    assert caps.send("甲", Category.MARKETING, 1, counted=False)
    assert not caps.send("甲", Category.MARKETING, 1, counted=False)
    assert caps.total == 0
    assert not caps.send("甲", Category.MARKETING, 1)
    assert (caps.by_day[Category.MARKETING], caps.total) == (1, 1)
