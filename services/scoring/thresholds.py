"""Fixed thresholds: four numbers that divide a dimension into the scores 1 to 5."""

from bisect import bisect_left, bisect_right

TOP = 5


def recency_score(days: int, limits: tuple[int, ...]) -> int:
    """5 within the first limit (days ≤ limit), 4 within the second, … 1 beyond the last."""
    return TOP - bisect_left(limits, days)


def rising_score(value: int, limits: tuple[int, ...]) -> int:
    """1 below the first limit, 2 from the first on (value ≥ limit), … 5 from the last on."""
    return 1 + bisect_right(limits, value)


def next_recency_change(days: int, limits: tuple[int, ...]) -> int | None:
    """The next number of days, later than `days`, at which the recency score falls; None once it is 1."""
    at = bisect_left(limits, days)
    return limits[at] + 1 if at < len(limits) else None
