"""One message sent by hand: what it is made of, and how what came of it is told. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from services.contracts.channels import CHANNELS, Category, ChannelName, Recipient
from services.notifier.channels.base import Accepted, Refused, SendResult
from services.notifier.message import Content, Message, Parcel

TEMPLATE = "koi-notify-test"
_CUSTOMER = "koi-notify-test"
_SHOWN_OF_TEXT = 40
_LONG = 9


def pairs(option: str, given: Iterable[str]) -> dict[str, str]:
    """`name=value`, each once. Raise `ValueError` for anything else."""
    found: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise ValueError(f"{option} {pair}: write name=value")
        if name in found:
            raise ValueError(f"{option} {name} is given twice")
        found[name] = value
    return found


def value_of(text: str) -> str | int | float | bool:
    """A number or a yes/no where it is written as one in JSON, else the text."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text
    return found if isinstance(found, int | float) else text


def text_of_code(code: str, fields: Mapping[str, str]) -> str:
    """What stands for the words of a template that lies with the provider."""
    return " ".join((code, *(f"{name}={value}" for name, value in fields.items())))


def parcel(
    channel: ChannelName,
    content: Content | None,
    to: str | None,
    *,
    command_id: str,
    now: datetime,
    template: str | None,
) -> Parcel:
    """The message as the notifier would hand it to the channel. Transactional, so that nobody can unsubscribe from it."""
    reaches = CHANNELS[channel].reaches
    message = Message(
        command_id=command_id,
        template=template or TEMPLATE,
        params={},
        customer_id=_CUSTOMER,
        category=Category.TRANSACTIONAL,
        recipient=Recipient.CUSTOMER if Recipient.CUSTOMER in reaches else Recipient.OWNER,
        rule=TEMPLATE,
        decided_at=now,
    )
    return Parcel(message, content, to)


def intention(channel: ChannelName, parcel: Parcel) -> str:
    """What is about to be done."""
    to = "" if parcel.address is None else f" to {masked(parcel.address)}"
    words = "" if parcel.content is None else f": {_shortened(parcel.content.text)}"
    return f"one message over {channel}{to}{words}"


def outcome(channel: ChannelName, result: SendResult, seconds: float) -> str:
    """What the provider answered."""
    took = f"after {seconds:.2f} s"
    match result:
        case Accepted(provider_id):
            name = "" if provider_id is None else f" as {provider_id}"
            sure = ", which does not confirm that it arrives" if channel is ChannelName.APPRISE else ""
            return f"accepted{name} {took}{sure}"
        case Refused(detail):
            return f"refused {took}: {detail}"
    waits = "" if result.retry_after_s is None else f"; it asks for {result.retry_after_s:g} s of rest"
    fate = "it may have arrived all the same" if result.ambiguous else "it was not taken"
    return f"unavailable {took}: {result.detail}; {fate}{waits}"


def masked(address: str) -> str:
    """Enough of an address to know it again, and not enough to use it."""
    scheme, found, _ = address.partition("://")
    if found:
        return f"{scheme}://…"
    name, at, domain = address.rpartition("@")
    if at:
        return f"{name[:1]}…@{domain[:1]}…"
    return f"{address[: len(address) // 3]}…{address[-2:]}" if len(address) >= _LONG else f"{address[:1]}…"


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_OF_TEXT else f"{line[:_SHOWN_OF_TEXT]}…"
