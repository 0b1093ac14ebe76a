"""The webhook: what it carries, under which key, and over which connection."""

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from services.notifier.channels.base import Accepted, Refused
from services.notifier.channels.calls import Reach
from services.notifier.channels.webhook import WebhookChannel
from services.notifier.message import Content, Message, Parcel
from tests.servers.providers.faults import Fault
from tests.servers.providers.webhook import SECRET, WebhookReceiver
from tests.unit.notifier.commands import command

DATA = {
    "command_id": "c1",
    "template": "we_miss_you",
    "params": {"name": "小鱼", "days": 45},
    "customer_id": "客户一",
    "category": "marketing",
    "recipient": "customer",
    "rule": "win-back@1a2b3c",
    "decided_at": "2024-05-01T12:00:00Z",
}


def webhook(fake: WebhookReceiver) -> WebhookChannel:
    return WebhookChannel(SecretStr(fake.url), SecretStr(SECRET), Reach(timeout_s=20, allow_private=True))


def message(command_id: str = "c1") -> Message:
    return Message.of(command(command_id))


@pytest.mark.parametrize(
    ("parcel", "body"),
    [
        (Parcel(message()), DATA),
        (Parcel(message(), address="+8613800000000"), DATA),
        (Parcel(Message.of(replace(command(), variant="b"))), DATA | {"variant": "b"}),
        (Parcel(message(), Content("zh", "好久不见")), DATA | {"text": "好久不见", "language": "zh"}),
        (
            Parcel(message(), Content("en", "Hello", title="We miss you")),
            DATA | {"text": "Hello", "title": "We miss you", "language": "en"},
        ),
    ],
)
async def test_the_webhook_carries_the_whole_message(parcel: Parcel, body: dict[str, object]) -> None:
    """The body holds everything a receiver needs to render it, the text where there is one, and never an address."""
    async with WebhookReceiver() as fake, webhook(fake) as channel:
        assert await channel.send(parcel) == Accepted()
        assert fake.bodies == [body]


async def test_a_repeat_carries_the_same_key() -> None:
    """The receiver sees the command id each time, so that it can tell a repeat."""
    async with WebhookReceiver() as fake, webhook(fake) as channel:
        for command_id in ("c1", "c1", "c2"):
            assert await channel.send(Parcel(message(command_id))) == Accepted()
        assert fake.ids == ["c1", "c1", "c2"]


async def test_an_id_no_header_can_hold_is_escaped() -> None:
    """Chinese, spaces and line breaks reach the receiver percent-encoded, and still signed."""
    async with WebhookReceiver() as fake, webhook(fake) as channel:
        assert await channel.send(Parcel(message("鱼 1\r\nx: y"))) == Accepted()
        assert fake.ids == ["%E9%B1%BC%201%0D%0Ax:%20y"]


async def test_a_wrong_secret_is_noticed() -> None:
    """The receiver does not take what it cannot verify."""
    async with (
        WebhookReceiver() as fake,
        WebhookChannel(SecretStr(fake.url), SecretStr("whsec_b3RoZXI="), Reach(allow_private=True)) as channel,
    ):
        assert await channel.send(Parcel(message())) == Refused("HTTP 401")


async def test_a_connection_is_used_again() -> None:
    """Messages one after the other share a connection, and a body left over does not spoil it."""
    async with WebhookReceiver(Fault.FAIL) as fake, webhook(fake) as channel:
        for _ in range(3):
            await channel.send(Parcel(message()))
        assert (len(fake.requests), fake.connections) == (3, 1)
