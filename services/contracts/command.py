"""Notification commands: what rules ask the notifier to send, on `koi.notifications`."""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from services.contracts.calendar import Instant
from services.contracts.events import ClockTick


class Category(StrEnum):
    """What a message is for; consent and caps depend on it."""

    TRANSACTIONAL = "transactional"
    SERVICE = "service"
    MARKETING = "marketing"


class Recipient(StrEnum):
    """Who gets the message: the customer, or the clerk who owns the relation."""

    CUSTOMER = "customer"
    OWNER = "owner"


class ChannelName(StrEnum):
    """The channels there are: what a rule may name, and what the notifier can be given."""

    CONSOLE = "console"
    WEBHOOK = "webhook"


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="command", gc=False):
    """One message to one person, over the first of `channels` that takes it.

    `id` is deterministic (rule, customer, episode, step): it is the idempotency key all the way to the provider.
    Addresses are never in a command; the notifier resolves them.
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


CommandMessage: TypeAlias = Command | ClockTick
"""What `koi.notifications` carries: commands, and the ticks that move event time for the notifier."""
