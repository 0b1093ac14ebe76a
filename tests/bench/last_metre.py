"""What becomes of very many commands, without servers: every channel misbehaves in a way of its own.

    python -m tests.bench.last_metre             # 100,000 commands: their ends, rounds of the protocol, CPU and memory

Time is that of a loop in which waiting takes none, so days pass in seconds.
"""

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from prometheus_client import CollectorRegistry
from stamina.instrumentation import set_on_retry_hooks

from services.contracts import wire
from services.contracts.calendar import from_ms, to_ms
from services.contracts.channels import Category, Delivery, Recipient
from services.contracts.command import Command
from services.contracts.receipt import FINAL, Receipt
from services.notifier.channels.base import Accepted, Refused, SendResult, Unavailable
from services.notifier.delivery.courier import Courier
from services.notifier.delivery.metrics import ChannelMetrics
from services.notifier.delivery.quota import MemoryQuotas
from services.notifier.message import Content, Parcel
from services.notifier.policy.models import Policy
from services.notifier.processor import NotifierProcessor
from services.notifier.state import NotifierState
from services.notifier.terms import Terms
from services.runtime.commit import PublishThenCommit
from services.runtime.dead_letter import Budget
from services.runtime.errands import Errands
from services.runtime.memory import MemoryStore
from services.runtime.partitioning import partition_of
from services.runtime.record import Output, Record
from services.runtime.store import Changes, Claim
from services.runtime.telemetry import Telemetry
from tests.unit.notifier.delivery.virtual import live, seconds

