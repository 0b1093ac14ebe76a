"""What providers tell later about a message, as the notifier's endpoint puts it on `koi.feedback`."""

from enum import StrEnum

import msgspec

from services.contracts.calendar import Instant
from services.contracts.channels import Category


class News(StrEnum):
    """What a provider can tell."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    UNSUBSCRIBED = "unsubscribed"


class Feedback(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One piece of news. `id` is the provider's own name for it, or made of the rest: a repeat carries the same one.

    `category`: what an unsubscription is about; without it, about marketing.
    """

    id: str
    customer_id: str
    command_id: str
    channel: str
    news: News
    occurred_at: Instant
    category: Category | None = None
    detail: str = ""
    hops: int = 0
    """How many customers it was passed on through who turned out to be another."""
