"""What the ledgers say about one customer: one partition of a topic, from its beginning to its present end."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from aiokafka import ConsumerRecord, TopicPartition

from services.cli.deliveries.ledger import standing_receipts
from services.cli.partition import Progress, decoded, read_partition, values
from services.contracts import wire
from services.contracts.decision import Decision
from services.contracts.receipt import Receipt
from services.contracts.topics import DECISIONS, RECEIPTS
from services.runtime.partitioning import partition_of
from services.runtime.settings import Settings

KEPT = 5000
"""Records about the customer: the newest so many of each topic."""

T = TypeVar("T")


async def decisions_about(customer_id: str, settings: Settings, progress: Progress) -> list[Decision]:
    """In the order of the ledger. Raise `Retryable` when Kafka cannot be read."""
    return await _about(DECISIONS.name, customer_id, settings, wire.DECISIONS.decode, progress)


async def receipts_about(customer_id: str, settings: Settings, progress: Progress) -> dict[str, Receipt]:
    """By command id the one that says where it is now. Raise `Retryable` when Kafka cannot be read."""
    return standing_receipts(await _about(RECEIPTS.name, customer_id, settings, wire.RECEIPTS.decode, progress))


async def _about(
    topic: str, customer_id: str, settings: Settings, decode: Callable[[bytes], T], progress: Progress
) -> list[T]:
    place = TopicPartition(topic, partition_of(customer_id, settings.partitions))
    key = customer_id.encode()
    kept: deque[bytes] = deque(maxlen=KEPT)

    def take(records: Sequence[ConsumerRecord]) -> None:
        kept.extend(values(records, key))

    await read_partition(place, settings.kafka, take, progress)
    return list(decoded(kept, decode))