BEGIN = datetime(2026, 3, 2, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
CUSTOMERS = 5_000
_PARTITIONS = 8
_BATCH = 500
_DAYS = 1
_STEP_SECONDS = 60.0
"""What is due within it is done together."""


@dataclass
class Channel:
    """Answers always the same, and counts by command what it was given."""

    name: str
    answer: SendResult
    delivery: Delivery = Delivery.AT_LEAST_ONCE
    sent: Counter[str] = field(default_factory=Counter)

    async def send(self, parcel: Parcel) -> SendResult:
        self.sent[parcel.message.command_id] += 1
        return self.answer


def _now() -> datetime:
    return BEGIN + timedelta(seconds=seconds())


class _Words:
    def content(self, template: str, channel: str, languages: Sequence[str], variables: object) -> Content:  # noqa: ARG002
        return Content("zh", template)


class _Store(MemoryStore):
    """Counts its commits."""

    def __init__(self) -> None:
        super().__init__()
        self.commits = 0

    async def commit(self, claim: Claim, changes: Changes) -> None:
        self.commits += 1
        await super().commit(claim, changes)

    def next_due_ms(self) -> int | None:
        instants = [at_ms for timers in self._timers.values() for at_ms in timers.values()]
        return min(instants, default=None)


class _Log:
    def __init__(self) -> None:
        self.receipts: list[Receipt] = []

    async def publish(self, outputs: Sequence[Output]) -> None:
        self.receipts += [wire.RECEIPTS.decode(o.value) for o in outputs if o.topic == "koi.receipts" and o.value]


@dataclass(frozen=True)
class Outcome:
    """`ends`: (channel, outcome, reason) -> commands; `rounds`: commits; `resident_mib`: the most the process took."""

    commands: int
    ends: Counter[tuple[str, str, str]]
    rounds: int
    cpu_seconds: float
    resident_mib: float
    channels: Sequence[Channel]
    unfinished: int


def make_channels() -> list[Channel]:
    """One that is good, one that is dead, one with a quota, one that leaves things in doubt, one that refuses."""
    return [
        Channel("console", Accepted()),
        Channel("webhook", Unavailable("HTTP 503")),
        Channel("wecom_robot", Accepted()),
        Channel("dingtalk_robot", Unavailable("no answer", ambiguous=True), Delivery.AT_MOST_ONCE),
        Channel("feishu_robot", Refused("9499"), Delivery.AT_MOST_ONCE),
    ]


async def run(count: int) -> Outcome:
    """So many commands, an even share for each channel, until all have their end."""
    set_on_retry_hooks([])
    channels = make_channels()
    courier = Courier(
        channels,
        texts=_Words(),
        opener=None,
        quotas=MemoryQuotas(seconds),
        metrics=ChannelMetrics(CollectorRegistry(), [channel.name for channel in channels]),
        now=_now,
        seconds=seconds,
    )
    policy = Policy.model_validate({"quiet_hours": []})
    terms = Terms(frozenset(c.name for c in channels), ZoneInfo("Asia/Shanghai"), _PARTITIONS, policy=policy)
    processor = NotifierProcessor(terms)
    store, log, errands = _Store(), _Log(), Errands[NotifierState](courier.perform, processor.settle)
    stage = PublishThenCommit(
        processor,
        store,
        log,
        Budget(10**9, 1.0),
        Telemetry("notifier", "bench"),
        service="notifier",
        event_clock=False,
        errands=errands,
    )
    for partition in range(_PARTITIONS):
        await stage.claim(partition)
    began = time.process_time()
    for partition, batch in _batches(count, channels, BEGIN):
        await stage.handle(partition, batch, _now())
        await asyncio.sleep(0.05)
    while True:
        for partition in range(_PARTITIONS):
            await errands.idle(partition)
            await stage.wake(partition, _now())
        due_ms = store.next_due_ms()
        if any(errands.returned(partition) for partition in range(_PARTITIONS)):
            continue
        if due_ms is None:
            break
        await asyncio.sleep(max(_STEP_SECONDS, (from_ms(due_ms) - _now()).total_seconds()))
    ends = Counter(
        (r.command_id.partition("/")[0], r.outcome.value, r.reason.value) for r in log.receipts if r.outcome in FINAL
    )
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ended = {r.command_id for r in log.receipts if r.outcome in FINAL}
    return Outcome(
        count, ends, store.commits, time.process_time() - began, resident, channels, unfinished=count - len(ended)
    )


def _batches(count: int, channels: Sequence[Channel], now: datetime) -> list[tuple[int, list[Record]]]:
    queues: dict[int, list[Record]] = {partition: [] for partition in range(_PARTITIONS)}
    for number in range(count):
        customer = f"客户-{number % CUSTOMERS}"
        partition = partition_of(customer, _PARTITIONS)
        command = Command(
            id=f"{channels[number % len(channels)].name}/{number}",
            customer_id=customer,
            rule="care@1a2b3c",
            episode=1,
            step=0,
            template="clerk_care",
            params={"r": 3},
            channels=(channels[number % len(channels)].name,),
            category=Category.SERVICE,
            recipient=Recipient.OWNER,
            decided_at=now,
            expires_at=now + timedelta(days=_DAYS),
            occurred_at=now,
        )
        queue = queues[partition]
        value = wire.COMMANDS.encode(command)
        queue.append(Record("koi.notifications", partition, len(queue), to_ms(now), customer.encode(), value))
    return [
        (partition, queue[start : start + _BATCH])
        for partition, queue in queues.items()
        for start in range(0, len(queue), _BATCH)
    ]


def main(commands: Annotated[int, typer.Option(min=5)] = 100_000) -> None:
    """Print what became of them."""
    began = datetime.now(UTC)
    found = live(run(commands))
    for (channel, outcome, reason), number in sorted(found.ends.items()):
        typer.echo(f"{channel:15} {outcome:10} {reason:20} {number:8,}")
    sends = sum(channel.sent.total() for channel in found.channels)
    typer.echo(
        f"{'':15} {'':10} {'':20} {sum(found.ends.values()):8,} of {found.commands:,}, {found.unfinished:,} without an end"
    )
    typer.echo(
        f"{sends:,} sends, {found.rounds:,} rounds, {1000 * found.cpu_seconds / found.commands:.2f} CPU s per 1,000, "
        f"{found.resident_mib:.0f} MiB at most, {(datetime.now(UTC) - began).total_seconds():.0f} s"
    )


if __name__ == "__main__":
    typer.run(main)
