"""Receipts: what became of every command, on `koi.receipts`."""

from enum import StrEnum

import msgspec

from services.contracts.calendar import Instant
from services.contracts.channels import Category, Delivery, Recipient


class DeliveryOutcome(StrEnum):
    """What became of a command.

    Every command ends in exactly one of `FINAL`. Before, it may be deferred, even several times; after it was sent, the
    provider may tell more.
    """

    SENT = "sent"
    SUPPRESSED = "suppressed"
    FAILED = "failed"
    DEFERRED = "deferred"
    """It waits, and is decided anew at `until`; if it is deferred again then, for the same reason, nothing more is said."""
    DELIVERED = "delivered"
    """The provider says that it arrived."""
    BOUNCED = "bounced"
    """The provider says that it did not arrive, and will not."""
    UNSUBSCRIBED = "unsubscribed"
    """The person who got it wants no more of this kind."""


FINAL = frozenset({DeliveryOutcome.SENT, DeliveryOutcome.SUPPRESSED, DeliveryOutcome.FAILED})
"""The sum of these equals the number of commands, once nothing waits any more."""


class Reason(StrEnum):
    """Why a command was not sent, or not yet. Of those that the policy knows the first that applies is told: its order is in docs/restraint.md."""

    NONE = "none"
    ERASED = "erased"
    """The customer is to be forgotten, or was merged into another."""
    EXPIRED = "expired"
    SILENCED = "silenced"
    """Somebody has put up a silence."""
    NO_CONSENT = "no_consent"
    HOLDOUT = "holdout"
    """The customer belongs to those who get nothing at all of this category, to be compared with."""
    NO_CONTACT = "no_contact"
    CAPPED = "capped"
    QUIET_HOURS = "quiet_hours"
    QUOTA = "quota"
    """The provider takes no more for now."""
    GOAL_REACHED = "goal_reached"
    ENDED = "ended"
    """The episode ended before the message could be sent."""
    NO_CHANNEL = "no_channel"
    """None of the rule's channels is configured and may carry it."""
    NO_TEXT = "no_text"
    """There is no template for any of the channels, or it cannot be filled in."""
    CHANNEL_BUSY = "channel_busy"
    """More waits for the channel than it works on at once, or it is given a rest after failures."""
    CHANNEL_REFUSED = "channel_refused"
    CHANNEL_UNAVAILABLE = "channel_unavailable"
    AMBIGUOUS = "ambiguous"
    """It may have arrived or not, and the channel promises not to repeat."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One thing that became of one command. `command_id` is the idempotency key; a repeated receipt carries the same one."""

    command_id: str
    customer_id: str
    rule: str
    outcome: DeliveryOutcome
    reason: Reason
    channel: str | None
    delivery: Delivery | None
    attempts: int
    at: Instant
    detail: str = ""
    template: str = ""
    variant: str | None = None
    category: Category | None = None
    recipient: Recipient | None = None
    episode: int = 0
    step: int = 0
    decided_at: Instant | None = None
    until: Instant | None = None
    """Of what is deferred: when it is decided anew."""
