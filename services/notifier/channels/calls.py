"""One HTTP call to a provider: within a time, and with a defined end whatever the other side does."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, ClassVar, Self

import httpx

from services.contracts.channels import ChannelName, Delivery
from services.notifier.channels.answers import Answer
from services.notifier.channels.base import Refused, SendResult, Unavailable
from services.notifier.channels.outbound import ForbiddenAddress, GuardedTransport, Resolve, system_resolve
from services.notifier.message import Parcel

MAX_ANSWER_BYTES = 64 * 1024


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, frozen=True)
class Reach:
    """How a channel reaches out.

    `timeout_s` bounds one send, from name resolution to answer, all calls it needs included. `clock` stamps signatures:
    aware, UTC.
    """

    timeout_s: float = 5.0
    allow_private: bool = False
    resolve: Resolve = system_resolve
    clock: Callable[[], datetime] = _utc_now


class HttpChannel(ABC):
    """What channels over HTTP have in common. Use one per host; leaving `async with` closes its connections.

    No URL, header or body appears in a result, a log or an error: they may hold secrets and addresses.
    """

    name: ClassVar[ChannelName]

    def __init__(self, delivery: Delivery, reach: Reach) -> None:
        self.delivery = delivery
        self._reach = reach
        self._transport = GuardedTransport(allow_private=reach.allow_private, resolve=reach.resolve)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.aclose()

    @abstractmethod
    async def send(self, parcel: Parcel) -> SendResult: ...

    def _deadline(self) -> float:
        """The end of a send that begins now, by the event loop's clock."""
        return asyncio.get_running_loop().time() + self._reach.timeout_s

    async def _post(self, url: str | httpx.URL, body: bytes, until: float) -> Answer | Refused | Unavailable:
        """Ask once, with a body of JSON."""
        return await self._call(
            httpx.Request(
                "POST",
                url,
                headers={"content-type": "application/json; charset=utf-8", "user-agent": "koipond"},
                content=body,
            ),
            until,
        )

    async def _call(self, request: httpx.Request, until: float) -> Answer | Refused | Unavailable:
        """Ask once. A call is ambiguous as soon as the request is on its way and no status line came back."""
        on_its_way = False

        async def trace(event: str, _: Any) -> None:
            nonlocal on_its_way
            on_its_way = on_its_way or event.endswith("send_request_headers.started")

        request.extensions = {
            **request.extensions,
            "timeout": httpx.Timeout(self._reach.timeout_s).as_dict(),
            "trace": trace,
        }
        response: httpx.Response | None = None
        body = bytearray()
        whole = False
        try:
            async with asyncio.timeout_at(until):
                response = await self._transport.handle_async_request(request)
                whole = await _read(response, body)
        except ForbiddenAddress as error:
            return Refused(str(error))
        except (httpx.TransportError, TimeoutError) as error:
            if response is None:
                said = "no answer" if on_its_way else "no connection"
                return Unavailable(f"{said}: {type(error).__name__}", ambiguous=on_its_way)
        return Answer(response.status_code, response.headers.get("retry-after"), bytes(body), whole)


async def _read(response: httpx.Response, into: bytearray) -> bool:
    """Read a short body to the end, so that the connection can be used again; cut a long one. Whether it is whole."""
    async with contextlib.aclosing(response):
        async for part in response.aiter_raw():
            into += part[: MAX_ANSWER_BYTES - len(into) + 1]
            if len(into) > MAX_ANSWER_BYTES:
                del into[MAX_ANSWER_BYTES:]
                return False
    return True
