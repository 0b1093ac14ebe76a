"""Limits: four numbers that divide a dimension into the scores 1 to 5."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import floor

TOP = 5


def recency_score(days: int, limits: Sequence[float]) -> int:
    """5 within the first limit (days ≤ limit), 4 within the second, … 1 beyond the last."""
    return TOP - bisect_left(limits, days)


def rising_score(value: int, limits: Sequence[float]) -> int:
    """1 below the first limit, 2 from the first on (value ≥ limit), … 5 from the last on."""
    return 1 + bisect_right(limits, value)


def passed(value: int, cuts: Sequence[float]) -> int:
    """How many cut-offs lie below a value; equal values share a score, so one that equals a cut-off has not passed it."""
    return bisect_left(cuts, value)


def held(value: int, before: int, rises: Sequence[float], falls: Sequence[float]) -> int:
    """`passed` with hysteresis, for a value that had passed `before` cut-offs.

    It passes one more only beyond the higher `rises`, and one less only down to the lower `falls`.
    """
    return min(max(before, passed(value, rises)), passed(value, falls))


def next_recency_change(days: int, limits: Sequence[float]) -> int | None:
    """The next number of days, later than `days`, at which the recency score falls; None once it is lowest."""
    at = bisect_left(limits, days)
    return floor(limits[at]) + 1 if at < len(limits) else None
