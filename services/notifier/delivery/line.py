"""The line before a channel: a few places at work, and a bounded number that wait for one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Busy(Exception):  # noqa: N818 - never leaves the package
    """There is no place; the text says why."""


class Line:
    """First come, first served. At most `places` at once, at most `most` waiting, none of them longer than `turn_s`."""

    def __init__(self, places: int, most: int, turn_s: float) -> None:
        self._places = asyncio.Semaphore(places)
        self._most = most
        self._turn_s = turn_s
        self.at_work = 0
        self.waiting = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place. Raise `Busy`: at once if too many wait already, or when the turn does not come."""
        if self._places.locked():
            await self._wait()
        else:
            await self._places.acquire()
        self.at_work += 1
        try:
            yield
        finally:
            self._places.release()
            self.at_work -= 1

    async def _wait(self) -> None:
        if self.waiting >= self._most:
            raise Busy(f"its line of {self._most} is full")
        self.waiting += 1
        try:
            async with asyncio.timeout(self._turn_s):
                await self._places.acquire()
        except TimeoutError:
            raise Busy(f"no turn within {self._turn_s:g} s") from None
        finally:
            self.waiting -= 1
