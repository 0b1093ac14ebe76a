"""What the replay publishes, where, and in which order."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from aiokafka import AIOKafkaProducer

from examples.complete_journey import replay
from examples.complete_journey.dataset import SOURCE, Entry
from services.contracts.events import Event, OrderPaid
from services.contracts.inbound import INBOUND
from services.contracts.topics import INTERACTIONS, ORDERS
from services.runtime.partitioning import partition_of

PARTITIONS = 3
START = datetime(2017, 1, 1, 12, tzinfo=UTC)


def order(number: int, at: datetime) -> Entry:
    event: Event = OrderPaid(
        id=f"basket-{number}",
        source=SOURCE,
        customer_id=f"household-{number % 7}",
        occurred_at=at,
        received_at=at,
        order_id=str(number),
        amount_minor=100,
        currency="USD",
    )
    return Entry(ORDERS.name if number % 3 else INTERACTIONS.name, event)


YEAR = [order(number, START + timedelta(hours=5 * number)) for number in range(20)] + [
    order(99, START + timedelta(days=7))
]


def times(letters: list[replay.Letter]) -> list[datetime]:
    return [datetime.fromisoformat(json.loads(letter.value)["occurred_at"]) for letter in letters]


def test_every_partition_sees_time_move_forward_only() -> None:
    """Within a topic and partition no event or tick is older than the one before it."""
    letters = [letter for day in replay.days(YEAR, PARTITIONS) for letter in day.letters]
    for place in {(letter.topic, letter.partition) for letter in letters}:
        seen = times([letter for letter in letters if (letter.topic, letter.partition) == place])
        assert seen == sorted(seen)


def test_every_day_ticks_in_every_partition_of_both_topics() -> None:
    """Quiet days too: a partition without events still learns that the day is over."""
    days = list(replay.days(YEAR, PARTITIONS))
    assert [day.date for day in days] == [date(2017, 1, 1) + timedelta(days=n) for n in range(9)]
    for day in days[1:]:
        ticks = [letter for letter in day.letters if letter.key is None]
        assert {(tick.topic, tick.partition) for tick in ticks} == {
            (topic, partition) for topic in (ORDERS.name, INTERACTIONS.name) for partition in range(PARTITIONS)
        }
        assert {json.loads(tick.value)["id"] for tick in ticks} == {f"tick-{day.date}-{p}" for p in range(PARTITIONS)}


def test_the_last_tick_is_a_day_after_the_last_event() -> None:
    """So that whatever was due within a day still happens."""
    *_, last = replay.days(YEAR, PARTITIONS)
    assert last.events == 0
    assert set(times(last.letters)) == {YEAR[-1].event.occurred_at + timedelta(days=1)}


def test_ticks_are_valid_at_the_edge() -> None:
    """Ingest must not reject them."""
    *_, last = replay.days(YEAR, PARTITIONS)
    assert INBOUND.validate_json(last.letters[0].value).type == "clock.tick"


def test_customers_keep_their_partition_and_key() -> None:
    """Key and partition are those every other producer would choose."""
    for day in replay.days(YEAR, PARTITIONS):
        for letter in day.letters:
            if letter.key is not None:
                customer = json.loads(letter.value)["customer_id"]
                assert (letter.key, letter.partition) == (customer.encode(), partition_of(customer, PARTITIONS))


def test_no_events_no_days() -> None:
    """An empty log plays as nothing."""
    assert list(replay.days([], PARTITIONS)) == []


class FakeBatch:
    def __init__(self) -> None:
        self.records: list[tuple[bytes | None, bytes]] = []

    def append(self, *, key: bytes | None, value: bytes, timestamp: None) -> object | None:
        assert timestamp is None
        if len(self.records) == 2:
            return None
        self.records.append((key, value))
        return object()

    def close(self) -> None: ...


class FakeProducer:
    """Acknowledges everything at once; a batch is full with two records."""

    def __init__(self) -> None:
        self.published: dict[tuple[str, int], list[tuple[bytes | None, bytes]]] = {}

    def create_batch(self) -> FakeBatch:
        return FakeBatch()

    async def send_batch(self, batch: FakeBatch, topic: str, *, partition: int) -> asyncio.Future[Any]:
        self.published.setdefault((topic, partition), []).extend(batch.records)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future


async def test_everything_is_published_in_order_whatever_the_batches() -> None:
    """Full batches are sent and followed by new ones; nothing is lost or swapped."""
    producer, told = FakeProducer(), list[tuple[int, date]]()
    published = await replay.publish(
        YEAR,
        cast("AIOKafkaProducer", producer),
        partitions=PARTITIONS,
        progress=lambda events, day: told.append((events, day)),
    )
    wanted: dict[tuple[str, int], list[tuple[bytes | None, bytes]]] = {}
    for day in replay.days(YEAR, PARTITIONS):
        for letter in day.letters:
            wanted.setdefault((letter.topic, letter.partition), []).append((letter.key, letter.value))
    assert published == len(YEAR)
    assert producer.published == wanted
    assert [events for events, _ in told] == sorted(events for events, _ in told)
    assert told[-1] == (len(YEAR), date(2017, 1, 9))
