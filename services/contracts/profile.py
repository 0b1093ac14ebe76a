"""The profile: a self-contained snapshot of one customer's scores, as carried by `koi.profiles`."""

from datetime import date
from enum import StrEnum
from typing import TypeAlias

import msgspec

from services.contracts.calendar import Instant
from services.contracts.events import ClockTick, Flag


class Cause(StrEnum):
    """Why a profile was published."""

    OWN_EVENT = "own_event"
    """The customer did something."""
    REFUND = "refund"
    """Money went back, or an order was cancelled or made smaller."""
    TIME = "time"
    """A day left a window, or a recency limit was passed."""
    DRIFT = "drift"
    """The population's cut-offs moved."""
    CONFIG = "config"
    """The scoring configuration was changed."""
    MERGED = "merged"
    """Another customer turned out to be the same person."""


class Octant(StrEnum):
    """The eight RFM value segments; each digit says whether R, F, M is high (R high means recent)."""

    CHAMPION = "重要价值"  # 111
    DEVELOP = "重要发展"  # 101
    KEEP = "重要保持"  # 011
    RETAIN = "重要挽留"  # 001
    GENERAL_VALUE = "一般价值"  # 110
    GENERAL_DEVELOP = "一般发展"  # 100
    GENERAL_KEEP = "一般保持"  # 010
    GENERAL_RETAIN = "一般挽留"  # 000

    @classmethod
    def of(cls, *, r_high: bool, f_high: bool, m_high: bool) -> "Octant":
        return _OCTANTS[r_high, f_high, m_high]


_OCTANTS = {
    (True, True, True): Octant.CHAMPION,
    (True, False, True): Octant.DEVELOP,
    (False, True, True): Octant.KEEP,
    (False, False, True): Octant.RETAIN,
    (True, True, False): Octant.GENERAL_VALUE,
    (True, False, False): Octant.GENERAL_DEVELOP,
    (False, True, False): Octant.GENERAL_KEEP,
    (False, False, False): Octant.GENERAL_RETAIN,
}


WINDOWS = (7, 30, 90, 365)
"""The trailing windows of every profile, in days. A window of W days that ends today holds today and W − 1 days before it."""


def window_name(days: int) -> str:
    """How a window is written in `Profile.windows` and in rules: `30d`."""
    return f"{days}d"


class RfSegment(StrEnum):
    """The ten segments of the R×F map, by the scores of recency and frequency alone."""

    CHAMPIONS = "champions"
    LOYAL = "loyal_customers"
    POTENTIAL_LOYALISTS = "potential_loyalists"
    NEW = "new_customers"
    PROMISING = "promising"
    NEED_ATTENTION = "need_attention"
    ABOUT_TO_SLEEP = "about_to_sleep"
    AT_RISK = "at_risk"
    CANT_LOSE = "cant_lose"
    HIBERNATING = "hibernating"

    @classmethod
    def of(cls, r: int, f: int) -> "RfSegment":
        """By scores 1..5."""
        return _RF_SEGMENTS[r][f - 1]


_RF_SEGMENTS = {
    5: (
        RfSegment.NEW,
        RfSegment.POTENTIAL_LOYALISTS,
        RfSegment.POTENTIAL_LOYALISTS,
        RfSegment.CHAMPIONS,
        RfSegment.CHAMPIONS,
    ),
    4: (
        RfSegment.PROMISING,
        RfSegment.POTENTIAL_LOYALISTS,
        RfSegment.POTENTIAL_LOYALISTS,
        RfSegment.LOYAL,
        RfSegment.LOYAL,
    ),
    3: (
        RfSegment.ABOUT_TO_SLEEP,
        RfSegment.ABOUT_TO_SLEEP,
        RfSegment.NEED_ATTENTION,
        RfSegment.LOYAL,
        RfSegment.LOYAL,
    ),
    2: (
        RfSegment.HIBERNATING,
        RfSegment.HIBERNATING,
        RfSegment.AT_RISK,
        RfSegment.AT_RISK,
        RfSegment.CANT_LOSE,
    ),
    1: (
        RfSegment.HIBERNATING,
        RfSegment.HIBERNATING,
        RfSegment.AT_RISK,
        RfSegment.AT_RISK,
        RfSegment.CANT_LOSE,
    ),
}


