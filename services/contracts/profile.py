"""The profile: a self-contained snapshot of one customer's scores, as carried by `koi.profiles`."""

from datetime import date
from enum import StrEnum
from typing import TypeAlias

import msgspec

from services.contracts.calendar import Instant
from services.contracts.events import ClockTick


class Cause(StrEnum):
    """Why a profile was published."""

    OWN_EVENT = "own_event"
    REFUND = "refund"
    TIME = "time"
    DRIFT = "drift"
    CONFIG = "config"


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
    """Id of the event that caused this snapshot; empty when time did."""
    occurred_at: Instant
    """When that event happened; equals `as_of` when time was the cause. End-to-end latency is counted from here."""
    zone: str
    r: int
    f: int
    m: int
    segment: Octant
    window_days: int
    orders: int
    """Orders with a net value above 0 in the window (the F of RFM)."""
    net_minor: int
    """Net money in the window (the M of RFM), minor units."""
    lifetime_orders: int
    lifetime_net_minor: int
    first_order_day: date | None
    last_order_day: date | None
    """Day of the last counting order in the window (the R of RFM); None without one."""
    activity: float
    """Decaying activity at `activity_at`: Σ weight·value·2^(−(t−tᵢ)/half-life)."""
    activity_at: Instant
    half_life_days: float
    counts: dict[str, int]
    """Interactions per kind in the window."""
    tags: tuple[str, ...] = ()
    attributes: dict[str, str | int | float | bool | None] = {}


ProfileMessage: TypeAlias = Profile | ClockTick
"""What `koi.profiles` carries: snapshots, and the ticks that move event time for the reader."""
