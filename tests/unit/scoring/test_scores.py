"""Thresholds, scores and octants."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.population import Cutoffs, Limits
from services.contracts.profile import Octant, RfSegment
from services.scoring import rfm
from services.scoring.config import High, HighBy, ScoringConfig, Thresholds
from services.scoring.rfm import Measures, Scores
from services.scoring.thresholds import held, next_recency_change, passed, recency_score, rising_score

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

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
    """Whatever the thresholds, and whatever is high."""
    config = ScoringConfig(
        thresholds=Thresholds(f=(0, 1, 2, 3), m=(0, 1, 2, 3)), high=High(by=HighBy.SCORE, r=1, f=1, m=1)
    )
    found = rfm.score(Measures(None, 0, 10**9), config, None, Scores())
    assert (found, found.octant) == (Scores(), Octant.GENERAL_RETAIN)


def test_fixed_scores_come_from_the_thresholds() -> None:
    """Last order 20 days ago, three orders, 600 yuan."""
    scores = rfm.score(Measures(20, 3, 60_000), ScoringConfig(), None, Scores())
    assert (scores.r, scores.f, scores.m) == (4, 3, 3)
    assert (scores.octant, scores.rf_segment) == (Octant.GENERAL_DEVELOP, RfSegment.POTENTIAL_LOYALISTS)


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
    assert rfm.score(Measures(400, 1, 0), ScoringConfig(high=high), None, Scores()).octant is octant


LIMIT = Limits(
    cuts=(1.0, 2.0, 3.0, 4.0),
    rises=(1.0, 2.0, 3.0, 4.0),
    falls=(1.0, 2.0, 3.0, 4.0),
    mean=2.5,
    median=2.0,
    score_mean=3.0,
)
POPULATION = Cutoffs(
    version="v",
    epoch=EPOCH,
    zone="UTC",
    customers=10,
    reported=1,
    partitions=1,
    recency=LIMIT,
    frequency=LIMIT,
    money=LIMIT,
    super_user_enter=4.0,
    super_user_leave=3.0,
)


@pytest.mark.parametrize(
    ("by", "values", "octant"),
    [
        ("mean", (2, 3, 3), Octant.CHAMPION),
        ("mean", (3, 2, 2), Octant.GENERAL_RETAIN),
        ("median", (1, 3, 3), Octant.CHAMPION),
        ("median", (2, 2, 3), Octant.RETAIN),
        ("score_mean", (2, 3, 4), Octant.DEVELOP),
        ("score_mean", (1, 4, 2), Octant.GENERAL_VALUE),
        ("score", (2, 4, 4), Octant.CHAMPION),
    ],
)
def test_what_is_high_may_depend_on_the_population(by: str, values: tuple[int, int, int], octant: Octant) -> None:
    """Beyond the mean, the median or the mean score, strictly; a low recency is a high one."""
    config = ScoringConfig.model_validate({"method": "quantile", "high": {"by": by}})
    assert rfm.score(Measures(*values), config, POPULATION, Scores()).octant is octant


def test_before_anybody_was_counted_fixed_thresholds_serve() -> None:
    """The first hours of a deployment are scored as well."""
    config = ScoringConfig.model_validate({"method": "quantile", "high": {"by": "mean"}})
    nobody = msgspec.structs.replace(POPULATION, customers=0)
    fixed = rfm.score(Measures(20, 3, 60_000), ScoringConfig(), None, Scores())
    for cutoffs in (None, nobody):
        assert rfm.score(Measures(20, 3, 60_000), config, cutoffs, Scores()) == fixed


@given(value=st.integers(0, 8), before=st.integers(0, 4), width=st.floats(0, 0.9))
def test_hysteresis_holds_a_score_between_its_edges(value: int, before: int, width: float) -> None:
    """Whoever is beyond both edges is scored as without; whoever is between them keeps what was."""
    cuts = (1.5, 3.5, 5.5, 6.5)
    rises, falls = tuple(cut + width for cut in cuts), tuple(cut - width for cut in cuts)
    got = held(value, before, rises, falls)
    assert passed(value, rises) <= got <= passed(value, falls)
    assert held(value, got, rises, falls) == got
    if passed(value, rises) == passed(value, falls):
        assert got == passed(value, cuts)
    if passed(value, rises) <= before <= passed(value, falls):
        assert got == before


@given(
    last=st.integers(0, 5),
    method=st.sampled_from(["fixed", "quantile"]),
    by=st.sampled_from(list(HighBy)),
    population=st.booleans(),
)
def test_recency_and_what_is_high_of_it_stay_until_the_day_named(
    last: int, method: str, by: HighBy, population: bool
) -> None:
    """Between two days named nothing changes, so nobody need look."""
    config = ScoringConfig.model_validate({"method": method, "high": {"by": by}, "thresholds": {"r": [1, 3, 4, 9]}})
    cutoffs = POPULATION if population else None

    def seen(today: int) -> tuple[int, bool]:
        scores = rfm.score(Measures(today, 1, 1), config, cutoffs, Scores())
        return scores.r, scores.r_high

    change = rfm.next_recency_day(0, last, config, cutoffs)
    for today in range(last + 1, 20 if change is None else change):
        assert seen(today) == seen(last)
    assert change is None or change > last


def test_the_ten_segments_of_recency_and_frequency() -> None:
    """The usual map; each cell belongs to one of them."""
    rows = {
        5: ("new_customers", "potential_loyalists", "potential_loyalists", "champions", "champions"),
        4: ("promising", "potential_loyalists", "potential_loyalists", "loyal_customers", "loyal_customers"),
        3: ("about_to_sleep", "about_to_sleep", "need_attention", "loyal_customers", "loyal_customers"),
        2: ("hibernating", "hibernating", "at_risk", "at_risk", "cant_lose"),
        1: ("hibernating", "hibernating", "at_risk", "at_risk", "cant_lose"),
    }
    for r, names in rows.items():
        assert tuple(RfSegment.of(r, f) for f in range(1, 6)) == names
    assert {name for names in rows.values() for name in names} == set(RfSegment)
