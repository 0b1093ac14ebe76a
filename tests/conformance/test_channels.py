"""One suite for all channels: each is driven through the same table of what a provider can do to it.

The provider is a fake on loopback that answers in bytes, so that it can also answer wrongly.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from typing import TypeAlias

import msgspec
import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from services.contracts.command import Category, Recipient
from services.contracts.receipt import Delivery
from services.notifier.channels.base import Accepted, Channel, Refused, SendResult, Unavailable
from services.notifier.channels.console import ConsoleChannel
from services.notifier.channels.outbound import Resolve, system_resolve
from services.notifier.channels.webhook import WebhookChannel
from services.notifier.message import Message

SECRET = "whsec_a29pcG9uZC1rb2lwb25kLWtvaXBvbmQ="  # noqa: S105 - a test's own
TOKEN = "token-in-the-path"  # noqa: S105
PATIENCE_S = 0.3
GENEROUS_S = 20.0


class Does(Enum):
    """What a provider does with a message."""

    ACCEPT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    ACCEPT_WITHOUT_BODY = b"HTTP/1.1 204 No Content\r\n\r\n"
    ACCEPT_TOO_LATE = b""
    ACCEPT_AND_FLOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
    ACCEPT_AND_CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"
    REJECT = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    DENY = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
    BE_GONE = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
    REDIRECT_INSIDE = (
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data/\r\nContent-Length: 0\r\n\r\n"
    )
    LIMIT = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"
    FAIL = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops"
    HANG_UP = b" "
    TALK_NONSENSE = b"220 smtp.example ESMTP\r\n"
    BE_AWAY = b"  "


EXPECTED: dict[Does, SendResult] = {
    Does.ACCEPT: Accepted(),
    Does.ACCEPT_WITHOUT_BODY: Accepted(),
    Does.ACCEPT_TOO_LATE: Unavailable("", ambiguous=True),
    Does.ACCEPT_AND_FLOOD: Accepted(),
    Does.ACCEPT_AND_CUT: Accepted(),
    Does.REJECT: Refused(""),
    Does.DENY: Refused(""),
    Does.BE_GONE: Refused(""),
    Does.REDIRECT_INSIDE: Refused(""),
    Does.LIMIT: Unavailable("", retry_after_s=7.0),
    Does.FAIL: Unavailable(""),
    Does.HANG_UP: Unavailable("", ambiguous=True),
    Does.TALK_NONSENSE: Unavailable("", ambiguous=True),
    Does.BE_AWAY: Unavailable(""),
}
"""What every channel must make of it; the wording of `detail` is the channel's own."""


