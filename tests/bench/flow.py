"""Throughput: a load through all stages, as fast as it goes, and what it cost."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path

from examples.complete_journey import dataset, replay
from examples.complete_journey.setting import SCORING
from services.runtime.publisher import KafkaPublisher
from services.runtime.record import Output
from services.runtime.settings import ClockKind
from tests.bench.crowd import Crowd
from tests.bench.drain import Drain, Report
from tests.bench.figures import Flow
from tests.bench.footprint import footprint
from tests.bench.meter import Spent
from tests.bench.plan import Plan
from tests.bench.rig import KEYED, Rig, held
from tests.bench.survey import Content, survey

RULES = Path(__file__).parents[2] / "deploy" / "rules"
_CHUNK = 5_000


async def live(rig: Rig, plan: Plan, report: Report) -> Flow:
    """`plan.events` made-up events of now, on the wall clock, under the shipped rules.

    All of them lie in Kafka before the services, frozen until then, are let go together.
    """
    await rig.lay()
    crowd = Crowd("c", plan.customers, plan.partitions, plan.seed)
    with rig.services("live", RULES) as services:
        async with Drain(rig.kafka.address, services, plan.partitions) as drain:
            await publish(rig, Crowd("warm", plan.customers, plan.partitions, plan.seed).events(plan.warm_up, _now()))
            await drain.until_dry(report)
            before = await _survey(rig)
            meter = rig.meter(services)
            load = list(crowd.events(plan.events, _now()))
            with held(services):
                await publish(rig, load)
                meter.start()
            ended = await drain.until_dry(report)
            return await _flow(rig, drain, meter.stop(ended), plan.events, before)


async def year(rig: Rig, plan: Plan, report: Report) -> Flow:
    """The Complete Journey year on the event clock, as the demo plays it; publishing is part of the time."""
    await rig.lay()
    entries = dataset.read()
    with rig.services("year", RULES, clock=ClockKind.EVENT, zone="UTC", scoring=SCORING) as services:
        async with Drain(rig.kafka.address, services, plan.partitions) as drain:
            meter = rig.meter(services)
            meter.start()
            producer = replay.producer(rig.kafka.address)
            await producer.start()
            try:
                events = await replay.publish(entries, producer, partitions=plan.partitions, progress=_silent)
            finally:
                await producer.stop()
            ended = await drain.until_dry(report)
            return await _flow(rig, drain, meter.stop(ended), events)


async def publish(rig: Rig, outputs: Iterable[Output]) -> None:
    """Hand everything to the broker, each chunk acknowledged before the next."""
    publisher = KafkaPublisher(rig.kafka.address, idempotent=rig.idempotent, client_id="koi-bench")
    await publisher.start()
    try:
        rest = iter(outputs)
        while chunk := list(islice(rest, _CHUNK)):
            await publisher.publish(chunk)
    finally:
        await publisher.stop()


async def _flow(rig: Rig, drain: Drain, spent: Spent, events: int, before: Mapping[str, Content] | None = None) -> Flow:
    """The figures of a flow that has ended; `before` is what the topics held when it began."""
    await drain.confirm()
    found = await _survey(rig)
    redis = await footprint(rig.redis.address)
    return Flow(
        events=events,
        seconds=round(spent.seconds, 2),
        events_per_second=round(events / spent.seconds, 1),
        events_per_cpu_second=spent.per_cpu_second(events),
        cpu_seconds_per_1000=spent.per_1000(events),
        records={t: found[t].records - (before[t].records if before else 0) for t in found},
        record_bytes={t: found[t].size for t in found},
        redis=redis,
        redis_bytes_per_customer=round(sum(one.bytes_per_customer for one in redis.values()), 1),
        cores_elsewhere=spent.elsewhere,
    )


async def _survey(rig: Rig) -> Mapping[str, Content]:
    """Every topic that has as many partitions as the pipeline."""
    return await survey(rig.kafka.address, [topic.name for topic in KEYED], rig.partitions)


def _now() -> datetime:
    return datetime.now(UTC)


def _silent(events: int, day: date) -> None:
    """The stages show how far they are."""
