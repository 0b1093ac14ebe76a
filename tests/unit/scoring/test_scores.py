"""Thresholds, scores and octants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.profile import Octant
from services.scoring import rfm
from services.scoring.config import High, ScoringConfig, Thresholds
from services.scoring.daylog import DayLog
from services.scoring.thresholds import next_recency_change, recency_score, rising_score

LIMITS = (14, 30, 90, 180)


@pytest.mark.parametrize(
    ("days", "score"), [(0, 5), (14, 5), (15, 4), (30, 4), (31, 3), (90, 3), (91, 2), (180, 2), (181, 1), (9999, 1)]
)
def test_recency_scores_fall_just_beyond_each_limit(days: int, score: int) -> None:
    """A limit of 14 days still scores 5."""
    assert recency_score(days, LIMITS) == score


@pytest.mark.parametrize(("value", "score"), [(-5, 1), (0, 1), (13, 1), (14, 2), (29, 2), (30, 3), (90, 4), (180, 5)])
def test_rising_scores_rise_with_each_limit(value: int, score: int) -> None:
    """A limit of 14 already scores 2."""
    assert rising_score(value, LIMITS) == score


@given(days=st.integers(0, 300), limits=st.lists(st.integers(0, 250), min_size=4, max_size=4, unique=True).map(sorted))
def test_recency_stays_until_its_next_change(days: int, limits: list[int]) -> None:
    """The day named is the first on which the score differs; without one it is 1 for good."""
    four = tuple(limits)
    change = next_recency_change(days, four)
    if change is None:
        assert recency_score(days, four) == 1
        return
    assert change > days
    assert recency_score(change - 1, four) == recency_score(days, four)
    assert recency_score(change, four) == recency_score(days, four) - 1


def test_without_an_order_in_the_window_all_scores_are_1() -> None:
    """Also for a customer who once bought, and whatever the thresholds."""
    log = DayLog(1000, 365)
    log.add_order(600, 50, 10**9)
    config = ScoringConfig(thresholds=Thresholds(f=(0, 1, 2, 3), m=(0, 1, 2, 3)))
    assert rfm.score(log, config) == rfm.Scores(1, 1, 1)


def test_scores_come_from_the_window() -> None:
    """Last order 20 days ago, three orders, 600 yuan."""
    log = DayLog(1000, 365)
    for day in (700, 900, 980):
        log.add_order(day, 1, 20_000)
    scores = rfm.score(log, ScoringConfig())
    assert (scores.r, scores.f, scores.m) == (4, 3, 3)
    assert scores.octant is Octant.GENERAL_DEVELOP


@pytest.mark.parametrize(
    ("high", "octant"),
    [
        (High(r=1, f=1, m=1), Octant.CHAMPION),
        (High(r=6, f=1, m=1), Octant.KEEP),
        (High(r=1, f=6, m=1), Octant.DEVELOP),
        (High(r=1, f=1, m=6), Octant.GENERAL_VALUE),
        (High(r=6, f=6, m=6), Octant.GENERAL_RETAIN),
    ],
)
def test_what_is_high_is_configured_per_dimension(high: High, octant: Octant) -> None:
    """1 means always, 6 never."""
    assert rfm.score(DayLog(0, 365), ScoringConfig(high=high)).octant is octant


def test_the_next_change_is_the_sooner_of_window_and_recency() -> None:
    """Recency falls 15 days after the order, unless another order leaves the window first."""
    log = DayLog(1000, 365)
    assert rfm.next_change(log, ScoringConfig()) is None
    log.add_order(1000, 1, 100)
    assert rfm.next_change(log, ScoringConfig()) == 1015
    log.add_order(640, 1, 100)
    assert rfm.next_change(log, ScoringConfig()) == 1005
