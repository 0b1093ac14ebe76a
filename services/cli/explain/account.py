"""What is known of one customer: what `koi explain` tells, before it is put into words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.contracts.decision import Decision
from services.contracts.errors import KoipondError
from services.contracts.profile import Profile
from services.contracts.receipt import Receipt
from services.rules.book.rulebook import Rulebook
from services.rules.story.explanation import Explanation, name_of


class Source(StrEnum):
    """Where it comes from: the live states and ledgers, or a replay of event files."""

    LIVE = "live"
    EVENTS = "events"


class NobodyThere(KoipondError):  # noqa: N818 - it says what was found
    """There is nothing to explain; the message says whether the customer was never seen, or is forgotten."""


class UnknownRule(KoipondError):  # noqa: N818
    """No rule of this name, neither in the files nor in the customer's history."""


class Message(NamedTuple):
    """A message of a decision: the command's id, empty where none was sent, and its receipt, if there is one."""

    template: str
    command_id: str
    receipt: Receipt | None


class Coming(NamedTuple):
    """What time alone will bring until an instant. `exact`: scores are worked out anew meanwhile, as the services do."""

    decisions: tuple[Decision, ...]
    until: datetime
    exact: bool


@dataclass(frozen=True)
class Account:
    """One customer at one instant.

    `explanation` is None where the state of that instant is not known. `decisions` are those until then, oldest first, each
    once; those in `expected` are not made yet. `receipts` by command id are None where there are none to be had. `notes` are
    sentences a reader should know first.
    """

    customer_id: str
    at: datetime
    zone: ZoneInfo
    source: Source
    book: Rulebook
    profile: Profile | None = None
    explanation: Explanation | None = None
    decisions: tuple[Decision, ...] = ()
    expected: frozenset[str] = frozenset()
    receipts: Mapping[str, Receipt] | None = None
    coming: Coming | None = None
    notes: tuple[str, ...] = field(default=())

    def history(self, rule: str) -> list[Decision]:
        """All decisions of a rule, whatever it said at the time."""
        return [decision for decision in self.decisions if name_of(decision.rule) == rule]

    def messages(self, decision: Decision) -> list[Message]:
        """What a decision led to, or in shadow mode would have led to."""
        receipts = self.receipts or {}
        count = max(len(decision.commands), len(decision.templates))
        commands = [*decision.commands, *[""] * count][:count]
        templates = [*decision.templates, *["a message"] * count][:count]
        return [Message(t, c, receipts.get(c)) for t, c in zip(templates, commands, strict=True)]

    @property
    def rules(self) -> list[str]:
        """Names of all rules: those in force first, ladders before campaigns, then those that only the history knows."""
        in_force = [*(ladder.name for ladder in self.book.ladders), *(each.name for each in self.book.campaigns)]
        told = [name_of(decision.rule) for decision in self.decisions]
        withdrawn = () if self.explanation is None else self.explanation.withdrawn
        return list(dict.fromkeys([*in_force, *withdrawn, *told]))


def distinct(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Each once: after a crash some are published again, with the same id."""
    found: dict[str, Decision] = {}
    for decision in decisions:
        # the last counts, where it stands
        found.pop(decision.id, None)
        found[decision.id] = decision
    return tuple(found.values())
