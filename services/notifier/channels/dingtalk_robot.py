"""A custom robot in a DingTalk group (钉钉自定义机器人).

Rules: https://open.dingtalk.com/document/orgapp/custom-robot-access (messages, limits),
https://open.dingtalk.com/document/robots/customize-robot-security-settings (signature).
"""

import hmac
from base64 import b64encode
from typing import Any, Self

import httpx
from pydantic import Field, SecretStr, model_validator

from services.contracts.channels import CHANNELS, ChannelName, Delivery
from services.notifier.channels.answers import Answer, Dialect, judge
from services.notifier.channels.base import Refused, SendResult
from services.notifier.channels.calls import HttpChannel, Reach
from services.notifier.channels.fitting import content_for, encoded
from services.notifier.channels.settings import ChannelSettings
from services.notifier.message import Content, Parcel

_FACTS = CHANNELS[ChannelName.DINGTALK_ROBOT]

MAX_BODY_BYTES = 20_000
"""Taken to be of the whole request: "message too long, exceed 20000 bytes" is all that its answer (460101) says."""
BLOCKED_S = 600.0
"""A robot that sends more than 20 messages within a minute is held back for ten minutes."""

DINGTALK = Dialect(
    code="errcode",
    wording="errmsg",
    # system busy; more than 20 messages a minute, by two gates
    later={-1: None, 130101: BLOCKED_S, 410100: BLOCKED_S},
)


class DingtalkRobotSettings(ChannelSettings):
    """Which robot, and what to sign with."""

    dingtalk_robot_token: SecretStr = Field(
        SecretStr(""), description="what follows access_token= in the robot's webhook address"
    )
    dingtalk_robot_secret: SecretStr = Field(
        SecretStr(""), description="its signing key (加签), SEC…; empty if it has none"
    )
    dingtalk_robot_url: str = Field("https://oapi.dingtalk.com", description="another DingTalk, such as a private one")

    @model_validator(mode="after")
    def _dingtalk_robot_is_complete(self) -> Self:
        self.require(ChannelName.DINGTALK_ROBOT, "dingtalk_robot_token", "dingtalk_robot_url")
        self.check_token("dingtalk_robot_token", "what follows access_token= in the robot's webhook address")
        self.check_url("dingtalk_robot_url", base=True)
        return self


class DingtalkRobotChannel(HttpChannel):
    """Posts text or Markdown to the robot's group; the signature covers the time only, and goes into the address."""

    name = ChannelName.DINGTALK_ROBOT

    def __init__(
        self, url: str, token: SecretStr, secret: SecretStr, reach: Reach, delivery: Delivery = _FACTS.delivery
    ) -> None:
        super().__init__(delivery, reach)
        self._url = f"{url.rstrip('/')}/robot/send"
        self._token = token
        self._secret = secret

    async def send(self, parcel: Parcel) -> SendResult:
        content = content_for(_FACTS, parcel)
        if isinstance(content, Refused):
            return content
        now = self._reach.clock()
        token, secret = self._token.get_secret_value(), self._secret.get_secret_value()
        params = {"access_token": token}
        if secret:
            timestamp = str(int(now.timestamp() * 1000))
            params |= {"timestamp": timestamp, "sign": sign(timestamp, secret)}
        request = encoded(_FACTS, body(content), MAX_BODY_BYTES)
        if isinstance(request, Refused):
            return request
        answer = await self._post(httpx.URL(self._url, params=params), request, self._deadline())
        if not isinstance(answer, Answer):
            return answer
        return judge(answer, DINGTALK, now, hidden=(token, secret))


def sign(timestamp: str, secret: str) -> str:
    """Base64 of the HMAC-SHA256, under the secret, of the time in milliseconds, a line break and the secret once more."""
    return b64encode(hmac.digest(secret.encode(), f"{timestamp}\n{secret}".encode(), "sha256")).decode()


def body(content: Content) -> dict[str, Any]:
    """A Markdown message must have a title, which shows in the list of chats: its first line if it has none of its own."""
    if content.markdown:
        first = content.text.strip().splitlines()[0]
        title = content.title or first.lstrip("#> ") or first
        return {"msgtype": "markdown", "markdown": {"title": title, "text": content.text}}
    text = content.text if content.title is None else f"{content.title}\n{content.text}"
    return {"msgtype": "text", "text": {"content": text}}


def build(settings: DingtalkRobotSettings) -> DingtalkRobotChannel:
    return DingtalkRobotChannel(
        settings.dingtalk_robot_url,
        settings.dingtalk_robot_token,
        settings.dingtalk_robot_secret,
        settings.reach,
        settings.delivery(ChannelName.DINGTALK_ROBOT),
    )
