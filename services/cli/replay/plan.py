"""What is replayed through: the stages of one pipeline, made anew in every process."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from services.cli.replay.gates import ALL, PARTITIONS, Keeper, Opening, keeper
from services.rules.book.compiler import compile_rulebook
from services.rules.engine.state import RuleState
from services.rules.processor import RulesProcessor
from services.rules.seats import board as rules_board
from services.rules.seats.claims import digest
from services.rules.seats.gate import SeatGate
from services.rules.seats.seating import Seating
from services.scoring import board as scoring_board
from services.scoring.config import ScoringConfig
from services.scoring.gate import EpochGate
from services.scoring.population import Population
from services.scoring.processor import ScoringProcessor
from services.scoring.state import CustomerState

RuleTexts = Mapping[str, str | bytes]
"""The rule files of one rule set: name, content."""


def _nothing(_opening: Opening) -> None:
    return None


@dataclass(frozen=True)
class Gated:
    """What the gate of a stage needs in every process: `digest` of a state, None for none; `hear` when it opens."""

    digest: Callable[[Any], bytes | None] | None = None
    hear: Callable[[Opening], None] = _nothing


@dataclass(frozen=True)
class ScoringStage:
    """Scoring, as one process has it."""

    processor: ScoringProcessor
    gated: Gated

    def digest(self, state: CustomerState) -> bytes | None:
        return None if self.gated.digest is None else self.gated.digest(state)


@dataclass(frozen=True)
class RulesStage:
    """One rule set, as one process has it."""

    processor: RulesProcessor
    gated: Gated

    def digest(self, state: RuleState) -> bytes | None:
        return None if self.gated.digest is None else self.gated.digest(state)


@dataclass(frozen=True)
class Plan:
    """One scoring configuration, and any number of rule sets side by side. It can be sent to another process."""

    scoring: ScoringConfig
    zone: ZoneInfo
    rules: Sequence[RuleTexts]

    def scoring_stage(self) -> ScoringStage:
        population = Population(self.scoring, self.zone, PARTITIONS)
        processor = ScoringProcessor(self.scoring, self.zone, PARTITIONS, population)
        return ScoringStage(processor, Gated(processor.digest, partial(_score_by, population)))

    def rules_stages(self) -> list[RulesStage]:
        """One for each rule set. Raise `FileError`. Each processor holds memory until it is closed."""
        return [self._rules_stage(texts) for texts in self.rules]

    def scoring_keeper(self) -> Keeper | None:
        """None where nothing depends on the population."""
        population = Population(self.scoring, self.zone, PARTITIONS)
        return keeper(scoring_board.AGENDA, population, EpochGate(population))

    def rules_keepers(self) -> list[Keeper | None]:
        """One for each rule set, None where no tier has a number of seats."""
        found = [Seating(compile_rulebook(texts), self.zone, PARTITIONS) for texts in self.rules]
        return [keeper(rules_board.AGENDA, seating, SeatGate(seating)) for seating in found]

    def _rules_stage(self, texts: RuleTexts) -> RulesStage:
        book = compile_rulebook(texts)
        seating = Seating(book, self.zone, PARTITIONS)
        gated = Gated(digest if seating.slots else None, partial(_judge_by, seating))
        return RulesStage(RulesProcessor(book, seating.seated), gated)


def _score_by(population: Population, opening: Opening) -> None:
    """From now on score by the cut-offs of this epoch."""
    for record in opening.news:
        population.learn(scoring_board.AGENDA.version.decode(record))
    population.enforce(ALL, opening.at_ms // 1000)


def _judge_by(seating: Seating, opening: Opening) -> None:
    """From now on judge by the seats of this review."""
    for record in opening.news:
        seating.learn(rules_board.AGENDA.version.decode(record))
    seating.go_on(ALL, opening.at_ms // 1000)
