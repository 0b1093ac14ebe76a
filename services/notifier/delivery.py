"""The courier: brings commands to channels, with patience that has an end."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import stamina

from services.contracts.command import Command
from services.contracts.errors import Retryable
from services.contracts.receipt import Delivery, DeliveryOutcome, Reason
from services.notifier.channels.base import Accepted, Channel, SendResult, Unavailable
from services.notifier.effects import Delivered, Send
from services.notifier.message import Message
from services.notifier.processor import settle
from services.notifier.state import NotifierState
from services.runtime.processor import Step

_MAX_DETAIL = 500
_REMEMBERED = 20_000
"""Commands whose end is kept in memory: several batches of every partition."""


@dataclass(slots=True, frozen=True)
class Bounds:
    """How hard one channel is tried for one command. Seconds, unless it says otherwise.

    A command takes at most `turn_s + deadline_s` per channel, so a batch does too: all its commands run side by side.
    One that gets no turn is not given up: it is tried with the batch's next round.
    """

    attempts: int = 3
    deadline_s: float = 10.0
    """All attempts of one command at one channel, waits included."""
    turn_s: float = 5.0
    """Longest wait for one of the channel's `concurrency` places."""
    concurrency: int = 64
    """Commands a channel works on at once."""
    retry_after_max_s: float = 10.0
    """A provider that asks for a longer pause is not tried again for this command."""
    wait_first_s: float = 0.1
    wait_max_s: float = 2.0
    wait_jitter_s: float = 0.5


class _NotTaken(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, result: Unavailable) -> None:
        super().__init__(result.detail)
        self.result = result


class _NoTurn(Exception):  # noqa: N818 - never leaves this module
    """All places of a channel were taken for too long."""


class Courier:
    """Implements `Effector[NotifierState]`: each command goes to the first of its channels that accepts it.

    Channels have separate places, so a slow one delays only the commands that wait for it. There is no order among the
    messages of one batch, and no channel can make `perform` raise anything else.

    A batch can be done again in the same process, because its receipts could not be published or stored. How the
    last commands ended is therefore remembered: what was sent is not sent a second time.
    """

    def __init__(self, channels: Iterable[Channel], bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._channels = {channel.name: channel for channel in channels}
        self._ended: dict[str, Delivered] = {}
        self._places = {name: asyncio.Semaphore(self._bounds.concurrency) for name in self._channels}

    async def perform(self, effects: Sequence[Send]) -> Sequence[Delivered]:
        """Deliver all, side by side; one result per effect, in order.

        Raise `Retryable` when some got no turn at their channel: they are not failures, only late.
        """
        results = await asyncio.gather(*(self._once_only(effect.command) for effect in effects))
        waiting = sum(result is None for result in results)
        if waiting:
            raise Retryable(f"{waiting} of {len(effects)} commands had no turn at a busy channel; they are tried again")
        return [result for result in results if result is not None]

    async def _once_only(self, command: Command) -> Delivered | None:
        known = self._ended.get(command.id)
        if known is not None:
            return known
        try:
            delivered = await self._deliver(command)
        except _NoTurn:
            return None
        while len(self._ended) >= _REMEMBERED:
            self._ended.pop(next(iter(self._ended)))
        self._ended[command.id] = delivered
        return delivered

    def settle(
        self, state: NotifierState | None, effect: Send, result: Delivered, now: datetime
    ) -> Step[NotifierState] | None:
        return settle(state, effect, result, now)

    async def _deliver(self, command: Command) -> Delivered:
        message = Message.of(command)
        last: Channel | None = None
        reason = Reason.NO_CHANNEL
        attempts = 0
        trail: list[str] = []
        for name in dict.fromkeys(command.channels):
            channel = self._channels.get(name)
            if channel is None:
                trail.append(f"{name}: not configured")
                continue
            result, tried = await self._try(channel, message)
            attempts += tried
            last = channel
            if isinstance(result, Accepted):
                if result.provider_id is not None:
                    trail.append(f"{name}: accepted as {result.provider_id}")
                return _delivered(DeliveryOutcome.SENT, Reason.NONE, last, attempts, trail)
            trail.append(f"{name}: {result.detail}")
            if isinstance(result, Unavailable):
                reason = Reason.CHANNEL_UNAVAILABLE
                if _must_not_repeat(channel, result):
                    trail.append("ambiguous: it may have arrived, so it is not repeated")
                    break
            elif reason is Reason.NO_CHANNEL:
                reason = Reason.CHANNEL_REFUSED
        return _delivered(DeliveryOutcome.FAILED, reason, last, attempts, trail)

    async def _try(self, channel: Channel, message: Message) -> tuple[SendResult, int]:
        """All attempts at one channel, and how many there were."""
        places = self._places[channel.name]
        try:
            async with asyncio.timeout(self._bounds.turn_s):
                await places.acquire()
        except TimeoutError:
            raise _NoTurn from None
        try:
            return await self._attempts(channel, message)
        finally:
            places.release()

    async def _attempts(self, channel: Channel, message: Message) -> tuple[SendResult, int]:
        bounds = self._bounds
        unanswered = Unavailable(f"no answer within {bounds.deadline_s:g} s", ambiguous=True)
        result: SendResult = unanswered
        tried = 0

        def backoff(error: Exception) -> bool | float:
            return (
                isinstance(error, _NotTaken)
                and not _must_not_repeat(channel, error.result)
                and pause(error.result, bounds)
            )

        try:
            async with asyncio.timeout(bounds.deadline_s):
                tried = 1
                result = await _once(channel, message)
                if not isinstance(result, Unavailable):
                    return result, tried  # nearly always; setting up the retries costs more than the rest of it
                first: Unavailable | None = result
                async for attempt in stamina.retry_context(
                    on=backoff,
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
                        tried += 1
                        result = unanswered
                        result = await _once(channel, message)
                        if isinstance(result, Unavailable):
                            raise _NotTaken(result)  # noqa: TRY301 - stamina repeats exceptions only
        except (_NotTaken, TimeoutError):
            pass
        return result, tried


def pause(result: Unavailable, bounds: Bounds) -> bool | float:
    """Before the next attempt: True for the usual wait, seconds if the provider named them, False for none at all."""
    if result.retry_after_s is None:
        return True
    return result.retry_after_s if result.retry_after_s <= bounds.retry_after_max_s else False


async def _once(channel: Channel, message: Message) -> SendResult:
    try:
        return await channel.send(message)
    except Exception as error:  # noqa: BLE001 - a channel's bug must not stop the others; the text may hold a secret
        return Unavailable(f"the channel failed: {type(error).__name__}", ambiguous=True)


def _must_not_repeat(channel: Channel, result: Unavailable) -> bool:
    return result.ambiguous and channel.delivery is Delivery.AT_MOST_ONCE


def _delivered(
    outcome: DeliveryOutcome, reason: Reason, channel: Channel | None, attempts: int, trail: Sequence[str]
) -> Delivered:
    return Delivered(
        outcome=outcome,
        reason=reason,
        channel=None if channel is None else channel.name,
        delivery=None if channel is None else channel.delivery,
        attempts=attempts,
        detail="; ".join(trail)[:_MAX_DETAIL],
    )
