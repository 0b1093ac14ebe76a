"""Every channel that asks by HTTP keeps to public addresses, wherever its own is set to."""

import asyncio
from collections.abc import Sequence

import pytest

from services.contracts.channels import ChannelName
from services.notifier.channels.base import Accepted, Refused, Unavailable
from services.notifier.channels.calls import Reach
from services.notifier.channels.outbound import Resolve
from tests.conformance.conforming import HTTP, parcel

TEXT = "好久不见"


def resolving(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> Sequence[str]:  # noqa: ARG001
        return addresses

    return resolve


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "0.0.0.0", "localhost"),  # noqa: S104
        *("10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "[::1]", "[::]", "[::ffff:127.0.0.1]"),
        *("[::ffff:7f00:1]", "[fd00:ec2::254]", "[fe80::1]", "[64:ff9b::7f00:1]"),
    ],
)
async def test_a_private_address_is_refused_however_it_is_written(name: ChannelName, host: str) -> None:
    """Refused for good, and nobody was connected to."""
    async with (
        HTTP[name].provider(None) as fake,
        HTTP[name].make(f"http://{host}:{fake.port}", Reach(timeout_s=20)) as channel,
    ):
        result = await channel.send(parcel(name, TEXT))
        assert isinstance(result, Refused)
        assert result.detail.endswith(
            "the host has an address outside the public internet; KOI_ALLOW_PRIVATE=true permits it"
        )
        assert fake.connections == 0


@pytest.mark.parametrize("name", HTTP)
async def test_one_private_address_among_public_ones_is_enough(name: ChannelName) -> None:
    """A name is judged by all its addresses: the system might have picked any."""
    reach = Reach(timeout_s=20, resolve=resolving("93.184.216.34", "127.0.0.1"))
    async with HTTP[name].make("https://provider.example", reach) as channel:
        assert isinstance(await channel.send(parcel(name, TEXT)), Refused)


@pytest.mark.parametrize("name", HTTP)
async def test_the_address_that_was_checked_is_the_one_connected_to(name: ChannelName) -> None:
    """The name is resolved once per call, so it cannot point elsewhere a moment later; `Host` keeps the name."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:  # noqa: ARG001
        asked.append(host)
        return ("127.0.0.1",)

    reach = Reach(timeout_s=20, allow_private=True, resolve=resolve)
    async with (
        HTTP[name].provider(None) as fake,
        HTTP[name].make(f"http://provider.example:{fake.port}", reach) as channel,
    ):
        assert isinstance(await channel.send(parcel(name, TEXT)), Accepted)
        assert asked == ["provider.example"] * len(fake.requests)
        assert {request.headers["host"] for request in fake.requests} == {f"provider.example:{fake.port}"}


async def test_the_next_address_is_tried_when_one_is_away() -> None:
    """A host with two addresses is reached over the one that lives."""
    it = HTTP[ChannelName.WEBHOOK]
    reach = Reach(timeout_s=20, allow_private=True, resolve=resolving("127.0.0.2", "127.0.0.1"))
    async with it.provider(None) as fake, it.make(f"http://provider.example:{fake.port}", reach) as channel:
        assert await channel.send(parcel(ChannelName.WEBHOOK, TEXT)) == Accepted()


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize("error", [OSError("no such name"), UnicodeError("label too long")])
async def test_a_name_that_does_not_resolve_is_unavailable(name: ChannelName, error: Exception) -> None:
    """It may resolve later; certainly nothing was sent."""

    async def resolve(host: str, port: int) -> Sequence[str]:  # noqa: ARG001
        raise error

    async with HTTP[name].make("https://provider.example", Reach(timeout_s=20, resolve=resolve)) as channel:
        result = await channel.send(parcel(name, TEXT))
        assert isinstance(result, Unavailable)
        assert result.detail.endswith("no connection: ConnectError")
        assert not result.ambiguous


@pytest.mark.parametrize("name", HTTP)
async def test_a_time_out_before_anything_was_sent_is_not_ambiguous(name: ChannelName) -> None:
    """Whoever waits for an address has not sent anything."""

    async def resolve(host: str, port: int) -> Sequence[str]:  # noqa: ARG001
        await asyncio.Event().wait()
        return ()

    async with HTTP[name].make("https://provider.example", Reach(timeout_s=0.05, resolve=resolve)) as channel:
        result = await channel.send(parcel(name, TEXT))
        assert isinstance(result, Unavailable)
        assert not result.ambiguous
