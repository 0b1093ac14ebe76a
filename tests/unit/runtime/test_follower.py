"""Following small topics when things go wrong in ways a real broker does not show on demand."""

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaConnectionError, OffsetOutOfRangeError
from structlog.testing import capture_logs

from services.contracts.errors import Stopped
from services.runtime import follower
from services.runtime.follower import Follower
from services.runtime.record import Record
from tests.unit.runtime.fakes import TOPIC, FakeConsumer, tp


class BoardConsumer(FakeConsumer):
    """One broker, to which every consumer of a test connects; `failures` are raised by the next polls, or starts."""

    def __init__(self, logs: dict[int, int]) -> None:
        super().__init__(logs)
        self.missing = False
        self.starts = 0
        self.stops = 0
        self.hangs_at_stop = False
        self.silent_beyond_end = False
        self.start_failures: list[BaseException] = []
        self.failures: list[BaseException] = []

    async def start(self) -> None:
        self.starts += 1
        if self.start_failures:
            raise self.start_failures.pop(0)

    async def stop(self) -> None:
        self.stops += 1
        if self.hangs_at_stop:
            await asyncio.Event().wait()

    async def topics(self) -> set[str]:
        return set() if self.missing else {TOPIC}

    def partitions_for_topic(self, _topic: str) -> set[int]:
        return set(self.logs)

    def assign(self, places: Sequence[TopicPartition]) -> None:  # type: ignore[override]
        self.assignment = set(places)

    async def getmany(self, *, timeout_ms: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        if self.failures:
            raise self.failures.pop(0)
        found: dict[TopicPartition, list[ConsumerRecord]] = {}
        beyond = any(self.positions[place] > self.logs[place.partition] for place in self.assignment)
        for record in [] if beyond and self.silent_beyond_end else self.fetch(2):
            found.setdefault(tp(record.partition), []).append(record)
        if not found:
            await asyncio.sleep(min(timeout_ms / 1000, 0.01))
        return found


class Taken:
    """The offsets that were given, by partition; `failures` of the next calls raise."""

    def __init__(self) -> None:
        self.offsets: dict[int, list[int]] = {}
        self.failures: list[BaseException] = []
        self.hangs = False

    async def take(self, records: Sequence[Record]) -> None:
        assert len({record.partition for record in records}) == 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.failures:
            raise self.failures.pop(0)
        for record in records:
            self.offsets.setdefault(record.partition, []).append(record.offset)


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[[BoardConsumer], None]:
    """Lets followers meet this consumer, and makes their pauses short."""
    monkeypatch.setattr(follower, "_PAUSES", (0.01, 0.02))
    monkeypatch.setattr(follower, "_LOOK_AROUND_SECONDS", 0.02)
    monkeypatch.setattr(follower, "_CLOSE_SECONDS", 0.1)
    return lambda consumer: monkeypatch.setattr(follower, "AIOKafkaConsumer", lambda **_: consumer)


def _follower(taken: Taken, stop_asked: Callable[[], bool] = lambda: False) -> Follower:
    return Follower("nowhere:9092", [TOPIC], taken.take, client_id="test", stop_asked=stop_asked)


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - fakes have no events
            await asyncio.sleep(0.005)


async def test_what_take_raises_is_told_with_its_trace(connect: Callable[[BoardConsumer], None]) -> None:
    """The batch is given again, on the same connection, before anything that comes after it."""
    consumer, taken = BoardConsumer({0: 5}), Taken()
    connect(consumer)
    taken.failures = [ValueError("a bug"), ValueError("a bug")]
    with capture_logs() as logs:
        async with _follower(taken) as following:
            assert following.trouble() is None
    assert taken.offsets == {0: [0, 1, 2, 3, 4]}
    assert [(entry["event"], entry["exc_info"]) for entry in logs] == [("not_taken", True)] * 2
    assert consumer.starts == consumer.stops == 1


async def test_news_that_cannot_be_taken_in_are_trouble(connect: Callable[[BoardConsumer], None]) -> None:
    """For as long as that lasts."""
    consumer, taken = BoardConsumer({0: 1}), Taken()
    connect(consumer)
    async with _follower(taken) as following:
        taken.failures = [ValueError("a bug") for _ in range(20)]
        consumer.logs[0] = 2
        await _until(lambda: following.trouble() is not None)
        assert following.trouble() == f"news of {TOPIC} cannot be taken in: ValueError: a bug"
        await _until(lambda: following.trouble() is None)
    assert taken.offsets == {0: [0, 1]}


async def test_an_outage_is_logged_once(connect: Callable[[BoardConsumer], None]) -> None:
    """However many attempts it takes; after it the reading goes on where it stood, and nothing is given twice."""
    consumer, taken = BoardConsumer({0: 3}), Taken()
    connect(consumer)
    with capture_logs() as logs:
        async with _follower(taken) as following:
            consumer.failures = [KafkaConnectionError("gone")]
            consumer.start_failures = [KafkaConnectionError("gone"), OSError("gone"), KafkaConnectionError("gone")]
            consumer.logs[0] = 6
            await _until(lambda: len(taken.offsets[0]) == 6 and following.trouble() is None)
    assert taken.offsets == {0: [0, 1, 2, 3, 4, 5]}
    assert [entry["event"] for entry in logs] == ["not_following", "following_again"]


async def test_trouble_lasts_until_what_was_missed_is_read(connect: Callable[[BoardConsumer], None]) -> None:
    """An answer from Kafka alone does not make the news fresh."""
    consumer, taken = BoardConsumer({0: 1}), Taken()
    connect(consumer)
    troubles: list[tuple[int, str | None]] = []

    async def take(records: Sequence[Record]) -> None:
        await taken.take(records)
        troubles.append((records[-1].offset, following.trouble()))

    async with (following := Follower("nowhere:9092", [TOPIC], take, client_id="test")):
        consumer.failures = [KafkaConnectionError("gone")]
        consumer.logs[0] = 9
        await _until(lambda: len(taken.offsets[0]) == 9 and following.trouble() is None)
    assert [offset for offset, why in troubles if why is not None] == [2, 4, 6, 8]


async def test_a_client_that_cancels_itself_does_not_end_the_following(
    connect: Callable[[BoardConsumer], None],
) -> None:
    """What waits for a broker is cancelled by the client when the connection goes; that is an outage like another."""
    consumer, taken = BoardConsumer({0: 1}), Taken()
    connect(consumer)
    with capture_logs() as logs:
        async with _follower(taken):
            consumer.failures = [asyncio.CancelledError()]
            consumer.logs[0] = 2
            await _until(lambda: taken.offsets == {0: [0, 1]})
    assert logs[0]["error"] == "Retryable: Kafka does not answer"


async def test_a_partition_out_of_range_is_read_from_its_beginning(connect: Callable[[BoardConsumer], None]) -> None:
    """That one alone."""
    consumer, taken = BoardConsumer({0: 2, 1: 2}), Taken()
    connect(consumer)
    async with _follower(taken):
        consumer.failures = [OffsetOutOfRangeError({tp(1): 2})]
        await _until(lambda: taken.offsets == {0: [0, 1], 1: [0, 1, 0, 1]})


async def test_a_position_beyond_the_end_is_no_position(connect: Callable[[BoardConsumer], None]) -> None:
    """The topic was made anew while Kafka was away."""
    consumer, taken = BoardConsumer({0: 4}), Taken()
    connect(consumer)
    async with _follower(taken):
        consumer.logs[0] = 1
        consumer.failures = [KafkaConnectionError("gone")]
        await _until(lambda: taken.offsets == {0: [0, 1, 2, 3, 0]})


async def test_a_broker_that_is_silent_beyond_its_end_is_noticed(
    connect: Callable[[BoardConsumer], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The topic was made anew under the follower, and its position answers nothing."""
    monkeypatch.setattr(follower, "_LOOK_SECONDS", 0.03)
    consumer, taken = BoardConsumer({0: 4}), Taken()
    consumer.silent_beyond_end = True
    connect(consumer)
    async with _follower(taken):
        consumer.logs[0] = 1
        await _until(lambda: taken.offsets == {0: [0, 1, 2, 3, 0]})


async def test_a_broker_that_does_not_answer_is_trouble(
    connect: Callable[[BoardConsumer], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the consumer itself goes on as if there were merely no news."""
    monkeypatch.setattr(follower, "_LOOK_SECONDS", 0.03)
    consumer = BoardConsumer({0: 4})
    connect(consumer)
    async with _follower(Taken()) as following:
        consumer.away = True
        await _until(lambda: following.trouble() is not None)
        assert following.trouble() == f"{TOPIC} cannot be followed: KafkaConnectionError: KafkaConnectionError: away"


async def test_whoever_waits_for_kafka_can_be_told_to_stop(connect: Callable[[BoardConsumer], None]) -> None:
    """Entering ends with `Stopped`, and leaves nothing open."""
    consumer = BoardConsumer({0: 1})
    consumer.missing = True
    connect(consumer)
    with pytest.raises(Stopped, match=TOPIC):
        async with _follower(Taken(), stop_asked=lambda: consumer.starts > 1):
            pass
    assert consumer.stops == consumer.starts


async def test_leaving_is_bounded(connect: Callable[[BoardConsumer], None]) -> None:
    """Neither a `take` that hangs nor a consumer that does not close holds it up."""
    consumer, taken = BoardConsumer({0: 1}), Taken()
    connect(consumer)
    async with _follower(taken):
        taken.hangs = consumer.hangs_at_stop = True
        consumer.logs[0] = 2
        await asyncio.sleep(0.05)
        left_at = time.monotonic()
    assert time.monotonic() - left_at < 2
    assert consumer.stops == 1
