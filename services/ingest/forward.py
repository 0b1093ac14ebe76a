"""Ingest as a stage: no state, so what it publishes carries its origin and may repeat after a crash."""

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from services.contracts.calendar import to_ms
from services.contracts.contacts import ContactMessage
from services.contracts.errors import InvalidMessage
from services.contracts.events import TICK_KEY, AnyEvent, ClockTick
from services.contracts.topics import CONTACTS, EVENTS, INBOUND
from services.contracts.wire import CONTACTS as CONTACTS_WIRE
from services.contracts.wire import EVENTS as EVENTS_WIRE
from services.ingest.alignment import Alignment
from services.ingest.contacts import NOTHING, ContactNews, contact_news
from services.ingest.intake import Intake
from services.runtime.dead_letter import Budget, Flooded, letters
from services.runtime.fold import Rejected
from services.runtime.partitioning import partition_of
from services.runtime.publisher import Publisher
from services.runtime.record import Output, Record
from services.runtime.sealing import Seal
from services.runtime.stage import Resume
from services.runtime.telemetry import Telemetry
from services.runtime.unreadable import Unreadable

SERVICE = "ingest"
IDLE = timedelta(seconds=5)
"""On the event clock: how long one inbound topic may be silent before the other goes on without it."""
PATIENCE = timedelta(seconds=60)
"""The same for a topic that is known to have more records than have arrived."""
_ALL = frozenset(topic.name for topic in INBOUND)

log = structlog.get_logger()


@dataclass(slots=True, frozen=True)
class _Answer:
    """A record and what became of it."""

    record: Record
    event: AnyEvent | None = None
    contacts: ContactNews = NOTHING
    refusal: InvalidMessage | None = None


class Forwarder:
    """A `Stage`: inbound records in, canonical events out, keyed by customer, and what they say about reaching them apart.

    On the event clock the inbound topics are merged by event time first, so that a replay meets events in the order in
    which they happened, whichever topic is read faster.
    """

    resume = Resume.COMMITTED

    def __init__(
        self,
        intake: Intake,
        publisher: Publisher,
        budget: Budget,
        telemetry: Telemetry,
        *,
        partitions: int,
        event_clock: bool,
        seal: Seal | None = None,
    ) -> None:
        """Without a `seal` addresses are left behind, counted, and it is said once."""
        self._intake = intake
        self._seal = seal
        self._told_of_unsealed = False
        self._publisher = publisher
        self._budget = budget
        self._telemetry = telemetry
        self._partitions = partitions
        self._alignment: Alignment[_Answer] | None = Alignment(IDLE, PATIENCE) if event_clock else None
        self._positions: dict[int, dict[str, int]] = defaultdict(dict)
        telemetry.contacts_not_carried(SERVICE, 0)

    async def claim(self, partition: int) -> Mapping[str, int]:
        if self._alignment is not None:
            self._alignment.assign((topic.name, partition) for topic in INBOUND)
        return {}

    async def finish(self, partition: int) -> None:
        """Nothing is ever under way outside."""

    def drop(self, partition: int) -> None:
        self._positions.pop(partition, None)
        if self._alignment is not None:
            self._alignment.revoke((topic.name, partition) for topic in INBOUND)

    def positions(self, partition: int) -> Mapping[str, int]:
        return self._positions[partition]

    def saturated(self, partition: int) -> Collection[str]:
        if self._alignment is None:
            return ()
        return [topic.name for topic in INBOUND if self._alignment.full(topic.name, partition)]

    async def handle(self, partition: int, records: Sequence[Record], now: datetime) -> None:
        answers = [self._answer(record) for record in records]
        if self._alignment is None:
            await self._forward(partition, answers)
            return
        for answer in answers:
            at_ms = to_ms(answer.event.occurred_at) if answer.event else None
            self._alignment.offer(answer.record.topic, partition, [(at_ms, answer.record.offset, answer)])
        await self.wake(partition, now, _ALL)

    async def wake(self, partition: int, now: datetime, behind: Collection[str]) -> None:
        if self._alignment is not None:
            await self._forward(partition, self._alignment.release(partition, now, behind))

    def _answer(self, record: Record) -> _Answer:
        if isinstance(record, Unreadable):
            return _Answer(record, refusal=record.error)
        try:
            accepted = self._intake.read(record)
            if not accepted:
                return _Answer(record)
            ((said, event),) = accepted
            return _Answer(record, event, contact_news(said, event, self._seal))
        except InvalidMessage as error:
            return _Answer(record, refusal=error)
        except Exception as error:  # noqa: BLE001 - one record must not stop a partition
            return _Answer(record, refusal=InvalidMessage("internal_error", f"{type(error).__name__}: {error}"))

    async def _forward(self, partition: int, answers: Sequence[_Answer]) -> None:
        """Publish events and dead letters, then move on; stop where the dead letter's allowance ends."""
        started = time.monotonic()
        allowance = self._budget.available(started)
        outputs: list[Output] = []
        rejected: list[Rejected] = []
        positions: dict[str, int] = {}
        taken = 0
        for answer in answers:
            if answer.refusal is not None:
                if len(rejected) >= allowance:
                    break
                rejected.append(Rejected(answer.record, answer.refusal.reason, answer.refusal.detail))
            if answer.event is not None:
                outputs.append(self._output(answer.event, answer.record))
            if answer.contacts.message is not None:
                outputs.append(self._contacts(answer.contacts.message))
            positions[answer.record.topic] = answer.record.offset + 1
            taken += 1
        outputs += letters(SERVICE, rejected, datetime.now(UTC))
        if outputs:
            await self._publisher.publish(outputs)
        self._positions[partition].update(positions)
        self._count(answers[:taken], rejected, started)
        if taken < len(answers):
            raise Flooded(f"ingest wrote {len(rejected)} dead letters and reached its limit")

    def _output(self, event: AnyEvent, record: Record) -> Output:
        value = EVENTS_WIRE.encode(event)
        if isinstance(event, ClockTick):
            # a tick moves the clock of the partition it was written to
            return Output(EVENTS.name, record.partition % self._partitions, TICK_KEY, value)
        partition = partition_of(event.customer_id, self._partitions)
        return Output(EVENTS.name, partition, event.customer_id.encode(), value)

    def _contacts(self, message: ContactMessage) -> Output:
        partition = partition_of(message.customer_id, self._partitions)
        return Output(CONTACTS.name, partition, message.customer_id.encode(), CONTACTS_WIRE.encode(message))

    def _count(self, answers: Sequence[_Answer], rejected: Sequence[Rejected], started: float) -> None:
        if not answers:
            return
        self._budget.spend(len(rejected))
        for item in rejected:
            self._telemetry.dead_letter(SERVICE, item.reason)
        self._telemetry.batch(SERVICE, len(answers), 0, time.monotonic() - started)
        if self._alignment is None and (first := answers[0].event) is not None:
            self._telemetry.latency(SERVICE, (datetime.now(UTC) - first.occurred_at).total_seconds())
        self._count_unsealed(sum(answer.contacts.unsealed for answer in answers))

    def _count_unsealed(self, count: int) -> None:
        if not count:
            return
        self._telemetry.contacts_not_carried(SERVICE, count)
        if not self._told_of_unsealed:
            self._told_of_unsealed = True
            log.warning("contacts_not_carried", why="KOI_CONTACTS_KEY is not set: addresses stay behind from now on")
