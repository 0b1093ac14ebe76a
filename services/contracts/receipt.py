"""Receipts: what became of every command, on `koi.receipts`."""

from enum import StrEnum

import msgspec

from services.contracts.calendar import Instant


class DeliveryOutcome(StrEnum):
    """Every command ends in exactly one of these."""

    SENT = "sent"
    SUPPRESSED = "suppressed"
    FAILED = "failed"


class Reason(StrEnum):
    """Why a command was not sent."""

    NONE = "none"
    EXPIRED = "expired"
    NO_CHANNEL = "no_channel"
    CHANNEL_REFUSED = "channel_refused"
    CHANNEL_UNAVAILABLE = "channel_unavailable"


class Delivery(StrEnum):
    """What a channel promises about repeats."""

    AT_LEAST_ONCE = "at_least_once"
    AT_MOST_ONCE = "at_most_once"


class Receipt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The end of one command. `command_id` is the idempotency key; a repeated receipt carries the same one."""

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
