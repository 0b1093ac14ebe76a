"""A look at Kafka from outside the flow: how much is left to do, and whether it is there at all."""

import asyncio
from collections.abc import Callable, Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.runtime.telemetry import Telemetry

_ANSWER_SECONDS = 5.0
_AGAIN_SECONDS = 1.0


class Outlook:
    """What was seen last. `away` says why Kafka cannot be used, or None."""

    def __init__(self, telemetry: Telemetry, position: Callable[[TopicPartition], int | None]) -> None:
        """`position`: the next offset to process of a partition that is held, None of one that is not."""
        self.away: str | None = None
        self._telemetry = telemetry
        self._position = position
        self._lags: set[TopicPartition] = set()

    async def look(self, consumer: AIOKafkaConsumer, held: Iterable[TopicPartition]) -> None:
        """Measure the lag, and notice when Kafka is away though nothing else asks it."""
        tps = list(held)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                ends: dict[TopicPartition, int] = await consumer.end_offsets(tps) if tps else {}
                if not tps:
                    await consumer.topics()
        except (KafkaError, TimeoutError) as error:
            self.away = f"Kafka does not answer: {type(error).__name__}: {error}".rstrip(": ")
            return
        self.away = None
        for tp, end in ends.items():
            position = self._position(tp)
            if position is not None:
                self._lags.add(tp)
                self._telemetry.lag(tp.topic, tp.partition, max(0, end - position))

    async def until_away(self, consumer: AIOKafkaConsumer) -> None:
        """Look again and again, until Kafka does not answer."""
        while True:
            await self.look(consumer, ())
            if self.away is not None:
                return
            await asyncio.sleep(_AGAIN_SECONDS)

    def forget(self, tp: TopicPartition) -> None:
        """A partition is not ours any more."""
        if tp in self._lags:
            self._lags.discard(tp)
            self._telemetry.forget_lag(tp.topic, tp.partition)
