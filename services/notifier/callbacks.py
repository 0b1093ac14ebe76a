"""Where providers tell what became of a message, and where readers say that they want no more: HTTP in, `koi.feedback` out.

    POST /callbacks/<channel>     signed after Standard Webhooks: one piece of news, or a list of them
    GET  /unsubscribe?…           a page with a button
    POST /unsubscribe?…           that button, or the reader's mail program (RFC 8058: one click)

Nothing is said to be taken before Kafka has acknowledged it. Who is told 503 should say it again; a repeat has the same id.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import msgspec
import structlog
from faststream.asgi import AsgiResponse
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.contracts.channels import ChannelName
from services.contracts.errors import InvalidMessage, Retryable
from services.contracts.feedback import Feedback, News
from services.contracts.topics import FEEDBACK
from services.contracts.wire import FEEDBACK as FEEDBACK_WIRE
from services.notifier import unsubscribing
from services.notifier.provider_news import identity, read_news
from services.notifier.unsubscribe_page import HEADERS, Page, html
from services.runtime.partitioning import partition_of
from services.runtime.publisher import Publisher
from services.runtime.record import Output

MAX_BODY_BYTES = 64 * 1024
_BODY_SECONDS = 10.0
_PUBLISH_SECONDS = 10.0
_AGAIN_AFTER = {"retry-after": "30"}

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Route: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI application for one path."""

log = structlog.get_logger()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class _Endpoint(NamedTuple):
    """One path. `answer` gets the scope and the whole body; `name` is for metrics and the log."""

    path: str
    name: str
    methods: Sequence[str]
    answer: Callable[[Scope, bytes], Awaitable[AsgiResponse]]


class _HungUp(Exception):  # noqa: N818 - what happened
    """The caller went away before it had said everything."""


class Callbacks:
    """The endpoint. `routes` go into the service beside its health; without a secret every one of them answers 404."""

    def __init__(
        self,
        secret: SecretStr,
        publisher: Publisher,
        partitions: int,
        *,
        clock: Callable[[], datetime] = _utc_now,
        observe: Callable[[str, int], None] = lambda _route, _status: None,
    ) -> None:
        """`secret`: that of `CallbackSettings`; it signs unsubscribe links, too.

        `observe` is told of every answer: for whom it was (a channel's name, or `unsubscribe`) and its status.
        """
        self._secret = secret
        self._publisher = publisher
        self._partitions = partitions
        self._clock = clock
        self._observe = observe

    def routes(self) -> Sequence[tuple[str, Route]]:
        """(path, ASGI application)."""
        endpoints = [
            _Endpoint(f"/callbacks/{name}", name.value, ("POST",), partial(self._told, name)) for name in ChannelName
        ]
        endpoints.append(_Endpoint(unsubscribing.PATH, "unsubscribe", ("GET", "HEAD", "POST"), self._unsubscribe))
        return [(endpoint.path, partial(self._serve, endpoint)) for endpoint in endpoints]

    async def _serve(self, endpoint: _Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._answered(endpoint, scope, receive)
        except _HungUp:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold what the caller wrote
            log.error("callback_failed", endpoint=endpoint.name, error=type(error).__name__)  # noqa: TRY400 - the same
            response = _refusal(500, "this should not have happened")
        self._observe(endpoint.name, response.status_code)
        await response(scope, receive, send)

    async def _answered(self, endpoint: _Endpoint, scope: Scope, receive: Receive) -> AsgiResponse:
        methods = ", ".join(endpoint.methods)
        if scope["method"] not in endpoint.methods:
            return _refusal(405, f"this takes {methods}", {"allow": methods})
        if not self._secret.get_secret_value():
            return _refusal(404, "callbacks are off: KOI_CALLBACK_SECRET is not set")
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await _body(receive)
        except TimeoutError:
            return _refusal(408, f"the body did not arrive within {_BODY_SECONDS:.0f} seconds")
        if body is None:
            return _refusal(413, f"the body has more than {MAX_BODY_BYTES // 1024} KiB; send less at a time")
        return await endpoint.answer(scope, body)

    async def _told(self, channel: ChannelName, scope: Scope, body: bytes) -> AsgiResponse:
        if not self._is_genuine(scope, body):
            return _refusal(
                401,
                "the signature does not fit: sign id, timestamp (within 5 minutes) and body with KOI_CALLBACK_SECRET",
            )
        try:
            feedback = read_news(body, channel, self._clock())
        except InvalidMessage as error:
            return _refusal(400, error.detail)
        if not await self._publish(feedback):
            return _refusal(503, "this cannot be noted right now; send it again", _AGAIN_AFTER)
        return _json(202, {"accepted": len(feedback)})

    def _is_genuine(self, scope: Scope, body: bytes) -> bool:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            Webhook(self._secret.get_secret_value()).verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError):  # the latter for a signature or a body that is no text
            return False
        return True

    async def _unsubscribe(self, scope: Scope, _body: bytes) -> AsgiResponse:
        asked = unsubscribing.read(scope["query_string"].decode("latin-1"), self._secret)
        if asked is None:
            return _page(400, Page.UNKNOWN)
        if scope["method"] != "POST":
            # mail programs look at links on their own: looking changes nothing
            return _page(200, Page.ASK)
        now = self._clock()
        feedback = Feedback(
            id=identity(asked.command_id, ChannelName.EMAIL, News.UNSUBSCRIBED, now),
            customer_id=asked.customer_id,
            command_id=asked.command_id,
            channel=ChannelName.EMAIL.value,
            news=News.UNSUBSCRIBED,
            occurred_at=now,
            category=asked.category,
        )
        taken = await self._publish([feedback])
        return _page(200, Page.DONE) if taken else _page(503, Page.LATER, _AGAIN_AFTER)

    async def _publish(self, feedback: Iterable[Feedback]) -> bool:
        """Whether Kafka has it. What it was given and did not acknowledge in time may arrive yet."""
        outputs = [
            Output(
                FEEDBACK.name,
                partition_of(one.customer_id, self._partitions),
                one.customer_id.encode(),
                FEEDBACK_WIRE.encode(one),
            )
            for one in feedback
        ]
        # in a task of its own: a client without its broker cancels what it waits for
        task = asyncio.create_task(self._publisher.publish(outputs))
        try:
            await asyncio.wait({task}, timeout=_PUBLISH_SECONDS)
        finally:
            task.cancel()
        if not task.done() or task.cancelled():
            return False
        try:
            task.result()
        except Retryable:
            return False
        return True


async def _body(receive: Receive) -> bytes | None:
    """None if there is more than `MAX_BODY_BYTES`. Raise `_HungUp`."""
    parts: list[bytes] = []
    room = MAX_BODY_BYTES
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _HungUp
        part = message.get("body", b"")
        room -= len(part)
        if room < 0:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _json(status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> AsgiResponse:
    return AsgiResponse(msgspec.json.encode(content), status, {"content-type": "application/json", **(headers or {})})


def _refusal(status: int, why: str, headers: Mapping[str, str] | None = None) -> AsgiResponse:
    return _json(status, {"error": why}, headers)


def _page(status: int, said: Page, headers: Mapping[str, str] | None = None) -> AsgiResponse:
    return AsgiResponse(html(said), status, {**HEADERS, **(headers or {})})
