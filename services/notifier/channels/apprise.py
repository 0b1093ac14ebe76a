"""The long tail: whatever Apprise (https://github.com/caronc/apprise) can send to. Accepted, not confirmed.

All that Apprise tells is yes or no, and its yes is no more than that of the service. What a no means is heard from its log,
which is kept from everybody else: it holds addresses.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Annotated, Any, Self

from apprise import Apprise, AppriseAsset, NotificationManager, NotifyBase, NotifyFormat
from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from services.contracts.channels import CHANNELS, ChannelName, Delivery
from services.contracts.errors import KoipondError
from services.notifier.channels.answers import judge_status
from services.notifier.channels.base import Accepted, Refused, SendResult, Unavailable
from services.notifier.channels.fitting import content_for
from services.notifier.channels.settings import ChannelSettings
from services.notifier.message import Content, Parcel
from services.runtime.problems import suggestion

_FACTS = CHANNELS[ChannelName.APPRISE]
_THREADS = 16

SCHEMES = ("discord", "gchat", "line", "pover", "slack", "tgram", "whatsapp")
"""Services whose host no address can change: `json://10.0.0.1` or `mailto://…?smtp=10.0.0.1` would lead into our network."""

_BLIND: Mapping[str, str] = {
    "wecombot": ChannelName.WECOM_ROBOT,
    "dingtalk": ChannelName.DINGTALK_ROBOT,
    "feishu": ChannelName.FEISHU_ROBOT,
    "lark": ChannelName.FEISHU_ROBOT,
    "schan": ChannelName.WEBHOOK,
}
"""Apprise 2.2 does not read the error code in the answers of these -> what to use instead."""

_HERE = frozenset({"blink1", "dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})
"""These reach nobody but the machine that the notifier runs on."""

_STATUS = re.compile(r"\berror=(\d{3})\b")
_UNCONNECTED = re.compile(r"\b(?:NewConnectionError|ConnectTimeoutError|NameResolutionError)\b")
_TALKATIVE = ("urllib3", "requests_oauthlib", "oauthlib")
"""They log addresses, too."""


def _schemes(value: Any) -> Any:
    return tuple(part.strip().lower() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class AppriseSettings(ChannelSettings):
    """Where colleagues are reached, and what an address of a recipient may be."""

    apprise_url: SecretStr = Field(
        SecretStr(""),
        description="where messages without an address of their own go: an Apprise URL, of any service that is not local",
    )
    apprise_schemes: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_schemes)] = Field(
        SCHEMES, description="services that addresses of recipients may name, comma separated; see docs/channels.md"
    )

    @model_validator(mode="after")
    def _apprise_is_complete(self) -> Self:
        for scheme in self.apprise_schemes:
            against = objection(scheme, self.apprise_schemes)
            if against is not None:
                raise ValueError(f"KOI_APPRISE_SCHEMES: {against}")
        return self


@dataclass
class _Heard:
    """What Apprise logged in the course of one send."""

    statuses: list[int] = field(default_factory=list)
    unconnected: bool = False


_LISTENING: ContextVar[_Heard | None] = ContextVar("_LISTENING", default=None)


class _Ear(logging.Filter):
    """Takes from each line what became of the send that it belongs to, and lets no line pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        heard = _LISTENING.get()
        if heard is not None:
            line = record.getMessage()
            heard.statuses.extend(map(int, _STATUS.findall(line)))
            heard.unconnected = heard.unconnected or _UNCONNECTED.search(line) is not None
        return False


