"""What each event does to a customer's state."""

from math import floor

from services.contracts.calendar import BusinessDays, to_ms
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
from services.scoring import registers
from services.scoring.config import ScoringConfig
from services.scoring.daylog import Sums
from services.scoring.happening import name_of
from services.scoring.orders import Order, UnlinkedRefund
from services.scoring.repeats import short_hash
from services.scoring.state import CustomerState, contribution

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
        if isinstance(event, OrderPaid):
            _within("discount_minor", event.discount_minor, 0, MAX_AMOUNT_MINOR)


def _within(name: str, value: float, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InvalidMessage("malformed", f"{name} {value} is not in {least}..{most}")


def fold(state: CustomerState, event: AnyEvent, config: ScoringConfig, days: BusinessDays) -> Cause | None:
    """Fold a checked event in; the cause it gives for a new profile, or None if it changed nothing.

    `state` must stand at the day of now: what is older than its longest window counts for its lifetime only.
    """
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
    order = state.order(key)
    before = contribution(order, days, free=config.free)
    changed = _change(order, event)
    state.settle(key, before, days, free=config.free)
    newest = state.happened(name_of(event), to_ms(event.occurred_at))
    if not changed:
        return Cause.OWN_EVENT if newest else None
    if isinstance(event, OrderRefunded | OrderCancelled):
        return Cause.REFUND
    smaller = isinstance(event, OrderAmended) and order.stands and order.net_minor < before[1].net
    return Cause.REFUND if smaller else Cause.OWN_EVENT


def _change(order: Order, event: OrderPaid | OrderRefunded | OrderCancelled | OrderAmended) -> bool:
    if isinstance(event, OrderPaid):
        return order.pay(floor(event.occurred_at.timestamp()), event.amount_minor, event.discount_minor)
    if isinstance(event, OrderRefunded):
        return order.refund(short_hash(event.refund_id), event.amount_minor)
    if isinstance(event, OrderAmended):
        return order.amend(event.rev, event.amount_minor)
    return order.cancel()


def _unlinked_refund(state: CustomerState, event: OrderRefunded, days: BusinessDays) -> Cause | None:
    key = short_hash(event.refund_id)
    newest = state.happened(name_of(event), to_ms(event.occurred_at))
    known = state.unlinked.get(key)
    refund = UnlinkedRefund(floor(event.occurred_at.timestamp()), event.amount_minor)
    if known is not None:
        if refund <= known:
            return Cause.OWN_EVENT if newest else None
        state.count(days.day_of(known.at), Sums(net=known.amount_minor))
    state.unlinked[key] = refund
    state.count(days.day_of(refund.at), Sums(net=-refund.amount_minor))
    return Cause.REFUND


def _interaction(state: CustomerState, event: Interaction, config: ScoringConfig, days: BusinessDays) -> Cause | None:
    at = event.occurred_at.timestamp()
    second = floor(at)
    if not state.repeats.remember(short_hash(event.source, event.id), second, config.lateness_seconds):
        return None
    state.count_deed(days.day_of(second), event.kind)
    state.happened(event.kind, to_ms(event.occurred_at))
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
