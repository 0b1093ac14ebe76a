"""The robots of WeCom, DingTalk and Feishu: what each of them alone has."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from services.notifier.channels import dingtalk_robot, feishu_robot
from services.notifier.channels.base import Accepted, Refused, SendResult, Unavailable
from services.notifier.channels.calls import Reach
from services.notifier.channels.dingtalk_robot import DingtalkRobotChannel
from services.notifier.channels.feishu_robot import FeishuRobotChannel
from services.notifier.channels.wecom_robot import WecomRobotChannel
from services.notifier.message import Content, Message, Parcel
from tests.servers.providers import dingtalk, feishu, wecom
from tests.servers.providers.http_provider import Reply
from tests.unit.notifier.commands import command

UNKNOWN = "another-token"
NOW = datetime(2026, 3, 16, 16, tzinfo=UTC)


class Clock:
    """One for both sides; `shift` is how far the sender's is off."""

    def __init__(self) -> None:
        self.now = NOW
        self.shift = timedelta()

    def sender(self) -> datetime:
        return self.now + self.shift

    def provider(self) -> float:
        return self.now.timestamp()

    @property
    def reach(self) -> Reach:
        return Reach(timeout_s=20, allow_private=True, clock=self.sender)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def parcel(text: str = "好久不见", **more: Any) -> Parcel:
    return Parcel(Message.of(command()), Content("zh", text, **more))


def wecom_robot(url: str, reach: Reach, key: str = wecom.KEY) -> WecomRobotChannel:
    return WecomRobotChannel(url, SecretStr(key), reach)


def dingtalk_channel(
    url: str, reach: Reach, secret: str = dingtalk.SECRET, token: str = dingtalk.TOKEN
) -> DingtalkRobotChannel:
    return DingtalkRobotChannel(url, SecretStr(token), SecretStr(secret), reach)


def feishu_channel(
    url: str, reach: Reach, secret: str = feishu.SECRET, token: str = feishu.TOKEN
) -> FeishuRobotChannel:
    return FeishuRobotChannel(url, SecretStr(token), SecretStr(secret), reach)


async def test_wecom_takes_twenty_messages_a_minute(clock: Clock) -> None:
    """The twenty-first is to wait for 60 seconds, and passes after them."""
    async with wecom.WecomRobot(clock=clock.provider) as fake, wecom_robot(fake.url, clock.reach) as channel:
        results = [await channel.send(parcel()) for _ in range(21)]
        assert results[:20] == [Accepted()] * 20
        assert isinstance(results[20], Unavailable)
        assert (results[20].retry_after_s, results[20].ambiguous) == (60.0, False)
        clock.now += timedelta(seconds=61)
        assert await channel.send(parcel()) == Accepted()


async def test_dingtalk_shuts_out_for_ten_minutes(clock: Clock) -> None:
    """The twenty-first within a minute is to wait for 600 seconds."""
    async with dingtalk.DingtalkRobot(clock=clock.provider) as fake, dingtalk_channel(fake.url, clock.reach) as channel:
        results = [await channel.send(parcel()) for _ in range(21)]
        assert results[20] == Unavailable("errcode 130101: send too fast, exceed 20 times per minute", 600.0)
        clock.now += timedelta(seconds=599)
        assert isinstance(await channel.send(parcel()), Unavailable)
        clock.now += timedelta(seconds=2)
        assert await channel.send(parcel()) == Accepted()


async def test_feishu_takes_five_messages_a_second(clock: Clock) -> None:
    """The sixth may be tried again soon."""
    async with feishu.FeishuRobot(clock=clock.provider) as fake, feishu_channel(fake.url, clock.reach) as channel:
        results = [await channel.send(parcel()) for _ in range(6)]
        assert results[:5] == [Accepted()] * 5
        assert isinstance(results[5], Unavailable)
        clock.now += timedelta(seconds=1)
        assert await channel.send(parcel()) == Accepted()


async def test_a_wrong_key_is_refused(clock: Clock) -> None:
    """With the provider's own words and code."""
    async with wecom.WecomRobot() as fake, wecom_robot(fake.url, clock.reach, key="another") as channel:
        assert await channel.send(parcel()) == Refused("errcode 93000: invalid webhook url, hint: [1700000000_1_x]")


@pytest.mark.parametrize("shift", [timedelta(), timedelta(minutes=59), -timedelta(minutes=59)])
async def test_signatures_are_taken(clock: Clock, shift: timedelta) -> None:
    """Also when the clocks differ by less than the hour that both providers allow."""
    clock.shift = shift
    async with dingtalk.DingtalkRobot(clock=clock.provider) as ding, dingtalk_channel(ding.url, clock.reach) as channel:
        assert await channel.send(parcel()) == Accepted()
    async with feishu.FeishuRobot(clock=clock.provider) as fei, feishu_channel(fei.url, clock.reach) as other:
        assert await other.send(parcel()) == Accepted()


