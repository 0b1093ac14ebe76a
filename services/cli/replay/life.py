"""A life: what the rules make of one customer, event by event, with time passing in between.

    life = Life(rules, ScoringConfig(), ZoneInfo("Asia/Shanghai"))
    life.take(event)
    life.advance(datetime(2026, 4, 1, tzinfo=UTC))
    [decision.outcome for decision in life.decisions]

Nobody else is there to be compared with: scores are made by the cut-offs given, or without any by the thresholds of the
scoring file, and no seats of tiers are given: who has one is what the rules were told when they were made.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.cli.replay.course import Course, Said
from services.contracts.calendar import from_ms, to_ms
from services.contracts.command import Command, Recall
from services.contracts.decision import Decision
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent
from services.contracts.population import Cutoffs
from services.contracts.profile import Profile
from services.rules.engine.state import RuleState, unpack_profile
from services.rules.processor import RulesProcessor
from services.runtime.assembly import second_of
from services.scoring.config import ScoringConfig
from services.scoring.population import Population
from services.scoring.processor import ScoringProcessor

_PARTITIONS = 1


class Refused(NamedTuple):
    """An event that could not be folded, and why."""

    event: AnyEvent
    error: InvalidMessage


class Life:
    """Events (or ready-made profiles) in the order of time, one by one; what happens before the instant reached counts for it.

    Usually of one customer, but whoever an event names is there: those who are merged into each other can be followed, too.
    `rules` is not closed by it and may serve any number of lives, one after the other or side by side. `cutoffs` are in
    force from the beginning and stay so.
    """

    def __init__(
        self, rules: RulesProcessor, scoring: ScoringConfig, zone: ZoneInfo, *, cutoffs: Cutoffs | None = None
    ) -> None:
        self.decisions: list[Decision] = []
        """All so far, in the order in which they were made."""
        self.commands: list[Command] = []
        self.recalls: list[Recall] = []
        self.said: list[Said] = []
        """All of them, as they came: a decision, then its commands and what it recalls."""
        self.refused: list[Refused] = []
        population = Population(scoring, zone, _PARTITIONS)
        if cutoffs is not None:
            population.learn(cutoffs)
            population.enforce(0, second_of(cutoffs))
        processor = ScoringProcessor(scoring, zone, _PARTITIONS, population)
        self._course = Course(processor, [rules], self._observe, self._refuse)
        self._taken = 0

    def take(self, event: AnyEvent) -> Sequence[Said]:
        """Let an event happen; what it leads to, and what time has led to until then. A tick only lets time pass.

        What cannot be folded is added to `refused`. Raise `ReplayFailed` for a mistake of ours.
        """
        before = len(self.said)
        self._course.take(event, self._taken)
        self._taken += 1
        return self.said[before:]

    def show(self, profile: Profile) -> Sequence[Said]:
        """Give the rules a profile that was made elsewhere, as of its `as_of`; they keep only what is newer than the last.

        Do not mix with events of the same customer: each would contradict the other.
        """
        before = len(self.said)
        self._course.show(profile)
        return self.said[before:]

    def forget(self, customer_id: str) -> None:
        """The end of a customer whose profiles were given: tiers, episodes and cooldowns are forgotten."""
        self._course.forget(customer_id)

    def advance(self, until: datetime) -> Sequence[Said]:
        """Let time pass until an instant, that instant included; what that alone leads to. Never back."""
        before = len(self.said)
        self._course.ring(to_ms(until))
        return self.said[before:]

    @property
    def now(self) -> datetime | None:
        """The instant reached, to the millisecond, UTC; None before anything has happened."""
        reached_ms = self._course.reached_ms
        return None if reached_ms is None else from_ms(reached_ms).astimezone(UTC)

    @property
    def next_due(self) -> datetime | None:
        """The instant at which time alone will next be asked what it has changed, of any customer; None for never."""
        dues = [due_ms for member in self._course.members.values() for due_ms in member.dues]
        return from_ms(min(dues)) if dues else None

    def profile(self, customer_id: str) -> Profile | None:
        """The last one the rules were told; None for somebody unknown or gone."""
        state = self.state(customer_id)
        return None if state is None else unpack_profile(state.profile)

    def state(self, customer_id: str) -> RuleState | None:
        """What the rules remember; not to be changed. None for somebody unknown or gone."""
        member = self._course.members.get(customer_id)
        return None if member is None else member.sides[0].state

    def _observe(self, said: Said, _side: int) -> None:
        self.said.append(said)
        match said:
            case Decision():
                self.decisions.append(said)
            case Command():
                self.commands.append(said)
            case Recall():
                self.recalls.append(said)

    def _refuse(self, event: AnyEvent, error: InvalidMessage) -> None:
        self.refused.append(Refused(event, error))
