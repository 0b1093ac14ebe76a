"""Figures as people read them."""

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import pairwise

from services.cli.scores.summary import ACTIVITY_STEPS, Limits
from services.ingest.conversion import minor_decimals

_WIDTHS = (1, 2, 5, 7, 14, 30, 60, 90, 180, 365, 730, 1825, 3650)
_CLASSES = 16
_NEARLY_ALL = 0.95
_MILLION = 1_000_000
_HUNDRED = 100
_LOWEST, _HIGHEST = 1, 5


def money(minor: float, currency: str) -> str:
    """`1,234.50 CNY`; from a million on in millions, `1.23 M CNY`."""
    amount = minor / 10 ** minor_decimals(currency)
    if abs(amount) >= _MILLION:
        return f"{amount / _MILLION:,.2f} M {currency}"
    return f"{amount:,.{minor_decimals(currency)}f} {currency}"


def major(minor: float, currency: str) -> float:
    """In major units, whole ones where decimals would only be noise."""
    amount: float = minor / 10 ** minor_decimals(currency)
    return round(amount) if abs(amount) >= _HUNDRED else round(amount, minor_decimals(currency))


def number(value: float) -> str:
    """With as many decimals as it has, at most two."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def share(part: float, whole: float) -> str:
    """In percent; a dash of nothing."""
    return f"{percent(part, whole)} %" if whole else "–"


def percent(part: float, whole: float) -> float:
    return round(part / whole * 100, 1) if whole else 0.0


def recency_bars(days: Mapping[int, int]) -> dict[str, int]:
    """Customers by days, in classes of equal width, empty ones included; each is named by its days.

    The classes are as narrow as 16 of them can hold all but the longest-silent twentieth; who is beyond is in the last.
    """
    if not days:
        return {}
    width = next((width for width in _WIDTHS if _within(days, width * _CLASSES) >= _NEARLY_ALL), _WIDTHS[-1])
    counts: Counter[int] = Counter()
    for day, count in days.items():
        counts[min(day // width, _CLASSES)] += count
    bars = {_span(at * width, width): counts[at] for at in range(min(max(counts) + 1, _CLASSES))}
    return bars | ({f"{_CLASSES * width}+": counts[_CLASSES]} if counts[_CLASSES] else {})


def activity_bars(classes: Mapping[int, int]) -> dict[str, int]:
    """Customers by `activity_class`."""
    first, last = ACTIVITY_STEPS[0], ACTIVITY_STEPS[-1]
    steps = [f"{step} to {above}" for step, above in pairwise(ACTIVITY_STEPS)]
    labels = ["none", f"below {first}", *steps, f"{last} or more"]
    return {label: classes.get(at, 0) for at, label in enumerate(labels)}


def recency_words(limits: Limits, score: int) -> str:
    """What a score of R means, in days."""
    if score == _LOWEST:
        return f"more than {_days(limits.recency[-1])} ago"
    return f"up to {_days(limits.recency[_HIGHEST - score])} ago"


def rising_words(values: tuple[float, ...], limits: Limits, score: int, written: Callable[[float], str]) -> str:
    """What a score of F or M means, whose limits are `values`."""
    if score == _LOWEST:
        return f"{'up to' if limits.beyond else 'less than'} {written(values[0])}"
    reached = written(values[score - 2])
    return f"more than {reached}" if limits.beyond else f"{reached} or more"


def _days(count: float) -> str:
    return f"{number(count)} {'day' if count == 1 else 'days'}"


def _within(days: Mapping[int, int], limit: int) -> float:
    """The share of customers with fewer days than that."""
    return sum(count for day, count in days.items() if day < limit) / sum(days.values())


def _span(first: int, width: int) -> str:
    return str(first) if width == 1 else f"{first}–{first + width - 1}"
