"""Where the CPU of a stage goes, without servers: every stage's own code in one process, over a store in memory.

    python -m tests.bench.hotpath                # records a CPU second, by stage
    python -m tests.bench.hotpath --profile rules   # and the costliest functions of one of them

What clients, FastStream and Redis cost is not in here; `python -m tests.bench` has that.
"""

import asyncio
import cProfile
import pstats
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from services.contracts.topics import EVENTS, NOTIFICATIONS, PROFILES
from services.ingest.forward import Forwarder
from services.ingest.intake import Intake
from services.notifier.app import make_courier, make_terms
from services.notifier.channels.registry import build_channels
from services.notifier.delivery.quota import MemoryQuotas
from services.notifier.processor import NotifierProcessor
from services.notifier.settings import NotifierSettings
from services.notifier.silences import SilenceBook
from services.rules.book.compiler import load_rulebook
from services.rules.processor import RulesProcessor
from services.runtime.commit import PublishThenCommit
from services.runtime.dead_letter import Budget
from services.runtime.errands import Errands
from services.runtime.memory import MemoryStore
from services.runtime.record import Output, Record
from services.runtime.stage import Stage
from services.runtime.telemetry import Telemetry
from services.scoring.config import ScoringConfig
from services.scoring.processor import ScoringProcessor
from tests.bench.crowd import Crowd
from tests.bench.flow import RULES
from tests.bench.rig import OPEN_POLICY

_PARTITIONS = 24
_CUSTOMERS = 2_000
_TOGETHER = 83
"""Records of one partition in a batch: 2,000 over 24 partitions."""


class _Collector:
    """A `Publisher` that keeps what it is given."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []

    async def publish(self, outputs: Sequence[Output]) -> None:
        self.outputs += outputs


async def measure(events: int, profiled: str | None) -> dict[str, tuple[int, float]]:
    """Stage → (records, CPU seconds), each stage fed with what the one before it published."""
    outputs = list(Crowd("c", _CUSTOMERS, _PARTITIONS, 7).events(events, datetime.now(UTC)))
    found = {}
    for name, topics in (
        ("ingest", None),
        ("scoring", (EVENTS.name,)),
        ("rules", (PROFILES.name,)),
        ("notifier", (NOTIFICATIONS.name,)),
    ):
        collector = _Collector()
        stage = _stage(name, collector)
        for partition in range(_PARTITIONS):
            await stage.claim(partition)
        records = [output for output in outputs if topics is None or output.topic in topics]
        batches = list(_batches(records))
        profile = cProfile.Profile()
        began = time.process_time()
        if name == profiled:
            profile.enable()
        for partition, batch in batches:
            await stage.handle(partition, batch, datetime.now(UTC))
        for partition in range(_PARTITIONS):
            await stage.finish(partition)
        profile.disable()
        found[name] = (len(records), time.process_time() - began)
        if name == profiled:
            pstats.Stats(profile).sort_stats("tottime").print_stats(40)
        outputs = collector.outputs
    return found


def _stage(name: str, collector: _Collector) -> Stage:
    telemetry, budget = Telemetry(name, "bench"), Budget(1000, 10.0)
    if name == "ingest":
        return Forwarder(Intake(), collector, budget, telemetry, partitions=_PARTITIONS, event_clock=False)
    if name == "notifier":
        return _notifier(collector, budget, telemetry)
    processor: Any = (
        ScoringProcessor(ScoringConfig(), ZoneInfo("Asia/Shanghai"), _PARTITIONS)
        if name == "scoring"
        else RulesProcessor(load_rulebook(RULES))
    )
    return PublishThenCommit(processor, MemoryStore(), collector, budget, telemetry, service=name, event_clock=False)


def _notifier(collector: _Collector, budget: Budget, telemetry: Telemetry) -> Stage:
    settings = NotifierSettings(partitions=_PARTITIONS, policy=OPEN_POLICY)
    channels = build_channels(settings)
    courier = make_courier(settings, channels, MemoryQuotas(time.monotonic), telemetry)
    processor = NotifierProcessor(make_terms(settings, channels, courier, SilenceBook()))
    return PublishThenCommit(
        processor,
        MemoryStore(),
        collector,
        budget,
        telemetry,
        service="notifier",
        event_clock=False,
        errands=Errands(courier.perform, processor.settle),
    )


def _batches(outputs: Sequence[Output]) -> Iterator[tuple[int, list[Record]]]:
    """As a consumer would hand them over: a batch of each partition in turn."""
    now_ms = int(time.time() * 1000)
    queues: dict[int, list[Record]] = defaultdict(list)
    offsets: dict[tuple[str, int], int] = defaultdict(int)
    for o in outputs:
        offset = offsets[o.topic, o.partition]
        offsets[o.topic, o.partition] += 1
        queues[o.partition].append(Record(o.topic, o.partition, offset, now_ms, o.key, o.value))
    longest = max((len(queue) for queue in queues.values()), default=0)
    for start in range(0, longest, _TOGETHER):
        for partition, queue in sorted(queues.items()):
            if batch := queue[start : start + _TOGETHER]:
                yield partition, batch


def main(
    *,
    events: Annotated[int, typer.Option(min=100)] = 30_000,
    profile: Annotated[str | None, typer.Option(help="ingest, scoring, rules or notifier")] = None,
) -> None:
    """Records a CPU second of every stage's own code."""
    for name, (records, seconds) in asyncio.run(measure(events, profile)).items():
        rate = f"{records / seconds:>9,.0f}" if seconds else ""
        typer.echo(f"{name:<10}{records:>8,} records {rate} a CPU second", err=True)


if __name__ == "__main__":
    typer.run(main)
