"""A message of a WeCom application to one colleague (企业微信应用消息).

Rules: https://developer.work.weixin.qq.com/document/path/91039 (access token),
https://developer.work.weixin.qq.com/document/path/90236 (messages), https://developer.work.weixin.qq.com/document/path/90454
(limits), https://developer.work.weixin.qq.com/document/path/90455 (error codes).
"""

import asyncio
import re
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec
from pydantic import Field, SecretStr, model_validator

from services.contracts.channels import CHANNELS, ChannelName, Delivery
from services.notifier.channels.access_token import AccessToken, Fetched, Token
from services.notifier.channels.answers import Answer, judge
from services.notifier.channels.base import Accepted, Refused, SendResult, Unavailable
from services.notifier.channels.calls import HttpChannel, Reach
from services.notifier.channels.fitting import content_for
from services.notifier.channels.settings import ChannelSettings
from services.notifier.channels.wecom_robot import WECOM
from services.notifier.message import Content, Parcel

_FACTS = CHANNELS[ChannelName.WECOM_APP]
_STALE = frozenset({40014, 42001})
"""The token is not one, or no longer: WeCom may take one back before its time, and says to fetch another then."""
_WECOM_APP = replace(WECOM, later=dict(WECOM.later) | dict.fromkeys(_STALE))
_EARLY_S = 60.0
"""A token is given up so long before it expires."""
_USER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
"""What a member may be called; neither `@all` nor several names with `|` between them."""


class WecomAppSettings(ChannelSettings):
    """Which application of which company."""

    wecom_app_corp_id: str = Field("", description="the company (企业 ID), ww…")
    wecom_app_agent_id: int = Field(0, ge=0, description="the application (AgentId)")
    wecom_app_secret: SecretStr = Field(SecretStr(""), description="its secret")
    wecom_app_url: str = Field("https://qyapi.weixin.qq.com", description="another WeCom, such as a private one")
    wecom_app_repeats_s: int = Field(
        1800, ge=1, le=14_400, description="seconds within which WeCom drops a message equal to one before"
    )

    @model_validator(mode="after")
    def _wecom_app_is_complete(self) -> Self:
        self.require(
            ChannelName.WECOM_APP, "wecom_app_corp_id", "wecom_app_agent_id", "wecom_app_secret", "wecom_app_url"
        )
        self.check_url("wecom_app_url", base=True)
        return self


class WecomAppChannel(HttpChannel):
    """Sends text or Markdown to the member that the parcel's address names.

    WeCom recognises a repeat by its equal request, not by an id, and drops it within `repeats_s` seconds; hence
    `at_least_once`. Two messages to one member that say the very same thing within that time are one to it.
    """

    name = ChannelName.WECOM_APP

    def __init__(
        self,
        url: str,
        secret: SecretStr,
        reach: Reach,
        *,
        corp_id: str,
        agent_id: int,
        delivery: Delivery = _FACTS.delivery,
        repeats_s: int = 1800,
    ) -> None:
        super().__init__(delivery, reach)
        self._url = f"{url.rstrip('/')}/cgi-bin/"
        self._corp_id = corp_id
        self._agent_id = agent_id
        self._secret = secret
        self._repeats_s = repeats_s
        self._token = AccessToken(self._fetch)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._token.aclose()
        await super().__aexit__(kind, error, trace)

    async def send(self, parcel: Parcel) -> SendResult:
        content = content_for(_FACTS, parcel)
        if isinstance(content, Refused):
            return content
        user = parcel.address or ""
        if not _USER_ID.fullmatch(user):
            return Refused("the address is not the user id of one WeCom member")
        until = self._deadline()
        token = await self._token_by(until)
        if not isinstance(token, str):
            return token
        answer = await self._say(token, user, content, until)
        if isinstance(answer, Answer) and answer.fields().get("errcode") in _STALE:
            token = await self._token_by(until, stale=token)
            if not isinstance(token, str):
                return token
            answer = await self._say(token, user, content, until)
        if not isinstance(answer, Answer):
            return answer
        return self._judge(answer, hidden=(user, token))

    async def _say(self, token: str, user: str, content: Content, until: float) -> Answer | Refused | Unavailable:
        url = httpx.URL(f"{self._url}message/send", params={"access_token": token})
        return await self._post(url, msgspec.json.encode(self._body(user, content)), until)

    async def _token_by(self, until: float, stale: str | None = None) -> str | Refused | Unavailable:
        try:
            async with asyncio.timeout_at(until):
                return await self._token.get(stale)
        except TimeoutError:
            return Unavailable("no access token in time")

    async def _fetch(self) -> Fetched:
        """Ask for a token. Nothing was sent to anybody yet, so no failure of this is ambiguous."""
        secret = self._secret.get_secret_value()
        url = httpx.URL(f"{self._url}gettoken", params={"corpid": self._corp_id, "corpsecret": secret})
        answer = await self._call(httpx.Request("GET", url, headers={"user-agent": "koipond"}), self._deadline())
        if not isinstance(answer, Answer):
            return _of_token(answer)
        result = judge(answer, _WECOM_APP, self._reach.clock(), (secret,))
        if not isinstance(result, Accepted):
            return _of_token(result)
        said = answer.fields()
        token, seconds = said.get("access_token"), said.get("expires_in")
        if isinstance(token, str) and token and isinstance(seconds, int):
            return Token(token, seconds - _EARLY_S)
        return Unavailable("gettoken: errcode 0, but no token in the answer")

    def _judge(self, answer: Answer, hidden: tuple[str, ...] = ()) -> SendResult:
        result = judge(answer, _WECOM_APP, self._reach.clock(), (*hidden, self._secret.get_secret_value()))
        if isinstance(result, Accepted):
            said = answer.fields()
            if said.get("invaliduser"):
                return Refused("errcode 0, but invaliduser: the member does not exist, or may not see the application")
            if said.get("unlicenseduser"):
                return Refused("errcode 0, but unlicenseduser: the member has no licence for the interface")
        return result

    def _body(self, user: str, content: Content) -> dict[str, Any]:
        kind = "markdown" if content.markdown else "text"
        return {
            "touser": user,
            "msgtype": kind,
            "agentid": self._agent_id,
            kind: {"content": content.text},
            "enable_duplicate_check": 1,
            "duplicate_check_interval": self._repeats_s,
        }


def _of_token(result: Refused | Unavailable) -> Refused | Unavailable:
    detail = f"gettoken: {result.detail}"
    return Refused(detail) if isinstance(result, Refused) else replace(result, detail=detail, ambiguous=False)


def build(settings: WecomAppSettings) -> WecomAppChannel:
    return WecomAppChannel(
        settings.wecom_app_url,
        settings.wecom_app_secret,
        settings.reach,
        corp_id=settings.wecom_app_corp_id,
        agent_id=settings.wecom_app_agent_id,
        delivery=settings.delivery(ChannelName.WECOM_APP),
        repeats_s=settings.wecom_app_repeats_s,
    )