class Window(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What happened in one window: counting orders, net money in minor units, interactions per kind (no zeros)."""

    orders: int = 0
    net_minor: int = 0
    counts: dict[str, int] = {}


class Happening(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The event behind a snapshot, as far as a rule may ask about it. `kind` of an interaction, amounts of an order."""

    type: str
    kind: str | None = None
    value: float | None = None
    amount_minor: int | None = None
    discount_minor: int | None = None
    object_id: str | None = None
    group_id: str | None = None
    campaign_id: str | None = None
    touchpoint: str | None = None
    channel: str | None = None
    shop: str | None = None


class Profile(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="profile", gc=False):
    """One customer at one instant.

    Absolutes, not ages: `last_order_day` rather than "days since", so a snapshot stays true while time passes and a
    reader can compute any age at its own `now`. Days are calendar days of `zone`.

    `version` is the offset in `koi.events` of the last event folded. (version, as_of) rises for each customer; a repeat after
    a crash carries the same pair (or, on the wall clock, a later instant), so a reader that keeps the last pair neither
    misses a change nor sees an older one.
    """

    customer_id: str
    version: int
    as_of: Instant
    cause: Cause
    cause_id: str
    """Id of the event that caused this snapshot; empty when none did."""
    occurred_at: Instant
    """When that event happened; equals `as_of` when there was none. End-to-end latency is counted from here."""
    zone: str
    flags: tuple[Flag, ...] = ()
    """What was odd about that event."""
    event: Happening | None = None
    """That event itself; None when no event of the customer's own was behind it."""
    fresh_until: Instant | None = None
    """Before this instant time alone changes nothing of what this says; a new snapshot may come then."""
    r: int
    f: int
    m: int
    segment: Octant
    rf_segment: RfSegment
    super_user: bool
    """Among the best by money in the window; see the scoring configuration for who enters and who leaves."""
    cutoffs: str
    """The version of the population's cut-offs it was scored with; empty while there are none."""
    window_days: int | None
    """The window of RFM in days; None means a customer's whole life."""
    orders: int
    """Orders with a net value above 0 in the window (the F of RFM)."""
    net_minor: int
    """Net money in the window (the M of RFM), minor units."""
    last_order_day: date | None
    """Day of the last counting order in the window (the R of RFM); None without one."""
    first_order_day: date | None
    """Day of the first counting order ever."""
    average_order_minor: int | None
    """Net money per counting order in the window, minor units, rounded half up; None without one."""
    discount_share: float | None
    """Discounts of the window's orders over what they would have cost without: 0..1; None if nothing was bought."""
    refund_share: float | None
    """What went back of what was paid in the window: 0..1; None if nothing was paid."""
    rhythm_days: float | None
    """The customer's own gap between purchase days, shrunk; None before the third purchase day. See docs/scoring.md."""
    windows: dict[str, Window]
    """By `7d`, `30d`, `90d`, `365d`."""
    lifetime: Window
    last_at: dict[str, Instant] = {}
    """The newest instant of every interaction kind, and of every type of event about an order."""
    currency: str
    """Of all amounts."""
    activity: float
    """Decaying activity at `activity_at`: Σ weight·value·2^(−(t−tᵢ)/half-life)."""
    activity_at: Instant
    half_life_days: float
    tags: tuple[str, ...] = ()
    attributes: dict[str, str | int | float | bool | None] = {}


ProfileMessage: TypeAlias = Profile | ClockTick
"""What `koi.profiles` carries: snapshots, and the ticks that move event time for the reader.

A customer who was deleted, or merged into another, ends with a tombstone: a record without a value.
"""
