"""From the form publishers write to the canonical event that the rest of the pipeline reads."""

from datetime import UTC, datetime, timedelta
from typing import TypedDict, assert_never

from services.contracts.errors import InvalidMessage
from services.contracts.events import (
    AnyEvent,
    ClockTick,
    CustomerDeleted,
    CustomerMerged,
    CustomerUpdated,
    Flag,
    Interaction,
    OrderAmended,
    OrderCancelled,
    OrderPaid,
    OrderRefunded,
    Origin,
)
from services.contracts.inbound import (
    Inbound,
    InboundClockTick,
    InboundCustomerDeleted,
    InboundCustomerMerged,
    InboundCustomerUpdated,
    InboundInteraction,
    InboundOrderAmended,
    InboundOrderCancelled,
    InboundOrderPaid,
    InboundOrderRefunded,
)

FUTURE_TOLERANCE = timedelta(minutes=5)
"""How far a publisher's clock may run ahead before `occurred_at` is clamped to `received_at`."""

_MAX_TIMESTAMP_MS = int(datetime(9000, 1, 1, tzinfo=UTC).timestamp() * 1000)


class _Envelope(TypedDict):
    id: str
    source: str
    occurred_at: datetime
    received_at: datetime
    origin: Origin
    flags: tuple[Flag, ...]


def canonical(inbound: Inbound, origin: Origin) -> AnyEvent:  # noqa: PLR0911 - one for each type
    """The event of `inbound`, all instants in UTC.

    `received_at` is the message's own, or else the record's timestamp. Raise `InvalidMessage` (`invalid_timestamp`)
    if it must be the record's and that is none.
    """
    envelope = _envelope(inbound, origin)
    match inbound:
        case InboundOrderPaid():
            return OrderPaid(
                **envelope,
                customer_id=inbound.customer_id,
                order_id=inbound.order_id,
                amount_minor=inbound.amount_minor,
                currency=inbound.currency,
                discount_minor=inbound.discount_minor,
                channel=inbound.channel,
                shop=inbound.shop,
            )
        case InboundInteraction():
            return Interaction(
                **envelope,
                customer_id=inbound.customer_id,
                kind=inbound.kind,
                value=inbound.value,
                object_id=inbound.object_id,
                group_id=inbound.group_id,
                campaign_id=inbound.campaign_id,
                touchpoint=inbound.touchpoint,
                channel=inbound.channel,
            )
        case InboundOrderRefunded():
            return OrderRefunded(
                **envelope,
                customer_id=inbound.customer_id,
                refund_id=inbound.refund_id,
                order_id=inbound.order_id,
                amount_minor=inbound.amount_minor,
                currency=inbound.currency,
            )
        case InboundOrderCancelled():
            return OrderCancelled(**envelope, customer_id=inbound.customer_id, order_id=inbound.order_id)
        case InboundOrderAmended():
            return OrderAmended(
                **envelope,
                customer_id=inbound.customer_id,
                order_id=inbound.order_id,
                amount_minor=inbound.amount_minor,
                rev=inbound.rev,
            )
        case InboundCustomerUpdated():
            return CustomerUpdated(
                **envelope,
                customer_id=inbound.customer_id,
                tags_add=tuple(inbound.tags_add),
                tags_remove=tuple(inbound.tags_remove),
                attributes=inbound.attributes,
                owner=inbound.owner,
                timezone=inbound.timezone,
            )
        case InboundCustomerMerged():
            # it lies with the customer who ends, whose owner has to hand everything over
            return CustomerMerged(**envelope, customer_id=inbound.from_id, into_id=inbound.customer_id)
        case InboundCustomerDeleted():
            return CustomerDeleted(**envelope, customer_id=inbound.customer_id)
        case InboundClockTick():
            return ClockTick(**envelope)
        case _:  # pragma: no cover - the type checker proves there is none
            assert_never(inbound)


def _envelope(inbound: Inbound, origin: Origin) -> _Envelope:
    occurred_at = inbound.occurred_at.astimezone(UTC)
    if inbound.received_at is not None:
        received_at = inbound.received_at.astimezone(UTC)
    else:
        received_at = _instant(origin.timestamp_ms)
    flags: tuple[Flag, ...] = ()
    if occurred_at - received_at > FUTURE_TOLERANCE:
        occurred_at = received_at
        flags = ("clamped_future",)
    return {
        "id": inbound.id,
        "source": inbound.source,
        "occurred_at": occurred_at,
        "received_at": received_at,
        "origin": origin,
        "flags": flags,
    }


def _instant(timestamp_ms: int) -> datetime:
    if 0 <= timestamp_ms < _MAX_TIMESTAMP_MS:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    raise InvalidMessage(
        "invalid_timestamp",
        f"the record's timestamp, {timestamp_ms} ms, is no time of arrival; "
        "write received_at into the message, or let the broker stamp its records (message.timestamp.type=LogAppendTime)",
    )
