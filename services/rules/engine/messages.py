"""What the rules service says: decisions, and the commands they lead to, with ids that a replay repeats."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from services.contracts import wire
from services.contracts.command import Command
from services.contracts.decision import Decision, DecisionReason, Mode, Outcome, Verdict
from services.contracts.profile import Cause
from services.contracts.topics import DECISIONS, NOTIFICATIONS
from services.rules.book.models import Notify
from services.rules.language.features import FEATURES
from services.rules.language.scene import Scene
from services.rules.language.terms import Value
from services.runtime.processor import Emit

PARAMETERS = (
    "segment",
    "r",
    "f",
    "m",
    "recency_days",
    "orders",
    "net_minor",
    "lifetime_orders",
    "lifetime_net_minor",
    "days_since_first_order",
    "activity",
)
"""Features that every command hands to its template, as they were when it was decided."""

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
        notices: Sequence[tuple[int, Notify]] = (),
        params: Mapping[str, Value] | None = None,
    ) -> None:
        """Add one decision and its messages, which in shadow mode are not sent.

        `rule` is `name@hash`; `part` tells the decisions of one episode apart; `notices` are (step, message) pairs.
        """
        customer = self.scene.profile.customer_id
        sent = notices if mode is Mode.LIVE else ()
        commands = [self._command(rule, episode, number, notify, params or {}) for number, notify in sent]
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
            templates=tuple(notify.template for _, notify in notices),
        )
        self.outputs.append(Emit(DECISIONS.name, wire.DECISIONS.encode(decision)))
        self.outputs += [Emit(NOTIFICATIONS.name, wire.COMMANDS.encode(command)) for command in commands]

    def _command(self, rule: str, episode: int, step: int, notify: Notify, extra: Mapping[str, Value]) -> Command:
        customer = self.scene.profile.customer_id
        return Command(
            id=make_id(rule, customer, episode, step),
            customer_id=customer,
            rule=rule,
            episode=episode,
            step=step,
            template=notify.template,
            params={**_params(self.scene), **extra},
            channels=tuple(notify.channels),
            category=notify.category,
            recipient=notify.to,
            decided_at=self.trigger.now,
            expires_at=self.trigger.now + notify.expires,
            occurred_at=self.trigger.occurred_at,
        )


def make_id(rule: str, customer_id: str, episode: int, step: int | str) -> str:
    """The same for the same rule name (whatever its hash), customer, episode and step; different for any other."""
    parts = msgspec.json.encode([rule.partition("@")[0], customer_id, episode, step])
    return hashlib.blake2b(parts, digest_size=_ID_BYTES).hexdigest()


def _params(scene: Scene) -> dict[str, Value]:
    values = {name: FEATURES[name].read(scene) for name in PARAMETERS}
    return {name: round(value, 1) if isinstance(value, float) else value for name, value in values.items()}
