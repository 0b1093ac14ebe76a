"""Scores of all customers from the live states in Redis: read, never changed."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from services.contracts import wire
from services.contracts.calendar import from_ms
from services.contracts.errors import KoipondError
from services.contracts.topics import CUTOFFS
from services.runtime.follower import Follower
from services.runtime.record import Record
from services.runtime.redis_store import RedisStore, connect
from services.runtime.settings import Settings
from services.runtime.store import Cursor
from services.scoring.batch import Batch
from services.scoring.config import ScoringConfig
from services.scoring.gate import epoch_passed
from services.scoring.population import Population
from services.scoring.processor import ScoringProcessor
from services.scoring.state import CustomerState

PREFIX = "score"
_AT_ONCE = 500


class TooEarly(KoipondError):  # noqa: N818 - it says what the instant is
    """The live states have come further than the instant asked for, and cannot be taken back to it."""


@dataclass(frozen=True)
class Pond:
    """The live states of a deployment, to be looked at."""

    store: RedisStore
    settings: Settings
    config: ScoringConfig

    async def cursors(self) -> dict[int, Cursor]:
        """Where every partition stands."""
        return {partition: await self.store.cursor(partition) for partition in range(self.settings.partitions)}

    async def states(
        self, batch: Batch, progress: Callable[[int], None] = lambda _done: None
    ) -> AsyncIterator[tuple[int, CustomerState]]:
        """Every customer with the partition; `progress` is told how many partitions are done.

        Raise `TooEarly` for an instant before the day that a customer has come to.
        """
        processor = ScoringProcessor(self.config, self.settings.tz, self.settings.partitions)
        today = batch.day
        for partition in range(self.settings.partitions):
            customers = iter(sorted(await self.store.digests(partition)))
            while some := list(islice(customers, _AT_ONCE)):
                for blob in await self.store.load(partition, some):
                    if blob is not None:
                        state = processor.load(blob)
                        if state.today > today:
                            raise TooEarly(f"the live states have come to a later day than {batch.today}")
                        yield partition, state
            progress(partition + 1)


@asynccontextmanager
async def opened(settings: Settings, config: ScoringConfig) -> AsyncIterator[Pond]:
    """Raise `StoreUnavailable` when Redis does not answer."""
    client = connect(settings)
    try:
        store = RedisStore(client, PREFIX)
        await store.ping()
        yield Pond(store, settings, config)
    finally:
        await client.aclose()


def newest_instant(cursors: Sequence[Cursor]) -> datetime | None:
    """How far event time has come; None where the wall clock rules, or nothing has happened."""
    reached = [cursor.watermark_ms for cursor in cursors if cursor.watermark_ms is not None]
    return from_ms(max(reached)) if reached else None


async def versions(settings: Settings, config: ScoringConfig, cursors: dict[int, Cursor]) -> Population:
    """The population as the live service knows it: every version of the cut-offs, and which partition is scored with which.

    It is read from Kafka, however long that takes to answer.
    """
    population = Population(config, settings.tz, settings.partitions)

    async def take(records: Sequence[Record]) -> None:
        for record in records:
            if record.value is not None:
                population.learn(wire.CUTOFFS.decode(record.value))

    async with Follower(settings.kafka, [CUTOFFS.name], take, client_id="koi-scores"):
        pass
    for partition, cursor in cursors.items():
        population.enforce(partition, epoch_passed(cursor.marks))
    return population
