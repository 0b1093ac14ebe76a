"""A signed HTTP POST to one configured address, after the Standard Webhooks specification."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx
import msgspec
from pydantic import SecretStr
from standardwebhooks import Webhook

from services.contracts.receipt import Delivery
from services.notifier.channels.base import Accepted, Refused, SendResult, Unavailable
from services.notifier.channels.outbound import ForbiddenAddress, GuardedTransport, Resolve, system_resolve
from services.notifier.message import Message

_MAX_ANSWER_BYTES = 64 * 1024
_TRANSIENT = frozenset({408, 425, 429})
_DIGITS_OF_30_YEARS = 9


def _utc_now() -> datetime:
    return datetime.now(UTC)


class WebhookChannel:
    """POSTs the message as JSON, signed; `webhook-id` is the command id, the same on every repeat.

    2xx is accepted; 408, 425, 429, 5xx, time-outs and broken connections are unavailable; every other answer, a
    redirect among them, is refused. The receiver recognises a repeat by `webhook-id`, hence `at_least_once`.
    URL and secret appear in no result, log or error.
    """

    name = "webhook"
    delivery = Delivery.AT_LEAST_ONCE

    def __init__(
        self,
        url: SecretStr,
        secret: SecretStr,
        *,
        timeout_s: float = 5.0,
        allow_private: bool = False,
        resolve: Resolve = system_resolve,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """`timeout_s` bounds one send from name resolution to answer. `clock` stamps signatures: aware, UTC.

        Raise `httpx.InvalidURL` or `ValueError` for a URL or a secret that is none; `NotifierSettings` checks both.
        """
        httpx.URL(url.get_secret_value())
        self._url = url
        self._signer = Webhook(secret.get_secret_value())
        self._timeout_s = timeout_s
        self._clock = clock
        self._transport = GuardedTransport(allow_private=allow_private, resolve=resolve)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.aclose()

    async def send(self, message: Message) -> SendResult:
        answer: SendResult | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._transport.handle_async_request(self._request(message))
                # the status line decides; what becomes of the body no longer matters
                answer = judge(response.status_code, response.headers.get("retry-after"), self._clock())
                await _drain(response)
        except ForbiddenAddress as error:
            return Refused(str(error))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Unavailable(f"no connection: {type(error).__name__}")
        except (httpx.TransportError, TimeoutError) as error:
            return answer or Unavailable(f"no answer: {type(error).__name__}", ambiguous=True)
        return answer

    def _request(self, message: Message) -> httpx.Request:
        body = msgspec.json.encode(message)
        at = self._clock()
        message_id = quote(message.command_id, safe="-._~:@/+=|#")  # a header holds ASCII only
        return httpx.Request(
            "POST",
            self._url.get_secret_value(),
            headers={
                "content-type": "application/json",
                "user-agent": "koipond",
                "webhook-id": message_id,
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": self._signer.sign(message_id, at, body.decode()),
            },
            content=body,
            extensions={"timeout": httpx.Timeout(self._timeout_s).as_dict()},
        )


def judge(status: int, retry_after: str | None, now: datetime) -> SendResult:
    """What an HTTP answer means for a message."""
    if httpx.codes.is_success(status):
        return Accepted()
    if status in _TRANSIENT or httpx.codes.is_server_error(status):
        return Unavailable(f"HTTP {status}", retry_after_s=parse_retry_after(retry_after, now))
    if httpx.codes.is_redirect(status):
        return Refused(f"HTTP {status}: redirects are not followed")
    return Refused(f"HTTP {status}")


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds asked for by a `Retry-After` header, delay or date (RFC 9110 §10.2.3); None if absent or unreadable."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:_DIGITS_OF_30_YEARS]) if len(text) <= _DIGITS_OF_30_YEARS else float("inf")
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())


async def _drain(response: httpx.Response) -> None:
    """Read a short body to the end, so that the connection can be used again; cut a long one."""
    taken = 0
    async with contextlib.aclosing(response):
        async for part in response.aiter_raw():
            taken += len(part)
            if taken > _MAX_ANSWER_BYTES:
                break
