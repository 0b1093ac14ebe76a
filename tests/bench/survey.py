"""How many records topics hold, and how large they are."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

_SAMPLE = 2_000
_SILENT_MS = 500


class Content(NamedTuple):
    """`size`: mean bytes of a value, over the newest records of every partition."""

    records: int
    size: float


async def survey(kafka: str, topics: Sequence[str], partitions: int) -> Mapping[str, Content]:
    """Of topics nobody writes to at the moment.

    Read to where nothing more comes: the embedded broker tells the beginning of the last batch as a partition's end.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(topic, partition) for topic in topics for partition in range(partitions)]
        consumer.assign(places)
        told = await consumer.end_offsets(places)
        for place in places:
            consumer.seek(place, max(0, told[place] - _SAMPLE // partitions))
        sizes: dict[str, list[int]] = {topic: [] for topic in topics}
        while batches := await consumer.getmany(timeout_ms=_SILENT_MS):
            for place, records in batches.items():
                sizes[place.topic] += [len(record.value or b"") for record in records]
        ends = {place: await consumer.position(place) for place in places}
    finally:
        await consumer.stop()
    return {
        topic: Content(
            records=sum(end for place, end in ends.items() if place.topic == topic),
            size=round(sum(found) / len(found), 1) if found else 0.0,
        )
        for topic, found in sizes.items()
    }
