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
    SUPPRESSED = "suppressed"


class Suppression(StrEnum):
    """Why a rule that was due stayed silent."""

    COOLDOWN = "cooldown"


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
    reason: Suppression | None = None
    from_tier: str | None = None
    to_tier: str | None = None
    commands: tuple[str, ...] = ()
    """Ids of the commands this decision emitted."""
