"""The ground of all fake providers over HTTP: a small server on loopback that answers in bytes, so also wrongly."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import msgspec

from tests.servers.providers.faults import NOT_TAKEN, Fault


@dataclass(frozen=True)
class Request:
    """What arrived; names of headers are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass(frozen=True)
class Reply:
    """What is answered. `takes`: the text of the message that is taken by it, None if none is."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    takes: str | None = None

    @classmethod
    def of(cls, said: object, takes: str | None = None, status: int = 200) -> "Reply":
        return cls(status, msgspec.json.encode(said), {"Content-Type": "application/json"}, takes)

    def encode(self) -> bytes:
        headers = {**self.headers, "Content-Length": str(len(self.body))}
        lines = [f"HTTP/1.1 {self.status} So", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


_INSTEAD = {
    Fault.REJECT: Reply(400),
    Fault.REDIRECT: Reply(302, headers={"Location": "http://169.254.169.254/latest/meta-data/"}),
    Fault.TOO_MANY: Reply(429, headers={"Retry-After": "7"}),
    Fault.FAIL: Reply(500, b"oops"),
    Fault.GATEWAY: Reply(502, b"<html>Bad Gateway</html>"),
    Fault.BUSY: Reply(503),
    Fault.EMPTY: Reply(204),
    Fault.MALFORMED: Reply(200, b'{"errcode": 0, "err'),
    Fault.FOREIGN: Reply(200, b'{"ok": true}'),
    Fault.HTML: Reply(200, b"<!doctype html><title>Sign in</title>", {"Content-Type": "text/html"}),
}


class Gate:
    """At most `count` within any `seconds`; who comes over it is shut out for `shut_s` more."""

    def __init__(self, count: int, seconds: float, shut_s: float = 0.0) -> None:
        self._count = count
        self._seconds = seconds
        self._shut_s = shut_s
        self._passed: deque[float] = deque()
        self._shut_until = 0.0

    def passes(self, now: float) -> bool:
        while self._passed and self._passed[0] <= now - self._seconds:
            self._passed.popleft()
        if now < self._shut_until:
            return False
        if len(self._passed) >= self._count:
            self._shut_until = now + self._shut_s
            return False
        self._passed.append(now)
        return True


class HttpProvider:
    """A fake provider. It keeps the texts of the messages it took, in `taken`, and all requests that it read, in `requests`.

    `fault` may be changed at any time. `clock`: Unix seconds.
    """

    def __init__(self, fault: Fault | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.fault = fault
        self.clock = clock
        self.taken: list[str] = []
        self.requests: list[Request] = []
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    def answer(self, request: Request) -> Reply:
        """What the provider documents to answer; nothing else changes because of it."""
        raise NotImplementedError

    def refusal(self) -> Reply:
        """How it says that it will never take a message."""
        raise NotImplementedError

    def limit(self) -> Reply:
        """How it says that there are too many."""
        raise NotImplementedError

    def afflicts(self, request: Request) -> bool:  # noqa: ARG002 - for those that answer more than messages
        """Whether faults are meant for this request."""
        return True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        if self.fault is Fault.AWAY:  # the port was ours a moment ago: nobody listens there now
            await self._close()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            for talk in self._talks:
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the other side is gone, or the test is over
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request. Whether the connection goes on."""
        request, length = _head(await reader.readuntil(b"\r\n\r\n"))
        fault = self.fault if self.afflicts(request) else None
        if fault is Fault.CUT_AT_ONCE:
            writer.transport.abort()
            return False
        body = await reader.readexactly(length)
        request = Request(request.method, request.path, request.query, request.headers, body)
        self.requests.append(request)
        reply = self.answer(request)
        if reply.takes is not None and fault not in NOT_TAKEN:
            self.taken.append(reply.takes)
        return await self._reply(writer, reply, fault)

    async def _reply(self, writer: asyncio.StreamWriter, reply: Reply, fault: Fault | None) -> bool:
        match fault:
            case Fault.SLOW:
                await asyncio.Event().wait()
            case Fault.CUT_BEFORE_ANSWER:
                return False
            case Fault.CUT_IN_ANSWER:
                writer.write(reply.encode()[:-1])
            case Fault.HUGE:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
                while True:
                    writer.write(b" " * 65_536)
                    await writer.drain()
            case Fault.NONSENSE:
                writer.write(b"220 smtp.example ESMTP\r\n")
            case _:
                writer.write(self._said(reply, fault).encode())
        await writer.drain()
        return fault not in (Fault.CUT_IN_ANSWER, Fault.NONSENSE)

    def _said(self, reply: Reply, fault: Fault | None) -> Reply:
        match fault:
            case None:
                return reply
            case Fault.REFUSE:
                return self.refusal()
            case Fault.LIMIT:
                return self.limit()
        return _INSTEAD[fault]


def _head(raw: bytes) -> tuple[Request, int]:
    """A request without its body, and the length of that."""
    first, *lines = raw.decode().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Request(method, parts.path, query, headers, b""), int(headers.get("content-length", "0"))
