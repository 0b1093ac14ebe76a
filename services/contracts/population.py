"""The population as seen from one partition, and the cut-offs that all partitions together give.

Scores by quantiles compare a customer with everybody. No worker sees everybody, so at every epoch each partition's owner
counts its own customers (`Census`), and the sums of all partitions' counts give one version of `Cutoffs` for all.
"""

import msgspec

from services.contracts.calendar import Instant

CUTS = 4
"""Cut-offs that divide a dimension into the scores 1 to 5."""


class Histogram(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """How many customers have which value: `values` rise, `counts` belong to them, `total` is the exact sum of all values.

    `grain` is the number of leading binary digits that were kept of each value, so a value is too small by less than
    2^(1 − grain) of itself; 0 means that every value is exact.
    """

    values: tuple[int, ...]
    counts: tuple[int, ...]
    total: int
    grain: int = 0


class Census(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="census", gc=False):
    """The customers of one partition with a counting order in the window, as of `epoch`.

    `recency` in days before the day of `epoch`, `frequency` in orders, `money` in minor units.
    """

    epoch: Instant
    partition: int
    partitions: int
    zone: str
    recency: Histogram
    frequency: Histogram
    money: Histogram


class Limits(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One dimension's cut-offs in the unit of its values, lowest first.

    `cuts` are the quantiles; `rises` what a value must pass to be scored higher than it was, `falls` what it must not
    pass to be scored lower: the same as `cuts` without hysteresis. `score_mean` is the mean of the scores given.
    """

    cuts: tuple[float, ...]
    rises: tuple[float, ...]
    falls: tuple[float, ...]
    mean: float
    median: float
    score_mean: float


class Cutoffs(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="cutoffs", gc=False):
    """One version of the population's cut-offs, in force from `epoch` until the next version.

    `version` names it everywhere: the epoch in the business time zone, and a hash of the content. `reported` of
    `partitions` partitions were counted. Without customers there are no cut-offs: all limits are empty.
    """

    version: str
    epoch: Instant
    zone: str
    customers: int
    reported: int
    partitions: int
    recency: Limits
    frequency: Limits
    money: Limits
    super_user_enter: float
    """Money above which a customer becomes a super user, minor units."""
    super_user_leave: float
    """Money at or below which one ceases to be."""
    grain: int = 0
    """The coarsest grain of the histograms: 0 means exact."""
