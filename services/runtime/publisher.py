"""Publishes outputs in order, in whole batches, and returns when the broker has acknowledged all of them."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from services.contracts.errors import Retryable
from services.runtime.record import Output

_BATCH_BYTES = 256 * 1024
_REQUEST_BYTES = 8 * 1024 * 1024
_CLOSE_SECONDS = 5.0


class Publisher(Protocol):
    async def publish(self, outputs: Sequence[Output]) -> None:
        """Publish all, keeping the order within each partition. Raise `Retryable` if any was not acknowledged."""
        ...


class KafkaPublisher:
    """Batches built by hand and sent to an explicit partition: several times faster than one send per record."""

    def __init__(self, bootstrap: str, *, idempotent: bool, client_id: str) -> None:
        self._options: dict[str, Any] = {
            "bootstrap_servers": bootstrap,
            "client_id": client_id,
            "acks": "all",
            "enable_idempotence": idempotent,
            "max_batch_size": _BATCH_BYTES,
            "max_request_size": _REQUEST_BYTES,
        }
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        producer = AIOKafkaProducer(**self._options)
        try:
            await producer.start()
        except BaseException:
            await _close(producer)
            raise
        self._producer = producer

    async def stop(self) -> None:
        """Bounded: an idempotent producer would wait for ever for a broker that is away."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _close(producer)

    async def publish(self, outputs: Sequence[Output]) -> None:
        if self._producer is None:
            raise Retryable("the producer is not started")
        by_target: dict[tuple[str, int], list[Output]] = {}
        for output in outputs:
            by_target.setdefault((output.topic, output.partition), []).append(output)
        sends = [self._send(self._producer, *target, group) for target, group in by_target.items()]
        # wait for all, also when one fails: nothing of this call may arrive among the next one's
        for result in await asyncio.gather(*sends, return_exceptions=True):
            if isinstance(result, KafkaError | OSError):
                raise Retryable(f"Kafka: {type(result).__name__}: {result}") from result
            if isinstance(result, BaseException):
                raise result

    async def _send(self, producer: AIOKafkaProducer, topic: str, partition: int, outputs: Sequence[Output]) -> None:
        """One batch after the other, each acknowledged before the next is sent.

        With two under way the first could fail and the second arrive; a reader that tells repeats by their place
        upstream would then take the first, published again, for a repeat.
        """
        batch = producer.create_batch()
        for output in outputs:
            fields = {"key": output.key, "value": output.value, "headers": list(output.headers), "timestamp": None}
            if batch.append(**fields) is None:
                await _deliver(producer, batch, topic, partition)
                batch = producer.create_batch()
                batch.append(**fields)
        await _deliver(producer, batch, topic, partition)


async def _deliver(producer: AIOKafkaProducer, batch: Any, topic: str, partition: int) -> None:
    batch.close()
    await (await producer.send_batch(batch, topic, partition=partition))


async def _close(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(TimeoutError, KafkaError, OSError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await producer.stop()
