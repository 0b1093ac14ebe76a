"""What publishers write to `koi.orders` and `koi.interactions`, with every limit of the edge.

Pydantic, because another party writes it: each violation names its field. Ingest converts a valid one into the
canonical event of `events`.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    model_validator,
)
from typing_extensions import TypedDict

from services.contracts.calendar import YEARS, known_zone
from services.contracts.channels import Category, ChannelName
from services.contracts.contacts import ALL_CHANNELS
from services.contracts.events import CUSTOM_PREFIX, STANDARD_KINDS, Touchpoint

MAX_MESSAGE_BYTES = 256 * 1024
MAX_ID_LENGTH = 128
MAX_TAGS = 50
MAX_ATTRIBUTES = 50
MAX_DEPTH = 5
MAX_ITEMS = 500
MAX_AMOUNT_MINOR = 10**12
"""Ten billion units of a currency with cents: beyond any order, exact in every JSON reader's double, and millions of them
add up within 64 bits."""
MAX_EXACT_INT = 2**53
"""Beyond this a whole number is not exact in every JSON reader's double."""
MAX_ADDRESS_LENGTH = 512

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{2,8}){0,3}")


def _printable(text: str) -> str:
    if _UNPRINTABLE.search(text):
        raise ValueError("control characters and lone surrogates are not allowed")
    return text


def _visible(text: str) -> str:
    if _INVISIBLE.search(text):
        raise ValueError("invisible characters are not allowed in an id: two ids would look the same")
    return text


def _mail(address: str) -> str:
    if not _MAIL.fullmatch(address):
        raise ValueError("must be one mail address: something@somewhere, without blanks")
    return address


def _telephone(address: str) -> str:
    if not _E164.fullmatch(address):
        raise ValueError(
            "must be a number with its country code and nothing but digits after the +, e.g. +8613800138000"
        )
    return address


def _zone_or_nothing(name: str) -> str:
    return known_zone(name) if name else name


def _primary(language: str) -> str:
    known = _LANGUAGE.fullmatch(language)
    if known is None:
        raise ValueError("must be a language such as zh, en or zh-CN")
    return known[1].lower()


def _known_kind(kind: str) -> str:
    if kind in STANDARD_KINDS or (kind.startswith(CUSTOM_PREFIX) and len(kind) > len(CUSTOM_PREFIX)):
        return kind
    if kind == CUSTOM_PREFIX:
        raise ValueError("custom: needs a name, such as custom:tasting")
    raise ValueError(f"unknown kind {kind!r}; write custom:{kind} for one of your own")


def _written_out(at: Any) -> Any:
    # pydantic would also take a bare number, and read 20260131 as a day in 1970
    if isinstance(at, datetime) or (isinstance(at, str) and at[4:5] == "-"):
        return at
    raise ValueError("an instant is written out, e.g. 2026-01-31T08:00:00+08:00")


def _exact(scalar: str | float | None) -> str | float | None:
    if isinstance(scalar, int) and abs(scalar) > MAX_EXACT_INT:
        raise ValueError("a whole number beyond 2^53 is not exact everywhere; write it in quotes")
    return scalar


def _sane_instant(at: datetime) -> datetime:
    if at.year not in YEARS:
        raise ValueError(f"the year must lie between {YEARS[0]} and {YEARS[-1]}")
    return at


Id = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_ID_LENGTH, strip_whitespace=True),
    AfterValidator(_printable),
    AfterValidator(_visible),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True), AfterValidator(_printable)]
Text = Annotated[str, StringConstraints(max_length=512), AfterValidator(_printable)]
Instant = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_sane_instant)]
_KINDS: dict[str, Any] = {"anyOf": [{"enum": sorted(STANDARD_KINDS)}, {"pattern": "^custom:."}]}
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT_MINOR, strict=True)]
PositiveAmount = Annotated[int, Field(gt=0, le=MAX_AMOUNT_MINOR, strict=True)]
Scalar = Annotated[Text | int | float | bool | None, AfterValidator(_exact)]


Address = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_ADDRESS_LENGTH, strip_whitespace=True),
    AfterValidator(_printable),
]
Language = Annotated[str, StringConstraints(max_length=64), AfterValidator(_primary)]
"""Any BCP 47 tag; only its language is kept, in small letters."""
Said = Annotated[bool, Field(strict=True)] | None
"""Agreed, refused, or (null) taken back."""
Scope: TypeAlias = ChannelName | Literal["all"]
"""What a statement of consent is about."""
_SCOPES: dict[str, Any] = {"propertyNames": {"enum": [ALL_CHANNELS, *ChannelName]}}
IdOrNothing = Annotated[
    str,
    StringConstraints(max_length=MAX_ID_LENGTH, strip_whitespace=True),
    AfterValidator(_printable),
    AfterValidator(_visible),
]
"""Empty text takes back what was said before."""
ZoneOrNothing = Annotated[str, AfterValidator(_zone_or_nothing)]


