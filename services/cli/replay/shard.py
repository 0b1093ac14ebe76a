"""A shard: some of the customers, and what they are told to do. It answers every order, in the order of orders."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from services.cli.replay.course import Course, Said
from services.cli.replay.gates import Opening
from services.cli.replay.plan import Plan
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent
from services.rules.engine.state import RuleState

SCORING = 0
"""The number of scoring among the stages; the rule sets are those from 1 on."""

ENCODE = msgspec.msgpack.Encoder().encode
_DECODER = msgspec.msgpack.Decoder(AnyEvent)


@dataclass(frozen=True)
class Fold:
    """Fold these events, encoded, each with its number among all."""

    entries: Sequence[tuple[int, bytes]]


@dataclass(frozen=True)
class Ring:
    """Let every timer of scoring ring until an instant, and those of the rules until another (Unix ms, both included)."""

    until_ms: int
    rules_until_ms: int


@dataclass(frozen=True)
class Tell:
    """Tell the digests of a stage, as far as they have changed since the last time."""

    stage: int


@dataclass(frozen=True)
class Pass:
    """Pass the gate of a stage; `wake` are customers of this shard."""

    stage: int
    opening: Opening


@dataclass(frozen=True)
class End:
    """Tell where everybody stands, and of some all that the rules know."""

    keep: Collection[str]


Order: TypeAlias = Fold | Ring | Tell | Pass | End


@dataclass(frozen=True)
class Standing:
    """A customer in the end. Of every rule set: the tier of each ladder on which the customer ever moved."""

    customer_id: str
    tiers: tuple[Mapping[str, str], ...]


@dataclass
class Answer:
    """What an order led to. `done` counts events; the others are empty unless they were asked for."""

    done: int = 0
    said: list[tuple[int, Said]] = field(default_factory=list)
    refused: list[tuple[AnyEvent, str, str]] = field(default_factory=list)
    digests: dict[str, bytes | None] = field(default_factory=dict)
    standings: list[Standing] = field(default_factory=list)
    kept: dict[str, tuple[RuleState | None, ...]] = field(default_factory=dict)


class Shard:
    """Holds memory of the inference engine until `close`. Raise `FileError` for rules with mistakes."""

    def __init__(self, plan: Plan) -> None:
        self._scoring = plan.scoring_stage()
        self._rules = plan.rules_stages()
        self._course = Course(
            self._scoring.processor, [stage.processor for stage in self._rules], self._observe, self._refuse
        )
        self._told: list[dict[str, bytes]] = [{} for _ in range(1 + len(self._rules))]
        self._answer = Answer()

    def close(self) -> None:
        for stage in self._rules:
            stage.processor.close()

    def obey(self, order: Order) -> Answer:
        """Raise `ReplayFailed` for a mistake of ours."""
        answer = self._answer = Answer()
        course = self._course
        match order:
            case Fold(entries):
                for number, event in entries:
                    course.take(_DECODER.decode(event), number)
                answer.done = len(entries)
            case Ring(until_ms, rules_until_ms):
                course.ring(until_ms, rules_until_ms)
            case Tell(stage):
                answer.digests = self._changed(stage)
            case Pass(stage, opening):
                self._pass(stage, opening)
            case End(keep):
                answer.standings = list(self._standings())
                answer.kept = {customer: self._states(customer) for customer in keep if customer in course.members}
        return answer

    def _observe(self, said: Said, side: int) -> None:
        self._answer.said.append((side, said))

    def _refuse(self, event: AnyEvent, error: InvalidMessage) -> None:
        self._answer.refused.append((event, error.reason, error.detail))

    def _changed(self, stage: int) -> dict[str, bytes | None]:
        digests = self._digests(stage)
        told = self._told[stage]
        changed: dict[str, bytes | None] = {c: d for c, d in digests.items() if told.get(c) != d}
        changed.update(dict.fromkeys(told.keys() - digests.keys()))
        self._told[stage] = digests
        return changed

    def _digests(self, stage: int) -> dict[str, bytes]:
        pairs: Iterable[tuple[str, bytes | None]]
        if stage == SCORING:
            pairs = ((customer, self._scoring.digest(state)) for customer, state in self._course.states())
        else:
            rules, side = self._rules[stage - 1], stage - 1
            pairs = ((customer, rules.digest(state)) for customer, state in self._course.rule_states(side))
        return {customer: digest for customer, digest in pairs if digest is not None}

    def _pass(self, stage: int, opening: Opening) -> None:
        # time has its own say first, so whoever is woken is so a millisecond later
        wake_ms = opening.at_ms + 1
        if stage == SCORING:
            self._scoring.gated.hear(opening)
            self._course.wake(opening.wake, wake_ms)
        else:
            self._rules[stage - 1].gated.hear(opening)
            self._course.wake_rules(opening.wake, wake_ms, stage - 1)

    def _standings(self) -> Iterable[Standing]:
        for customer in self._course.members:
            states = self._states(customer)
            if any(state is not None for state in states):
                tiers = tuple({} if s is None else {name: at.tier for name, at in s.tiers.items()} for s in states)
                yield Standing(customer, tiers)

    def _states(self, customer: str) -> tuple[RuleState | None, ...]:
        return tuple(side.state for side in self._course.members[customer].sides)
