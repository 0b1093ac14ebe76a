"""Events out of topics."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from services.cli.replay.log import EventLog
from services.cli.rules.forecasting.history import Intaking, NoHistory, from_topics
from services.cli.scores.refusals import Refusals
from services.cli.topics import create_topics
from services.contracts import wire
from services.contracts.events import AnyEvent, ClockTick, OrderPaid, Origin
from services.contracts.topics import EVENTS, ORDERS
from services.runtime.settings import Settings
from tests.flow.said import encoded, paid
from tests.unit.cli.rules_simulate.said import NOON


def event(number: int, offset: int) -> OrderPaid:
    """An order as ingest publishes it."""
    at = NOON + timedelta(days=number)
    return OrderPaid(
        id=f"e{number}",
        source="shop",
        customer_id=f"客户{number % 3}",
        occurred_at=at,
        received_at=at,
        origin=Origin(ORDERS.name, 0, offset, 1000 + offset),
        order_id=f"o{number}",
        amount_minor=100,
        currency="CNY",
    )


@pytest.mark.system
async def test_a_topic_is_read_from_its_beginning_to_now(clean_kafka: str) -> None:
    """All partitions; repeats of ingest, ticks and what is no event are left out."""
    await create_topics(Settings(kafka=clean_kafka, partitions=2))
    tick = ClockTick(id="t", source="clock", occurred_at=NOON + timedelta(days=9), received_at=NOON)
    events = [event(n, n) for n in (0, 1, 2, 3)]
    values = [wire.EVENTS.encode(each) for each in (*events, events[1], events[2], event(4, 4), tick)]
    await publish(clean_kafka, EVENTS.name, [*values, b"{"])
    log, refusals, progress = await read(clean_kafka, EVENTS.name)
    assert (log.events, log.newest) == (5, tick.occurred_at)
    assert refusals.reasons == {"malformed": 1}
    assert refusals.first[0].place == "koi.events/1@8"
    assert progress[-1] == (9, 9)


@pytest.mark.system
async def test_an_inbound_topic_goes_by_way_of_ingest(clean_kafka: str) -> None:
    """The same gate as in the service."""
    await create_topics(Settings(kafka=clean_kafka, partitions=2))
    await publish(clean_kafka, ORDERS.name, [encoded(paid("甲", "1", NOON)), b"[]"])
    log, refusals, _ = await read(clean_kafka, ORDERS.name)
    assert log.events == 1
    assert refusals.total == 1


@pytest.mark.system
async def test_a_topic_that_is_not_there_is_told(clean_kafka: str) -> None:
    """With what makes it."""
    with pytest.raises(NoHistory, match=r"there is no topic koi\.events; koi topics create makes all of them"):
        await read(clean_kafka, EVENTS.name)


async def test_a_kafka_that_does_not_answer_is_told() -> None:
    """With the setting that says where it is."""
    with pytest.raises(NoHistory, match=r"Kafka at localhost:1 does not answer: .*; see KOI_KAFKA"):
        await read("localhost:1", EVENTS.name)


async def publish(kafka: str, topic: str, values: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=False)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value, key=b"k", partition=1)
    finally:
        await producer.stop()


async def read(kafka: str, topic: str) -> tuple[EventLog, Refusals, list[tuple[int, int]]]:
    refusals = Refusals()
    progress: list[tuple[int, int]] = []
    with EventLog() as log:
        into = Intaking(log, refusals, lambda done, total: progress.append((done, total)))
        place: Any = await asyncio.wait_for(from_topics(kafka, [topic], (), into), 60)
        found: list[AnyEvent] = [event(0, 7)]
        assert [place(each) for each in found] == ["koi.orders/0@7"]
    return log, refusals, progress
