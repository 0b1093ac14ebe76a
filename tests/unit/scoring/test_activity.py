"""Decaying activity."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.decay import decay
from services.scoring.activity import Activity

DAY = 86_400.0
HALF = 30 * DAY
DEEDS = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 400 * DAY)), min_size=1, max_size=12)


def played(deeds: list[tuple[float, float]]) -> Activity:
    activity = Activity()
    for weight, at in deeds:
        activity.add(weight, at, HALF)
    return activity


@given(deeds=DEEDS, data=st.data(), later=st.floats(0, 1000 * DAY))
def test_activity_is_the_sum_whatever_the_order(
    deeds: list[tuple[float, float]], data: st.DataObject, later: float
) -> None:
    """In any order of arrival it equals Σ w·2^(−(t − tᵢ)/h) at every later instant, up to the rounding of floats."""
    t = max(at for _, at in deeds) + later
    expected = sum(weight * 2 ** (-(t - at) / HALF) for weight, at in deeds)
    activity = played(data.draw(st.permutations(deeds)))
    assert activity.value(t, HALF) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(a=st.floats(0, 1e9), b=st.floats(0, 1e9))
def test_decay_composes(a: float, b: float) -> None:
    """Fading for a and then for b is fading for a + b."""
    assert decay(a, HALF) * decay(b, HALF) == pytest.approx(decay(a + b, HALF), rel=1e-9, abs=1e-300)


@given(deeds=DEEDS, threshold=st.floats(1e-6, 500))
def test_the_crossing_instant_is_where_activity_meets_the_threshold(
    deeds: list[tuple[float, float]], threshold: float
) -> None:
    """Above just before, below just after; at once where it is not above even now."""
    activity = played(deeds)
    at = activity.falls_below(threshold, HALF)
    assert at is not None
    assert activity.at is not None
    if activity.score <= threshold:
        assert at == activity.at
        return
    assert at >= activity.at
    assert activity.value(at, HALF) == pytest.approx(threshold, rel=1e-6)
    assert activity.value(at + 60, HALF) < threshold


def test_half_is_left_after_one_half_life() -> None:
    """That is what a half-life is."""
    activity = played([(8.0, 0.0)])
    assert activity.value(HALF, HALF) == 4.0
    assert activity.falls_below(2.0, HALF) == 2 * HALF


def test_nobody_falls_below_nothing() -> None:
    """No crossing for a threshold of 0 or less, nor before the first interaction; and the value there is 0."""
    assert played([(8.0, 0.0)]).falls_below(0, HALF) is None
    assert Activity().falls_below(1, HALF) is None
    assert Activity().value(5, HALF) == 0


def test_a_very_old_deed_adds_nothing_and_breaks_nothing() -> None:
    """A thousand half-lives later the factor underflows to 0."""
    activity = played([(1.0, 3000 * HALF), (1.0, 0.0)])
    assert activity.score == 1.0
    assert math.isfinite(activity.value(1e12, HALF))