@dataclass
class Provider:
    """A fake provider over HTTP: verifies each signature with the standard's own library, then does as it was told."""

    does: Does
    port: int = 0
    seen: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    bodies: list[dict[str, object]] = field(default_factory=list)
    connections: int = 0
    _gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                headers, body = await self._request(reader)
                Webhook(SECRET).verify(body, headers)
                self.seen.append(headers["webhook-id"])
                self.hosts.append(headers["host"])
                self.bodies.append(msgspec.json.decode(body))
                if not await self._answer(writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        return headers, await reader.readexactly(int(headers["content-length"]))

    async def _answer(self, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        if self.does is Does.HANG_UP:
            return False
        if self.does is Does.ACCEPT_TOO_LATE:
            await self._gone.wait()
            return False
        writer.write(self.does.value)
        while self.does is Does.ACCEPT_AND_FLOOD:
            writer.write(b"x" * 65536)
            await writer.drain()
        await writer.drain()
        return self.does not in (Does.ACCEPT_AND_CUT, Does.TALK_NONSENSE)


@asynccontextmanager
async def provider(does: Does, host: str = "127.0.0.1") -> AsyncIterator[Provider]:
    fake = Provider(does)
    server = await asyncio.start_server(fake.serve, host, 0)
    fake.port = server.sockets[0].getsockname()[1]
    if does is Does.BE_AWAY:  # the port was ours a moment ago: nobody listens there now
        server.close()
        await server.wait_closed()
    try:
        yield fake
    finally:
        fake._gone.set()
        server.close()
        await server.wait_closed()


Opened: TypeAlias = AbstractAsyncContextManager[tuple[Channel, Callable[[], list[str]]]]
"""A channel before its provider, and which command ids that provider has seen."""


@asynccontextmanager
async def open_webhook(does: Does) -> AsyncIterator[tuple[Channel, Callable[[], list[str]]]]:
    timeout_s = PATIENCE_S if does is Does.ACCEPT_TOO_LATE else GENEROUS_S
    async with provider(does) as fake, webhook(f"http://127.0.0.1:{fake.port}/{TOKEN}", timeout_s=timeout_s) as channel:
        yield channel, lambda: fake.seen


@asynccontextmanager
async def open_console(does: Does) -> AsyncIterator[tuple[Channel, Callable[[], list[str]]]]:
    stream = io.StringIO()
    if does is Does.HANG_UP:
        stream.close()
    yield (
        ConsoleChannel(stream),
        lambda: (
            []
            if stream.closed
            else [msgspec.json.decode(line)["command_id"] for line in stream.getvalue().splitlines()]
        ),
    )


def webhook(
    url: str, *, allow_private: bool = True, resolve: Resolve = system_resolve, timeout_s: float = GENEROUS_S
) -> WebhookChannel:
    return WebhookChannel(
        SecretStr(url), SecretStr(SECRET), timeout_s=timeout_s, allow_private=allow_private, resolve=resolve
    )


CHANNELS: dict[str, tuple[Callable[[Does], Opened], frozenset[Does]]] = {
    "console": (open_console, frozenset({Does.ACCEPT, Does.HANG_UP})),
    "webhook": (open_webhook, frozenset(Does)),
}
"""How to open each channel, and what its kind of provider can do."""

TABLE = [(name, does) for name, (_, able) in CHANNELS.items() for does in Does if does in able]


def message(command_id: str = "c1") -> Message:
    return Message(
        command_id=command_id,
        template="we_miss_you",
        params={"name": "小鱼", "days": 45},
        customer_id="客户一",
        category=Category.MARKETING,
        recipient=Recipient.CUSTOMER,
        rule="win-back@1a2b3c",
        decided_at=datetime(2024, 5, 1, 12, tzinfo=UTC),
    )


def without_wording(result: SendResult) -> SendResult:
    return result if isinstance(result, Accepted) else replace(result, detail="")


@pytest.mark.parametrize(("name", "does"), TABLE, ids=lambda value: getattr(value, "name", value))
async def test_a_channel_tells_what_became_of_the_message(name: str, does: Does) -> None:
    """Accepted, refused or unavailable, as the table says; never an exception, never a secret in the wording."""
    async with CHANNELS[name][0](does) as (channel, _):
        result = await channel.send(message())
    assert without_wording(result) == EXPECTED[does]
    if not isinstance(result, Accepted):
        assert result.detail
        assert TOKEN not in result.detail
        assert SECRET not in result.detail


@pytest.mark.parametrize("name", CHANNELS)
async def test_a_repeat_carries_the_same_key(name: str) -> None:
    """The provider sees the command id each time, so that it can tell a repeat."""
    async with CHANNELS[name][0](Does.ACCEPT) as (channel, seen):
        for command_id in ("c1", "c1", "c2"):
            assert await channel.send(message(command_id)) == Accepted()
        assert seen() == ["c1", "c1", "c2"]


@pytest.mark.parametrize("name", CHANNELS)
async def test_a_channel_is_used_concurrently(name: str) -> None:
    """A hundred sends at once all arrive, whole and once."""
    ids = [f"c{i}" for i in range(100)]
    async with CHANNELS[name][0](Does.ACCEPT) as (channel, seen):
        results = await asyncio.gather(*(channel.send(message(command_id)) for command_id in ids))
        assert set(results) == {Accepted()}
        assert sorted(seen()) == sorted(ids)


@pytest.mark.parametrize("name", CHANNELS)
async def test_a_channel_says_what_it_is_called_and_promises(name: str) -> None:
    """Under the name that commands use, with its delivery semantics."""
    async with CHANNELS[name][0](Does.ACCEPT) as (channel, _):
        assert (channel.name, channel.delivery) == (name, Delivery.AT_LEAST_ONCE)


async def test_the_webhook_carries_the_whole_message() -> None:
    """The body holds everything a receiver needs to render it, and nothing else."""
    async with provider(Does.ACCEPT) as fake, webhook(f"http://127.0.0.1:{fake.port}/") as channel:
        await channel.send(message())
        assert fake.bodies == [
            {
                "command_id": "c1",
                "template": "we_miss_you",
                "params": {"name": "小鱼", "days": 45},
                "customer_id": "客户一",
                "category": "marketing",
                "recipient": "customer",
                "rule": "win-back@1a2b3c",
                "decided_at": "2024-05-01T12:00:00Z",
            }
        ]


async def test_an_id_no_header_can_hold_is_escaped() -> None:
    """Chinese, spaces and line breaks reach the receiver percent-encoded, and still signed."""
    async with provider(Does.ACCEPT) as fake, webhook(f"http://127.0.0.1:{fake.port}/") as channel:
        assert await channel.send(message("鱼 1\r\nx: y")) == Accepted()
        assert fake.seen == ["%E9%B1%BC%201%0D%0Ax:%20y"]


async def test_a_connection_is_used_again() -> None:
    """Messages one after the other share a connection, and a body left over does not spoil it."""
    async with provider(Does.FAIL) as fake, webhook(f"http://127.0.0.1:{fake.port}/") as channel:
        for _ in range(3):
            await channel.send(message())
        assert (len(fake.seen), fake.connections) == (3, 1)


async def test_nothing_about_the_address_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Not even at the most talkative level: a URL may hold a token."""
    caplog.set_level(0)
    async with provider(Does.ACCEPT) as fake, webhook(f"http://127.0.0.1:{fake.port}/{TOKEN}") as channel:
        await channel.send(message())
    assert TOKEN not in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "0.0.0.0", "localhost"),  # noqa: S104
        *("10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "[::1]", "[::]", "[::ffff:127.0.0.1]"),
        *("[::ffff:7f00:1]", "[fd00:ec2::254]", "[fe80::1]", "[64:ff9b::7f00:1]"),
    ],
)
async def test_a_private_address_is_refused_however_it_is_written(host: str) -> None:
    """Refused for good, and nobody was connected to."""
    async with provider(Does.ACCEPT) as fake, webhook(f"http://{host}:{fake.port}/{TOKEN}", allow_private=False) as it:
        result = await it.send(message())
        assert result == Refused(
            "the host has an address outside the public internet; KOI_WEBHOOK_ALLOW_PRIVATE=true permits it"
        )
        assert fake.connections == 0


async def test_one_private_address_among_public_ones_is_enough() -> None:
    """A name is judged by all its addresses: the system might have picked any."""

    async def resolve(host: str, port: int) -> list[str]:  # noqa: ARG001
        return ["93.184.216.34", "127.0.0.1"]

    async with webhook("https://provider.example/", allow_private=False, resolve=resolve) as channel:
        assert isinstance(await channel.send(message()), Refused)


async def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    """The name is resolved once per send, so it cannot point elsewhere a moment later; `Host` keeps the name."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:  # noqa: ARG001
        asked.append(host)
        return ["127.0.0.1"]

    async with (
        provider(Does.ACCEPT) as fake,
        webhook(f"http://provider.example:{fake.port}/", resolve=resolve) as channel,
    ):
        assert await channel.send(message()) == Accepted()
        assert asked == ["provider.example"]
        assert fake.hosts == [f"provider.example:{fake.port}"]


async def test_the_next_address_is_tried_when_one_is_away() -> None:
    """A host with two addresses is reached over the one that lives."""

    async def resolve(host: str, port: int) -> list[str]:  # noqa: ARG001
        return ["127.0.0.2", "127.0.0.1"]

    async with (
        provider(Does.ACCEPT) as fake,
        webhook(f"http://provider.example:{fake.port}/", resolve=resolve) as channel,
    ):
        assert await channel.send(message()) == Accepted()


@pytest.mark.parametrize("error", [OSError("no such name"), UnicodeError("label too long")])
async def test_a_name_that_does_not_resolve_is_unavailable(error: Exception) -> None:
    """It may resolve later; certainly nothing was sent."""

    async def resolve(host: str, port: int) -> list[str]:  # noqa: ARG001
        raise error

    async with webhook("https://provider.example/", resolve=resolve) as channel:
        assert await channel.send(message()) == Unavailable("no connection: ConnectError")
