"""The board on which partitions write how they stand, and where everybody reads what that comes to."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import structlog

from services.contracts.errors import InvalidMessage, Retryable
from services.contracts.topics import Topic
from services.contracts.wire import Wire
from services.runtime.assembly import Assembly, Report, Tally, Version
from services.runtime.epoch_gate import EpochGate
from services.runtime.publisher import Publisher
from services.runtime.record import Output, Record

LEADER = 0
"""Whoever owns this partition adds the reports up: there is always one, and rarely two."""
_LOOK_SECONDS = 1.0

R = TypeVar("R", bound=Report)
V = TypeVar("V", bound=Version)

log = structlog.get_logger()


@dataclass(frozen=True)
class Agenda(Generic[R, V]):
    """What a board is for. `name` stands in the log, with what `about` tells of a version."""

    name: str
    reports: Topic
    report: Wire[R]
    versions: Topic
    version: Wire[V]
    about: Callable[[V], Mapping[str, Any]] = lambda _version: {}

    @property
    def topics(self) -> tuple[str, str]:
        """What is to be read to the board."""
        return (self.reports.name, self.versions.name)


class Board(Generic[R, V]):
    """An async context; `stir`, once it is set, is called when something was read that may open a gate.

    Two leaders can exist for a moment, around a rebalance. They come to the same version, unless one has given up
    waiting for a partition; then the first to be read counts.
    """

    def __init__(
        self,
        agenda: Agenda[R, V],
        assembly: Assembly[R, V],
        gate: EpochGate,
        publisher: Publisher,
        patience: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`patience`: seconds to wait for a partition that says nothing."""
        self.agenda = agenda
        self._assembly = assembly
        self._gate = gate
        self._publisher = publisher
        self._patience = patience
        self._tally: Tally[R, V] = Tally(assembly, patience)
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
        """Publish the version of every epoch that is complete, if this process owns the leading partition; whether any was."""
        led = False
        while LEADER in self._gate.claimed_partitions:
            now = self._clock()
            found = self._tally.conclude(now)
            if found is None or now - self._announced.get(found.version, -inf) < self._patience:
                break
            agenda = self.agenda
            value = agenda.version.encode(found)
            await self._publisher.publish([Output(agenda.versions.name, 0, found.version.encode(), value)])
            # it is in force once it was read, by this process as by any other: so all keep to the first of an epoch
            self._announced[found.version] = now
            led = True
            log.info(
                agenda.name,
                version=found.version,
                **agenda.about(found),
                reported=found.reported,
                of=found.partitions,
            )
        return led

    def _read(self, record: Record) -> None:
        if record.value is None:
            return
        try:
            if record.topic == self.agenda.reports.name:
                self._tally.take(self.agenda.report.decode(record.value))
            else:
                self._assembly.learn(self.agenda.version.decode(record.value))
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
        trouble = f"{self.agenda.name}_not_published"
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                if await self.lead():
                    self.stir()
            except Retryable as error:
                log.warning(trouble, error=str(error))
