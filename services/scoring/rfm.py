"""RFM: recency, frequency and money over the window, each scored 1 to 5, and the segments they make.

R is days from the last counting order to the as-of day, F the counting orders, M their net money less unlinked refunds.
Source of the model: Hughes, "Strategic Database Marketing" (1994). Without a counting order in the window all three are
1, nothing is high, and nobody is a super user.
"""

from typing import NamedTuple

import msgspec

from services.contracts.population import Cutoffs, Limits
from services.contracts.profile import Octant, RfSegment
from services.scoring.config import HighBy, Method, ScoringConfig
from services.scoring.thresholds import TOP, held, next_recency_change, passed, recency_score, rising_score


class Measures(NamedTuple):
    """What is scored. `recency` in days, None without a counting order in the window; `money` in minor units."""

    recency: int | None
    frequency: int
    money: int


class Scores(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Scores 1..5, for each whether it is high, and whether the customer is a super user."""

    r: int = 1
    f: int = 1
    m: int = 1
    r_high: bool = False
    f_high: bool = False
    m_high: bool = False
    super_user: bool = False
    known: bool = False
    """Whether there was anything to score: only then is there a score to hold on to."""

    @property
    def octant(self) -> Octant:
        return Octant.of(r_high=self.r_high, f_high=self.f_high, m_high=self.m_high)

    @property
    def rf_segment(self) -> RfSegment:
        return RfSegment.of(self.r, self.f)


NOTHING_SCORED = Scores()


def score(measures: Measures, config: ScoringConfig, cutoffs: Cutoffs | None, before: Scores) -> Scores:
    """The scores, with the population's cut-offs where there are any and the configuration asks for them.

    `before` are the scores the customer has: with hysteresis, and for super users, a score is left later than it is entered.
    """
    if measures.recency is None:
        return NOTHING_SCORED
    population = cutoffs if cutoffs is not None and cutoffs.customers else None
    if config.method is Method.QUANTILE and population is not None:
        r, f, m = _by_quantiles(measures, population, before)
    else:
        limits = config.thresholds
        r = recency_score(measures.recency, limits.r)
        f = rising_score(measures.frequency, limits.f)
        m = rising_score(measures.money, limits.m)
    high = _high(measures, (r, f, m), config, population)
    return Scores(r, f, m, *high, _super_user(measures, population, config, before), known=True)


def next_recency_day(last: int, today: int, config: ScoringConfig, cutoffs: Cutoffs | None) -> int | None:
    """The next day at which time alone changes R, or whether it is high, of one who ordered last on the day `last`."""
    if cutoffs is None or not cutoffs.customers:
        found = [next_recency_change(today - last, config.thresholds.r)]
    else:
        limits = cutoffs.recency
        by_quantiles = config.method is Method.QUANTILE
        cuts = {*limits.rises, *limits.falls} if by_quantiles else set(config.thresholds.r)
        if config.high.by in (HighBy.MEAN, HighBy.MEDIAN):
            # high means strictly below: the day on which it is reached counts as well as the one after
            border = limits.mean if config.high.by is HighBy.MEAN else limits.median
            cuts |= {border, border - 1}
        found = [next_recency_change(today - last, sorted(cuts))]
    return min((last + days for days in found if days is not None), default=None)


def _by_quantiles(measures: Measures, cutoffs: Cutoffs, before: Scores) -> tuple[int, int, int]:
    assert measures.recency is not None  # noqa: S101 - the caller knows
    return (
        TOP - _steps(measures.recency, cutoffs.recency, TOP - before.r if before.known else None),
        1 + _steps(measures.frequency, cutoffs.frequency, before.f - 1 if before.known else None),
        1 + _steps(measures.money, cutoffs.money, before.m - 1 if before.known else None),
    )


def _steps(value: int, limits: Limits, before: int | None) -> int:
    return passed(value, limits.cuts) if before is None else held(value, before, limits.rises, limits.falls)


def _high(
    measures: Measures, scores: tuple[int, int, int], config: ScoringConfig, cutoffs: Cutoffs | None
) -> tuple[bool, bool, bool]:
    high = config.high
    r, f, m = scores
    if cutoffs is None or high.by is HighBy.SCORE:
        return r >= high.r, f >= high.f, m >= high.m
    recency, frequency, money = cutoffs.recency, cutoffs.frequency, cutoffs.money
    assert measures.recency is not None  # noqa: S101 - the caller knows
    match high.by:
        case HighBy.MEAN:
            return (
                measures.recency < recency.mean,
                measures.frequency > frequency.mean,
                measures.money > money.mean,
            )
        case HighBy.MEDIAN:
            return (
                measures.recency < recency.median,
                measures.frequency > frequency.median,
                measures.money > money.median,
            )
        case HighBy.SCORE_MEAN:
            return r > recency.score_mean, f > frequency.score_mean, m > money.score_mean


def _super_user(measures: Measures, cutoffs: Cutoffs | None, config: ScoringConfig, before: Scores) -> bool:
    if cutoffs is None or config.super_user is None:
        return False
    limit = cutoffs.super_user_leave if before.super_user else cutoffs.super_user_enter
    return measures.money > limit
