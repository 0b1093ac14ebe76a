"""Following a small topic on a real broker."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.contracts.errors import Retryable, Stopped
from services.runtime.follower import Follower
from services.runtime.record import Record
from tests.servers.server import Server
from tests.servers.wipe import wipe_kafka

pytestmark = pytest.mark.system


class Reader:
    """What a follower was given; `failures` of the next calls raise."""

    def __init__(self) -> None:
        self.values: list[bytes | None] = []
        self.failures = 0
        self.news = asyncio.Event()

    async def take(self, records: Sequence[Record]) -> None:
        if self.failures:
            self.failures -= 1
            raise Retryable("not now")
        self.values += [record.value for record in records]
        self.news.set()

    async def until(self, *values: bytes) -> None:
        async with asyncio.timeout(30):
            while self.values != list(values):
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def board(kafka: str, partitions: int = 1) -> AsyncIterator[AIOKafkaProducer]:
    """A topic to be followed, and who writes it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic("board", partitions, 1)])
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            yield producer
    finally:
        await admin.close()


async def test_everything_there_is_read_before_the_context_is_entered(clean_kafka: str) -> None:
    """From the first record, by everybody who follows, and then what is new."""
    async with board(clean_kafka) as producer:
        for value in (b"1", b"2"):
            await producer.send_and_wait("board", value)
        one, other = Reader(), Reader()
        async with (
            Follower(clean_kafka, ["board"], one.take, client_id="one") as following,
            Follower(clean_kafka, ["board"], other.take, client_id="other"),
        ):
            assert one.values == other.values == [b"1", b"2"]
            assert following.trouble() is None
            await producer.send_and_wait("board", b"3")
            await asyncio.gather(one.until(b"1", b"2", b"3"), other.until(b"1", b"2", b"3"))


async def test_every_partition_is_read(clean_kafka: str) -> None:
    """Those that hold nothing yet too."""
    async with board(clean_kafka, partitions=3) as producer:
        for partition in (2, 1):
            await producer.send_and_wait("board", b"%d" % partition, partition=partition)
        reader = Reader()
        async with Follower(clean_kafka, ["board"], reader.take, client_id="one"):
            assert sorted(reader.values, key=str) == [b"1", b"2"]
            reader.values.clear()
            await producer.send_and_wait("board", b"0", partition=0)
            await reader.until(b"0")


async def test_a_topic_made_anew_is_read_from_its_beginning(clean_kafka: str) -> None:
    """Though the follower stood beyond what there is now."""
    reader = Reader()
    async with board(clean_kafka) as producer:
        for value in (b"1", b"2", b"3"):
            await producer.send_and_wait("board", value)
        async with Follower(clean_kafka, ["board"], reader.take, client_id="one"):
            await wipe_kafka(clean_kafka)
            async with board(clean_kafka) as again:
                await again.send_and_wait("board", b"anew")
                await reader.until(b"1", b"2", b"3", b"anew")


async def test_what_was_not_taken_is_given_again(clean_kafka: str) -> None:
    """Nothing is lost, and nothing given twice once it was taken."""
    async with board(clean_kafka) as producer:
        await producer.send_and_wait("board", b"1")
        reader = Reader()
        async with Follower(clean_kafka, ["board"], reader.take, client_id="one"):
            reader.failures = 2
            await producer.send_and_wait("board", b"2")
            await reader.until(b"1", b"2")


async def test_a_missing_topic_is_waited_for_and_named(clean_kafka: str) -> None:
    """With what to do about it; whoever waits can be told to stop."""
    following: Follower
    following = Follower(
        clean_kafka,
        ["board"],
        Reader().take,
        client_id="one",
        stop_asked=lambda: following.trouble() is not None,
    )
    with pytest.raises(Stopped):
        async with following:
            pass
    assert "there is no topic board; run: koi topics create" in (following.trouble() or "")


async def test_it_goes_on_when_kafka_is_back(durable_kafka: Server, clean_kafka: str) -> None:
    """While the broker is away it says so; what is written after its return is read."""
    reader = Reader()
    async with board(clean_kafka) as producer:
        await producer.send_and_wait("board", b"1")
    async with Follower(clean_kafka, ["board"], reader.take, client_id="one") as following:
        durable_kafka.kill()
        try:
            async with asyncio.timeout(60):
                while following.trouble() is None:  # noqa: ASYNC110 - it has no event to wait for
                    await asyncio.sleep(0.1)
        finally:
            durable_kafka.start()
        async with AIOKafkaProducer(bootstrap_servers=clean_kafka) as producer:
            await producer.send_and_wait("board", b"2")
        await reader.until(b"1", b"2")
