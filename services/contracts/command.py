"""Notification commands: what rules ask the notifier to send, on `koi.notifications`."""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from services.contracts.calendar import Instant
from services.contracts.channels import Category, Recipient
from services.contracts.events import ClockTick


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="command", gc=False):
    """One message to one person, over the first of `channels` that takes it.

    `id` is deterministic (rule, customer, episode, step): it is the idempotency key all the way to the provider.
    Addresses are never in a command; the notifier resolves them. `variant` names which of several wordings was drawn for
    this customer. What is not `personalised` goes to everybody alike, and so also to those who want nothing that is.
    """

    id: str
    customer_id: str
    rule: str
    episode: int
    step: int
    template: str
    params: dict[str, str | int | float | bool | None]
    channels: tuple[str, ...]
    category: Category
    recipient: Recipient
    decided_at: Instant
    expires_at: Instant
    occurred_at: Instant
    """When the event behind this command happened, for end-to-end latency."""
    variant: str | None = None
    personalised: bool = True


class RecallReason(StrEnum):
    """Why what was not sent yet should not be."""

    GOAL_REACHED = "goal_reached"
    """What the campaign was for has happened."""
    ENDED = "ended"
    """The episode ended early: its `until` holds, its time is over, or the rule is gone."""


class Recall(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="recall", gc=False):
    """Commands of one episode that still wait at the notifier are not to be sent any more."""

    customer_id: str
    rule: str
    """`name@hash`; the name decides."""
    episode: int
    reason: RecallReason
    decided_at: Instant


CommandMessage: TypeAlias = Command | Recall | ClockTick
"""What `koi.notifications` carries: commands, recalls, and the ticks that move event time for the notifier."""
