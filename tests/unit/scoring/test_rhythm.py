"""The shrunk median gap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scoring.rhythm import rhythm

DAYS = st.lists(st.integers(0, 400), min_size=3, max_size=40, unique=True).map(sorted)


@pytest.mark.parametrize(
    ("days", "expected"), [([], None), ([1, 9], None), ([0, 10, 20], 22.0), ([0, 10, 20, 90], 20.0)]
)
def test_from_the_third_purchase_day_on(days: list[int], expected: float | None) -> None:
    """Two gaps of 10 weigh two fifths against a prior of 30 that weighs three."""
    assert rhythm(days, 30.0, 3.0) == expected


@given(days=DAYS, prior=st.floats(1, 400), weight=st.floats(0, 100))
def test_it_lies_between_the_median_and_the_prior(days: list[int], prior: float, weight: float) -> None:
    """Shrinking moves it towards the prior and never beyond."""
    own, shrunk = rhythm(days, prior, 0), rhythm(days, prior, weight)
    assert own is not None
    assert shrunk is not None
    assert min(own, prior) - 1e-9 <= shrunk <= max(own, prior) + 1e-9
