"""An event loop in which waiting takes no time, and what the courier's tests send through it."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry

from services.contracts.channels import Delivery
from services.notifier.channels.base import Accepted, Channel, SendResult
from services.notifier.delivery.bounds import Bounds
from services.notifier.delivery.courier import Courier
from services.notifier.delivery.metrics import ChannelMetrics
from services.notifier.delivery.quota import MemoryQuotas, Quotas
from services.notifier.delivery.texts import Opener
from services.notifier.effects import Delivered, Route, Send
from services.notifier.message import Content, NoText, Parcel
from tests.unit.notifier.commands import NOON, command

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time stands still while anything can be done, and then jumps to the next thing that is waited for."""

    def __init__(self) -> None:
        self.at = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.at


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits, and nothing will ever happen"
            self._loop.at += timeout
        return ready


def live(story: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)


def seconds() -> float:
    return asyncio.get_running_loop().time()


def now() -> datetime:
    """The loop began at noon."""
    return NOON + timedelta(seconds=seconds())


@dataclass
class Post:
    """A channel that answers as told, one answer per send and the last one for ever, each after `takes_s` seconds."""

    name: str
    answers: list[SendResult | Exception] = field(default_factory=lambda: [Accepted()])
    delivery: Delivery = Delivery.AT_LEAST_ONCE
    takes_s: float = 0.0
    during: Callable[[], object] = lambda: None
    got: list[Parcel] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    told: list[tuple[str, SendResult | Exception]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    @property
    def sent(self) -> list[str]:
        return [parcel.message.command_id for parcel in self.got]

    async def send(self, parcel: Parcel) -> SendResult:
        self.got.append(parcel)
        self.at.append(seconds())
        self.during()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.takes_s)
        finally:
            self.at_once -= 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.told.append((parcel.message.command_id, answer))
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Wordings:
    """Texts by channel; a channel that is not among them has none."""

    texts: Mapping[str, str | Exception] | None = None

    def content(self, template: str, channel: str, languages: Sequence[str], variables: Mapping[str, Any]) -> Content:
        text = f"{variables['name']}，好久不见" if self.texts is None else self.texts.get(channel)
        if text is None:
            raise NoText(f"{template} has no text for {channel}")
        if isinstance(text, Exception):
            raise text
        return Content((*languages, "zh")[0], text)


def metrics(channels: Iterable[Channel], registry: CollectorRegistry | None = None) -> ChannelMetrics:
    return ChannelMetrics(registry or CollectorRegistry(), [channel.name for channel in channels])


def courier(
    *channels: Channel,
    texts: Wordings | None = None,
    opener: Opener | None = None,
    quotas: Quotas | None = None,
    bounds: Bounds | None = None,
    registry: CollectorRegistry | None = None,
) -> Courier:
    """A courier on the running loop's time, without quotas unless they are given."""
    return Courier(
        channels,
        texts=texts or Wordings(),
        opener=opener,
        quotas=quotas or MemoryQuotas(seconds, {}),
        metrics=metrics(channels, registry),
        now=now,
        bounds=bounds,
        seconds=seconds,
    )


def send(command_id: str = "c1", *routes: str | Route, again: bool = False, **more: Any) -> Send:
    """A command over these channels, each with an address."""
    found = tuple(r if isinstance(r, Route) else Route(r, "ming@example.com") for r in routes)
    return Send(
        command(command_id, **more), found, ("zh", "en"), tried=tuple(route.channel for route in found) if again else ()
    )


def deliver(*sends: Send, by: Callable[[], Courier]) -> list[Delivered]:
    """Perform all at once with a courier made on the loop."""

    async def story() -> list[Delivered]:
        made = by()
        return list(await asyncio.gather(*(made.perform(each) for each in sends)))

    return live(story())
