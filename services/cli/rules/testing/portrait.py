"""What follows from the features that a test names: the scores and the amounts that it leaves out.

Whoever is said to have ordered nothing, and of whom nothing is said that only a buyer can have, has never ordered. Of all
others what is not said is made to fit what is, by the thresholds of the scoring file.
"""

from itertools import product
from typing import NamedTuple

from services.cli.rules.testing.sketch import LIFETIME, Sketch
from services.contracts.profile import Octant, RfSegment
from services.scoring.config import ScoringConfig
from services.scoring.thresholds import TOP, recency_score, rising_score

_SCORES = range(1, TOP + 1)
_USUAL_MINOR = 10_000
"""Net money of an order of which nothing else is known."""


class Scores(NamedTuple):
    r: int
    f: int
    m: int


class Measured(NamedTuple):
    """What scores are made of; None where nothing is known of it. `recency` in days, `money` in minor units."""

    recency: int | None
    orders: int | None
    money: int | None


def octant(scores: Scores, config: ScoringConfig) -> Octant:
    """By scores alone: there is nobody to be compared with."""
    high = config.high
    return Octant.of(r_high=scores.r >= high.r, f_high=scores.f >= high.f, m_high=scores.m >= high.m)


def is_buyer(sketch: Sketch) -> bool:
    """Whether the test says anything that only somebody has who ordered within the window; when that was it does not say."""
    octants = {None, Octant.GENERAL_RETAIN}
    spans = [span for name, span in sketch.windows.items() if name != LIFETIME]
    return bool(
        sketch.orders
        or sketch.net_minor
        or sketch.average_order_minor
        or sketch.overdue
        or sketch.rhythm_days
        or sketch.super_user
        or sketch.discount_share is not None
        or sketch.refund_share is not None
        or max(sketch.r or 1, sketch.f or 1, sketch.m or 1) > 1
        or sketch.segment not in octants
        or sketch.rf_segment not in {None, RfSegment.HIBERNATING}
        or any(span.orders or span.net_minor for span in spans)
        or (not sketch.says("orders") and is_known_buyer(sketch))
    )


def is_known_buyer(sketch: Sketch) -> bool:
    """Whether the test says anything that only somebody has who ever ordered."""
    life = sketch.windows.get(LIFETIME)
    return bool(
        sketch.lifetime_orders
        or sketch.lifetime_net_minor
        or sketch.days_since_first_order is not None
        or "order.paid" in sketch.since
        or (life is not None and (life.orders or life.net_minor))
    )


def scores(sketch: Sketch, wanted: Scores, config: ScoringConfig) -> Scores:
    """The scores nearest to those `wanted` that are what the test says, and lead to the segments it says if any do."""
    found = [Scores(*triple) for triple in product(_SCORES, repeat=3)]
    for name in ("r", "f", "m"):
        said = getattr(sketch, name)
        if said is not None:
            found = [each for each in found if getattr(each, name) == said]
    if sketch.segment is not None:
        found = [each for each in found if octant(each, config) is sketch.segment] or found
    if sketch.rf_segment is not None:
        found = [each for each in found if RfSegment.of(each.r, each.f) is sketch.rf_segment] or found
    return min(found, key=lambda each: sum(abs(a - b) for a, b in zip(each, wanted, strict=True)))


def wanted(sketch: Sketch, measured: Measured, config: ScoringConfig) -> Scores:
    """The scores by what is measured; where nothing is, far on the side of the segment, or else recent, and by one order."""
    limits, segment = config.thresholds, sketch.segment
    digits = (True, False, False) if segment is None else _HIGH[segment]
    r, f, m = (TOP if high else 1 for high in digits)
    if measured.recency is not None:
        r = recency_score(measured.recency, limits.r)
    if measured.orders is not None:
        f = rising_score(measured.orders, limits.f)
    if measured.money is not None:
        m = rising_score(measured.money, limits.m)
    elif segment is None and not sketch.says("m"):
        m = rising_score(_USUAL_MINOR * (measured.orders or 1), limits.m)
    return Scores(r, f, m)


def recency_of(score: int, config: ScoringConfig) -> int:
    """A number of days that has this score: the least, but for the highest half of what it allows."""
    limits = config.thresholds.r
    return limits[0] // 2 if score == TOP else limits[TOP - 1 - score] + 1


def orders_of(score: int, config: ScoringConfig) -> int:
    """The least number of orders that has this score."""
    return 1 if score == 1 else max(1, config.thresholds.f[score - 2])


def money_of(score: int, orders: int, config: ScoringConfig) -> int:
    """What so many usual orders cost if that has this score, or else the least that has it; minor units."""
    limits, usual = config.thresholds.m, _USUAL_MINOR * orders
    if rising_score(usual, limits) == score:
        return usual
    return limits[0] // 2 if score == 1 else limits[score - 2]


_HIGH = {Octant.of(r_high=r, f_high=f, m_high=m): (r, f, m) for r, f, m in product((True, False), repeat=3)}
