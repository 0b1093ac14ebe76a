"""The whole demo: stack up, year replayed, wait until every stage is quiet, read the topics, tell, stack down."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.embedded.backlog import Backlog, inputs
from deploy.embedded.ports import require_free
from deploy.embedded.services import SERVICES
from deploy.embedded.stack import EmbeddedStack
from examples.complete_journey import dataset, expected, replay, show, stories, summary
from examples.complete_journey.fleet import Fleet
from examples.complete_journey.outcome import Measured, Outcome
from examples.complete_journey.page import page
from examples.complete_journey.pond import TOLD, Pond
from examples.complete_journey.quiet import Reach, follow, until_settled
from examples.complete_journey.reader import Reader
from examples.complete_journey.setting import GROUP_PREFIX, Setting
from examples.complete_journey.sink import Arrived, Sink, console_lines
from services.cli.topics import create_topics
from services.contracts import topics
from services.rules.book.compiler import load_rulebook
from services.runtime.settings import Settings

T = TypeVar("T")

PAGES = ("healthz", "readyz", "metrics")


@dataclass(frozen=True)
class Played:
    """The year has passed. Times in seconds: of publishing, and from then until every stage was quiet."""

    events: int
    replay_seconds: float
    catch_up_seconds: float


async def run(setting: Setting, console: Console) -> bool:
    """Whether every count was as it must be. However this ends, what was started is stopped.

    Raise `PortTaken`, `ProcessFailed` or `DemoFailed`, each with a message for a person.
    """
    started = time.monotonic()
    _require_ports(setting)
    _clean(setting)
    ladders = {ladder.name: [tier.name for tier in ladder.tiers] for ladder in load_rulebook(setting.rules).ladders}

    async with AsyncExitStack() as running:
        console.print(f"starting Kafka, Redis and {len(SERVICES)} services; logs in {escape(str(setting.logs))}")
        stack = running.enter_context(_stack(setting))
        await create_topics(Settings(kafka=stack.kafka_address, partitions=setting.partitions))
        sink = await running.enter_async_context(Sink(setting.sink_port))
        environment = setting.environment(
            kafka=stack.kafka_address, redis=stack.redis_url, sink_url=sink.url, sink_secret=sink.secret
        )
        fleet = await running.enter_async_context(Fleet(setting, environment))
        # read while the services start
        entries, counted, _ = await asyncio.gather(
            asyncio.to_thread(dataset.read), asyncio.to_thread(expected.count, dataset.DATA), fleet.ready()
        )

        def note(line: str) -> None:
            console.print(f"[yellow]{escape(line)}[/]")

        pond = Pond()
        played = await _while_watched(_play(setting, stack.kafka_address, entries, pond, console), fleet.watch(note))
        arrived = {"webhook": sink.arrived, "console": console_lines(setting.logs / "notifier.log")}
        outcome = Outcome(
            summary=summary.summarise(
                pond,
                events_in=played.events,
                ladders=ladders,
                arrived={channel: came.said.keys() for channel, came in arrived.items()},
            ),
            expected=counted,
            measured=_measured(
                played, time.monotonic() - started, fleet=fleet, sink=sink, pond=pond, arrived=arrived.values()
            ),
            stories=stories.choose(
                pond, {command: text for came in arrived.values() for command, text in came.said.items()}
            ),
        )
        _tell(outcome, setting, console)
        if setting.keep:
            _addresses(fleet, stack, sink, console)
            with contextlib.suppress(asyncio.CancelledError):  # the only way this ends
                await _while_watched(asyncio.Event().wait(), fleet.watch(note))
            console.print("stopping…")
    if setting.keep:
        console.print("stopped")
    return not outcome.complaints


async def _play(setting: Setting, kafka: str, entries: Sequence[dataset.Entry], pond: Pond, console: Console) -> Played:
    """Publish the year, wait until every stage is quiet, showing how far each is, and fill the pond from the topics."""
    with Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=40),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[day]}"),
        console=console,
    ) as bars:
        publishing = bars.add_task("replay", total=len(entries), day="")
        stages = {service: bars.add_task(service, total=None, day="") for service in SERVICES}

        def published(events: int, day: date) -> None:
            bars.update(publishing, completed=events, day=day.isoformat())

        def reached(reach: Reach) -> None:
            for service, (done, total) in reach.items():
                bars.update(stages[service], completed=done, total=max(1, done, total))

        async with (
            Backlog(kafka, setting.partitions, GROUP_PREFIX) as backlog,
            Reader(kafka, _partitions(setting), pond.take) as reader,
        ):
            began = time.monotonic()
            following = asyncio.create_task(follow(backlog, reached))
            try:
                async with _producer(kafka) as producer:
                    events = await replay.publish(entries, producer, partitions=setting.partitions, progress=published)
            finally:
                await _cancelled(following)
            ended = time.monotonic()
            bars.stop_task(publishing)
            await until_settled(backlog, reader, inputs(), reached)
            return Played(events, ended - began, time.monotonic() - ended)


def _partitions(setting: Setting) -> dict[str, int]:
    """Every topic the reader follows: what went in as well, to know that ingest has taken all of it."""
    return {topic.name: topic.partitions or setting.partitions for topic in (*topics.INBOUND, *TOLD)}


@contextlib.asynccontextmanager
async def _producer(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = replay.producer(kafka)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def _while_watched(work: Coroutine[Any, Any, T], watch: Coroutine[Any, Any, None]) -> T:
    """The result of `work`, or what `watch` raises before it is there."""
    working, watching = asyncio.create_task(work), asyncio.create_task(watch)
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            watching.result()
        return await working
    finally:
        await _cancelled(working, watching)


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _require_ports(setting: Setting) -> None:
    """Raise `PortTaken` before anything is touched."""
    option = "--port-base"
    require_free(setting.kafka_port, "Kafka", option)
    require_free(setting.redis_port, "Redis", option)
    require_free(setting.sink_port, "webhook sink", option)
    for at, name in enumerate(SERVICES):
        require_free(setting.service_port + at, name, option)


def _clean(setting: Setting) -> None:
    """Nothing of an earlier run may pass for a result of this one."""
    for result in (setting.summary_file, setting.report_file):
        result.unlink(missing_ok=True)
    shutil.rmtree(setting.logs, ignore_errors=True)
    setting.logs.mkdir(parents=True)


def _stack(setting: Setting) -> EmbeddedStack:
    return EmbeddedStack(
        setting.logs,
        setting.kafka_port,
        setting.redis_port,
        kafka_option="--port-base",
        redis_option="--port-base",
    )


def _measured(
    played: Played, seconds: float, *, fleet: Fleet, sink: Sink, pond: Pond, arrived: Iterable[Arrived]
) -> Measured:
    return Measured(
        seconds=round(seconds, 1),
        replay_seconds=round(played.replay_seconds, 1),
        catch_up_seconds=round(played.catch_up_seconds, 1),
        events_per_second=round(played.events / (played.replay_seconds + played.catch_up_seconds)),
        repeated_attempts=sum(came.repeats for came in arrived),
        refused_attempts=sink.refused,
        restarts=dict(sorted(fleet.restarts.items())),
        records={topic.name: pond.records[topic.name] for topic in TOLD},
    )


def _tell(outcome: Outcome, setting: Setting, console: Console) -> None:
    outcome.write(setting.summary_file)
    page(outcome).write(setting.report_file)
    show.show(outcome, console)
    console.print(f"report: {escape(str(setting.report_file))}   figures: {escape(str(setting.summary_file))}")


def _addresses(fleet: Fleet, stack: EmbeddedStack, sink: Sink, console: Console) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("Kafka", stack.kafka_address)
    table.add_row("Redis", stack.redis_url)
    table.add_row("webhook sink", f"{sink.url} (POST only)")
    for name in SERVICES:
        table.add_row(name, " ".join(f"{fleet.address(name)}/{page}" for page in PAGES))
    console.print("\n[bold]still running[/]; Ctrl-C stops everything")
    console.print(table)
    console.print("kcat and other librdkafka clients cannot read the embedded broker", style="dim")
