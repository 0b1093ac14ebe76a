"""Shares of a whole with how far chance may have moved them, at 95 %.

Wilson's score interval ("Probable inference, the law of succession, and statistical inference", JASA 22 (1927)) for one share,
and Newcombe's hybrid of two of them for a difference (method 10 of "Interval estimation for the difference between
independent proportions", Statistics in Medicine 17 (1998)). Both hold for few cases and for shares near 0 and 1.
"""

from math import sqrt
from typing import NamedTuple

Z = 1.959963984540054
"""95 % of a normal distribution lie within so many standard deviations."""


class Share(NamedTuple):
    """`low` and `high` enclose `value`; all between 0 and 1, or for a difference between −1 and 1."""

    value: float
    low: float
    high: float


def share(part: int, whole: int) -> Share | None:
    """`part` of `whole`, 0 ≤ part ≤ whole; None of nothing."""
    if whole == 0:
        return None
    value = part / whole
    square = Z * Z
    centre = (value + square / (2 * whole)) / (1 + square / whole)
    reach = Z / (1 + square / whole) * sqrt(value * (1 - value) / whole + square / (4 * whole * whole))
    # at the ends the interval begins or ends exactly there, whatever floats say
    return Share(value, max(0.0, min(value, centre - reach)), min(1.0, max(value, centre + reach)))


def difference(one: Share | None, other: Share | None) -> Share | None:
    """How much larger `one` is than `other`; None where one is missing."""
    if one is None or other is None:
        return None
    value = one.value - other.value
    low = value - sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2)
    high = value + sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2)
    return Share(value, max(-1.0, low), min(1.0, high))
