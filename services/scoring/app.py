"""Scoring as a process."""

from services.contracts.topics import EVENTS, TRANSFERS
from services.runtime.app import Service
from services.runtime.board import Board
from services.runtime.commit import PublishThenCommit
from services.runtime.serving import run
from services.runtime.settings import ClockKind
from services.runtime.surroundings import Surroundings
from services.scoring.board import AGENDA
from services.scoring.config import ScoringConfig
from services.scoring.gate import EpochGate
from services.scoring.population import Population
from services.scoring.processor import ScoringProcessor
from services.scoring.settings import ScoringSettings

SERVICE = "scoring"


SETTINGS = ScoringSettings


def service(settings: ScoringSettings) -> Service:
    """Raise `FileError` when the scoring file is wrong."""
    around = Surroundings(SERVICE, settings)
    config = ScoringConfig.load(settings.scoring) if settings.scoring else ScoringConfig()
    population = Population(config, settings.tz, settings.partitions)
    processor = ScoringProcessor(config, settings.tz, settings.partitions, population)
    gate = EpochGate(population)
    stage = PublishThenCommit(
        processor,
        around.store("score"),
        around.publisher,
        around.budget,
        around.telemetry,
        service=SERVICE,
        event_clock=settings.clock is ClockKind.EVENT,
        digest=processor.digest,
        gate=gate,
    )
    board = Board(AGENDA, population, gate, around.publisher, settings.census_patience)
    return Service(around, stage, [EVENTS.name, TRANSFERS.name], board=board)


def main() -> None:
    settings = ScoringSettings()
    run(service(settings), settings)
