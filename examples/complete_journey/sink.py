"""What arrived: the receiver at the far end of the webhook channel, and the lines of the console channel.

The receiver does what any good one does, by the Standard Webhooks specification: it checks every signature, and a message
whose `webhook-id` it has taken is answered with success and otherwise ignored.
"""

import asyncio
import base64
import contextlib
import json
import secrets
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import unquote

from standardwebhooks import Webhook, WebhookVerificationError

HOST = "127.0.0.1"

_MAX_BODY_BYTES = 256 * 1024


class Arrived(NamedTuple):
    """What came over one channel: id of the command → what the message said. `repeats`: how many came once more."""

    said: Mapping[str, str]
    repeats: int


class Sink:
    """Start it inside the running event loop: `async with Sink(port) as sink`. Counts may be read at any time."""

    def __init__(self, port: int) -> None:
        self.secret = f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"
        self.taken: dict[str, str] = {}
        """`webhook-id` (percent-decoded: the command's id) -> text of the message, its template where it has none."""
        self.repeats: Counter[str] = Counter()
        """`webhook-id` -> how often it came again."""
        self.refused = 0
        """Requests without a valid signature, or not understood."""
        self._port = port
        self._verifier = Webhook(self.secret)
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port it listens on; once started, a real one even if 0 was asked for."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server else self._port

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/messages"

    @property
    def arrived(self) -> Arrived:
        return Arrived(self.taken, self.repeats.total())

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, HOST, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            for talk in self._talks:
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)

    def receive(self, headers: dict[str, str], body: bytes) -> int:
        """Judge one request; returns the HTTP status. Header names are lower case."""
        try:
            self._verifier.verify(body, headers)
            said = _said(json.loads(body))
        except (WebhookVerificationError, ValueError, KeyError, TypeError):
            self.refused += 1
            return 400
        message_id = unquote(headers["webhook-id"])
        if message_id in self.taken:
            self.repeats[message_id] += 1
        else:
            self.taken[message_id] = said
        return 204

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        if talk is None:
            return
        self._talks.add(talk)
        try:
            await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError, OSError):
            pass  # the other side left, or we are stopping
        finally:
            self._talks.discard(talk)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests of one connection until it closes, or sends something that is not a POST of a sane length."""
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {
                name.strip().lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            length = headers.get("content-length", "")
            if not head[0].startswith("POST ") or not length.isdecimal() or int(length) > _MAX_BODY_BYTES:
                self.refused += 1
                writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
                return
            status = self.receive(headers, await reader.readexactly(int(length)))
            writer.write(_ANSWERS[status])
            await writer.drain()


def console_lines(log: Path) -> Arrived:
    """The lines that the console channel wrote into a service's log.

    A terminal cannot recognise a repeat, so after a crash a line may stand there twice; its receipt says at_least_once.
    """
    said: dict[str, str] = {}
    lines = 0
    with log.open(encoding="utf-8", errors="replace") as written:
        for line in written:
            if line.startswith(_CONSOLE_LINE):
                with contextlib.suppress(ValueError, KeyError):  # cut off in the middle by a kill
                    message = json.loads(line)
                    said[message["command_id"]] = _said(message)
                    lines += 1
    return Arrived(said, lines - len(said))


def _said(message: Mapping[str, object]) -> str:
    """Raise `KeyError` or `TypeError` for what is no message."""
    template = message["template"]
    return str(message.get("text", template))


_CONSOLE_LINE = '{"channel":"console"'
_ANSWERS = {
    204: b"HTTP/1.1 204 No Content\r\n\r\n",
    400: b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
}
