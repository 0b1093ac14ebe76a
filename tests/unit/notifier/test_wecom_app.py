"""Messages of a WeCom application: tokens, members, and what is not to be repeated."""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
from pydantic import SecretStr

from services.notifier.channels.base import Accepted, Refused, Unavailable
from services.notifier.channels.calls import Reach
from services.notifier.channels.wecom_app import WecomAppChannel
from services.notifier.message import Content, Message, Parcel
from tests.servers.providers.faults import Fault
from tests.servers.providers.http_provider import Reply
from tests.servers.providers.wecom import AGENT_ID, CORP_ID, MEMBER, SECRET, WecomApp, said
from tests.unit.notifier.commands import command

WRONG = "mine-and-wrong"


class Pair(NamedTuple):
    fake: WecomApp
    channel: WecomAppChannel


def app(url: str, *, secret: str = SECRET, agent_id: int = AGENT_ID) -> WecomAppChannel:
    return WecomAppChannel(
        url, SecretStr(secret), Reach(timeout_s=20, allow_private=True), corp_id=CORP_ID, agent_id=agent_id
    )


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with WecomApp() as fake, app(fake.url) as channel:
        yield Pair(fake, channel)


def parcel(number: int = 1, *, to: str = MEMBER, markdown: bool = False) -> Parcel:
    return Parcel(Message.of(command()), Content("zh", f"请联系您的客户 {number}", markdown=markdown), to)


async def test_the_provider_names_the_message(pair: Pair) -> None:
    """Its message id is in the result."""
    assert await pair.channel.send(parcel()) == Accepted("msgid-1")


async def test_markdown_goes_as_markdown(pair: Pair) -> None:
    """Under its own type."""
    assert isinstance(await pair.channel.send(parcel(markdown=True)), Accepted)
    assert pair.fake.requests[-1].json()["markdown"] == {"content": "请联系您的客户 1"}


async def test_a_repeat_is_dropped_by_the_provider(pair: Pair) -> None:
    """It is asked to look for repeats, so an equal message shows once; another one shows."""
    for number in (1, 1, 2):
        assert isinstance(await pair.channel.send(parcel(number)), Accepted)
    assert pair.fake.taken == ["请联系您的客户 1", "请联系您的客户 2"]


async def test_one_token_serves_all(pair: Pair) -> None:
    """Thirty sends at once, then one more: a single token."""
    await asyncio.gather(*(pair.channel.send(parcel(i)) for i in range(30)))
    await pair.channel.send(parcel(99))
    assert pair.fake.fetched == 1


async def test_a_token_taken_back_is_fetched_anew_once(pair: Pair) -> None:
    """Nobody notices, however many were under way, and it costs a single further call."""
    await pair.channel.send(parcel())
    pair.fake.take_back()
    results = await asyncio.gather(*(pair.channel.send(parcel(i)) for i in range(2, 22)))
    assert {type(result) for result in results} == {Accepted}
    assert (pair.fake.fetched, len(pair.fake.taken)) == (2, 21)


async def test_a_token_that_is_never_taken_is_not_asked_for_for_ever(pair: Pair) -> None:
    """After the second the message waits for better times; it was certainly not taken."""
    pair.fake.token_reply = Reply.of({"errcode": 0, "access_token": "of-another", "expires_in": 7200})
    assert await pair.channel.send(parcel()) == Unavailable("errcode 42001: access_token expired")
    assert pair.fake.fetched == 2


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        (said(45009, "api freq out of limit"), Unavailable("gettoken: errcode 45009: api freq out of limit", 60.0)),
        (said(40013, "invalid corpid"), Refused("gettoken: errcode 40013: invalid corpid")),
        (said(0, "ok"), Unavailable("gettoken: errcode 0, but no token in the answer")),
        (said(0, "ok", access_token="", expires_in=1), Unavailable("gettoken: errcode 0, but no token in the answer")),
        (Reply(500), Unavailable("gettoken: HTTP 500")),
        (Reply(200, b"<html>"), Unavailable("gettoken: HTTP 200, but no errcode in the answer")),
        (Reply(302), Refused("gettoken: HTTP 302: redirects are not followed")),
    ],
)
async def test_without_a_token_nothing_is_ambiguous(pair: Pair, reply: Reply, result: Refused | Unavailable) -> None:
    """Nobody was written to yet, whatever became of the call for the token."""
    pair.fake.token_reply = reply
    assert await pair.channel.send(parcel()) == result
    assert pair.fake.taken == []


async def test_a_wrong_secret_does_not_show() -> None:
    """Even when WeCom repeats it."""
    async with WecomApp() as fake, app(fake.url, secret=WRONG) as channel:
        assert await channel.send(parcel()) == Refused("gettoken: errcode 40001: invalid credential …")


async def test_an_unknown_member_is_refused(pair: Pair) -> None:
    """By the code for it, or by the list of invalid users in an answer that is otherwise fine; the name does not show."""
    result = await pair.channel.send(parcel(to="nobody-of-us"))
    assert result == Refused("errcode 81013: user & party & tag all invalid")
    pair.fake.invalid = frozenset({MEMBER.lower()})
    result = await pair.channel.send(parcel())
    assert result == Refused("errcode 0, but invaliduser: the member does not exist, or may not see the application")


@pytest.mark.parametrize("to", ["@all", "a|b", "a b", "-a", "张三", "a\n", "x" * 65])
async def test_an_address_names_one_member(pair: Pair, to: str) -> None:
    """Never everybody, never several, and nobody is asked."""
    result = await pair.channel.send(parcel(to=to))
    assert result == Refused("the address is not the user id of one WeCom member")
    assert pair.fake.requests == []


async def test_the_wrong_application_is_refused() -> None:
    """With the provider's own words."""
    async with WecomApp() as fake, app(fake.url, agent_id=1) as channel:
        assert await channel.send(parcel()) == Refused("errcode 40056: invalid agentid")


async def test_a_token_is_awaited_no_longer_than_the_send_may_take() -> None:
    """A call for a token that does not come back leaves the message unsent, and says so."""

    class Silent(WecomApp):
        def afflicts(self, request: object) -> bool:  # noqa: ARG002 - everything
            return True

    reach = Reach(timeout_s=0.2, allow_private=True)
    async with (
        Silent(Fault.SLOW) as fake,
        WecomAppChannel(fake.url, SecretStr(SECRET), reach, corp_id=CORP_ID, agent_id=AGENT_ID) as channel,
    ):
        result = await channel.send(parcel())
    assert isinstance(result, Unavailable)
    assert not result.ambiguous
