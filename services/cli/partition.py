"""One partition of a topic, from its beginning to its present end, as a command reads it."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from services.contracts.errors import Retryable

_POLL_MS = 500
_SILENT_SECONDS = 20.0
_CLOSE_SECONDS = 5.0

Progress = Callable[[int, int], None]
"""Told how many records were passed, and how many there are."""
Take = Callable[[Sequence[ConsumerRecord]], None]


async def read_partition(
    place: TopicPartition, bootstrap: str, take: Take, progress: Progress = lambda _passed, _all: None
) -> None:
    """Give all records to `take`, in order. Raise `Retryable` when Kafka cannot be read."""
    try:
        await _apart(_read(place, bootstrap, take, progress))
    except (KafkaError, OSError) as error:
        raise Retryable(f"{type(error).__name__}: {error}".rstrip(": ")) from error


async def _read(place: TopicPartition, bootstrap: str, take: Take, progress: Progress) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        client_id="koi-command",
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
                while (reached := await _pass(consumer, place, take)) == position:
                    """Kafka has nothing to say for the moment."""
            position = reached
            progress(min(position, end) - first, end - first)
    except TimeoutError:
        raise Retryable(f"{place.topic} cannot be read to its end") from None
    finally:
        with contextlib.suppress(Retryable, KafkaError, OSError):
            await consumer.stop()


async def _pass(consumer: AIOKafkaConsumer, place: TopicPartition, take: Take) -> int:
    """Read on; the position after it."""
    for records in (await consumer.getmany(place, timeout_ms=_POLL_MS)).values():
        take(records)
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
