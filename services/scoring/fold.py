"""What each event does to a customer's state."""

from math import floor

from services.contracts.calendar import BusinessDays
from services.contracts.errors import InvalidMessage
from services.contracts.events import (
    AnyEvent,
    CustomerUpdated,
    Interaction,
    OrderAmended,
    OrderCancelled,
    OrderPaid,
    OrderRefunded,
)
from services.contracts.inbound import MAX_AMOUNT_MINOR
from services.contracts.profile import Cause
from services.scoring import registers, repeats
from services.scoring.config import ScoringConfig
from services.scoring.orders import Order, UnlinkedRefund
from services.scoring.repeats import short_hash
from services.scoring.state import CustomerState

MAX_VALUE = 1_000_000
_INT64 = 2**63
_MICROSECONDS = 1_000_000


def check(event: AnyEvent, currency: str) -> None:
    """Raise `InvalidMessage` for what can never be folded.

    Ingest lets nothing of the kind through but a foreign currency; a state must not break on another writer either.
    """
    if isinstance(event, Interaction):
        _within("value", event.value, 0, MAX_VALUE)
    elif isinstance(event, CustomerUpdated):
        for name, value in event.attributes.items():
            if isinstance(value, int) and not -_INT64 <= value < _INT64:
                raise InvalidMessage("malformed", f"attribute {name!r} does not fit 64 bits; send it as a string")
    elif isinstance(event, OrderAmended):
        _within("rev", event.rev, 1, _INT64 - 1)
        _within("amount_minor", event.amount_minor, 0, MAX_AMOUNT_MINOR)
    elif isinstance(event, OrderPaid | OrderRefunded):
        if event.currency != currency:
            raise InvalidMessage(
                "foreign_currency",
                f"the amount is in {event.currency!r}, scores are counted in {currency}: convert it upstream, "
                "or set currency in the scoring configuration",
            )
        _within("amount_minor", event.amount_minor, int(isinstance(event, OrderRefunded)), MAX_AMOUNT_MINOR)


def _within(name: str, value: float, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InvalidMessage("malformed", f"{name} {value} is not in {least}..{most}")


def fold(state: CustomerState, event: AnyEvent, config: ScoringConfig, days: BusinessDays) -> Cause | None:
    """Fold a checked event in; the cause it gives for a new profile, or None if it changed nothing."""
    if isinstance(event, Interaction):
        return _interaction(state, event, config, days)
    if isinstance(event, OrderRefunded) and event.order_id is None:
        return _unlinked_refund(state, event, days)
    if isinstance(event, OrderPaid | OrderRefunded | OrderCancelled | OrderAmended):
        return _order(state, event, config, days)
    if isinstance(event, CustomerUpdated):
        return _update(state, event)
    return None


def _order(
    state: CustomerState,
    event: OrderPaid | OrderRefunded | OrderCancelled | OrderAmended,
    config: ScoringConfig,
    days: BusinessDays,
) -> Cause | None:
    key = short_hash(event.order_id or "")
    order = state.orders.get(key)
    if order is None:
        order = state.orders[key] = Order()
    free = config.free_orders == "count"
    before = _contribution(order, free, days)
    if not _change(order, event):
        return None
    after = _contribution(order, free, days)
    if after != before:
        state.add_order(before[0], -before[1], -before[2])
        state.add_order(*after)
    if isinstance(event, OrderRefunded | OrderCancelled):
        return Cause.REFUND
    return Cause.REFUND if isinstance(event, OrderAmended) and after[2] < before[2] else Cause.OWN_EVENT


def _change(order: Order, event: OrderPaid | OrderRefunded | OrderCancelled | OrderAmended) -> bool:
    if isinstance(event, OrderPaid):
        return order.pay(floor(event.occurred_at.timestamp()), event.amount_minor)
    if isinstance(event, OrderRefunded):
        return order.refund(short_hash(event.refund_id), event.amount_minor)
    if isinstance(event, OrderAmended):
        return order.amend(event.rev, event.amount_minor)
    return order.cancel()


def _contribution(order: Order, free: bool, days: BusinessDays) -> tuple[int, int, int]:
    """Day, orders and net money that an order adds to the log."""
    if order.paid_at is None:
        return 0, 0, 0
    return days.day_of(order.paid_at), int(order.counts(free=free)), order.net_minor


def _unlinked_refund(state: CustomerState, event: OrderRefunded, days: BusinessDays) -> Cause | None:
    key = short_hash(event.refund_id)
    known = state.unlinked.get(key)
    refund = UnlinkedRefund(floor(event.occurred_at.timestamp()), event.amount_minor)
    if known is not None:
        if refund <= known:
            return None
        state.add_order(days.day_of(known.at), 0, known.amount_minor)
    state.unlinked[key] = refund
    state.add_order(days.day_of(refund.at), 0, -refund.amount_minor)
    return Cause.REFUND


def _interaction(state: CustomerState, event: Interaction, config: ScoringConfig, days: BusinessDays) -> Cause | None:
    at = event.occurred_at.timestamp()
    second = floor(at)
    if not repeats.remember(state.seen, short_hash(event.source, event.id), second, config.lateness_seconds):
        return None
    state.log.add_interaction(days.day_of(second), event.kind)
    weight = config.weight(event.kind) * event.value
    state.activity.add(weight, at, config.half_life_seconds)
    return Cause.OWN_EVENT


def _update(state: CustomerState, event: CustomerUpdated) -> Cause | None:
    at = round(event.occurred_at.timestamp() * _MICROSECONDS)
    key = short_hash(event.source, event.id)
    # a tag both removed and added by one event is there
    tags = dict.fromkeys(event.tags_remove, False) | dict.fromkeys(event.tags_add, True)
    changed = [
        registers.write(state.tags, tags, at, key),
        registers.write(state.attributes, event.attributes, at, key),
    ]
    return Cause.OWN_EVENT if any(changed) else None
