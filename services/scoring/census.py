"""The census: counting customers by value, and the cut-offs that all partitions' counts together give. Exact arithmetic.

Quantiles are of type 7 (Hyndman and Fan, "Sample quantiles in statistical packages", The American Statistician 50 (1996)):
for n values x₀ ≤ … ≤ xₙ₋₁ and a share p, with h = (n − 1)·p, the value x⌊h⌋ + (h − ⌊h⌋)·(x⌊h⌋₊₁ − x⌊h⌋).

Every distinct value is counted exactly up to `MOST_VALUES` of them in one partition; beyond that only the `GRAIN` leading
binary digits of each value are kept, so a cut-off is too low by less than 2^(1 − GRAIN) of itself, 0.4 %. Sums, and so
means, stay exact.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from fractions import Fraction
from itertools import accumulate
from math import ceil
from zoneinfo import ZoneInfo

from services.contracts.calendar import BusinessDays
from services.contracts.population import CUTS, Census, Cutoffs, Histogram, Limits
from services.runtime.assembly import named
from services.scoring.config import Method, ScoringConfig, Ties
from services.scoring.rfm import Measures
from services.scoring.thresholds import TOP, passed, recency_score, rising_score

MOST_VALUES = 20_000
GRAIN = 9
_NO_LIMITS = Limits(cuts=(), rises=(), falls=(), mean=0.0, median=0.0, score_mean=0.0)


class Counts:
    """Measures of customers, counted by value."""

    def __init__(self) -> None:
        self._recency: Counter[int] = Counter()
        self._frequency: Counter[int] = Counter()
        self._money: Counter[int] = Counter()

    def add(self, measures: Measures) -> None:
        """Count one customer; without a counting order in the window there is nothing to count."""
        if measures.recency is not None:
            self._recency[measures.recency] += 1
            self._frequency[measures.frequency] += 1
            self._money[measures.money] += 1

    def census(self, epoch: datetime, zone: ZoneInfo, partition: int, partitions: int) -> Census:
        return Census(
            epoch=epoch,
            partition=partition,
            partitions=partitions,
            zone=zone.key,
            recency=histogram(self._recency),
            frequency=histogram(self._frequency),
            money=histogram(self._money),
        )


def histogram(counts: Counter[int]) -> Histogram:
    """Exact if there are not too many distinct values."""
    total = sum(value * count for value, count in counts.items())
    grain = 0
    if len(counts) > MOST_VALUES:
        grain = GRAIN
        coarse: Counter[int] = Counter()
        for value, count in counts.items():
            coarse[_coarse(value)] += count
        counts = coarse
    values = sorted(counts)
    return Histogram(values=tuple(values), counts=tuple(counts[v] for v in values), total=total, grain=grain)


def cutoffs(
    censuses: Sequence[Census], epoch: datetime, partitions: int, config: ScoringConfig, zone: ZoneInfo
) -> Cutoffs:
    """The version of the cut-offs that these censuses give. One that was taken earlier is aged until `epoch`."""
    days = BusinessDays(zone)
    recency = _Ranked((_aged(c, epoch, days), c.recency) for c in censuses)
    frequency = _Ranked((0, c.frequency) for c in censuses)
    money = _Ranked((0, c.money) for c in censuses)
    anyone = recency.count > 0
    super_user = config.super_user
    enter = money.quantile(1 - _exact(super_user.enter)) if super_user and anyone else 0.0
    leave = money.quantile(1 - _exact(super_user.leave)) if super_user and anyone else 0.0
    found = Cutoffs(
        version="",
        epoch=epoch,
        zone=zone.key,
        customers=recency.count,
        reported=len(censuses),
        partitions=partitions,
        recency=_limits(recency, config, "r"),
        frequency=_limits(frequency, config, "f"),
        money=_limits(money, config, "m"),
        super_user_enter=enter,
        super_user_leave=leave,
        grain=min((h.grain for c in censuses for h in (c.recency, c.frequency, c.money) if h.grain), default=0),
    )
    return named(found, epoch, zone)


def _aged(census: Census, epoch: datetime, days: BusinessDays) -> int:
    return days.day_of(int(epoch.timestamp())) - days.day_of(int(census.epoch.timestamp()))


class _Ranked:
    """The values of several histograms, each moved by a number, in one order."""

    def __init__(self, parts: Iterable[tuple[int, Histogram]]) -> None:
        counts: Counter[int] = Counter()
        self.total = 0
        for shift, part in parts:
            for value, count in zip(part.values, part.counts, strict=True):
                counts[value + shift] += count
            self.total += part.total + shift * sum(part.counts)
        self.values = sorted(counts)
        self.counts = [counts[value] for value in self.values]
        self._ends = list(accumulate(self.counts))

    @property
    def count(self) -> int:
        return self._ends[-1] if self._ends else 0

    def quantile(self, share: Fraction) -> float:
        """The exact value, rounded once: a whole number stays one."""
        position = (self.count - 1) * share
        low = int(position)
        first, second = self._at(low), self._at(min(low + 1, self.count - 1))
        return float(first + (position - low) * (second - first))

    def mean(self) -> float:
        return float(Fraction(self.total, self.count))

    def _at(self, rank: int) -> int:
        return self.values[bisect_right(self._ends, rank)]


def _scoring(config: ScoringConfig, cuts: tuple[float, ...], dimension: str) -> Callable[[int], int]:
    """How a value of `r`, `f` or `m` is scored."""
    if config.method is Method.QUANTILE:
        return lambda value: TOP - passed(value, cuts) if dimension == "r" else 1 + passed(value, cuts)
    fixed: tuple[int, ...] = getattr(config.thresholds, dimension)
    return lambda value: recency_score(value, fixed) if dimension == "r" else rising_score(value, fixed)


def _limits(ranked: _Ranked, config: ScoringConfig, dimension: str) -> Limits:
    """Of `r`, `f` or `m`."""
    if not ranked.count:
        return _NO_LIMITS
    band = _exact(config.quantile.hysteresis)
    cuts, rises, falls = (
        tuple(_cut(ranked.quantile(Fraction(i, CUTS + 1) + shift), config.quantile.ties) for i in range(1, CUTS + 1))
        for shift in (Fraction(0), band, -band)
    )
    scored = _scoring(config, cuts, dimension)
    scores = sum(scored(value) * count for value, count in zip(ranked.values, ranked.counts, strict=True))
    return Limits(
        cuts=cuts,
        rises=rises,
        falls=falls,
        mean=ranked.mean(),
        median=ranked.quantile(Fraction(1, 2)),
        score_mean=float(Fraction(scores, ranked.count)),
    )


def _cut(quantile: float, ties: Ties) -> float:
    # whole numbers v ≥ q + 1 are those that lie above q rounded up
    return quantile if ties is Ties.SHARE else float(ceil(quantile))


def _exact(share: float) -> Fraction:
    """The decimal number a person wrote, not its nearest double."""
    return Fraction(str(share))


def _coarse(value: int) -> int:
    surplus = abs(value).bit_length() - GRAIN
    if surplus <= 0:
        return value
    kept = abs(value) >> surplus << surplus
    return kept if value >= 0 else -kept
