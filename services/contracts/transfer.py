"""What moves from one customer to another when both turn out to be one person, on `koi.transfers`.

The two may live in different partitions, so the owner of the one who ends hands everything over by a record, and from
then on every event that still arrives for the old id.
"""

from typing import TypeAlias

import msgspec

from services.contracts.calendar import Instant
from services.contracts.events import AnyEvent

MAX_HOPS = 8
"""Customers an event may be handed on through; beyond it they were merged in a circle."""


class Handover(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="handover", gc=False):
    """All that was known of `from_id`, for `customer_id`. `state` is scoring's own stored form."""

    customer_id: str
    from_id: str
    occurred_at: Instant
    cause_id: str
    state: bytes
    hops: int = 0


class Forwarded(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="forwarded", gc=False):
    """An event that came for an id that was merged into `customer_id`, which is also the event's `customer_id` now."""

    customer_id: str
    event: AnyEvent
    hops: int = 0


TransferMessage: TypeAlias = Handover | Forwarded
