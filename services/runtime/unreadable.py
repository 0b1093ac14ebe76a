"""Records the client library cannot decode: a header name that is not UTF-8, a batch whose checksum is wrong.

aiokafka raises for them inside of `getmany`, again and again at the same place, and with them all records of the same
batch are out of reach. They must neither stop the partition nor vanish: the place where they stand becomes a dead letter,
and reading goes on behind it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CorruptRecordException

from services.contracts.errors import InvalidMessage
from services.runtime.record import Record

UNREADABLE = (UnicodeDecodeError, CorruptRecordException, ValueError)
"""What decoding a batch raises. Errors of the connection are others."""

_PROBE_MS = 300

log = structlog.get_logger()


@dataclass(slots=True, frozen=True)
class Unreadable(Record):
    """Stands for the records of a partition up to and including `offset` that could not be decoded."""

    why: str = ""

    @property
    def error(self) -> InvalidMessage:
        return InvalidMessage("unreadable", self.why)


class Detour:
    """Wraps a consumer's `getmany`: what cannot be read is stepped around, and reported in its place as `Unreadable`.

    `expected` tells where each partition stands (what a failing call had in hand is lost, and read again). `probe` makes
    a consumer of its own, in no group, to find where the readable part begins again.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        probe: Callable[[], AIOKafkaConsumer],
        expected: Callable[[], Mapping[TopicPartition, int]],
    ) -> None:
        self._consumer = consumer
        self._fetch = consumer.getmany
        self._probe = probe
        self._expected = expected

    async def getmany(self, *places: TopicPartition, **options: Any) -> dict[TopicPartition, list[Any]]:
        """As the consumer's own."""
        try:
            records: dict[TopicPartition, list[Any]] = await self._fetch(*places, **options)
        except UNREADABLE as error:
            log.exception("unreadable_records", error=str(error))
            return await self._around()
        return records

    async def _around(self) -> dict[TopicPartition, list[Any]]:
        """A stand-in for what cannot be read; everything else is left to be read again."""
        found: dict[TopicPartition, list[Any]] = {}
        expected = self._expected()
        async with self._probe() as probe:
            for place, position in expected.items():
                self._consumer.seek(place, position)
                why = await _obstacle(probe, place, position)
                if why is None:
                    continue
                behind = await _readable_again(probe, place, position)
                self._consumer.seek(place, behind)
                sentence = (
                    f"records {position} to {behind - 1} of {place.topic}/{place.partition} cannot be decoded ({why}); "
                    "they are still in the topic, for another client to read"
                )
                found[place] = [Unreadable(place.topic, place.partition, behind - 1, -1, None, None, (), sentence)]
        return found


async def _obstacle(probe: AIOKafkaConsumer, place: TopicPartition, offset: int) -> str | None:
    """Why records cannot be read from `offset`, or None if they can (or there are none)."""
    probe.assign([place])
    probe.seek(place, offset)
    try:
        await probe.getmany(place, timeout_ms=_PROBE_MS, max_records=1)
    except UNREADABLE as error:
        return f"{type(error).__name__}: {error}"
    return None


async def _readable_again(probe: AIOKafkaConsumer, place: TopicPartition, position: int) -> int:
    """The first offset behind `position` from which records can be read; a batch fails as a whole."""
    last_bad, step = position, 1
    while await _obstacle(probe, place, last_bad + step) is not None:
        last_bad, step = last_bad + step, step * 2
    first_good = last_bad + step
    while first_good - last_bad > 1:
        middle = (first_good + last_bad) // 2
        if await _obstacle(probe, place, middle) is None:
            first_good = middle
        else:
            last_bad = middle
    return first_good
