"""An access token that many sends share: fetched by one call, however many wait for it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from services.notifier.channels.base import Refused, Unavailable


@dataclass(slots=True, frozen=True)
class Token:
    """`expires_in_s`: seconds from now until it is not to be used any more."""

    value: str = field(repr=False)
    expires_in_s: float


Fetched: TypeAlias = Token | Refused | Unavailable


class AccessToken:
    """The newest token. A call that fails fails for all who waited for it; the next one asks again."""

    def __init__(self, fetch: Callable[[], Awaitable[Fetched]]) -> None:
        self._fetch = fetch
        self._value: str | None = None
        self._expires_at = 0.0
        self._fetching: asyncio.Task[Fetched] | None = None

    async def get(self, stale: str | None = None) -> str | Refused | Unavailable:
        """The token there is, unless it has expired or is the `stale` one, which the provider took no more; else a new one."""
        fresh = asyncio.get_running_loop().time() < self._expires_at
        if fresh and self._value is not None and self._value != stale:
            return self._value
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._renew())
        # one who waits no longer must not take the call away from the others
        fetched = await asyncio.shield(self._fetching)
        return fetched.value if isinstance(fetched, Token) else fetched

    async def aclose(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    async def _renew(self) -> Fetched:
        try:
            fetched = await self._fetch()
            if isinstance(fetched, Token):
                self._value = fetched.value
                self._expires_at = asyncio.get_running_loop().time() + fetched.expires_in_s
            return fetched
        finally:
            self._fetching = None
