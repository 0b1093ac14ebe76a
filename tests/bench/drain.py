"""How far every service has got, to a fraction of a second: its own count of records against the ends of its topics.

`Backlog` follows the truth by about a second, which is too long for a stop watch; it has the last word all the same.
"""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self, TypeAlias

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.embedded.backlog import Backlog, inputs
from deploy.embedded.process import ProcessFailed
from deploy.embedded.services import Services
from services.contracts.topics import RECEIPTS

_LOOK_SECONDS = 0.2
_REST_SECONDS = 1.0
_STALL_SECONDS = 60.0
_SETTLE_SECONDS = 30.0
_RECORDS = re.compile(r"^koi_records_total\{[^}]*\} (\S+)$", re.MULTILINE)


class BenchFailed(Exception):  # noqa: N818 - it says what happened
    """The run cannot go on; the message is for the person who started it."""


class Reach(NamedTuple):
    """Records a service has behind it, and how many there are for it so far."""

    service: str
    done: int
    total: int


Report: TypeAlias = Callable[[Sequence[Reach]], None]


class Drain:
    """Watches services from topics that were empty when they started."""

    def __init__(self, kafka: str, services: Services, partitions: int) -> None:
        self._kafka = kafka
        self._services = services
        self._partitions = partitions
        self._consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
        self._client = httpx.AsyncClient(timeout=10.0, trust_env=False)

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
        await self._consumer.stop()

    async def look(self) -> list[Reach]:
        """In the direction of the flow: if all are done, everything is, for a service publishes before it counts."""
        reached = [await self._reach(service, topics) for service, topics in inputs().items()]
        # on the wall clock receipts come a while after their commands were counted: they must have come to rest, too
        told = sum((await self._consumer.end_offsets(self._places(RECEIPTS.name))).values())
        return [*reached, Reach(RECEIPTS.name, told, told)]

    async def until_dry(self, report: Report) -> float:
        """Wait until every record is processed and nothing has moved for a second; the instant (monotonic) of the last move.

        (The second is for the embedded broker, whose ends of topics lag by a batch.) Raise `BenchFailed` when nothing
        moves for a minute before that, and `ProcessFailed` when a service dies.
        """
        moved = time.monotonic()
        before: list[Reach] = []
        while True:
            now = await self.look()
            at = time.monotonic()
            report(now)
            if now != before:
                before, moved = now, at
            elif all(reach.done >= reach.total for reach in now) and at - moved > _REST_SECONDS:
                return moved
            elif at - moved > _STALL_SECONDS:
                behind = ", ".join(f"{r.service} {r.done:,} of {r.total:,}" for r in now if r.done < r.total)
                raise BenchFailed(f"nothing has moved for {_STALL_SECONDS:.0f} s: {behind}")
            await asyncio.sleep(_LOOK_SECONDS)

    async def confirm(self) -> None:
        """Raise `BenchFailed` unless the consumer groups agree, within some seconds, that nothing is left."""
        async with Backlog(self._kafka, self._partitions) as backlog:
            deadline = time.monotonic() + _SETTLE_SECONDS
            while True:
                found = await backlog.measure()
                if all(done >= total for done, total in found.values()):
                    return
                if time.monotonic() > deadline:
                    raise BenchFailed(f"the groups did not come to rest: {dict(found)}")
                await asyncio.sleep(_LOOK_SECONDS)

    async def _reach(self, service: str, topics: tuple[str, ...]) -> Reach:
        process = self._services.process(service)
        if not process.alive:
            raise ProcessFailed(f"{service} ended (exit code {process.exit_code})\n{process.tail()}")
        page = await self._client.get(f"{self._services.address(service)}/metrics")
        found = _RECORDS.search(page.text)
        places = [place for topic in topics for place in self._places(topic)]
        total = sum((await self._consumer.end_offsets(places)).values())
        return Reach(service, int(float(found[1])) if found else 0, total)

    def _places(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, partition) for partition in range(self._partitions)]
