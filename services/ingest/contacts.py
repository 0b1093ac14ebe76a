"""What an inbound event says about reaching a customer, as `koi.contacts` carries it. Pure.

None of it is in the canonical event but clerk and time zone, and addresses go nowhere else.
"""

from dataclasses import dataclass

from services.contracts.contacts import ContactMessage, ContactsErased, ContactsJoined, ContactsUpdated
from services.contracts.events import AnyEvent, CustomerDeleted, CustomerMerged
from services.contracts.inbound import Inbound, InboundCustomerUpdated
from services.runtime.sealing import Seal


@dataclass(slots=True, frozen=True)
class ContactNews:
    """`message` is None if the event says nothing of the kind; `unsealed` counts addresses that had to stay behind."""

    message: ContactMessage | None = None
    unsealed: int = 0


NOTHING = ContactNews()


def contact_news(inbound: Inbound, event: AnyEvent, seal: Seal | None) -> ContactNews:
    """`event` is the canonical form of `inbound`. Without a seal addresses stay behind; that one ends is said all the same."""
    match event:
        case CustomerDeleted():
            return ContactNews(ContactsErased(customer_id=event.customer_id, occurred_at=event.occurred_at))
        case CustomerMerged():
            joined = ContactsJoined(customer_id=event.customer_id, into_id=event.into_id, occurred_at=event.occurred_at)
            return ContactNews(joined)
    return _updated(inbound, event, seal) if isinstance(inbound, InboundCustomerUpdated) else NOTHING


def _updated(inbound: InboundCustomerUpdated, event: AnyEvent, seal: Seal | None) -> ContactNews:
    contacts: dict[str, str | None] = {}
    unsealed = 0
    for channel, address in inbound.contacts.items():
        if address is None:
            contacts[channel] = None
        elif seal is not None:
            contacts[channel] = seal.seal(str(address), channel)
        else:
            unsealed += 1
    said = ContactsUpdated(
        customer_id=event.customer_id,
        occurred_at=event.occurred_at,
        cause_id=f"{event.source}/{event.id}",
        contacts=contacts,
        consent={str(scope): dict(said) for scope, said in inbound.consent.items() if said},
        channels=None if inbound.channels is None else tuple(dict.fromkeys(inbound.channels)),
        language=inbound.language,
        personalised=inbound.personalised,
        owner=inbound.owner,
        timezone=inbound.timezone,
    )
    nothing = ContactsUpdated(customer_id=said.customer_id, occurred_at=said.occurred_at, cause_id=said.cause_id)
    return ContactNews(None if said == nothing else said, unsealed)
