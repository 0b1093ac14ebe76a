"""HTTP to hosts that somebody configured: the address is checked, and the one checked is the one connected to."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import httpx

from services.notifier.channels.addresses import is_public

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) -> addresses; raise `OSError` if there are none."""

_PORTS = {"http": 80, "https": 443}


class ForbiddenAddress(Exception):  # noqa: N818 - what it is
    """The host lies in a network that messages must not be sent to; nothing was connected."""


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """What the operating system makes of a name, an address, or an oddly written address (decimal, octal, hex)."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedTransport(httpx.AsyncBaseTransport):
    """An httpx transport that refuses non-public addresses and leaves no gap between check and connect.

    The host is resolved once per request. All its addresses must be public (unless `allow_private`); the connection
    then goes to one of these very addresses, while `Host`, SNI and the certificate check keep the name. It follows no
    redirects, reads no proxy settings and logs no addresses, because it is used without a client around it.
    Use one transport per host: connections are pooled by address.
    """

    def __init__(self, *, allow_private: bool, resolve: Resolve = system_resolve) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        # who may send at once is decided by the courier, so the pool must not be the narrower gate
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None, max_keepalive_connections=64))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raise `ForbiddenAddress`, or what httpx raises (`ConnectError` also for a name that does not resolve)."""
        host = request.url.raw_host.decode("ascii")
        port = request.url.port or _PORTS[request.url.scheme]
        failure: httpx.TransportError | None = None
        for address in await self._checked(host, port):
            try:
                return await self._inner.handle_async_request(_pinned(request, host, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise failure or httpx.ConnectError("the host has no address")

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError("the host name does not resolve") from error
        if not self._allow_private and not all(map(is_public, addresses)):
            raise ForbiddenAddress(
                "the host has an address outside the public internet; KOI_ALLOW_PRIVATE=true permits it"
            )
        return addresses


def _pinned(request: httpx.Request, host: str, address: str) -> httpx.Request:
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,  # with the Host of the original URL
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )
