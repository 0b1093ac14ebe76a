"""Latency: from handing an event to the producer until a stranger holds what became of it.

Every event is the first order of a new customer, and the rule of this phase fires on exactly that, so each event has one
canonical event, one profile, one command and one receipt, all under the customer's id. A consumer that is in nobody's
group reads the four topics; the clock is this process's own at both ends. The wait for one's turn to send is part of it,
a batch of the producer is not waited for (no linger).
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from services.contracts.topics import EVENTS, NOTIFICATIONS, ORDERS, PROFILES, RECEIPTS
from services.runtime.record import Output
from tests.bench.crowd import Crowd
from tests.bench.drain import BenchFailed, Drain
from tests.bench.figures import Latency, percentiles
from tests.bench.flow import publish
from tests.bench.plan import Plan
from tests.bench.rig import Rig

RULES = Path(__file__).parent / "rules" / "latency.yaml"
WATCHED = {"event": EVENTS.name, "profile": PROFILES.name, "command": NOTIFICATIONS.name, "receipt": RECEIPTS.name}
"""What became of an event → the topic where it appears."""

_WARM_UP = 200
_LAST_SECONDS = 20.0


async def latency(rig: Rig, plan: Plan, sent: Callable[[int], None]) -> Latency:
    """Raise `BenchFailed` when a receipt is missing some time after the last event."""
    await rig.lay()
    with rig.services("latency", RULES) as services:
        async with Drain(rig.kafka.address, services, plan.partitions) as drain:
            await publish(rig, Crowd("early", _WARM_UP, plan.partitions, plan.seed).first_orders(datetime.now(UTC)))
            await drain.until_dry(lambda _: None)
        watch = _Watch(rig.kafka.address, plan.partitions)
        await watch.start()
        try:
            count = int(plan.rate * plan.latency_seconds)
            load = list(Crowd("fresh", count, plan.partitions, plan.seed).first_orders(datetime.now(UTC)))
            meter = rig.meter(services)
            meter.start()
            await asyncio.sleep(plan.idle_seconds)
            idle = meter.stop()
            meter.start()
            produced = await _produce(rig, load, plan.rate, sent)
            await watch.until_all(produced.keys())
            spent = meter.stop()
        finally:
            await watch.stop()
    waits = {
        what: percentiles([at - produced[key] for key, at in watch.seen[topic].items() if key in produced])
        for what, topic in WATCHED.items()
    }
    return Latency(
        events=len(produced),
        rate=plan.rate,
        milliseconds=waits,
        cores=spent.cores(),
        cores_idle=idle.cores(),
        cores_elsewhere=spent.elsewhere,
    )


async def _produce(rig: Rig, load: Sequence[Output], rate: float, sent: Callable[[int], None]) -> dict[bytes, float]:
    """Send at an even rate; customer → instant (monotonic) at which its event was handed over."""
    produced: dict[bytes, float] = {}
    acknowledgements = []
    async with AIOKafkaProducer(bootstrap_servers=rig.kafka.address, acks="all") as producer:
        began = time.monotonic()
        for i, output in enumerate(load):
            wait = began + i / rate - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            assert output.key is not None
            produced[output.key] = time.monotonic()
            acknowledgements.append(
                await producer.send(ORDERS.name, output.value, key=output.key, partition=output.partition)
            )
            sent(i + 1)
        await asyncio.gather(*acknowledgements)
    return produced


class _Watch:
    """A foreign consumer of the watched topics that notes when each customer first appears in each."""

    def __init__(self, kafka: str, partitions: int) -> None:
        self.seen: dict[str, dict[bytes, float]] = defaultdict(dict)
        self._places = [TopicPartition(topic, p) for topic in WATCHED.values() for p in range(partitions)]
        self._consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Watch what comes from now on."""
        await self._consumer.start()
        self._consumer.assign(self._places)
        await self._consumer.seek_to_end(*self._places)
        self._reading = asyncio.create_task(self._read())

    async def stop(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self._consumer.stop()

    async def until_all(self, keys: AbstractSet[bytes]) -> None:
        """Until every one of them was seen in every topic."""
        deadline = time.monotonic() + _LAST_SECONDS
        while any(keys - self.seen[topic].keys() for topic in WATCHED.values()):
            if time.monotonic() > deadline:
                found = ", ".join(f"{len(keys & self.seen[t].keys()):,} in {t}" for t in WATCHED.values())
                raise BenchFailed(f"of {len(keys):,} events, after {_LAST_SECONDS:.0f} s: {found}")
            await asyncio.sleep(0.05)

    async def _read(self) -> None:
        while True:
            batches = await self._consumer.getmany(timeout_ms=200)
            at = time.monotonic()
            for place, records in batches.items():
                seen = self.seen[place.topic]
                for record in records:
                    if record.key is not None:
                        seen.setdefault(record.key, at)
