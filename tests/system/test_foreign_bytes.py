"""What other clients may put on an inbound topic: every codec, transactions, and bytes that no client of ours can read."""

import asyncio
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

from tests.servers.server import Server
from tests.system.pipeline import PARTITIONS, Pipeline, pipeline
from tests.system.upstream import NOW, ORDERS, paid, settings

pytestmark = pytest.mark.system

_CRC_AT, _CRC_OVER = 17, 21


@pytest.fixture(scope="module")
def pond(kafka_server: Server, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A pipeline on Apache Kafka, for the tests of this file."""
    if not kafka_server.durable:
        pytest.skip("the embedded broker has no transactions; this test needs Apache Kafka")
    directory = tmp_path_factory.mktemp("foreign")
    with pipeline(kafka_server, redis_url, directory, settings(directory)) as running:
        yield running


def customers(running: Pipeline, prefix: str) -> set[str]:
    running.rest()
    return {profile.customer_id for profile in running.seen().of(prefix).profiles}


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_every_codec_is_read(pond: Pipeline, codec: str) -> None:
    """A publisher may compress as it likes."""

    async def publish() -> None:
        async with AIOKafkaProducer(bootstrap_servers=pond.kafka, compression_type=codec) as producer:
            for number in range(20):
                fact = paid(f"{codec}/客户{number}", f"{codec}-{number}", NOW)
                await producer.send_and_wait(fact.topic, fact.value, fact.key)

    asyncio.run(publish())
    assert customers(pond, f"{codec}/") == {f"{codec}/客户{number}" for number in range(20)}


def test_what_a_transaction_takes_back_never_happened(pond: Pipeline) -> None:
    """Orders of an aborted transaction are not counted, those of a committed one are."""

    async def publish() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=pond.kafka, transactional_id="shop")
        async with producer:
            for name, commits in (("kept", True), ("taken-back", False)):
                fact = paid(f"tx/{name}", name, NOW)
                await producer.begin_transaction()
                await producer.send_and_wait(fact.topic, fact.value, fact.key, partition=1)
                await (producer.commit_transaction() if commits else producer.abort_transaction())

    asyncio.run(publish())
    # the markers of transactions take offsets that nobody commits, so the backlog never reaches the end: wait for the news
    pond.until("the kept order is scored", lambda: bool(pond.seen().of("tx/").profiles))
    assert {profile.customer_id for profile in pond.seen().of("tx/").profiles} == {"tx/kept"}


def test_an_undecodable_batch_is_put_aside(pond: Pipeline) -> None:
    """A header name that is not UTF-8 costs its own batch, with a dead letter that names the place; the rest goes on."""

    async def publish() -> int:
        async with AIOKafkaProducer(bootstrap_servers=pond.kafka) as producer:
            bad = producer.create_batch()
            lost = paid("坏/lost", "lost", NOW)
            bad.append(key=lost.key, value=lost.value, timestamp=None, headers=[("ZZZZ", b"x")])
            _spoil(bad)
            placed = await (await producer.send_batch(bad, ORDERS, partition=0))
            for number in range(40):
                fact = paid(f"坏/客户{number}", f"after-{number}", NOW)
                await producer.send_and_wait(fact.topic, fact.value, fact.key, partition=number % PARTITIONS)
            return int(placed.offset)

    offset = asyncio.run(publish())
    expected = {f"坏/客户{number}" for number in range(40)}
    pond.until(
        "everybody behind it is scored",
        lambda: {p.customer_id for p in pond.seen().of("坏/").profiles} == expected,
        seconds=60,
    )
    (letter,) = [letter for letter in pond.seen().letters if letter.reason == "unreadable"]
    assert (letter.service, letter.topic, letter.partition, letter.offset) == ("ingest", ORDERS, 0, offset)


def _spoil(batch: Any) -> None:
    """Replace the header name by bytes that are not UTF-8, under a checksum that is right."""
    batch.close()
    raw = bytearray(batch._build())
    at = raw.find(b"ZZZZ")
    raw[at : at + 4] = b"\xff\xfe\xff\xfe"
    struct.pack_into(">I", raw, _CRC_AT, calc_crc32c(memoryview(raw)[_CRC_OVER:]))
    batch._build = lambda: raw
