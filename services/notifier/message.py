"""What a channel is given to deliver."""

from datetime import datetime

import msgspec

from services.contracts.command import Category, Command, Recipient


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message, as every channel sees it: structured, without an address.

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
        )