async def test_a_wrong_signature_is_refused(clock: Clock) -> None:
    """Made with another secret, without any, or too long ago."""
    async with dingtalk.DingtalkRobot(clock=clock.provider) as ding:
        for secret in ("SECanother", ""):
            async with dingtalk_channel(ding.url, clock.reach, secret) as channel:
                result = await channel.send(parcel())
                assert isinstance(result, Refused)
                assert result.detail.startswith("errcode 310000: ")
    async with feishu.FeishuRobot(clock=clock.provider) as fei:
        for secret in ("another", ""):
            async with feishu_channel(fei.url, clock.reach, secret) as other:
                assert await other.send(parcel()) == Refused(
                    "code 19021: sign match fail or timestamp is not within one hour from current time"
                )
        clock.shift = timedelta(minutes=61)
        async with feishu_channel(fei.url, clock.reach) as other:
            assert isinstance(await other.send(parcel()), Refused)


async def test_a_keyword_that_is_missing_is_refused(clock: Clock) -> None:
    """A robot protected by words takes only messages that have one."""
    async with dingtalk.DingtalkRobot(clock=clock.provider) as fake, dingtalk_channel(fake.url, clock.reach) as channel:
        fake.keyword = "会员"
        assert await channel.send(parcel("你好")) == Refused("errcode 310000: keywords not in content")
        assert await channel.send(parcel("会员你好")) == Accepted()


async def test_a_token_that_is_unknown_is_refused(clock: Clock) -> None:
    """With the provider's own words."""
    async with dingtalk.DingtalkRobot() as ding, dingtalk_channel(ding.url, clock.reach, token=UNKNOWN) as channel:
        assert await channel.send(parcel()) == Refused("errcode 300005: token is not exist")
    async with feishu.FeishuRobot() as fei, feishu_channel(fei.url, clock.reach, token=UNKNOWN) as other:
        assert await other.send(parcel()) == Refused("code 19001: param invalid: incoming webhook access token invalid")


@pytest.mark.parametrize(
    ("msg", "result"),
    [
        ("Bad Request", Refused("code 9499: Bad Request")),
        ("too many request", Unavailable("code 9499: too many request")),
    ],
)
async def test_feishus_code_of_two_meanings_is_read_with_its_words(msg: str, result: SendResult, clock: Clock) -> None:
    """9499 is a malformed request, unless it says that there are too many."""

    class Odd(feishu.FeishuRobot):
        def answer(self, request: object) -> Reply:  # noqa: ARG002 - always the same
            return Reply.of({"code": 9499, "msg": msg, "data": {}})

    async with Odd() as fake, feishu_channel(fake.url, clock.reach) as channel:
        assert await channel.send(parcel()) == result


@pytest.mark.parametrize("make", [dingtalk_channel, feishu_channel])
async def test_a_request_that_grows_over_the_limit_is_refused(make: Any, clock: Clock) -> None:
    """A text within its limit is too long when its line breaks are written as JSON writes them; nobody is asked."""
    async with dingtalk.DingtalkRobot() as fake, make(fake.url, clock.reach) as channel:
        result = await channel.send(parcel("x\n" * 9_500))
        assert isinstance(result, Refused)
        assert result.detail.startswith("the request has 28,")
        assert fake.requests == []


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (Content("zh", "文"), {"msgtype": "text", "text": {"content": "文"}}),
        (Content("zh", "文", title="题"), {"msgtype": "text", "text": {"content": "题\n文"}}),
        (
            Content("zh", "\n## 第一行\n第二行", markdown=True),
            {"msgtype": "markdown", "markdown": {"title": "第一行", "text": "\n## 第一行\n第二行"}},
        ),
        (
            Content("zh", "文", markdown=True, title="题"),
            {"msgtype": "markdown", "markdown": {"title": "题", "text": "文"}},
        ),
    ],
)
def test_dingtalk_gets_a_title_where_it_must_have_one(content: Content, body: dict[str, Any]) -> None:
    """Markdown always has one; plain text carries it as its first line."""
    assert dingtalk_robot.body(content) == body


@given(st.text(min_size=1, max_size=50).filter(str.strip))
def test_any_markdown_has_a_title_for_dingtalk(text: str) -> None:
    """Even one that is all marks."""
    assert dingtalk_robot.body(Content("zh", text, markdown=True))["markdown"]["title"]


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (
            Content("zh", "文"),
            {"msg_type": "post", "content": {"post": {"zh_cn": {"content": [[{"tag": "text", "text": "文"}]]}}}},
        ),
        (
            Content("en", "text", title="Title"),
            {
                "msg_type": "post",
                "content": {"post": {"en_us": {"title": "Title", "content": [[{"tag": "text", "text": "text"}]]}}},
            },
        ),
        (
            Content("zh", "**文**", markdown=True, title="题"),
            {
                "msg_type": "interactive",
                "card": {
                    "header": {"title": {"tag": "plain_text", "content": "题"}},
                    "elements": [{"tag": "markdown", "content": "**文**"}],
                },
            },
        ),
    ],
)
def test_feishu_gets_a_post_or_a_card(content: Content, body: dict[str, Any]) -> None:
    """Plain text in which nothing is a mention, or Markdown."""
    assert feishu_robot.body(content) == body
