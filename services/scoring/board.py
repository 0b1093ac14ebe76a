"""The board on which partitions write how they stand, and where everybody reads the cut-offs."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from math import inf
from types import TracebackType
from typing import Self

import structlog

from services.contracts import wire
from services.contracts.errors import InvalidMessage, Retryable
from services.contracts.topics import CENSUS, CUTOFFS
from services.runtime.publisher import Publisher
from services.runtime.record import Output, Record
from services.scoring.gate import EpochGate
from services.scoring.population import Population, Tally

LEADER = 0
"""Whoever owns this partition adds the censuses up: there is always one, and rarely two."""
_LOOK_SECONDS = 1.0

log = structlog.get_logger()


class Board:
    """An async context; `stir`, once it is set, is called when something was read that may open a gate.

    Two leaders can exist for a moment, around a rebalance. They come to the same cut-offs, unless one has given up
    waiting for a partition; then the first to be read counts.
    """

    def __init__(
        self,
        population: Population,
        gate: EpochGate,
        publisher: Publisher,
        patience: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._population = population
        self._gate = gate
        self._publisher = publisher
        self._patience = patience
        self._tally = Tally(population, patience)
        self._clock = clock
        self._announced: dict[str, float] = {}
        self.stir: Callable[[], None] = lambda: None
        self._task: asyncio.Task[None] | None = None

    async def take(self, records: Sequence[Record]) -> None:
        """News from the two topics, in order."""
        for record in records:
            self._read(record)
        if records:
            await self.lead()
            self.stir()

    async def lead(self) -> bool:
        """Publish the cut-offs of every epoch that is complete, if this process owns the leading partition; whether any was."""
        led = False
        while LEADER in self._gate.claimed_partitions:
            now = self._clock()
            found = self._tally.conclude(now)
            if found is None or now - self._announced.get(found.version, -inf) < self._patience:
                break
            value = wire.CUTOFFS.encode(found)
            await self._publisher.publish([Output(CUTOFFS.name, 0, found.version.encode(), value)])
            # it is in force once it was read, by this process as by any other: so all keep to the first of an epoch
            self._announced[found.version] = now
            led = True
            log.info(
                "cutoffs",
                version=found.version,
                customers=found.customers,
                reported=found.reported,
                of=found.partitions,
            )

        return led

    def _read(self, record: Record) -> None:
        if record.value is None:
            return
        try:
            if record.topic == CENSUS.name:
                self._tally.take(wire.CENSUSES.decode(record.value))
            else:
                self._population.learn(wire.CUTOFFS.decode(record.value))
        except InvalidMessage:
            # only we write here: somebody else's record is not worth a stop
            log.exception("foreign_record", topic=record.topic, offset=record.offset)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _look(self) -> None:
        """Patience runs out without any news."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                if await self.lead():
                    self.stir()
            except Retryable as error:
                log.warning("cutoffs_not_published", error=str(error))
