"""The customer's card: where they may be written to, what they agreed to, and how they want it.

All of it was said at some instant, and of everything the last word counts (`register`), so that neither the order in
which it arrives nor repeats matter, and the cards of two customers who turn out to be one can be laid together.
Addresses are sealed, and nothing of the card shows in its `repr`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeVar

import msgspec

from services.contracts.calendar import to_ms
from services.contracts.channels import Category, ChannelName
from services.contracts.contacts import ALL_CHANNELS, ContactsUpdated
from services.notifier.customer.register import Register, T, later

K = TypeVar("K", bound=str)

_CHANNELS = frozenset(ChannelName)
_SPOKEN_OF = _CHANNELS | {ALL_CHANNELS}


class Card(msgspec.Struct, array_like=True, frozen=True):
    """Never changed in place. What nobody said is not there.

    `contacts`: channel -> sealed address. `consent`: channel, or `ALL_CHANNELS` -> category -> whether they agreed. Channels
    that there are not are left out, so a card cannot grow beyond what there is.
    """

    contacts: dict[str, Register[str | None]] = {}
    consent: dict[str, dict[Category, Register[bool | None]]] = {}
    wanted: Register[tuple[str, ...]] | None = None
    spoken: Register[str | None] | None = None
    likes_personal: Register[bool | None] | None = None
    clerk: Register[str | None] | None = None
    lives_in: Register[str | None] | None = None

    def said(self, update: ContactsUpdated) -> "Card":
        """The card with what an event said."""
        at_ms, cause = to_ms(update.occurred_at), update.cause_id

        def text(value: str | None) -> Register[str | None] | None:
            return None if value is None else Register(at_ms, cause, value or None)

        wanted, personal = update.channels, update.personalised
        return self.union(
            Card(
                contacts={
                    channel: Register(at_ms, cause, address or None)
                    for channel, address in update.contacts.items()
                    if channel in _CHANNELS
                },
                consent={
                    channel: {category: Register(at_ms, cause, agreed) for category, agreed in statements.items()}
                    for channel, statements in update.consent.items()
                    if channel in _SPOKEN_OF
                },
                wanted=None if wanted is None else Register(at_ms, cause, _known(wanted)),
                spoken=text(update.language),
                likes_personal=None if personal is None else Register(at_ms, cause, personal),
                clerk=text(update.owner),
                lives_in=text(update.timezone),
            )
        )

    def refused(self, channel: str, category: Category, at: datetime, cause_id: str) -> "Card":
        """The card of somebody who wants no more messages of a category over a channel, or over `ALL_CHANNELS`."""
        if channel not in _SPOKEN_OF:
            return self
        return self.union(Card(consent={channel: {category: Register(to_ms(at), cause_id, value=False)}}))

    def union(self, other: "Card") -> "Card":
        """Both cards as one: of everything the last word of either."""
        return Card(
            contacts=_merged(self.contacts, other.contacts),
            consent={
                channel: _merged(self.consent.get(channel, {}), other.consent.get(channel, {}))
                for channel in _names(self.consent, other.consent)
            },
            wanted=later(self.wanted, other.wanted),
            spoken=later(self.spoken, other.spoken),
            likes_personal=later(self.likes_personal, other.likes_personal),
            clerk=later(self.clerk, other.clerk),
            lives_in=later(self.lives_in, other.lives_in),
        )

    def agrees(self, channel: str, category: Category) -> bool | None:
        """What they said last about messages of a category over a channel, be it of this channel or of all; None if nothing.

        Of two statements of the same instant a refusal counts.
        """
        registers = (self.consent.get(name, {}).get(category) for name in (channel, ALL_CHANNELS))
        said = [
            (register.at_ms, not register.value) for register in registers if register and register.value is not None
        ]
        return not max(said)[1] if said else None

    def address(self, channel: str) -> str | None:
        """The sealed address of a channel."""
        return _value(self.contacts.get(channel))

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels they want, dearest first; empty if they did not say, or want any."""
        return self.wanted.value if self.wanted else ()

    @property
    def language(self) -> str | None:
        return _value(self.spoken)

    @property
    def personalised(self) -> bool:
        """Whether messages may be made for them alone; they may unless they said otherwise."""
        return self.likes_personal is None or self.likes_personal.value is not False

    @property
    def owner(self) -> str | None:
        """The id of the clerk who looks after them."""
        return _value(self.clerk)

    @property
    def zone(self) -> str | None:
        """The name of the time zone they live in."""
        return _value(self.lives_in)

    def __repr__(self) -> str:
        return "Card(…)"


def _value(register: Register[str | None] | None) -> str | None:
    return None if register is None else register.value


def _known(channels: Iterable[str]) -> tuple[str, ...]:
    """Those there are, each once. Who named only others does not want any channel there is, and keeps one of those."""
    distinct = tuple(dict.fromkeys(channels))
    return tuple(channel for channel in distinct if channel in _CHANNELS) or distinct[:1]


def _names(one: Mapping[K, object], other: Mapping[K, object]) -> list[K]:
    """The keys of both, in an order that does not depend on which is which."""
    return sorted({*one, *other})


def _merged(one: Mapping[K, Register[T]], other: Mapping[K, Register[T]]) -> dict[K, Register[T]]:
    found = {name: later(one.get(name), other.get(name)) for name in _names(one, other)}
    return {name: register for name, register in found.items() if register is not None}
