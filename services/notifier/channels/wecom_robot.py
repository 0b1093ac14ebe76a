"""A robot in a WeCom group (企业微信群机器人).

Rules: https://developer.work.weixin.qq.com/document/path/91770 (messages, limits),
https://developer.work.weixin.qq.com/document/path/90455 (error codes).
"""

from typing import Self

import httpx
import msgspec
from pydantic import Field, SecretStr, model_validator

from services.contracts.channels import CHANNELS, ChannelName, Delivery
from services.notifier.channels.answers import Answer, Dialect, judge
from services.notifier.channels.base import Refused, SendResult
from services.notifier.channels.calls import HttpChannel, Reach
from services.notifier.channels.fitting import content_for
from services.notifier.channels.settings import ChannelSettings
from services.notifier.message import Parcel

_FACTS = CHANNELS[ChannelName.WECOM_ROBOT]

BLOCKED_S = 60.0
"""Who exceeds a limit per minute is blocked for 60 seconds (https://developer.work.weixin.qq.com/document/path/90454)."""

WECOM = Dialect(
    code="errcode",
    wording="errmsg",
    # system busy; more calls than allowed in a time; more than allowed at once
    later={-1: None, 45009: BLOCKED_S, 45033: None},
    message_id="msgid",
)


class WecomRobotSettings(ChannelSettings):
    """Which robot."""

    wecom_robot_key: SecretStr = Field(SecretStr(""), description="what follows key= in the robot's webhook address")
    wecom_robot_url: str = Field("https://qyapi.weixin.qq.com", description="another WeCom, such as a private one")

    @model_validator(mode="after")
    def _wecom_robot_is_complete(self) -> Self:
        self.require(ChannelName.WECOM_ROBOT, "wecom_robot_key", "wecom_robot_url")
        self.check_token("wecom_robot_key", "what follows key= in the robot's webhook address")
        self.check_url("wecom_robot_url", base=True)
        return self


class WecomRobotChannel(HttpChannel):
    """Posts text or Markdown to the robot's group. The key is in the address, and shows nowhere else."""

    name = ChannelName.WECOM_ROBOT

    def __init__(self, url: str, key: SecretStr, reach: Reach, delivery: Delivery = _FACTS.delivery) -> None:
        super().__init__(delivery, reach)
        self._url = f"{url.rstrip('/')}/cgi-bin/webhook/send"
        self._key = key

    async def send(self, parcel: Parcel) -> SendResult:
        content = content_for(_FACTS, parcel)
        if isinstance(content, Refused):
            return content
        kind = "markdown" if content.markdown else "text"
        answer = await self._post(
            httpx.URL(self._url, params={"key": self._key.get_secret_value()}),
            msgspec.json.encode({"msgtype": kind, kind: {"content": content.text}}),
            self._deadline(),
        )
        if not isinstance(answer, Answer):
            return answer
        return judge(answer, WECOM, self._reach.clock(), hidden=(self._key.get_secret_value(),))


def build(settings: WecomRobotSettings) -> WecomRobotChannel:
    return WecomRobotChannel(
        settings.wecom_robot_url,
        settings.wecom_robot_key,
        settings.reach,
        settings.delivery(ChannelName.WECOM_ROBOT),
    )
