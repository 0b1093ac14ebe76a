"""The floor: what the same records cost when nothing is done with them.

As many processes, topics, partitions, records and bytes as the live flow had, by aiokafka alone: no FastStream, no
decoding, no state, no Redis. Nothing built on this client and this broker can be cheaper.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from statistics import median_low

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.embedded.process import Process
from deploy.embedded.services import SERVICES
from services.contracts.topics import DECISIONS, EVENTS, INBOUND, NOTIFICATIONS, PROFILES, RECEIPTS
from services.runtime.record import Output
from tests.bench.crowd import Crowd
from tests.bench.drain import BenchFailed
from tests.bench.figures import Floor, Flow
from tests.bench.flow import publish
from tests.bench.hop import Done, Side, Task
from tests.bench.meter import Meter
from tests.bench.plan import Plan
from tests.bench.rig import Rig

_READY_SECONDS = 30.0
_ROUND_SECONDS = 120.0
_LOOK_SECONDS = 0.05

_HOPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ingest": (tuple(topic.name for topic in INBOUND), (EVENTS.name,)),
    "scoring": ((EVENTS.name,), (PROFILES.name,)),
    "rules": ((PROFILES.name,), (DECISIONS.name, NOTIFICATIONS.name)),
    "notifier": ((NOTIFICATIONS.name,), (RECEIPTS.name,)),
}
"""Service → topics read, topics written."""


class _Round(msgspec.Struct, frozen=True):
    events_per_second: float
    events_per_cpu_second: float
    cpu_seconds_per_1000: dict[str, float]
    cores_elsewhere: float


async def floor(rig: Rig, plan: Plan, live: Flow, progress: Callable[[int], None]) -> Floor:
    """`plan.floor_rounds` times the records that `live` counted; raise `BenchFailed` when a hop does not finish."""
    rounds = []
    for number in range(plan.floor_rounds):
        await rig.clear()
        rounds.append(await _round(rig, plan, live, number))
        progress(number + 1)
    middle = median_low([one.events_per_second for one in rounds])
    chosen = next(one for one in rounds if one.events_per_second == middle)
    return Floor(
        events=live.events,
        events_per_second=chosen.events_per_second,
        events_per_cpu_second=chosen.events_per_cpu_second,
        rounds=[one.events_per_second for one in rounds],
        cpu_seconds_per_1000=chosen.cpu_seconds_per_1000,
        cores_elsewhere=chosen.cores_elsewhere,
    )


async def _round(rig: Rig, plan: Plan, live: Flow, number: int) -> _Round:
    load = list(Crowd("c", plan.customers, plan.partitions, plan.seed).events(plan.events, datetime.now(UTC)))
    tasks = {name: _task(name, rig, live, number) for name in SERVICES}
    await _create(rig, [_own(topic) for topic in live.records])
    with ExitStack() as running:
        hops = {name: running.enter_context(_hop(rig, name, task, number)) for name, task in tasks.items()}
        for hop in hops.values():
            hop.wait_ready(lambda hop=hop: "ready" in hop.tail(), _READY_SECONDS)  # type: ignore[misc]
        meter = rig.meter()
        for hop in hops.values():
            hop.pause()
        await publish(rig, (Output(_own(o.topic), o.partition, o.key, o.value) for o in load))
        before = _cpu_of(hops)
        meter.start()
        for hop in hops.values():
            hop.resume()
        done = await _until_done(hops)
        spent = meter.stop(max(one.at for one in done.values()))
    cpu = {name: done[name].cpu_seconds - before[name] for name in hops}
    spent.cpu.update(cpu)
    elsewhere = max(0.0, spent.elsewhere - sum(cpu.values()) / spent.seconds)
    return _Round(
        events_per_second=round(live.events / spent.seconds, 1),
        events_per_cpu_second=spent.per_cpu_second(live.events),
        cpu_seconds_per_1000=spent.per_1000(live.events),
        cores_elsewhere=round(elsewhere, 2),
    )


def _task(name: str, rig: Rig, live: Flow, number: int) -> Task:
    inputs, outputs = _HOPS[name]
    return Task(
        kafka=rig.kafka.address,
        group=f"floor.{number}.{name}",
        inputs=[_own(topic) for topic in inputs],
        partitions=rig.partitions,
        expect=sum(live.records[topic] for topic in inputs),
        outputs=[
            Side(_own(topic), live.records[topic], round(live.record_bytes[topic]))
            for topic in outputs
            if live.records[topic]
        ],
        idempotent=rig.idempotent,
    )


def _hop(rig: Rig, name: str, task: Task, number: int) -> Process:
    command = [sys.executable, "-m", "tests.bench.hop", msgspec.json.encode(task).decode()]
    return Process(name, command, rig.directory / "floor" / f"{number}-{name}.log")


def _own(topic: str) -> str:
    """The floor's topics stand beside the pipeline's."""
    return f"floor.{topic}"


def _cpu_of(hops: dict[str, Process]) -> dict[str, float]:
    return Meter({name: hop.pid for name, hop in hops.items()}).read()


async def _create(rig: Rig, topics: list[str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.kafka.address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, rig.partitions, 1) for topic in topics])
    finally:
        await admin.close()
    await rig.settled(topics)


async def _until_done(hops: dict[str, Process]) -> dict[str, Done]:
    deadline = time.monotonic() + _ROUND_SECONDS
    while any(hop.alive for hop in hops.values()):
        if time.monotonic() > deadline:
            raise BenchFailed(f"the floor did not finish within {_ROUND_SECONDS:.0f} s")
        await asyncio.sleep(_LOOK_SECONDS)
    for name, hop in hops.items():
        if hop.exit_code:
            raise BenchFailed(f"hop {name} of the floor failed\n{hop.tail()}")
    return {name: msgspec.json.decode(hop.tail(1), type=Done) for name, hop in hops.items()}