class AppriseChannel:
    """Sends text to the Apprise URL that is the parcel's address, or else to one of its own.

    Of an address only its service counts, and what that needs: options that would turn off the check of certificates,
    follow redirects or wait long have no effect. Apprise blocks, so it works in threads; one that does not come back is
    left behind, and an answer without end, which a service of `SCHEMES` does not give, would fill the memory.
    """

    name = ChannelName.APPRISE

    def __init__(
        self,
        own: SecretStr,
        schemes: tuple[str, ...] = SCHEMES,
        *,
        timeout_s: float = 5.0,
        delivery: Delivery = _FACTS.delivery,
    ) -> None:
        """`own`: empty if there is none. `schemes`: what addresses may begin with. Raise `KoipondError` if `own` is none."""
        self.delivery = delivery
        self._own = own
        self._schemes = schemes
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="apprise")
        _hush()
        manager: Any = NotificationManager  # it is not typed
        known = set(manager().schemas())  # loads all services, which takes a second
        for scheme in schemes:
            if scheme not in known:
                raise KoipondError(
                    f"KOI_APPRISE_SCHEMES: unknown service {scheme!r}{suggestion(scheme, sorted(known))}"
                )
        if own.get_secret_value():
            found = self._service(own.get_secret_value(), own=True)
            if isinstance(found, Refused):
                raise KoipondError(f"KOI_APPRISE_URL: {found.detail}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, parcel: Parcel) -> SendResult:
        address = parcel.address or self._own.get_secret_value()
        content = content_for(_FACTS, replace(parcel, address=address))
        if isinstance(content, Refused):
            return content
        service = self._service(address, own=not parcel.address)
        if isinstance(service, Refused):
            return service
        heard = _Heard()
        work = self._threads.submit(_notify, service, content, heard)
        try:
            async with asyncio.timeout(self._timeout_s):
                yes = await asyncio.wrap_future(work)
        except TimeoutError:
            return _late(work)
        except Exception as error:  # noqa: BLE001 - a service of Apprise may do anything
            return Unavailable(f"apprise failed: {type(error).__name__}", ambiguous=True)
        return Accepted() if yes else judge(heard.statuses, unconnected=heard.unconnected)

    def _service(self, url: str, *, own: bool) -> NotifyBase | Refused:
        """What Apprise makes of a URL, if it may be used."""
        scheme = url.partition("://")[0].lower()
        against = None if own else objection(scheme, self._schemes)
        if against is not None:
            return Refused(against)
        found = Apprise.instantiate(url, asset=AppriseAsset(storage_mode="memory"))
        if found is None:
            return Refused("the address is not one that apprise understands")
        # a web address of the service's own is understood, too
        against = objection(found.schema, (found.schema,) if own else self._schemes)
        if against is not None:
            return Refused(against)
        found.verify_certificate = True
        found.redirects = False
        found.socket_connect_timeout = found.socket_read_timeout = self._timeout_s
        found.request_rate_per_sec = 0  # it would sleep between several that one address names
        return found


def objection(scheme: str, allowed: tuple[str, ...]) -> str | None:
    """Why a service must not be used; None if it may."""
    if scheme in _BLIND:
        return f"apprise takes errors of {scheme} for success; use the channel {_BLIND[scheme]}"
    if scheme in _HERE:
        return f"{scheme} reaches nobody but this machine"
    if scheme not in allowed:
        return "the address is of a service that KOI_APPRISE_SCHEMES does not name"
    return None


def judge(statuses: list[int], *, unconnected: bool) -> SendResult:
    """What a no of Apprise means, by the HTTP statuses it told of; nobody knows, if it told of none."""
    if statuses:
        result = judge_status(statuses[-1], None, datetime.now(UTC))
        return Unavailable("apprise failed", ambiguous=True) if isinstance(result, Accepted) else result
    if unconnected:
        return Unavailable("no connection")
    return Unavailable("apprise failed, and does not say how", ambiguous=True)


def build(settings: AppriseSettings) -> AppriseChannel:
    return AppriseChannel(
        settings.apprise_url,
        settings.apprise_schemes,
        timeout_s=settings.channel_timeout_s,
        delivery=settings.delivery(ChannelName.APPRISE),
    )


def _notify(service: NotifyBase, content: Content, heard: _Heard) -> bool:
    token = _LISTENING.set(heard)
    try:
        return service.notify(body=content.text, title=content.title or "", body_format=NotifyFormat.TEXT)
    finally:
        _LISTENING.reset(token)


def _late(work: Future[bool]) -> Unavailable:
    if work.cancel():
        return Unavailable("all threads are busy with what is slow")
    return Unavailable("no answer in time", ambiguous=True)


def _hush() -> None:
    """Let nobody but us hear Apprise and what it works with. Of the process, not of a channel: so are their loggers."""
    apprise = logging.getLogger("apprise")
    if not any(isinstance(each, _Ear) for each in apprise.filters):
        apprise.addFilter(_Ear())
    apprise.setLevel(logging.DEBUG)  # the kind of a failed connection is told there alone
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
