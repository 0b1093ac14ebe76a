"""What the rules service says: decisions, the commands they lead to, and recalls of these, with ids that a replay repeats."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import msgspec

from services.contracts import wire
from services.contracts.calendar import to_ms
from services.contracts.command import Command, Recall, RecallReason
from services.contracts.decision import Decision, DecisionReason, Mode, Outcome, Verdict
from services.contracts.profile import Cause
from services.contracts.topics import DECISIONS, NOTIFICATIONS
from services.rules.book.models import Notify
from services.rules.book.notice import Notice, Wording
from services.rules.engine.draw import drawn
from services.rules.engine.parameters import parameters
from services.rules.language.scene import Scene
from services.rules.language.terms import Value
from services.runtime.processor import Emit

_ID_BYTES = 16


@dataclass(frozen=True)
class Trigger:
    """Why and when a customer is looked at. `occurred_at` is when the event behind it happened."""

    cause: Cause
    cause_id: str
    occurred_at: datetime
    now: datetime
    version: int


@dataclass
class Log:
    """Everything one look at a customer leads to, in order."""

    scene: Scene
    trigger: Trigger
    outputs: list[Emit] = field(default_factory=list)

    def decide(
        self,
        rule: str,
        episode: int,
        outcome: Outcome,
        verdicts: tuple[Verdict, ...] = (),
        *,
        part: str = "decision",
        reason: DecisionReason | None = None,
        mode: Mode = Mode.LIVE,
        step: int | None = None,
        tiers: tuple[str, str] | None = None,
        notices: Sequence[tuple[int, Notice]] = (),
        params: Mapping[str, Value] | None = None,
    ) -> int:
        """Add one decision and its messages, which in shadow mode are not sent.

        `rule` is `name@hash`; `part` tells the decisions of one episode apart; `notices` are (step, message) pairs, and
        `params` what all their templates are told besides what every template is. The result is the instant (Unix ms) until
        which one of the messages may wait to be sent; 0 without any.
        """
        customer, name = self.scene.profile.customer_id, name_of(rule)
        said = [
            _Said(number, notice.notify, drawn(name, number, customer, notice.wordings)) for number, notice in notices
        ]
        commands: list[Command] = []
        if said and mode is Mode.LIVE:
            told = {**parameters(self.scene), **(params or {})}
            commands = [self._command(rule, episode, each, told) for each in said]
        decision = Decision(
            id=make_id(rule, customer, episode, part),
            customer_id=customer,
            rule=rule,
            outcome=outcome,
            decided_at=self.trigger.now,
            episode=episode,
            cause=self.trigger.cause,
            cause_id=self.trigger.cause_id,
            profile_version=self.trigger.version,
            verdicts=verdicts,
            reason=reason,
            mode=mode,
            step=step,
            from_tier=tiers[0] if tiers else None,
            to_tier=tiers[1] if tiers else None,
            commands=tuple(command.id for command in commands),
            templates=tuple(each.wording.template for each in said),
        )
        self.outputs.append(Emit(DECISIONS.name, wire.DECISIONS.encode(decision)))
        self.outputs += [Emit(NOTIFICATIONS.name, wire.COMMANDS.encode(command)) for command in commands]
        return max((to_ms(command.expires_at) for command in commands), default=0)

    def recall(self, rule: str, episode: int, reason: RecallReason) -> None:
        """Messages of an episode that were not sent yet are not to be sent any more. `rule` is `name@hash`."""
        recall = Recall(
            customer_id=self.scene.profile.customer_id,
            rule=rule,
            episode=episode,
            reason=reason,
            decided_at=self.trigger.now,
        )
        self.outputs.append(Emit(NOTIFICATIONS.name, wire.COMMANDS.encode(recall)))

    def _command(self, rule: str, episode: int, said: "_Said", told: Mapping[str, Value]) -> Command:
        customer, notify, wording = self.scene.profile.customer_id, said.notify, said.wording
        return Command(
            id=make_id(rule, customer, episode, said.step),
            customer_id=customer,
            rule=rule,
            episode=episode,
            step=said.step,
            template=wording.template,
            params={**told, **wording.told(self.scene)},
            channels=tuple(notify.channels),
            category=notify.category,
            recipient=notify.to,
            decided_at=self.trigger.now,
            expires_at=self.trigger.now + notify.expires,
            occurred_at=self.trigger.occurred_at,
            variant=wording.variant,
            personalised=notify.personalised,
        )


class _Said(NamedTuple):
    """A message of a decision, as this customer gets it. `step` is the index of the step, or of the jump's entry."""

    step: int
    notify: Notify
    wording: Wording


def name_of(rule: str) -> str:
    """The name in `name@hash`."""
    return rule.partition("@")[0]


def make_id(rule: str, customer_id: str, episode: int, step: int | str) -> str:
    """The same for the same rule name (whatever its hash), customer, episode and step; different for any other."""
    parts = msgspec.json.encode([name_of(rule), customer_id, episode, step])
    return hashlib.blake2b(parts, digest_size=_ID_BYTES).hexdigest()
