"""The channels there are, and what their providers allow: data, each with its source."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class ChannelName(StrEnum):
    """The channels there are: what a rule may name, and what the notifier can be given."""

    CONSOLE = "console"
    WEBHOOK = "webhook"
    WECOM_ROBOT = "wecom_robot"
    WECOM_APP = "wecom_app"
    DINGTALK_ROBOT = "dingtalk_robot"
    FEISHU_ROBOT = "feishu_robot"
    EMAIL = "email"
    SMS = "sms"
    APPRISE = "apprise"


class Category(StrEnum):
    """What a message is for; consent and caps depend on it."""

    TRANSACTIONAL = "transactional"
    SERVICE = "service"
    MARKETING = "marketing"


class Recipient(StrEnum):
    """Who gets the message: the customer, or the clerk who owns the relation."""

    CUSTOMER = "customer"
    OWNER = "owner"


class Delivery(StrEnum):
    """What a channel promises about repeats."""

    AT_LEAST_ONCE = "at_least_once"
    AT_MOST_ONCE = "at_most_once"


@dataclass(frozen=True)
class Rate:
    """At most `count` messages within any `seconds`: of the whole account, or to each recipient."""

    count: int
    seconds: int
    per: Literal["account", "recipient"] = "account"


@dataclass(frozen=True)
class Limit:
    """How long a text may be at most. Providers of Chinese texts count bytes of UTF-8, not characters."""

    most: int
    unit: Literal["bytes", "characters"]

    def length(self, text: str) -> int:
        return len(text.encode()) if self.unit == "bytes" else len(text)


@dataclass(frozen=True)
class ChannelFacts:
    """What is true of a channel whoever configures it.

    `addressed`: it needs an address of the recipient; one that does not reaches whoever stands behind its own address,
    such as the colleagues of a group. `shared`: an address of its own may stand in for a colleague who has none. `text`, `markdown` and `title`: the longest it takes, None if it does not take the
    form at all. `delivery` is what is promised unless the settings say otherwise: `at_least_once` only where a repeat can
    be recognised by its idempotency key.
    """

    name: ChannelName
    about: str
    reaches: frozenset[Recipient]
    categories: frozenset[Category]
    addressed: bool
    delivery: Delivery
    text: Limit | None = None
    markdown: Limit | None = None
    title: Limit | None = None
    rates: tuple[Rate, ...] = ()
    sources: tuple[str, ...] = ()
    shared: bool = False


_ANYBODY = frozenset(Recipient)
_COLLEAGUES = frozenset({Recipient.OWNER})
_ANYTHING = frozenset(Category)
_NO_MARKETING = frozenset({Category.TRANSACTIONAL, Category.SERVICE})
_UNBOUNDED = Limit(1_000_000, "bytes")

CHANNELS: Mapping[ChannelName, ChannelFacts] = {
    facts.name: facts
    for facts in (
        ChannelFacts(
            ChannelName.CONSOLE,
            "a line of JSON on standard output",
            reaches=_ANYBODY,
            categories=_ANYTHING,
            addressed=False,
            delivery=Delivery.AT_LEAST_ONCE,
            text=_UNBOUNDED,
            title=_UNBOUNDED,
        ),
        ChannelFacts(
            ChannelName.WEBHOOK,
            "a signed POST to an endpoint of yours",
            reaches=_ANYBODY,
            categories=_ANYTHING,
            addressed=False,
            delivery=Delivery.AT_LEAST_ONCE,
            text=_UNBOUNDED,
            title=_UNBOUNDED,
            sources=("https://www.standardwebhooks.com/",),
        ),
        ChannelFacts(
            ChannelName.WECOM_ROBOT,
            "a robot in a WeCom group of colleagues (企业微信群机器人)",
            reaches=_COLLEAGUES,
            categories=_NO_MARKETING,
            addressed=False,
            delivery=Delivery.AT_MOST_ONCE,
            text=Limit(2048, "bytes"),
            markdown=Limit(4096, "bytes"),
            rates=(Rate(20, 60),),
            sources=("https://developer.work.weixin.qq.com/document/path/91770",),
        ),
        ChannelFacts(
            ChannelName.WECOM_APP,
            "a message of a WeCom application to a colleague (企业微信应用消息)",
            reaches=_COLLEAGUES,
            categories=_NO_MARKETING,
            addressed=True,
            delivery=Delivery.AT_LEAST_ONCE,
            text=Limit(2048, "bytes"),
            markdown=Limit(2048, "bytes"),
            # what is over these it drops without an error
            rates=(Rate(30, 60, "recipient"), Rate(1000, 3600, "recipient")),
            sources=(
                "https://developer.work.weixin.qq.com/document/path/90236",
                "https://developer.work.weixin.qq.com/document/path/90454",
            ),
        ),
        ChannelFacts(
            ChannelName.DINGTALK_ROBOT,
            "a robot in a DingTalk group of colleagues (钉钉自定义机器人)",
            reaches=_COLLEAGUES,
            categories=_NO_MARKETING,
            addressed=False,
            delivery=Delivery.AT_MOST_ONCE,
            # 20,000 bytes for the whole request; this leaves room for what surrounds a text
            text=Limit(19_000, "bytes"),
            markdown=Limit(19_000, "bytes"),
            title=Limit(500, "bytes"),
            rates=(Rate(20, 60),),
            sources=("https://open.dingtalk.com/document/orgapp/custom-robot-access",),
        ),
        ChannelFacts(
            ChannelName.FEISHU_ROBOT,
            "a robot in a Feishu group of colleagues (飞书自定义机器人)",
            reaches=_COLLEAGUES,
            categories=_NO_MARKETING,
            addressed=False,
            delivery=Delivery.AT_MOST_ONCE,
            # 20 KB for the whole request; this leaves room for what surrounds a text
            text=Limit(19_000, "bytes"),
            markdown=Limit(19_000, "bytes"),
            title=Limit(500, "bytes"),
            rates=(Rate(5, 1), Rate(100, 60)),
            sources=("https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot",),
        ),
        ChannelFacts(
            ChannelName.EMAIL,
            "an e-mail by SMTP",
            reaches=_ANYBODY,
            categories=_ANYTHING,
            addressed=True,
            delivery=Delivery.AT_MOST_ONCE,
            text=_UNBOUNDED,
            title=Limit(255, "characters"),
            sources=(
                "https://www.rfc-editor.org/rfc/rfc5321",
                # the limit of a title is that of Exchange; SMTP has none
                "https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/subject",
            ),
        ),
        ChannelFacts(
            ChannelName.SMS,
            "a text message by Aliyun's SMS service (阿里云短信)",
            reaches=_ANYBODY,
            categories=_ANYTHING,
            addressed=True,
            delivery=Delivery.AT_MOST_ONCE,
            text=Limit(500, "characters"),
            # of notifications and promotions; codes to log in with, which we do not send, are limited more
            rates=(Rate(50, 86_400, "recipient"),),
            sources=(
                "https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms",
                "https://help.aliyun.com/document_detail/44335.html",
            ),
        ),
        ChannelFacts(
            ChannelName.APPRISE,
            "any of the services that Apprise knows: accepted, not confirmed",
            reaches=_ANYBODY,
            categories=_ANYTHING,
            addressed=True,
            shared=True,
            delivery=Delivery.AT_MOST_ONCE,
            text=Limit(32_768, "characters"),
            title=Limit(250, "characters"),
            sources=("https://github.com/caronc/apprise",),
        ),
    )
}
