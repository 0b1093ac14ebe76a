"""Whom a message is for: the customer, or the colleague who looks after them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.contracts.channels import CHANNELS, ChannelFacts, Recipient
from services.notifier.customer.card import Card
from services.notifier.effects import Route
from services.notifier.policy.staff import Staff

FACTS: Mapping[str, ChannelFacts] = {name.value: facts for name, facts in CHANNELS.items()}


@dataclass(slots=True, frozen=True)
class Addressee:
    """Where somebody lives, which languages they read (dearest first), and how they are reached.

    `address`: of a channel. `sealed`: whether it is. `nowhere`: what to say when there is none.
    """

    recipient: Recipient
    zone: ZoneInfo
    languages: tuple[str, ...]
    nowhere: str
    sealed: bool
    address: Callable[[str], str | None] = field(repr=False)

    def route(self, channel: str) -> Route | str:
        """The way over a channel that there is, or why there is none to this person."""
        facts = FACTS[channel]
        if self.recipient not in facts.reaches:
            return "it reaches no customer" if self.recipient is Recipient.CUSTOMER else "it reaches no colleague"
        if not facts.addressed:
            return Route(channel)
        address = self.address(channel)
        if address is not None:
            return Route(channel, address, self.sealed)
        return Route(channel) if facts.shared and self.recipient is Recipient.OWNER else self.nowhere


def customer(card: Card, unknown_zone: ZoneInfo) -> Addressee:
    return Addressee(
        Recipient.CUSTOMER,
        _zone(card.zone, unknown_zone),
        _languages(card.language),
        "no address is known",
        sealed=True,
        address=card.address,
    )


def colleague(owner: str | None, staff: Staff, unknown_zone: ZoneInfo) -> Addressee:
    """The colleague with the id `owner`; None if nobody looks after the customer."""
    found = None if owner is None else staff.find(owner)
    return Addressee(
        Recipient.OWNER,
        _zone(found.timezone if found else None, unknown_zone),
        _languages(found.language if found else None),
        "the customer has no owner" if owner is None else "the staff directory has no address of the owner",
        sealed=False,
        address=partial(staff.address, owner),
    )


def _zone(name: str | None, unknown: ZoneInfo) -> ZoneInfo:
    """The zone of a name; `unknown` if there is no name, or no such zone."""
    try:
        return ZoneInfo(name) if name else unknown
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return unknown


def _languages(tag: str | None) -> tuple[str, ...]:
    """A language tag, and the language alone: zh-CN, then zh."""
    if not tag:
        return ()
    whole = tag.replace("_", "-")
    return tuple(dict.fromkeys((whole, whole.partition("-")[0].lower())))
