"""The control group is drawn by hash: evenly, for ever, and apart from every other draw."""

from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.policy.holdout import held_out

CUSTOMERS = [f"客户-{number}" for number in range(20_000)]
DRAWN = ["客户-14", "客户-104", "客户-137", "客户-155", "客户-192", "客户-288"]
"""Of the first three hundred, those of the group 2026 with a share of 2 %."""


def group(name: str, share: float) -> set[str]:
    return {customer for customer in CUSTOMERS if held_out(name, share, customer)}


@pytest.mark.parametrize("share", [0.001, 0.02, 0.1, 0.5, 0.9])
def test_the_share_is_kept(share: float) -> None:
    """Of 20,000 customers as many are drawn as chance allows: within five standard deviations."""
    expected = share * len(CUSTOMERS)
    assert abs(len(group("2026", share)) - expected) <= 5 * sqrt(expected * (1 - share))


def test_the_draw_is_even() -> None:
    """The twentieths into which customers fall are of one size: chi squared with 19 degrees of freedom, p > 0.0001."""
    below = [len(group("2026", twentieths / 20)) for twentieths in range(1, 20)]
    sizes = [after - before for before, after in pairwise([0, *below, len(CUSTOMERS)])]
    expected = len(CUSTOMERS) / len(sizes)
    assert sum((size - expected) ** 2 / expected for size in sizes) < 50.8


@given(st.text(min_size=1, max_size=20), st.floats(0, 1), st.floats(0, 1))
def test_who_is_of_a_group_stays_in_the_larger(customer: str, one: float, other: float) -> None:
    """A larger share takes in more customers and lets nobody go."""
    small, large = sorted((one, other))
    assert held_out("2026", large, customer) or not held_out("2026", small, customer)


def test_another_name_is_another_draw() -> None:
    """Two groups of a tenth share about a hundredth of the customers, as independent draws do."""
    both = group("2026", 0.1) & group("2027", 0.1)
    assert 140 < len(both) < 260


def test_the_draw_never_changes() -> None:
    """Who was drawn in one release is drawn in the next."""
    assert sorted(group("2026", 0.02) & set(CUSTOMERS[:300])) == sorted(DRAWN)
