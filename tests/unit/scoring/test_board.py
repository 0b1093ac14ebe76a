"""The board of censuses and cut-offs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from services.contracts import wire
from services.contracts.topics import CENSUS, CUTOFFS
from services.runtime.board import Board
from services.runtime.record import Output, Record
from services.scoring.board import AGENDA
from services.scoring.config import ScoringConfig
from services.scoring.gate import EpochGate
from services.scoring.population import Population
from tests.unit.scoring.test_population import census

ZONE = ZoneInfo("UTC")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


class Desk:
    """One process's board, and what it published."""

    def __init__(self, *, leads: bool) -> None:
        self.published: list[Output] = []
        self.stirred = 0
        self.population = Population(ScoringConfig(), ZONE, 2)
        self.gate = EpochGate(self.population)
        self.gate.claimed(0 if leads else 1, {})
        self.board = Board(AGENDA, self.population, self.gate, self, 30.0)
        self.board.stir = self._stir

    async def publish(self, outputs: Sequence[Output]) -> None:
        self.published += outputs

    def _stir(self) -> None:
        self.stirred += 1

    async def hear(self, *partitions: int) -> None:
        await self.board.take([record(CENSUS.name, wire.CENSUSES.encode(census(p, partitions=2))) for p in partitions])


def record(topic: str, value: bytes | None) -> Record:
    return Record(topic, 0, 0, 0, None, value)


async def test_the_leader_publishes_the_cutoffs_once_all_have_spoken() -> None:
    """They are in force once they were read, by the leader as by the others; everything read wakes the worker."""
    desk = Desk(leads=True)
    await desk.hear(0)
    assert desk.published == []
    await desk.hear(1)
    (output,) = desk.published
    assert output.value is not None
    found = wire.CUTOFFS.decode(output.value)
    assert (output.topic, output.partition, output.key) == (CUTOFFS.name, 0, found.version.encode())
    assert desk.population.at(int(FIRST.timestamp())) is None
    await desk.hear(0, 1)
    assert len(desk.published) == 1
    await desk.board.take([record(CUTOFFS.name, output.value)])
    assert desk.population.at(int(FIRST.timestamp())) == found
    assert desk.stirred == 4


async def test_others_read_what_the_leader_has_published() -> None:
    """And publish nothing themselves."""
    leader, other = Desk(leads=True), Desk(leads=False)
    for desk in (leader, other):
        await desk.hear(0, 1)
    assert other.published == []
    assert other.population.at(int(FIRST.timestamp())) is None
    await other.board.take([record(CUTOFFS.name, leader.published[0].value)])
    assert other.population.at(int(FIRST.timestamp())) is not None


async def test_what_is_not_ours_is_passed_over() -> None:
    """A foreign record must not stop the scores."""
    desk = Desk(leads=True)
    await desk.board.take([record(CENSUS.name, b"{"), record(CUTOFFS.name, None), record(CUTOFFS.name, b"null")])
    await desk.hear(0, 1)
    assert len(desk.published) == 1
