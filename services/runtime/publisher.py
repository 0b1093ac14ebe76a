"""Publishes outputs in order, in whole batches, and returns when the broker has acknowledged all of them."""

from collections.abc import Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from services.contracts.errors import Retryable
from services.runtime.record import Output

_BATCH_BYTES = 256 * 1024
_REQUEST_BYTES = 8 * 1024 * 1024


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
        self._producer = AIOKafkaProducer(**self._options)
        await self._producer.start()

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def publish(self, outputs: Sequence[Output]) -> None:
        if self._producer is None:
            raise Retryable("the producer is not started")
        by_target: dict[tuple[str, int], list[Output]] = {}
        for output in outputs:
            by_target.setdefault((output.topic, output.partition), []).append(output)
        pending = []
        try:
            for (topic, partition), group in by_target.items():
                pending += await self._send(self._producer, topic, partition, group)
            for acknowledgement in pending:
                await acknowledgement
        except (KafkaError, OSError) as error:
            raise Retryable(f"Kafka: {type(error).__name__}: {error}") from error

    async def _send(
        self, producer: AIOKafkaProducer, topic: str, partition: int, outputs: Sequence[Output]
    ) -> list[Any]:
        sent = []
        batch = producer.create_batch()
        for output in outputs:
            fields = {"key": output.key, "value": output.value, "headers": list(output.headers), "timestamp": None}
            if batch.append(**fields) is None:
                batch.close()
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(**fields)
        batch.close()
        sent.append(await producer.send_batch(batch, topic, partition=partition))
        return sent
