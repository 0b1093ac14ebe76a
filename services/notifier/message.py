"""What a channel is given to deliver."""

from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from services.contracts.channels import Category, Recipient
from services.contracts.command import Command
from services.contracts.errors import KoipondError


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message as data: what it says and about whom, without an address.

    `command_id` is the idempotency key: a channel hands it to its provider, so that a repeat can be recognised there.
    """

    command_id: str
    template: str
    params: dict[str, str | int | float | bool | None]
    customer_id: str
    category: Category
    recipient: Recipient
    rule: str
    decided_at: datetime
    variant: str | None = None

    @classmethod
    def of(cls, command: Command) -> "Message":
        return cls(
            command_id=command.id,
            template=command.template,
            params=command.params,
            customer_id=command.customer_id,
            category=command.category,
            recipient=command.recipient,
            rule=command.rule,
            decided_at=command.decided_at,
            variant=command.variant,
        )


@dataclass(slots=True, frozen=True)
class Content:
    """A message in words, for one channel and in one language (`zh`, `en`).

    `text` is plain, or Markdown of the provider's dialect where `markdown` says so. `title`: a subject, where the channel
    has one. `html`: the same once more, of an e-mail. `code` and `fields`: the name of a template that lies with the provider,
    and its variables; `text` is then what the recipient will probably read.
    """

    language: str
    text: str
    markdown: bool = False
    title: str | None = None
    html: str | None = None
    code: str | None = None
    fields: dict[str, str] = field(default_factory=dict)


class NoText(KoipondError):  # noqa: N818 - what it is
    """There is no template for this channel, it cannot be filled in, or what comes of it does not fit.

    The message says which, and quotes no value.
    """


@dataclass(slots=True, frozen=True)
class Parcel:
    """A message on its way over one channel.

    `content` is None where there is no template: a channel that passes data on (console, webhook) does without. `address`
    is where it goes, None where the channel has one of its own; it never shows in a log.
    """

    message: Message
    content: Content | None = None
    address: str | None = field(default=None, repr=False)
