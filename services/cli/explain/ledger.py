"""What the ledgers say about one customer: one partition of a topic, from its beginning to its present end."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.contracts import wire
from services.contracts.decision import Decision
from services.contracts.errors import InvalidMessage, Retryable
from services.contracts.receipt import Receipt
from services.contracts.topics import DECISIONS, RECEIPTS
from services.runtime.partitioning import partition_of
from services.runtime.settings import Settings

KEPT = 5000
"""Records about the customer: the newest so many of each topic."""
_POLL_MS = 500
_SILENT_SECONDS = 20.0
_CLOSE_SECONDS = 5.0

Progress = Callable[[int, int], None]
"""Told how many records were passed, and how many there are."""
T = TypeVar("T")


async def decisions_about(customer_id: str, settings: Settings, progress: Progress) -> list[Decision]:
    """In the order of the ledger. Raise `Retryable` when Kafka cannot be read."""
    return await _about(DECISIONS.name, customer_id, settings, wire.DECISIONS.decode, progress)


async def receipts_about(customer_id: str, settings: Settings, progress: Progress) -> dict[str, Receipt]:
    """By command id. Raise `Retryable` when Kafka cannot be read."""
    found = await _about(RECEIPTS.name, customer_id, settings, wire.RECEIPTS.decode, progress)
    return {receipt.command_id: receipt for receipt in found}


async def _about(
    topic: str, customer_id: str, settings: Settings, decode: Callable[[bytes], T], progress: Progress
) -> list[T]:
    place = TopicPartition(topic, partition_of(customer_id, settings.partitions))
    kept: deque[bytes] = deque(maxlen=KEPT)
    try:
        await _apart(_read(place, customer_id.encode(), settings.kafka, kept, progress))
    except (KafkaError, OSError) as error:
        raise Retryable(f"{type(error).__name__}: {error}".rstrip(": ")) from error
    return [message for value in kept for message in _decoded(value, decode)]


def _decoded(value: bytes, decode: Callable[[bytes], T]) -> list[T]:
    """Nothing for a record of another release that cannot be read any more."""
    try:
        return [decode(value)]
    except InvalidMessage:
        return []


async def _read(place: TopicPartition, key: bytes, bootstrap: str, kept: deque[bytes], progress: Progress) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        client_id="koi-explain",
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    try:
        await consumer.start()
        if place.topic not in await consumer.topics():
            raise Retryable(f"there is no topic {place.topic}")
        firsts, ends = await consumer.beginning_offsets([place]), await consumer.end_offsets([place])
        first, end = firsts[place], ends[place]
        consumer.assign([place])
        consumer.seek(place, first)
        position = first
        while position < end:
            async with asyncio.timeout(_SILENT_SECONDS):
                while (reached := await _take(consumer, place, key, kept)) == position:
                    """Kafka has nothing to say for the moment."""
            position = reached
            progress(min(position, end) - first, end - first)
    except TimeoutError:
        raise Retryable(f"{place.topic} cannot be read to its end") from None
    finally:
        with contextlib.suppress(Retryable, KafkaError, OSError):
            await consumer.stop()


async def _take(consumer: AIOKafkaConsumer, place: TopicPartition, key: bytes, kept: deque[bytes]) -> int:
    """Read on; the position after it."""
    for records in (await consumer.getmany(place, timeout_ms=_POLL_MS)).values():
        kept.extend(record.value for record in records if record.key == key and record.value is not None)
    return int(await consumer.position(place))


async def _apart(work: Coroutine[Any, Any, None]) -> None:
    """In a task of its own: a client without its broker cancels what it waits for, which must not look like our being cancelled."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task})
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_CLOSE_SECONDS)
    if task.cancelled():
        raise Retryable("Kafka does not answer")
    task.result()
