"""How each channel is put before a provider of its kind, and what it must make of what that can do to a message.

A new channel is one more row of `CONFORMING`.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import StringIO
from typing import TypeAlias

import msgspec
from aiosmtplib import SMTP
from pydantic import SecretStr

from services.contracts.channels import Category, ChannelName, Recipient
from services.notifier.channels.acs3 import AccessKey
from services.notifier.channels.apprise import AppriseChannel
from services.notifier.channels.base import Accepted, Channel, Refused, SendResult, Unavailable
from services.notifier.channels.calls import HttpChannel, Reach
from services.notifier.channels.console import ConsoleChannel
from services.notifier.channels.dingtalk_robot import DingtalkRobotChannel
from services.notifier.channels.feishu_robot import FeishuRobotChannel
from services.notifier.channels.letter import Sender
from services.notifier.channels.mail import EmailChannel
from services.notifier.channels.sms import SmsChannel
from services.notifier.channels.webhook import WebhookChannel
from services.notifier.channels.wecom_app import WecomAppChannel
from services.notifier.channels.wecom_robot import WecomRobotChannel
from services.notifier.message import Content, Message, Parcel
from tests.servers.providers import aliyun, dingtalk, feishu, mail_server, webhook, wecom
from tests.servers.providers.faults import Fault
from tests.servers.providers.http_provider import HttpProvider
from tests.servers.providers.json_receiver import PATH, JsonReceiver

PATIENCE_S = 0.3
GENEROUS_S = 20.0


@dataclass(frozen=True)
class Bench:
    """A channel before its provider. `taken`: the texts of the messages that the provider took, in order."""

    channel: Channel
    taken: Callable[[], list[str]]
    secrets: tuple[str, ...] = ()


Open: TypeAlias = Callable[[Fault | None], AbstractAsyncContextManager[Bench]]


@dataclass(frozen=True)
class Conforming:
    """One channel. `faults`: what its kind of provider can do, and what must come of it, whatever `detail` says.

    `address`: where its messages go. `worded`: a content in the form that it needs. `at_once`: messages that the provider
    takes at the same time; `repeats`: whether it shows the same one twice.
    """

    open: Open
    faults: Mapping[Fault, SendResult]
    address: str | None = None
    worded: Callable[[Content], Content] = lambda content: content
    at_once: int = 100
    repeats: bool = True


_MAYBE = Unavailable("", ambiguous=True)

OVER_HTTP: Mapping[Fault, SendResult] = {
    Fault.REFUSE: Refused(""),
    Fault.REJECT: Refused(""),
    Fault.REDIRECT: Refused(""),
    Fault.TOO_MANY: Unavailable("", retry_after_s=7.0),
    Fault.FAIL: _MAYBE,
    Fault.GATEWAY: _MAYBE,
    Fault.BUSY: Unavailable(""),
    Fault.SLOW: _MAYBE,
    Fault.CUT_AT_ONCE: _MAYBE,
    Fault.CUT_BEFORE_ANSWER: _MAYBE,
    Fault.NONSENSE: _MAYBE,
    Fault.AWAY: Unavailable(""),
}
"""What holds for everybody who is asked by HTTP."""

_BODIES = (Fault.CUT_IN_ANSWER, Fault.EMPTY, Fault.MALFORMED, Fault.FOREIGN, Fault.HTML, Fault.HUGE)


def by_status() -> Mapping[Fault, SendResult]:
    """Of a provider whose status says it all."""
    return {**OVER_HTTP, **dict.fromkeys(_BODIES, Accepted()), Fault.LIMIT: Unavailable("", retry_after_s=7.0)}


def by_words(pause_s: float | None) -> Mapping[Fault, SendResult]:
    """Of a provider whose answer must be read; `pause_s` is what it asks for when there are too many."""
    return {**OVER_HTTP, **dict.fromkeys(_BODIES, _MAYBE), Fault.LIMIT: Unavailable("", retry_after_s=pause_s)}


BY_SMTP: Mapping[Fault, SendResult] = {
    **dict.fromkeys((Fault.REFUSE, Fault.REJECT), Refused("")),
    **dict.fromkeys((Fault.LIMIT, Fault.FAIL, Fault.BUSY, Fault.CUT_AT_ONCE, Fault.AWAY), Unavailable("")),
    **dict.fromkeys((Fault.SLOW, Fault.CUT_BEFORE_ANSWER, Fault.CUT_IN_ANSWER, Fault.NONSENSE), _MAYBE),
    **dict.fromkeys((Fault.MALFORMED, Fault.HUGE), _MAYBE),
}
"""Of a mail server: before the end of the letter it has taken nothing."""

BY_APPRISE: Mapping[Fault, SendResult] = {
    **{fault: result for fault, result in by_status().items() if fault is not Fault.HUGE},
    **dict.fromkeys((Fault.TOO_MANY, Fault.LIMIT), Unavailable("")),
    Fault.CUT_IN_ANSWER: _MAYBE,
}
"""It does not pass on how long to wait, and reads an answer to its end, were there one."""


def patience(fault: Fault | None) -> float:
    return PATIENCE_S if fault is Fault.SLOW else GENEROUS_S


@dataclass(frozen=True)
class OverHttp:
    """A channel that asks a provider by HTTP: the fake, and the channel for its URL. `secrets` must not show anywhere."""

    provider: Callable[[Fault | None], HttpProvider]
    make: Callable[[str, Reach], HttpChannel]
    secrets: tuple[str, ...]

    @asynccontextmanager
    async def open(self, fault: Fault | None) -> AsyncIterator[Bench]:
        reach = Reach(timeout_s=patience(fault), allow_private=True)
        async with self.provider(fault) as fake, self.make(fake.url, reach) as channel:
            yield Bench(channel, lambda: fake.taken, self.secrets)


@asynccontextmanager
async def open_console(fault: Fault | None) -> AsyncIterator[Bench]:
    stream = StringIO()
    if fault is Fault.CUT_BEFORE_ANSWER:
        stream.close()
    yield Bench(
        ConsoleChannel(stream),
        lambda: [msgspec.json.decode(line)["text"] for line in stream.getvalue().splitlines()],
    )


@asynccontextmanager
async def open_mail(fault: Fault | None) -> AsyncIterator[Bench]:
    async with mail_server.MailServer(fault) as fake:

        def client() -> SMTP:
            return SMTP(
                hostname="127.0.0.1", port=fake.port, local_hostname="brand.example", use_tls=False, start_tls=False
            )

        async with EmailChannel(
            client, Sender("hello@brand.example", "锦鲤池塘"), timeout_s=patience(fault)
        ) as channel:
            yield Bench(channel, lambda: fake.taken, (mail_server.ADDRESS,))


class _AppriseTo(AppriseChannel):
    """Whoever has an address lives where the fake happens to listen."""

    def __init__(self, fake: JsonReceiver, timeout_s: float) -> None:
        super().__init__(SecretStr(""), ("json",), timeout_s=timeout_s)
        self._fake = fake

    async def send(self, parcel: Parcel) -> SendResult:
        return await super().send(replace(parcel, address=self._fake.address if parcel.address else None))


@asynccontextmanager
async def open_apprise(fault: Fault | None) -> AsyncIterator[Bench]:
    async with JsonReceiver(fault) as fake, _AppriseTo(fake, patience(fault)) as channel:
        yield Bench(channel, lambda: fake.taken, (PATH,))


HTTP: Mapping[ChannelName, OverHttp] = {
    ChannelName.WEBHOOK: OverHttp(
        webhook.WebhookReceiver,
        lambda url, reach: WebhookChannel(SecretStr(f"{url}/{webhook.TOKEN}"), SecretStr(webhook.SECRET), reach),
        (webhook.TOKEN, webhook.SECRET),
    ),
    ChannelName.WECOM_ROBOT: OverHttp(
        wecom.WecomRobot, lambda url, reach: WecomRobotChannel(url, SecretStr(wecom.KEY), reach), (wecom.KEY,)
    ),
    ChannelName.WECOM_APP: OverHttp(
        wecom.WecomApp,
        lambda url, reach: WecomAppChannel(
            url, SecretStr(wecom.SECRET), reach, corp_id=wecom.CORP_ID, agent_id=wecom.AGENT_ID
        ),
        (wecom.SECRET, wecom.MEMBER),
    ),
    ChannelName.DINGTALK_ROBOT: OverHttp(
        dingtalk.DingtalkRobot,
        lambda url, reach: DingtalkRobotChannel(url, SecretStr(dingtalk.TOKEN), SecretStr(dingtalk.SECRET), reach),
        (dingtalk.TOKEN, dingtalk.SECRET),
    ),
    ChannelName.FEISHU_ROBOT: OverHttp(
        feishu.FeishuRobot,
        lambda url, reach: FeishuRobotChannel(url, SecretStr(feishu.TOKEN), SecretStr(feishu.SECRET), reach),
        (feishu.TOKEN, feishu.SECRET),
    ),
    ChannelName.SMS: OverHttp(
        aliyun.AliyunSms,
        lambda url, reach: SmsChannel(
            url, AccessKey(aliyun.KEY_ID, SecretStr(aliyun.KEY_SECRET)), aliyun.SIGN_NAME, reach
        ),
        (aliyun.KEY_SECRET, aliyun.NUMBER.removeprefix("+86")),
    ),
}

CONFORMING: Mapping[ChannelName, Conforming] = {
    ChannelName.CONSOLE: Conforming(open_console, {Fault.CUT_BEFORE_ANSWER: _MAYBE}),
    ChannelName.WEBHOOK: Conforming(HTTP[ChannelName.WEBHOOK].open, by_status()),
    ChannelName.WECOM_ROBOT: Conforming(HTTP[ChannelName.WECOM_ROBOT].open, by_words(60.0), at_once=20),
    ChannelName.WECOM_APP: Conforming(
        HTTP[ChannelName.WECOM_APP].open, by_words(60.0), address=wecom.MEMBER, at_once=30, repeats=False
    ),
    ChannelName.DINGTALK_ROBOT: Conforming(HTTP[ChannelName.DINGTALK_ROBOT].open, by_words(600.0), at_once=20),
    ChannelName.FEISHU_ROBOT: Conforming(HTTP[ChannelName.FEISHU_ROBOT].open, by_words(None), at_once=5),
    ChannelName.EMAIL: Conforming(open_mail, BY_SMTP, address=mail_server.ADDRESS),
    ChannelName.SMS: Conforming(
        HTTP[ChannelName.SMS].open,
        by_words(86_400.0),
        address=aliyun.NUMBER,
        worded=lambda content: replace(content, code=aliyun.CODE, fields={"text": content.text}),
        at_once=50,
    ),
    ChannelName.APPRISE: Conforming(open_apprise, BY_APPRISE, address="json://anywhere"),
}


def parcel(name: ChannelName, text: str) -> Parcel:
    """A message in these words, as the channel needs it."""
    message = Message(
        command_id="c1",
        template="we_miss_you",
        params={"name": "小鱼", "days": 45},
        customer_id="客户一",
        category=Category.SERVICE,
        recipient=Recipient.OWNER,
        rule="win-back@1a2b3c",
        decided_at=datetime(2024, 5, 1, 12, tzinfo=UTC),
    )
    return Parcel(message, CONFORMING[name].worded(Content("zh", text)), CONFORMING[name].address)