class Contacts(TypedDict, total=False):
    """Where a person is reached, by channel; null where no longer. What is not there stays as it was."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]  # pydantic's own way

    email: Annotated[Address, AfterValidator(_mail)] | None
    sms: Annotated[Address, AfterValidator(_telephone)] | None
    wecom_app: Address | None
    apprise: Address | None


class _Inbound(BaseModel):
    """The envelope. Unknown fields are ignored, so that publishers may add to their messages."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    id: Id
    source: Id
    customer_id: Id
    occurred_at: Instant
    received_at: Instant | None = None
    schema_: Literal[1, "1"] | None = Field(default=None, alias="schema")


class Item(BaseModel):
    """A line of an order. Checked and bounded; scores do not use it yet."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    sku: Id
    quantity: Annotated[float, Field(gt=0, le=1_000_000, strict=True)] = 1
    amount_minor: Amount | None = None


class InboundOrderPaid(_Inbound):
    """An order was paid. `amount_minor` is what was paid, after discounts; `discount_minor` what was taken off."""

    type: Literal["order.paid"]
    order_id: Id
    amount_minor: Amount
    currency: Currency
    discount_minor: Amount = 0
    items: Annotated[list[Item], Field(max_length=MAX_ITEMS)] = []
    channel: Name | None = None
    shop: Name | None = None


class InboundOrderRefunded(_Inbound):
    """Money went back: `amount_minor` of this refund only. Without `order_id` it belongs to no order."""

    type: Literal["order.refunded"]
    refund_id: Id
    order_id: Id | None = None
    amount_minor: PositiveAmount
    currency: Currency


class InboundOrderCancelled(_Inbound):
    """The order never happened."""

    type: Literal["order.cancelled"]
    order_id: Id


class InboundOrderAmended(_Inbound):
    """The order has a new total; among amendments the highest `rev` wins."""

    type: Literal["order.amended"]
    order_id: Id
    amount_minor: Amount
    rev: Annotated[int, Field(ge=1, le=2**53, strict=True)]


class InboundInteraction(_Inbound):
    """Anything a customer does that is not an order. `value` scales its weight."""

    type: Literal["interaction"]
    kind: Annotated[Name, AfterValidator(_known_kind), Field(json_schema_extra=_KINDS)]
    value: Annotated[float, Field(ge=0, le=1_000_000, strict=True)] = 1.0
    object_id: Id | None = None
    group_id: Id | None = None
    campaign_id: Id | None = None
    touchpoint: Touchpoint | None = None
    channel: Name | None = None


class InboundCustomerUpdated(_Inbound):
    """What is known of a customer: tags and attributes, and how they may be reached.

    `consent`: channel, or `all` -> category -> whether they agreed. `channels`: those they want, dearest first; empty, any.
    `personalised`: whether messages may be made for them alone. `owner`: the id of the clerk who looks after them. Of
    `owner` and `timezone` empty text takes back what was said; null says nothing.
    """

    type: Literal["customer.updated"]
    tags_add: Annotated[list[Name], Field(max_length=MAX_TAGS)] = []
    tags_remove: Annotated[list[Name], Field(max_length=MAX_TAGS)] = []
    attributes: Annotated[dict[Name, Scalar], Field(max_length=MAX_ATTRIBUTES)] = {}
    contacts: Contacts = {}
    consent: Annotated[dict[Scope, dict[Category, Said]], Field(json_schema_extra=_SCOPES)] = {}
    channels: Annotated[list[ChannelName], Field(max_length=len(ChannelName))] | None = None
    language: Language | None = None
    personalised: Annotated[bool, Field(strict=True)] | None = None
    owner: IdOrNothing | None = None
    timezone: ZoneOrNothing | None = None


class InboundCustomerMerged(_Inbound):
    """`from_id` turned out to be the same person as `customer_id`; from now on all of it belongs to `customer_id`."""

    type: Literal["customer.merged"]
    from_id: Id

    @model_validator(mode="after")
    def _two_customers(self) -> Self:
        if self.from_id == self.customer_id:
            raise ValueError("from_id and customer_id are the same customer")
        return self


class InboundCustomerDeleted(_Inbound):
    """Everything about the customer is to be forgotten."""

    type: Literal["customer.deleted"]


class InboundClockTick(BaseModel):
    """Moves event time of the partition it is written to; a replay sends one to every partition."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: Literal["clock.tick"]
    id: Id
    source: Id
    occurred_at: Instant
    received_at: Instant | None = None


Inbound = Annotated[
    InboundOrderPaid
    | InboundOrderRefunded
    | InboundOrderCancelled
    | InboundOrderAmended
    | InboundInteraction
    | InboundCustomerUpdated
    | InboundCustomerMerged
    | InboundCustomerDeleted
    | InboundClockTick,
    Field(discriminator="type"),
]

INBOUND: TypeAdapter[Inbound] = TypeAdapter(Inbound)
