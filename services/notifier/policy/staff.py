"""The staff directory: how the clerks are reached who look after customers. None of it shows in a `repr`."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from services.contracts.calendar import Zone
from services.contracts.channels import CHANNELS, ChannelName
from services.notifier.policy.values import Channel
from services.notifier.written import Part

_LONGEST_ADDRESS = 320
"""Of an e-mail: 64 octets before the @ and 255 behind it, https://www.rfc-editor.org/rfc/rfc3696."""


def _address(value: Any) -> str:
    # never the value itself: it would stand in a log
    if isinstance(value, int | float):
        raise ValueError("an address is text; write quotes around it, or its zeros and its + are lost")  # noqa: TRY004 - pydantic wants ValueError
    if not isinstance(value, str) or not value.strip():
        raise ValueError("an address is text, and not empty")
    if len(value) > _LONGEST_ADDRESS:
        raise ValueError(f"an address has at most {_LONGEST_ADDRESS} characters")
    return value.strip()


def _addressed(channel: ChannelName) -> ChannelName:
    if not CHANNELS[channel].addressed:
        raise ValueError(f"{channel} reaches whoever stands behind it, and takes no address")
    return channel


AddressedChannel = Annotated[
    Channel,
    AfterValidator(_addressed),
    WithJsonSchema({"enum": [name.value for name, facts in CHANNELS.items() if facts.addressed]}),
]
PlainAddress = Annotated[str, BeforeValidator(_address, json_schema_input_type=str)]


class Colleague(Part):
    """One who looks after customers."""

    name: Annotated[str, Field(strict=True, min_length=1, max_length=64)] | None = Field(
        None, repr=False, description="What they are called; for whoever reads this file."
    )
    contacts: dict[AddressedChannel, PlainAddress] = Field(
        {}, repr=False, description="Channel and address; over other channels they are not reached."
    )
    language: Annotated[str, Field(strict=True, pattern="^[a-zA-Z]{2,3}([_-][a-zA-Z0-9]+)*$")] | None = Field(
        None, description="Of the messages to them, such as zh or en."
    )
    timezone: Zone | None = Field(
        None, description="Where they work; without it, as `unknown_zone` of the policy says."
    )


class Staff(Part):
    """How the clerks are reached who look after customers."""

    colleagues: dict[str, Colleague] = Field(
        {}, repr=False, description="By the id that `owner` of a customer names. Quote an id of digits."
    )

    def find(self, owner: str) -> Colleague | None:
        return self.colleagues.get(owner)

    def address(self, owner: str | None, channel: str) -> str | None:
        """Where a colleague is reached over a channel.

        Of one whom the directory does not know, the id is taken for their user id of WeCom (userid), which is what clerks
        are called by in 企业微信.
        """
        if owner is None:
            return None
        colleague = self.find(owner)
        if colleague is None:
            return owner if channel == ChannelName.WECOM_APP else None
        contacts: Mapping[str, str] = {name.value: address for name, address in colleague.contacts.items()}
        return contacts.get(channel)
