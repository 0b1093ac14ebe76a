"""RFM: recency, frequency and money over the window, each scored 1 to 5, and the octant they fall into.

R is days from the last counting order to the as-of day, F the counting orders, M their net money less unlinked refunds.
Source of the model: Hughes, "Strategic Database Marketing" (1994). Without a counting order in the window all three are 1.
"""

import msgspec

from services.contracts.profile import Octant
from services.scoring.config import ScoringConfig
from services.scoring.daylog import DayLog
from services.scoring.thresholds import next_recency_change, recency_score, rising_score


class Scores(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Scores 1..5, and for each whether it is high: at or above its cut-off in the configuration."""

    r: int = 1
    f: int = 1
    m: int = 1
    r_high: bool = False
    f_high: bool = False
    m_high: bool = False

    @property
    def octant(self) -> Octant:
        return Octant.of(r_high=self.r_high, f_high=self.f_high, m_high=self.m_high)


def score(log: DayLog, config: ScoringConfig) -> Scores:
    """The scores as of the day the log's window ends with."""
    last = log.last_order_day()
    r = f = m = 1
    if last is not None:
        limits = config.thresholds
        r = recency_score(log.end - last, limits.r)
        f = rising_score(log.orders.total, limits.f)
        m = rising_score(log.net.total, limits.m)
    high = config.high
    return Scores(r, f, m, r >= high.r, f >= high.f, m >= high.m)


def next_change(log: DayLog, config: ScoringConfig) -> int | None:
    """The next day at which time alone changes a score or a sum: a day leaves (or enters) the window, or R falls."""
    change = log.next_change()
    last = log.last_order_day()
    if last is not None:
        days = next_recency_change(log.end - last, config.thresholds.r)
        if days is not None and (change is None or last + days < change):
            change = last + days
    return change
