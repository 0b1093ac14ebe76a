"""Canonical events: what `koi.events` carries, one struct per `type`.

All instants are aware. Money is an integer of minor units (cents, fen). `id` and `source` together are the idempotency
key. Publishers write the looser form in `inbound`; ingest turns that into these.
"""

from typing import Literal, TypeAlias

import msgspec

from services.contracts.calendar import Instant

STANDARD_KINDS = frozenset(
    {
        "view",
        "search",
        "favorite",
        "cart_add",
        "cart_remove",
        "checkout",
        "open",
        "click",
        "message",
        "reply",
        "group_join",
        "group_leave",
        "follow",
        "unfollow",
        "share",
        "referral",
        "checkin",
        "review",
        "coupon_claim",
        "coupon_redeem",
        "store_visit",
        "login",
    }
)
"""Interaction kinds with a meaning of their own; anything else is written `custom:<name>`."""

CUSTOM_PREFIX = "custom:"

Touchpoint: TypeAlias = Literal["store_entry", "consult", "discount", "order", "logistics", "after_sale"]
Flag: TypeAlias = Literal["clamped_future", "late"]
"""`clamped_future`: it claimed to be of the future. `late`: it was older than the longest window when it arrived."""


class Origin(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where an event was read before ingest re-published it.

    Ingest keeps no state, so after a crash it publishes some events again. Origins of one inbound partition arrive in
    rising order, so the reader of `koi.events` can tell a repeat exactly: an offset it has passed, with a timestamp it
    has already seen. (The timestamp, Unix milliseconds, tells a repeat from a topic that was deleted and made anew.)
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    """The envelope all events share."""

    id: str
    source: str
    customer_id: str
    occurred_at: Instant
    received_at: Instant
    origin: Origin | None = None
    flags: tuple[Flag, ...] = ()


class OrderPaid(Event, tag="order.paid", frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`amount_minor` is what was paid, after discounts; `discount_minor` what was taken off."""

    order_id: str
    amount_minor: int
    currency: str
    discount_minor: int = 0
    channel: str | None = None
    shop: str | None = None


class OrderRefunded(Event, tag="order.refunded", frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`amount_minor` is this refund only. Without `order_id` the refund is unlinked and lowers money alone."""

    refund_id: str
    amount_minor: int
    currency: str
    order_id: str | None = None


class OrderCancelled(Event, tag="order.cancelled", frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The order never happened; its net value is 0 whatever else arrives."""

    order_id: str


class OrderAmended(Event, tag="order.amended", frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`amount_minor` is the new total; among amendments the highest `rev` wins (`order.paid` is rev 0)."""

    order_id: str
    amount_minor: int
    rev: int


class Interaction(Event, tag="interaction", frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Anything a customer does that is not an order. `value` scales its weight (1 unless said)."""

    kind: str
    value: float = 1.0
    object_id: str | None = None
    group_id: str | None = None
    campaign_id: str | None = None
    touchpoint: Touchpoint | None = None
    channel: str | None = None


class CustomerUpdated(Event, tag="customer.updated", frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Tags and attributes. Contacts and consent of the inbound form are not in it: they go to the notifier alone."""

    tags_add: tuple[str, ...] = ()
    tags_remove: tuple[str, ...] = ()
    attributes: dict[str, str | int | float | bool | None] = {}
    owner: str | None = None
    timezone: str | None = None


class CustomerMerged(Event, tag="customer.merged", frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`customer_id` turned out to be the same person as `into_id`, under whom all is counted from now on.

    The record lies with the customer who ends. (Publishers write it the other way round: see `inbound`.)
    """

    into_id: str


class CustomerDeleted(Event, tag="customer.deleted", frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Everything about the customer is to be forgotten."""


TICK_KEY = b"clock.tick"
"""Key of every tick on our topics: a compacted topic takes no record without one."""


class ClockTick(Event, tag="clock.tick", frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Moves event time of the partition it arrives in, and carries no data. `customer_id` is empty."""

    customer_id: str = ""


AnyEvent: TypeAlias = (
    OrderPaid
    | OrderRefunded
    | OrderCancelled
    | OrderAmended
    | Interaction
    | CustomerUpdated
    | CustomerMerged
    | CustomerDeleted
    | ClockTick
)
