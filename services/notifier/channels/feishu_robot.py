"""A custom robot in a Feishu group (飞书自定义机器人).

Rules: https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot (messages, signature, limits, error codes).
"""

import hmac
from base64 import b64encode
from typing import Any, Self

from pydantic import Field, SecretStr, model_validator

from services.contracts.channels import CHANNELS, ChannelName, Delivery
from services.notifier.channels.answers import Answer, Dialect, judge
from services.notifier.channels.base import Refused, SendResult, Unavailable
from services.notifier.channels.calls import HttpChannel, Reach
from services.notifier.channels.fitting import content_for, encoded
from services.notifier.channels.settings import ChannelSettings
from services.notifier.message import Content, Parcel

_FACTS = CHANNELS[ChannelName.FEISHU_ROBOT]

MAX_BODY_BYTES = 20 * 1024
"""Of the whole request."""

FEISHU = Dialect(
    code="code",
    wording="msg",
    # more than 5 a second or 100 a minute, or a full hour at which everybody sends; the gate of all Feishu APIs
    later={11232: None, 99991400: None},
)
_MALFORMED = 9499
_LANGUAGES = {"zh": "zh_cn", "en": "en_us"}


class FeishuRobotSettings(ChannelSettings):
    """Which robot, and what to sign with."""

    feishu_robot_token: SecretStr = Field(
        SecretStr(""), description="what follows /hook/ in the robot's webhook address"
    )
    feishu_robot_secret: SecretStr = Field(
        SecretStr(""), description="its signing key (签名校验); empty if it has none"
    )
    feishu_robot_url: str = Field("https://open.feishu.cn", description="another Feishu, such as that of Lark")

    @model_validator(mode="after")
    def _feishu_robot_is_complete(self) -> Self:
        self.require(ChannelName.FEISHU_ROBOT, "feishu_robot_token", "feishu_robot_url")
        self.check_token("feishu_robot_token", "what follows /hook/ in the robot's webhook address")
        self.check_url("feishu_robot_url", base=True)
        return self


class FeishuRobotChannel(HttpChannel):
    """Posts text or a card of Markdown to the robot's group; the signature covers the time only, and goes into the body."""

    name = ChannelName.FEISHU_ROBOT

    def __init__(
        self, url: str, token: SecretStr, secret: SecretStr, reach: Reach, delivery: Delivery = _FACTS.delivery
    ) -> None:
        super().__init__(delivery, reach)
        self._url = f"{url.rstrip('/')}/open-apis/bot/v2/hook/"
        self._token = token
        self._secret = secret

    async def send(self, parcel: Parcel) -> SendResult:
        content = content_for(_FACTS, parcel)
        if isinstance(content, Refused):
            return content
        now = self._reach.clock()
        token, secret = self._token.get_secret_value(), self._secret.get_secret_value()
        message = body(content)
        if secret:
            timestamp = str(int(now.timestamp()))
            message |= {"timestamp": timestamp, "sign": sign(timestamp, secret)}
        request = encoded(_FACTS, message, MAX_BODY_BYTES)
        if isinstance(request, Refused):
            return request
        answer = await self._post(self._url + token, request, self._deadline())
        if not isinstance(answer, Answer):
            return answer
        result = judge(answer, FEISHU, now, hidden=(token, secret))
        if isinstance(result, Refused) and _is_crowded(answer):
            return Unavailable(result.detail)
        return result


def _is_crowded(answer: Answer) -> bool:
    """Whether 9499, documented for a malformed request, stands for too many of them, which only its wording tells.

    The documentation knows nothing of this; a message that is tried once more in vain costs less than one that is lost.
    """
    said = answer.fields()
    return said.get("code") == _MALFORMED and "too many" in str(said.get("msg")).lower()


def sign(timestamp: str, secret: str) -> str:
    """Base64 of the HMAC-SHA256 of nothing, under the time in seconds, a line break and the secret as its key."""
    return b64encode(hmac.digest(f"{timestamp}\n{secret}".encode(), b"", "sha256")).decode()


def body(content: Content) -> dict[str, Any]:
    """Plain text goes as a post, where nothing in it is read as a mention or a link; Markdown goes as a card."""
    if not content.markdown:
        post: dict[str, Any] = {"content": [[{"tag": "text", "text": content.text}]]}
        if content.title is not None:
            post["title"] = content.title
        return {"msg_type": "post", "content": {"post": {_LANGUAGES.get(content.language, "zh_cn"): post}}}
    card: dict[str, Any] = {"elements": [{"tag": "markdown", "content": content.text}]}
    if content.title is not None:
        card["header"] = {"title": {"tag": "plain_text", "content": content.title}}
    return {"msg_type": "interactive", "card": card}


def build(settings: FeishuRobotSettings) -> FeishuRobotChannel:
    return FeishuRobotChannel(
        settings.feishu_robot_url,
        settings.feishu_robot_token,
        settings.feishu_robot_secret,
        settings.reach,
        settings.delivery(ChannelName.FEISHU_ROBOT),
    )
