"""Decisions: why a rule did, or did not do, something about one customer. The ledger on `koi.decisions`."""

from enum import StrEnum

import msgspec

from services.contracts.calendar import Instant
from services.contracts.profile import Cause


class Outcome(StrEnum):
    """What a rule decided."""

    PROMOTED = "promoted"
    DEMOTED = "demoted"
    FIRED = "fired"
    """A campaign's episode began, and its first steps were taken."""
    CONTINUED = "continued"
    """A later step of an episode was taken."""
    REACHED = "reached"
    """The goal of an episode was reached in time."""
    ENDED = "ended"
    """An episode ended before its last step; the reason says why."""
    SUPPRESSED = "suppressed"
    """Something was due and stayed undone; the reason says why."""


class DecisionReason(StrEnum):
    """Why something stayed undone, or ended early."""

    COOLDOWN = "cooldown"
    """The last message of this rule lies too short a time back."""
    HOLDOUT = "holdout"
    """The customer is of the control group."""
    EXCLUSIVE = "exclusive"
    """Another campaign of the same group has the customer's attention."""
    RUNNING = "running"
    """The last episode is not over."""
    CONDITION = "condition"
    """The `when` of a step does not hold."""
    CAPACITY = "capacity"
    """The tier is full, and others rank higher."""
    UNTIL = "until"
    """The campaign's `until` holds."""
    GOAL = "goal"
    """What the campaign was for has happened."""
    INACTIVE = "inactive"
    """The campaign's time is over."""
    WITHDRAWN = "withdrawn"
    """The rule is not there any more."""


class Mode(StrEnum):
    """Whether a rule acts, or only says what it would do."""

    LIVE = "live"
    SHADOW = "shadow"


class Verdict(msgspec.Struct, frozen=True, array_like=False, gc=False):
    """One condition as written, the values it saw, and whether it held."""

    condition: str
    actual: dict[str, str | int | float | bool | None]
    holds: bool


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One decision; `id` is deterministic, so a repeat after a crash carries the same id.

    `rule` is `name@hash`, the hash being of the rule as it was when it decided. `episode` counts the times this rule
    became true for this customer.
    """

    id: str
    customer_id: str
    rule: str
    outcome: Outcome
    decided_at: Instant
    episode: int
    cause: Cause
    cause_id: str
    profile_version: int
    verdicts: tuple[Verdict, ...]
    reason: DecisionReason | None = None
    mode: Mode = Mode.LIVE
    step: int | None = None
    """The step of a campaign that this is about, counted from 0; None for the episode as a whole."""
    from_tier: str | None = None
    to_tier: str | None = None
    commands: tuple[str, ...] = ()
    """Ids of the commands this decision emitted."""
    templates: tuple[str, ...] = ()
    """What these commands say, in the same order; in shadow mode, what they would have said."""
