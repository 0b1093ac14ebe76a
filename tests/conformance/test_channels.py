"""One suite for all channels: each is put before a fake of its provider, and driven through all that can do to a message."""

import asyncio
import re
from dataclasses import replace

import pytest

from services.contracts.channels import CHANNELS, ChannelName
from services.notifier.channels.base import Accepted, Refused, SendResult
from tests.conformance.conforming import CONFORMING, parcel
from tests.servers.providers.faults import NOT_TAKEN, Fault

TABLE = [(name, fault) for name, row in CONFORMING.items() for fault in row.faults]
WITH_TEXT = [name for name in CONFORMING if name not in (ChannelName.CONSOLE, ChannelName.WEBHOOK)]


def text(number: int = 1) -> str:
    return f"好久不见，老朋友。 {number}"


def without_wording(result: SendResult) -> SendResult:
    return Accepted() if isinstance(result, Accepted) else replace(result, detail="")


def test_every_channel_has_its_row() -> None:
    """No channel is left out of the suite."""
    assert set(CONFORMING) == set(ChannelName)


@pytest.mark.parametrize(("name", "fault"), TABLE, ids=lambda value: value.name)
async def test_a_channel_tells_what_became_of_the_message(
    name: ChannelName, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """Accepted, refused or unavailable, as the table says; never an exception, never a secret in wording or log."""
    caplog.set_level(0)
    async with CONFORMING[name].open(fault) as bench:
        result = await bench.channel.send(parcel(name, text()))
    assert without_wording(result) == CONFORMING[name].faults[fault]
    said = caplog.text
    if not isinstance(result, Accepted):
        assert result.detail
        said += result.detail
    assert not [secret for secret in bench.secrets if secret.lower() in said.lower()]


@pytest.mark.parametrize("name", CONFORMING)
def test_what_may_have_been_taken_is_never_called_lost(name: ChannelName) -> None:
    """Whatever comes after the message was taken is either accepted or ambiguous; nothing else may be repeated blindly."""
    for fault, result in CONFORMING[name].faults.items():
        assert fault in NOT_TAKEN or isinstance(result, Accepted) or getattr(result, "ambiguous", False)


@pytest.mark.parametrize("name", CONFORMING)
async def test_a_message_arrives_as_it_was_written(name: ChannelName) -> None:
    """Chinese, quotation marks, line breaks and what looks like markup reach the provider unchanged."""
    odd = '“鱼” & <b>"fish"</b>\n第二行 %s {{x}} 🐟'
    async with CONFORMING[name].open(None) as bench:
        result = await bench.channel.send(parcel(name, odd))
        assert isinstance(result, Accepted)
        assert bench.taken() == [odd]


@pytest.mark.parametrize("name", CONFORMING)
async def test_a_repeat_shows_twice_only_where_the_provider_cannot_tell(name: ChannelName) -> None:
    """The same message again is accepted again; who recognises repeats shows it once."""
    async with CONFORMING[name].open(None) as bench:
        for _ in range(2):
            assert isinstance(await bench.channel.send(parcel(name, text())), Accepted)
        assert bench.taken() == [text()] * (2 if CONFORMING[name].repeats else 1)


@pytest.mark.parametrize("name", CONFORMING)
async def test_a_channel_is_used_concurrently(name: ChannelName) -> None:
    """As many sends at once as the provider takes all arrive, whole and once."""
    texts = [text(i) for i in range(CONFORMING[name].at_once)]
    async with CONFORMING[name].open(None) as bench:
        results = await asyncio.gather(*(bench.channel.send(parcel(name, words)) for words in texts))
        assert {type(result) for result in results} == {Accepted}
        assert sorted(bench.taken()) == sorted(texts)


@pytest.mark.parametrize("name", CONFORMING)
async def test_a_channel_says_what_it_is_called_and_promises(name: ChannelName) -> None:
    """Under the name that commands use, with the promise that its facts make unless somebody says otherwise."""
    async with CONFORMING[name].open(None) as bench:
        assert (bench.channel.name, bench.channel.delivery) == (name, CHANNELS[name].delivery)


@pytest.mark.parametrize("name", WITH_TEXT)
async def test_a_channel_of_texts_refuses_what_has_none(name: ChannelName) -> None:
    """It says so, and asks nobody."""
    async with CONFORMING[name].open(None) as bench:
        result = await bench.channel.send(replace(parcel(name, text()), content=None))
        assert result == Refused(f"{name} needs a text, and there is no template for it")
        assert bench.taken() == []


@pytest.mark.parametrize("name", [name for name in CONFORMING if CHANNELS[name].addressed])
@pytest.mark.parametrize("address", [None, ""])
async def test_an_addressed_channel_refuses_what_leads_nowhere(name: ChannelName, address: str | None) -> None:
    """It says so, and asks nobody."""
    async with CONFORMING[name].open(None) as bench:
        result = await bench.channel.send(replace(parcel(name, text()), address=address))
        assert result == Refused(f"{name} needs an address, and there is none")
        assert bench.taken() == []


@pytest.mark.parametrize("name", WITH_TEXT)
async def test_a_text_over_the_limit_is_refused_before_anybody_is_asked(name: ChannelName) -> None:
    """A text of the very limit passes, one byte or character more does not; the sentence gives both lengths."""
    limit = CHANNELS[name].text
    assert limit is not None
    async with CONFORMING[name].open(None) as bench:
        result = await bench.channel.send(parcel(name, "x" * (limit.most + 1)))
        assert isinstance(result, Refused)
        assert re.search(rf"{limit.most + 1:,} {limit.unit}.*{limit.most:,} at most", result.detail)
        assert bench.taken() == []
        result = await bench.channel.send(parcel(name, "x" * limit.most))
        assert isinstance(result, Accepted)
