"""Contacts through ingest, and silences through `koi silence`, on a real broker."""

import asyncio
import base64
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition

from deploy.embedded.ports import HOST, free_ports
from deploy.embedded.process import Process
from services.cli.partition import read_partition
from services.cli.topics import create_topics
from services.contracts import wire
from services.contracts.contacts import ContactMessage, ContactsErased, ContactsJoined, ContactsUpdated
from services.contracts.topics import CONTACTS, DEAD_LETTER, EVENTS, TOPICS
from services.notifier.silences import SilenceBook
from services.runtime.follower import Follower
from services.runtime.partitioning import partition_of
from services.runtime.sealing import Seal
from services.runtime.settings import Settings
from tests.servers.server import Server
from tests.servers.wipe import wipe_kafka
from tests.system.pipeline import PARTITIONS
from tests.system.upstream import NOW, message

pytestmark = pytest.mark.system

KEY = bytes(range(64))
NUMBER, MAIL = "+8613912345678", "小明@例子.example"
ONE, OLD = "客户-1", "旧号"


@pytest.fixture
def environment(kafka_server: Server) -> dict[str, str]:
    """The session's broker with empty topics, and the settings that services and commands need to use it."""
    asyncio.run(wipe_kafka(kafka_server.address))
    asyncio.run(create_topics(Settings(kafka=kafka_server.address, partitions=PARTITIONS)))
    return {
        "KOI_KAFKA": kafka_server.address,
        "KOI_PARTITIONS": str(PARTITIONS),
        "KOI_IDEMPOTENT_PRODUCER": "true" if kafka_server.durable else "false",
    }


@pytest.fixture
def ingest(environment: dict[str, str], tmp_path: Path) -> Iterator[Process]:
    (port,) = free_ports(1)
    env = {**environment, "KOI_PORT": str(port), "KOI_CONTACTS_KEY": base64.b64encode(KEY).decode()}
    process = Process(
        "ingest", [sys.executable, "-m", "services.cli.main", "run", "ingest"], tmp_path / "ingest.log", env=env
    )

    def ready() -> bool:
        try:
            with urlopen(f"http://{HOST}:{port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    process.start()
    try:
        process.wait_ready(ready, 60.0)
        yield process
    finally:
        process.kill()


async def values(kafka: str, topic: str) -> dict[int, list[bytes]]:
    """What a topic holds, by partition."""
    count = next(one.partitions or PARTITIONS for one in TOPICS if one.name == topic)
    found: dict[int, list[bytes]] = {}
    for number in range(count):
        records: list[ConsumerRecord] = []
        await read_partition(TopicPartition(topic, number), kafka, records.extend)
        found[number] = [record.value for record in records]
    return found


async def until(kafka: str, topic: str, count: int) -> dict[int, list[bytes]]:
    async with asyncio.timeout(60):
        while sum(map(len, (found := await values(kafka, topic)).values())) < count:  # noqa: ASYNC110 - see below
            await asyncio.sleep(0.1)  # a topic has no event to wait for
    return found


async def test_addresses_travel_under_seal_and_to_the_notifier_alone(
    environment: dict[str, str], ingest: Process
) -> None:
    """Sealed on `koi.contacts`, in the partition of the customer; in the clear on no topic of ours and in no log."""
    kafka = environment["KOI_KAFKA"]
    said = {"contacts": {"sms": NUMBER, "email": MAIL}, "consent": {"all": {"marketing": True}}, "language": "zh-CN"}
    facts = [
        message("customer.updated", ONE, "e-1", NOW, **said),
        message("customer.updated", ONE, "e-2", NOW, contacts={"sms": NUMBER[1:]}),
        message("customer.updated", ONE, "e-3", NOW, tags_add=["vip"]),
        message("customer.merged", ONE, "e-4", NOW, from_id=OLD),
        message("customer.deleted", ONE, "e-5", NOW + timedelta(seconds=1)),
    ]
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for fact in facts:
            await producer.send_and_wait(fact.topic, fact.value, fact.key)
    events, contacts = await until(kafka, EVENTS.name, 4), await until(kafka, CONTACTS.name, 3)
    letters = await until(kafka, DEAD_LETTER.name, 1)

    def of(customer: str) -> list[ContactMessage]:
        return [wire.CONTACTS.decode(value) for value in contacts[partition_of(customer, PARTITIONS)]]

    updated = next(one for one in of(ONE) if isinstance(one, ContactsUpdated))
    assert {c: Seal([KEY]).open(str(a), c) for c, a in updated.contacts.items()} == {"sms": NUMBER, "email": MAIL}
    assert (updated.consent, updated.language) == ({"all": {"marketing": True}}, "zh")
    assert any(isinstance(one, ContactsErased) and one.customer_id == ONE for one in of(ONE))
    assert any(isinstance(one, ContactsJoined) and one.into_id == ONE for one in of(OLD))
    (letter,) = (wire.DEAD_LETTERS.decode(value) for some in letters.values() for value in some)
    assert letter.detail.startswith("contacts.sms: must be a number with its country code")
    written = [value for found in (events, contacts) for some in found.values() for value in some]
    written += [letter.detail.encode(), ingest.log.read_bytes()]
    assert all(NUMBER[3:].encode() not in text and MAIL.encode() not in text for text in written)


def koi(environment: dict[str, str], *words: str) -> str:
    told = subprocess.run(
        [sys.executable, "-m", "services.cli.main", "silence", *words],
        check=True,
        capture_output=True,
        text=True,
        env={**environment, "USER": "lin", "COLUMNS": "160", "PATH": "/usr/bin:/bin"},
        timeout=60,
    )
    return told.stdout


async def test_a_silence_reaches_whoever_follows(environment: dict[str, str]) -> None:
    """Put up, listed and ended by three commands; the notifier's book knows it at once, before and after."""
    run = asyncio.to_thread
    early = SilenceBook()
    async with Follower(environment["KOI_KAFKA"], early.topics, early.take, client_id="koi-test-early"):
        words = ("add", "--rule", "win-back", "--for", "2h", "--comment", "优惠券发错了")
        silence_id = (await run(koi, environment, *words)).strip()
        assert silence_id in await run(koi, environment, "list")
        late = SilenceBook()
        async with Follower(environment["KOI_KAFKA"], late.topics, late.take, client_id="koi-test-late"):
            (silence,) = late.current(late.all()[0].starts_at)
            assert (silence.id, silence.matcher.rule, silence.comment) == (silence_id, "win-back", "优惠券发错了")
            await run(koi, environment, "expire", silence_id[:8])
            async with asyncio.timeout(30):
                while any(book.current(datetime.now(UTC)) for book in (early, late)):  # noqa: ASYNC110 - a book has no event
                    await asyncio.sleep(0.05)
        for book in (early, late):
            (ended,) = book.all()
            assert book.current(ended.ends_at) == ()
            assert ended.ends_at < silence.ends_at
    assert await run(koi, environment, "list") == "nothing is silenced\n"
