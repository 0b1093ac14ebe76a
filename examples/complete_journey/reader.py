"""Reads topics from their beginning, as any stranger could."""

from collections.abc import Callable, Mapping
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

_PATIENCE_MS = 500
_AT_ONCE = 5000


class Reader:
    """`take` gets topic and value of every record, those of one partition in their order. In nobody's consumer group."""

    def __init__(self, kafka: str, partitions: Mapping[str, int], take: Callable[[str, bytes], None]) -> None:
        """`partitions`: each topic to read, and how many it has."""
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        self._places = [TopicPartition(topic, number) for topic, count in partitions.items() for number in range(count)]
        self._take = take

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._consumer.assign(self._places)
        await self._consumer.seek_to_beginning(*self._places)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def drain(self) -> dict[str, int]:
        """Read on until nothing more comes; returns how far each topic is read (offsets, summed over partitions)."""
        ends = await self._consumer.end_offsets(self._places)
        while True:
            batches = await self._consumer.getmany(timeout_ms=_PATIENCE_MS, max_records=_AT_ONCE)
            for place, records in batches.items():
                for record in records:
                    if record.value is not None:
                        self._take(place.topic, record.value)
            positions = {place: await self._consumer.position(place) for place in self._places}
            # a broker may know of less than it has, never of more
            if not batches and all(positions[place] >= ends[place] for place in self._places):
                break
        read = dict.fromkeys((place.topic for place in self._places), 0)
        for place, position in positions.items():
            read[place.topic] += position
        return read
