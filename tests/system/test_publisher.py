"""What a publisher does after the broker has refused something."""

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.contracts.errors import Retryable
from services.runtime.publisher import KafkaPublisher
from services.runtime.record import Output
from tests.servers.server import Server

pytestmark = pytest.mark.system


async def test_a_refused_batch_does_not_stop_the_ones_after_it(durable_kafka: Server) -> None:
    """An idempotent producer that has lost a number is replaced: what is published next arrives."""
    address = durable_kafka.address
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        small = NewTopic("publisher.small", 1, 1, topic_configs={"max.message.bytes": "10000"})
        await admin.create_topics([small])
    finally:
        await admin.close()
    publisher = KafkaPublisher(address, idempotent=True, client_id="test")
    await publisher.start()
    try:
        await publisher.publish([Output("publisher.small", 0, b"k", b"first")])
        with pytest.raises(Retryable, match="MessageSizeTooLarge"):
            await publisher.publish([Output("publisher.small", 0, b"k", b"x" * 50_000)])
        for value in (b"second", b"third"):
            await publisher.publish([Output("publisher.small", 0, b"k", value)])
    finally:
        await publisher.stop()
    consumer = AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest")
    await consumer.start()
    try:
        place = TopicPartition("publisher.small", 0)
        consumer.assign([place])
        read: list[bytes] = []
        for _ in range(100):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                read += [record.value for record in records]
            if len(read) == 3:
                break
    finally:
        await consumer.stop()
    assert read == [b"first", b"second", b"third"]
