"""Rules as a process."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from services.contracts.topics import DECISIONS, PROFILES
from services.contracts.wire import DECISIONS as DECISIONS_WIRE
from services.rules.book.compiler import load_rulebook
from services.rules.book.rulebook import Rulebook
from services.rules.processor import RulesProcessor
from services.rules.reload import Reloader
from services.rules.seats.board import AGENDA
from services.rules.seats.claims import digest
from services.rules.seats.gate import SeatGate
from services.rules.seats.seating import Seating
from services.runtime.app import Service
from services.runtime.board import Board
from services.runtime.commit import PublishThenCommit
from services.runtime.record import Output
from services.runtime.serving import run
from services.runtime.settings import ClockKind, Settings
from services.runtime.surroundings import Surroundings

SERVICE = "rules"


class RulesSettings(Settings):
    """The rules service's settings, beside those every service shares."""

    rules: Path = Field(Path("deploy/rules"), description="rule file, or a folder of them")
    rules_poll: float = Field(2.0, ge=0, description="seconds between two looks for changed rule files; 0: never")
    seats_patience: float = Field(
        60.0, gt=0, le=3600, description="seconds a review of seats waits for a partition that says nothing"
    )


SETTINGS = RulesSettings


def service(settings: RulesSettings) -> Service:
    """Raise `FileError` when a rule file is wrong: the service does not start with half a rule set."""
    around = Surroundings(SERVICE, settings)
    rulebook = load_rulebook(settings.rules)
    seating = Seating(rulebook, settings.tz, settings.partitions)
    gate = SeatGate(seating)

    def observe(outputs: Sequence[Output]) -> None:
        for output in outputs:
            if output.topic == DECISIONS.name and output.value is not None:
                decision = DECISIONS_WIRE.decode(output.value)
                around.telemetry.decision(decision.rule.partition("@")[0], decision.outcome)

    processor = RulesProcessor(rulebook, seating.seated)
    stage = PublishThenCommit(
        processor,
        around.store("rules"),
        around.publisher,
        around.budget,
        around.telemetry,
        service=SERVICE,
        event_clock=settings.clock is ClockKind.EVENT,
        digest=digest,
        gate=gate,
        observe=observe,
    )
    board = Board(AGENDA, seating, gate, around.publisher, settings.seats_patience)

    def adopt(changed: Rulebook) -> None:
        processor.adopt(changed)
        gate.adopt(changed)
        stage.renew()
        running.worker.stir()

    reloader = Reloader(settings.rules, rulebook, adopt, around.telemetry, seconds=settings.rules_poll)
    running = Service(around, stage, [PROFILES.name], resources=[reloader], board=board)
    return running


def main() -> None:
    settings = RulesSettings()
    run(service(settings), settings)
