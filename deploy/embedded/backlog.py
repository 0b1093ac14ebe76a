"""How far each stage has got: the end of its input topics against its consumer group's committed offsets."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.embedded.services import SERVICES
from services.contracts.topics import TOPICS


class Backlog:
    """Asks as a member of nothing: it joins no group and moves no offset.

    Committed offsets follow the truth by about a second. Because every stage commits what it has read only after its
    output is acknowledged, stages that are asked in the direction of the flow and have all done all there is have really
    come to rest. (The embedded broker understates the end by up to a batch; there, read the topics to be sure.)
    """

    def __init__(self, kafka: str, partitions: int, group_prefix: str = "koi") -> None:
        self._kafka = kafka
        self._partitions = partitions
        self._prefix = group_prefix
        self._consumers: dict[str, AIOKafkaConsumer] = {}
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for service in inputs():
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._kafka, group_id=f"{self._prefix}.{service}", enable_auto_commit=False
            )
            await consumer.start()
            self._exit.push_async_callback(consumer.stop)
            self._consumers[service] = consumer
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.aclose()

    async def measure(self) -> Mapping[str, tuple[int, int]]:
        """Service → (records done, records there are), in the direction of the flow."""
        return {service: await self._of(service, topics) for service, topics in inputs().items()}

    async def _of(self, service: str, topics: tuple[str, ...]) -> tuple[int, int]:
        consumer = self._consumers[service]
        places = [TopicPartition(topic, p) for topic in topics for p in range(self._partitions)]
        done = [await consumer.committed(place) or 0 for place in places]
        ends = await consumer.end_offsets(places)
        # the embedded broker may name an end that lies before what was read
        return sum(done), sum(max(ends[place], reached) for place, reached in zip(places, done, strict=True))


def inputs() -> dict[str, tuple[str, ...]]:
    """Service → the topics its consumer group reads, in the direction of the flow.

    What every process follows for itself, without a group, has partitions of its own number and is not among them.
    """
    return {
        service: tuple(t.name for t in TOPICS if service in t.readers and t.partitions is None) for service in SERVICES
    }
