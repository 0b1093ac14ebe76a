"""What a profile says of the event behind it."""

from services.contracts.events import AnyEvent, Interaction, OrderAmended, OrderPaid, OrderRefunded
from services.contracts.profile import Happening


def happening(event: AnyEvent) -> Happening:
    match event:
        case Interaction():
            return Happening(
                type=type_of(event),
                kind=event.kind,
                value=event.value,
                object_id=event.object_id,
                group_id=event.group_id,
                campaign_id=event.campaign_id,
                touchpoint=event.touchpoint,
                channel=event.channel,
            )
        case OrderPaid():
            return Happening(
                type=type_of(event),
                amount_minor=event.amount_minor,
                discount_minor=event.discount_minor,
                channel=event.channel,
                shop=event.shop,
            )
        case OrderRefunded() | OrderAmended():
            return Happening(type=type_of(event), amount_minor=event.amount_minor)
        case _:
            return Happening(type=type_of(event))


def type_of(event: AnyEvent) -> str:
    """As it is written on the wire: `order.paid`."""
    return str(event.__struct_config__.tag)


def name_of(event: AnyEvent) -> str:
    """The kind of an interaction, the type of any other event."""
    return event.kind if isinstance(event, Interaction) else type_of(event)
