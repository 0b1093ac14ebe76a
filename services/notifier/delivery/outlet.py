"""One channel, and all that stands before it: its breaker, its line, its provider's quota, and patience for repeats."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import stamina

from services.contracts.channels import CHANNELS, ChannelName, Delivery
from services.contracts.receipt import Reason
from services.notifier.channels.base import Accepted, Channel, Refused, SendResult, Unavailable
from services.notifier.delivery.bounds import Bounds
from services.notifier.delivery.breaker import Breaker, Permit
from services.notifier.delivery.line import Busy, Line
from services.notifier.delivery.metrics import ChannelMetrics, Ending
from services.notifier.delivery.quota import Quotas
from services.notifier.delivery.trail import Leg
from services.notifier.message import Parcel
from services.runtime.store import StoreUnavailable

_LEAST_WAIT_S = 0.01


@dataclass(slots=True, frozen=True)
class Clocks:
    """`now`: the instant that commands expire by. `seconds`: a monotonic clock. `sleep`: lets so many of its seconds pass."""

    now: Callable[[], datetime]
    seconds: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]


@dataclass(slots=True, frozen=True)
class Hindered:
    """No attempt was made. `again_in_s`: seconds after which one may be."""

    reason: Reason
    detail: str
    again_in_s: float | None = None


Answer: TypeAlias = SendResult | Hindered
_EXPIRED = Hindered(Reason.EXPIRED, "it expired before it could be tried")


@dataclass(slots=True)
class _Course:
    """How far the attempts at one channel have come."""

    tried: int = 0
    told: SendResult | None = None
    hindered: Hindered | None = None


class _NotTaken(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, result: Unavailable) -> None:
        super().__init__(result.detail)
        self.result = result


class Outlet:
    """Tries one channel for any number of commands at once, within `bounds`."""

    def __init__(
        self, channel: Channel, quotas: Quotas, metrics: ChannelMetrics, clocks: Clocks, bounds: Bounds
    ) -> None:
        """Raise `ValueError` for a channel of which no facts are known."""
        self.channel = channel
        self.facts = CHANNELS[ChannelName(channel.name)]
        self._quotas = quotas
        self._metrics = metrics
        self._clocks = clocks
        self._bounds = bounds
        self._breaker = Breaker(bounds.failures, bounds.rest_first_s, bounds.rest_max_s)
        self._line = Line(bounds.concurrency, bounds.line, bounds.turn_s)
        metrics.watch(channel.name, self._line, self._breaker)

    async def deliver(self, parcel: Parcel, expires_at: datetime) -> Leg:
        """Try to bring one parcel to the channel, not beginning anything from `expires_at` on. Raises nothing."""
        if self._late(expires_at) or self._breaker.rest_s(self._clocks.seconds()) > 0:
            return self._leg(_Course(hindered=_EXPIRED if self._late(expires_at) else self._resting()))
        course = _Course()
        try:
            async with self._line.place():
                await self._attempts(parcel, expires_at, course)
        except Busy as why:
            course.hindered = Hindered(Reason.CHANNEL_BUSY, str(why), self._bounds.turn_s)
        return self._leg(course)

    async def _attempts(self, parcel: Parcel, expires_at: datetime, course: _Course) -> None:
        bounds = self._bounds
        try:
            async with asyncio.timeout(bounds.deadline_s):
                answer = await self._attempt(parcel, expires_at, course)
                if not isinstance(answer, Unavailable):
                    return  # nearly always; setting up the retries costs more than the rest of it
                first: Unavailable | None = answer
                async for attempt in stamina.retry_context(
                    on=self._backoff,
                    attempts=bounds.attempts,
                    timeout=bounds.deadline_s,
                    wait_initial=bounds.wait_first_s,
                    wait_max=bounds.wait_max_s,
                    wait_jitter=bounds.wait_jitter_s,
                ):
                    with attempt:
                        if first is not None:
                            failed, first = first, None
                            raise _NotTaken(failed)  # noqa: TRY301 - stamina repeats exceptions only
                        answer = await self._attempt(parcel, expires_at, course)
                        if isinstance(answer, Unavailable):
                            raise _NotTaken(answer)  # noqa: TRY301 - stamina repeats exceptions only
        except (_NotTaken, TimeoutError):
            pass

    def _backoff(self, error: Exception) -> bool | float:
        return isinstance(error, _NotTaken) and not self._final(error.result) and pause(error.result, self._bounds)

    def _final(self, result: Unavailable) -> bool:
        return result.ambiguous and self.channel.delivery is Delivery.AT_MOST_ONCE

    async def _attempt(self, parcel: Parcel, expires_at: datetime, course: _Course) -> Answer:
        """One attempt, unless something stands against it."""
        permit = self._breaker.enter(self._clocks.seconds())
        if permit is None:
            course.hindered = self._resting()
            return course.hindered
        made = False
        try:
            course.hindered = await self._slot(parcel.address)
            if course.hindered is None and self._late(expires_at):
                course.hindered = _EXPIRED
            if course.hindered is not None:
                return course.hindered
            made = True
            return await self._send(parcel, permit, course)
        finally:
            if not made:
                self._breaker.abandoned(permit)

    async def _send(self, parcel: Parcel, permit: Permit, course: _Course) -> SendResult:
        began = self._clocks.seconds()
        # what stands if it is broken off
        result: SendResult = Unavailable(f"no answer within {self._bounds.deadline_s:g} s", ambiguous=True)
        course.tried += 1
        try:
            result = await self.channel.send(parcel)
        except Exception as error:  # noqa: BLE001 - a channel's bug must not stop the others; the text may hold a secret
            result = Unavailable(f"the channel failed: {type(error).__name__}", ambiguous=True)
        finally:
            course.told = result
            now = self._clocks.seconds()
            self._metrics.attempt(self.channel.name, _ending(result), now - began)
            if isinstance(result, Unavailable):
                self._breaker.failed(permit, now, result.retry_after_s)
            else:
                self._breaker.succeeded(permit)
        return result

    async def _slot(self, recipient: str | None) -> Hindered | None:
        """Take one message of the provider's quota; a short wait for it is waited out."""
        patience = self._bounds.quota_wait_s
        while True:
            try:
                wait = await self._quotas.take(self.channel.name, recipient)
            except StoreUnavailable:
                return Hindered(Reason.CHANNEL_UNAVAILABLE, "its quota cannot be asked for")
            if wait is None:
                return None
            self._metrics.quota_wait(self.channel.name)
            wait = max(wait, _LEAST_WAIT_S)
            if wait > patience:
                return Hindered(Reason.QUOTA, f"the provider's quota is used up for {wait:.0f} s", wait)
            patience -= wait
            await self._clocks.sleep(wait)

    def _late(self, expires_at: datetime) -> bool:
        return self._clocks.now() >= expires_at

    def _resting(self) -> Hindered:
        return Hindered(Reason.CHANNEL_BUSY, "it rests after failures", self._breaker.rest_s(self._clocks.seconds()))

    def _leg(self, course: _Course) -> Leg:
        reason, detail, again_in_s = self._judge(course)
        return Leg(
            self.channel.name,
            reason,
            detail,
            delivery=self.channel.delivery,
            attempts=course.tried,
            again_in_s=again_in_s,
        )

    def _judge(self, course: _Course) -> tuple[Reason, str, float | None]:
        told, hindered = course.told, course.hindered
        match told:
            case None:
                stood = hindered or Hindered(Reason.CHANNEL_UNAVAILABLE, "no attempt was made in time")
                return stood.reason, stood.detail, stood.again_in_s
            case Accepted(provider_id):
                return Reason.NONE, "" if provider_id is None else f"accepted as {provider_id}", None
            case Refused(detail):
                return Reason.CHANNEL_REFUSED, detail, None
        if self._final(told):
            return Reason.AMBIGUOUS, f"{told.detail}; ambiguous: it may have arrived, so it is not repeated", None
        then = f", then {hindered.detail}" if hindered else ""
        waits = [wait for wait in (told.retry_after_s, hindered and hindered.again_in_s) if wait]
        return Reason.CHANNEL_UNAVAILABLE, told.detail + then, max(waits, default=None)


def pause(result: Unavailable, bounds: Bounds) -> bool | float:
    """Before the next attempt: True for the usual wait, seconds if the provider named them, False for none at all."""
    if result.retry_after_s is None:
        return True
    return result.retry_after_s if result.retry_after_s <= bounds.retry_after_max_s else False


def _ending(result: SendResult) -> Ending:
    match result:
        case Accepted():
            return "accepted"
        case Refused():
            return "refused"
        case Unavailable(ambiguous=True):
            return "ambiguous"
    return "unavailable"
