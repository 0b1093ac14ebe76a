"""Who may be written to, and where: what ingest hands to the notifier alone, on `koi.contacts`.

Addresses are sealed (`runtime.sealing`) before they enter this topic: nobody can read them but the notifier. Every
statement is of an instant, and the newest of each counts, so that neither order nor repeats matter.
"""

from typing import TypeAlias

import msgspec

from services.contracts.calendar import Instant
from services.contracts.channels import Category

ALL_CHANNELS = "all"
"""Stands for every channel in a statement of consent."""


class ContactsUpdated(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="updated", gc=False
):
    """What one event said about reaching a customer; what is not in it stays as it was.

    `contacts`: channel -> sealed address, None removes it. `consent`: channel, or `ALL_CHANNELS` -> category -> whether
    they agreed, None takes the statement back. `channels`: those they want, dearest first; empty, any. `owner` and
    `timezone`: empty text takes it back.
    """

    customer_id: str
    occurred_at: Instant
    cause_id: str
    """Of two statements of the same instant that of the higher id counts; a refusal of consent always does."""
    contacts: dict[str, str | None] = {}
    consent: dict[str, dict[Category, bool | None]] = {}
    channels: tuple[str, ...] | None = None
    language: str | None = None
    personalised: bool | None = None
    owner: str | None = None
    timezone: str | None = None
    hops: int = 0
    """How many customers it was passed on through who turned out to be another."""


class ContactsErased(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="erased", gc=False
):
    """Everything about the customer is to be forgotten."""

    customer_id: str
    occurred_at: Instant
    hops: int = 0


class ContactsJoined(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="joined", gc=False):
    """`customer_id` turned out to be the same person as `into_id`. The record lies with the customer who ends."""

    customer_id: str
    into_id: str
    occurred_at: Instant


class ContactsMoved(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="moved", gc=False):
    """All that the notifier knew of `from_id`, for `customer_id`; `state` is its own stored form."""

    customer_id: str
    from_id: str
    occurred_at: Instant
    state: bytes
    hops: int = 0


ContactMessage: TypeAlias = ContactsUpdated | ContactsErased | ContactsJoined | ContactsMoved
