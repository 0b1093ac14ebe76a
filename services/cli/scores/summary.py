"""The figures of a report, gathered customer by customer in bounded memory. Pure."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias

from services.cli.scores.concentration import Concentration
from services.contracts.population import Cutoffs
from services.contracts.profile import Octant, RfSegment

FIFTHS = range(1, 6)
ACTIVITY_STEPS = (1, 5, 20, 100)
"""Activity is counted as none, as below the first step, and from each step on."""

Cells: TypeAlias = Sequence[Sequence[float | None]]
"""Five rows for R = 5 … 1, each with F = 1 … 5."""


class Scored(NamedTuple):
    """One customer as the report sees it. `recency_days` None: without a counting order in the window, no buyer."""

    r: int
    f: int
    m: int
    octant: Octant
    rf_segment: RfSegment
    recency_days: int | None
    orders: int
    net_minor: int
    super_user: bool
    activity: float


@dataclass(frozen=True)
class Limits:
    """What divides the scores: days, orders and minor units, four each, lowest first; empty where there are none.

    `beyond`: a value scores higher only beyond a limit; otherwise it does from the limit on. Days score lower beyond a
    limit in both cases. `source` says in a few words where the limits come from.
    """

    recency: tuple[float, ...]
    frequency: tuple[float, ...]
    money: tuple[float, ...]
    beyond: bool
    source: str

    @classmethod
    def of_population(cls, cutoffs: Cutoffs, source: str) -> "Limits":
        return cls(cutoffs.recency.cuts, cutoffs.frequency.cuts, cutoffs.money.cuts, beyond=True, source=source)


@dataclass
class Group:
    """Buyers, and their net money in minor units."""

    customers: int = 0
    net_minor: int = 0

    def add(self, net_minor: int) -> None:
        self.customers += 1
        self.net_minor += net_minor


@dataclass
class Summary:
    """Everything but `customers`, `net_minor` and `activity` is about buyers: with a counting order in the window.

    `as_of` is in the business time zone; `window_days` None means a whole life. `super_user_above`: minor units above
    which one becomes a super user, None where nobody does.
    """

    as_of: datetime
    currency: str
    window_days: int | None
    limits: Limits
    super_user_above: float | None = None
    customers: int = 0
    net_minor: int = 0
    orders: int = 0
    buyers: Group = field(default_factory=Group)
    super_users: Group = field(default_factory=Group)
    octants: dict[Octant, Group] = field(default_factory=lambda: {octant: Group() for octant in Octant})
    segments: dict[RfSegment, Group] = field(default_factory=lambda: {segment: Group() for segment in RfSegment})
    cells: dict[tuple[int, int], Group] = field(
        default_factory=lambda: {(r, f): Group() for r in FIFTHS for f in FIFTHS}
    )
    scores: dict[str, Counter[int]] = field(default_factory=lambda: {name: Counter() for name in "rfm"})
    recency_days: Counter[int] = field(default_factory=Counter)
    activity: Counter[int] = field(default_factory=Counter)
    """By `activity_class`."""
    concentration: Concentration = field(default_factory=Concentration)

    def add(self, scored: Scored) -> None:
        net = scored.net_minor
        self.customers += 1
        self.net_minor += net
        self.activity[activity_class(scored.activity)] += 1
        if scored.recency_days is None:
            return
        self.orders += scored.orders
        self.recency_days[scored.recency_days] += 1
        self.concentration.add(net)
        for name, score in zip("rfm", scored[:3], strict=True):
            self.scores[name][score] += 1
        groups = [self.buyers, self.octants[scored.octant], self.segments[scored.rf_segment]]
        groups.append(self.cells[scored.r, scored.f])
        if scored.super_user:
            groups.append(self.super_users)
        for group in groups:
            group.add(net)

    def customers_by_cell(self) -> Sequence[Sequence[int]]:
        return [[self.cells[r, f].customers for f in FIFTHS] for r in reversed(FIFTHS)]

    def mean_money_by_cell(self) -> Cells:
        """Mean net money of a buyer in minor units; None where there is nobody."""
        return [[_mean(self.cells[r, f]) for f in FIFTHS] for r in reversed(FIFTHS)]


def activity_class(activity: float) -> int:
    """0 for none, 1 below the first of `ACTIVITY_STEPS`, 2 from the first on, and so forth."""
    return 1 + bisect_right(ACTIVITY_STEPS, activity) if activity > 0 else 0


def _mean(group: Group) -> float | None:
    return group.net_minor / group.customers if group.customers else None
