"""Connections to one mail server: a bounded number, kept open from message to message."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from aiosmtplib import SMTP, SMTPException

_FAREWELL_S = 1.0


class SmtpConnections:
    """At most `most` at once; whoever comes later waits.

    A connection that has lain idle is asked first whether it is still there, and replaced if not. One that a message
    failed on is closed: nobody knows what state it is in.
    """

    def __init__(self, make: Callable[[], SMTP], most: int) -> None:
        """`make`: a client that is not connected yet, but knows where to and how to log in."""
        self._make = make
        self._places = asyncio.Semaphore(most)
        self._idle: list[SMTP] = []

    @contextlib.asynccontextmanager
    async def lease(self) -> AsyncIterator[SMTP]:
        """One connection, for oneself. Raise what aiosmtplib raises when it cannot connect or log in."""
        async with self._places:
            client = await self._awake() or self._make()
            try:
                if not client.is_connected:
                    await client.connect()
                yield client
            except BaseException:
                client.close()
                raise
            self._idle.append(client)

    async def aclose(self) -> None:
        """Take leave of the server."""
        leaving, self._idle = self._idle, []
        await asyncio.gather(*map(_quit, leaving))

    async def _awake(self) -> SMTP | None:
        """One of the idle connections that the server still knows, None if there is none."""
        while self._idle:
            client = self._idle.pop()
            try:
                await client.rset()
            except (SMTPException, OSError):
                client.close()
            except BaseException:
                client.close()
                raise
            else:
                return client
        return None


async def _quit(client: SMTP) -> None:
    try:
        async with asyncio.timeout(_FAREWELL_S):
            await client.quit()
    except (SMTPException, OSError):  # TimeoutError is one
        pass
    finally:
        client.close()
