"""Intervals of shares: as the textbooks have them, and never outside of what is possible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.rules.forecasting.proportions import Share, difference, share

counts = st.integers(1, 10_000).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole)))


@given(counts)
def test_an_interval_encloses_its_share(found: tuple[int, int]) -> None:
    """And lies within 0 and 1."""
    one = share(*found)
    assert one is not None
    assert 0 <= one.low <= one.value <= one.high <= 1
    assert one.value == found[0] / found[1]


@given(counts, st.integers(2, 50))
def test_more_cases_say_more(found: tuple[int, int], times: int) -> None:
    """The same share of many is surer than of few."""
    few, many = share(*found), share(found[0] * times, found[1] * times)
    assert few is not None
    assert many is not None
    assert many.high - many.low < few.high - few.low


@given(counts, counts)
def test_a_difference_is_the_other_way_round_from_the_other_side(one: tuple[int, int], other: tuple[int, int]) -> None:
    """It encloses its value too."""
    there, back = difference(share(*one), share(*other)), difference(share(*other), share(*one))
    assert there is not None
    assert back is not None
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))
    assert -1 <= there.low <= there.value <= there.high <= 1


def test_known_values() -> None:
    """81 of 263 as in Wilson's method by hand; the difference is Newcombe's own example, 56 of 70 against 48 of 80."""
    assert share(81, 263) == pytest.approx(Share(0.307985, 0.255268, 0.366214), abs=1e-4)
    assert share(0, 10) == pytest.approx(Share(0, 0, 0.277533), abs=1e-5)
    assert share(10, 10) == pytest.approx(Share(1, 0.722467, 1), abs=1e-5)
    assert difference(share(56, 70), share(48, 80)) == pytest.approx(Share(0.2, 0.0524, 0.3339), abs=1e-4)


def test_of_nothing_there_is_no_share() -> None:
    """Nor a difference."""
    assert share(0, 0) is None
    assert difference(share(0, 0), share(1, 2)) is None
