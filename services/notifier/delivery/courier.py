"""The courier: brings commands to channels, with patience that has an end."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from services.contracts.channels import ChannelName, Delivery
from services.contracts.receipt import DeliveryOutcome, Reason
from services.notifier.channels.base import Channel
from services.notifier.delivery.bounds import Bounds
from services.notifier.delivery.metrics import ChannelMetrics
from services.notifier.delivery.outlet import Clocks, Outlet
from services.notifier.delivery.quota import Quotas
from services.notifier.delivery.texts import Opener, Texts
from services.notifier.delivery.trail import Leg, conclude
from services.notifier.effects import Delivered, Route, Send
from services.notifier.message import Content, Message, NoText, Parcel
from services.notifier.templates.collection import variables_of
from services.runtime.sealing import CannotOpen

_REMEMBERED = 20_000
"""Commands whose end is kept in memory: several batches of every partition."""
_WITHOUT_TEXT = frozenset({ChannelName.CONSOLE, ChannelName.WEBHOOK})
"""Channels that pass the message on as data; a text is welcome, and not needed."""


class Courier:
    """Each command goes to the first of its routes that accepts it.

    Any number of commands may be performed at once. Every channel has a line, a breaker and a quota of its own, so a slow
    or dead one delays only what waits for it; the line is bounded, and so is what is kept in memory.

    A command that is under way in this process is not begun a second time: whoever asks again gets the same answer. How
    the last commands ended is remembered, so what was sent is not sent again; a deferred one has not ended.
    """

    def __init__(
        self,
        channels: Iterable[Channel],
        *,
        texts: Texts,
        opener: Opener | None,
        quotas: Quotas,
        metrics: ChannelMetrics,
        now: Callable[[], datetime],
        bounds: Bounds | None = None,
        seconds: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Without an `opener` nobody can be reached under a sealed address.

        `now`: the clock that commands expire by. `seconds` and `sleep`: a monotonic clock, and a wait on it.
        """
        self._bounds = bounds or Bounds()
        clocks = Clocks(now, seconds, sleep)
        self._outlets = {channel.name: Outlet(channel, quotas, metrics, clocks, self._bounds) for channel in channels}
        self._texts = texts
        self._opener = opener
        self._under_way: dict[str, asyncio.Future[Delivered | None]] = {}
        self._ended: dict[str, Delivered] = {}

    @property
    def longest_s(self) -> float:
        """The longest that one command can take, in seconds, over all channels."""
        return self._bounds.longest_s * len(self._outlets)

    async def perform(self, send: Send) -> Delivered:
        """Deliver one command. No channel can make it raise anything."""
        name = send.command.id
        while (under_way := self._under_way.get(name)) is not None:
            # shielded: whoever gives up waiting here must not take the answer from the others
            answer = await asyncio.shield(under_way)
            if answer is not None:
                return answer
        known = self._ended.get(name)
        return known if known is not None else await self._first(send)

    async def _first(self, send: Send) -> Delivered:
        name = send.command.id
        answer: Delivered | None = None
        under_way = self._under_way[name] = asyncio.get_running_loop().create_future()
        try:
            answer = await self._deliver(send)
            if answer.outcome is not DeliveryOutcome.DEFERRED:
                self._remember(name, answer)
            return answer
        finally:
            del self._under_way[name]
            under_way.set_result(answer)

    def _remember(self, name: str, answer: Delivered) -> None:
        while len(self._ended) >= _REMEMBERED:
            self._ended.pop(next(iter(self._ended)))
        self._ended[name] = answer

    async def _deliver(self, send: Send) -> Delivered:
        risky = [channel for channel in send.tried if not self._repeats(channel)]
        if risky:
            detail = f"{', '.join(risky)}: a send was begun and broke off; it may have arrived, so it is not repeated"
            return Delivered(DeliveryOutcome.FAILED, Reason.AMBIGUOUS, delivery=Delivery.AT_MOST_ONCE, detail=detail)
        message = Message.of(send.command)
        legs: list[Leg] = []
        for route in dict.fromkeys(send.routes):
            leg = await self._go(send, message, route)
            legs.append(leg)
            if leg.ends:
                break
        return conclude(legs)

    async def _go(self, send: Send, message: Message, route: Route) -> Leg:
        outlet = self._outlets.get(route.channel)
        if outlet is None:
            return Leg(route.channel, Reason.NO_CHANNEL, "not configured")
        try:
            address = self._address(route)
        except CannotOpen as why:
            return Leg(route.channel, Reason.NO_CONTACT, str(why))
        if outlet.facts.addressed and not address and not outlet.facts.shared:
            return Leg(route.channel, Reason.NO_CONTACT, "no address")
        content: Content | None = None
        try:
            content = self._content(send, route.channel)
        except NoText as why:
            if outlet.facts.name not in _WITHOUT_TEXT:
                return Leg(route.channel, Reason.NO_TEXT, str(why))
        return await outlet.deliver(Parcel(message, content, address), send.command.expires_at)

    def _address(self, route: Route) -> str | None:
        if route.address is None or not route.sealed:
            return route.address
        if self._opener is None:
            raise CannotOpen("KOI_CONTACTS_KEY is not set, so no sealed address can be opened")
        return self._opener.open(route.address, route.channel)

    def _content(self, send: Send, channel: str) -> Content:
        command = send.command
        try:
            return self._texts.content(command.template, channel, send.languages, variables_of(command))
        except NoText:
            raise
        except Exception as error:  # noqa: BLE001 - one bad text must not stop the others; what it says may hold a value
            raise NoText(f"the template failed: {type(error).__name__}") from None

    def _repeats(self, channel: str) -> bool:
        """Whether a message may be sent again there. Of a channel that is not configured any more nobody knows."""
        outlet = self._outlets.get(channel)
        return outlet is not None and outlet.channel.delivery is Delivery.AT_LEAST_ONCE
