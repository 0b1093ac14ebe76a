"""The ledger: what became of every command, folded from commands and receipts. Pure.

It is the same whatever the order in which they are heard, and however often they are repeated.
"""

import sys
from collections.abc import Iterable, Mapping
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple

from services.contracts.calendar import to_ms
from services.contracts.command import Command
from services.contracts.receipt import FINAL, DeliveryOutcome, Reason, Receipt

NEWS = frozenset({DeliveryOutcome.DELIVERED, DeliveryOutcome.BOUNCED, DeliveryOutcome.UNSUBSCRIBED})
"""What a provider may tell later of a message that was sent."""
_ORDER = {outcome: at for at, outcome in enumerate((DeliveryOutcome.DEFERRED, *sorted(FINAL), *sorted(NEWS)))}


class Standing(StrEnum):
    """Where a command is now: at exactly one of these."""

    PENDING = "pending"
    """Nothing was heard of it yet."""
    DEFERRED = "deferred"
    SENT = "sent"
    SUPPRESSED = "suppressed"
    FAILED = "failed"


class Stage(NamedTuple):
    """One thing that became of a command. Instants are Unix ms; `channel` may be empty, `until_ms` −1 for none."""

    at_ms: int
    outcome: DeliveryOutcome
    reason: Reason
    channel: str
    attempts: int
    detail: str
    until_ms: int


class About(NamedTuple):
    """What a command is about. `decided_ms` is Unix ms, `step` counted from 0, `variant` may be empty."""

    decided_ms: int
    rule: str
    episode: int
    step: int
    template: str
    variant: str

    @property
    def name(self) -> str:
        """The rule's name, without its hash."""
        return name_of(self.rule)


class Scope(NamedTuple):
    """Which commands are wanted: of one rule's name, and decided between two instants (Unix ms), both included."""

    rule: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def holds(self, about: About) -> bool:
        return (
            (self.rule is None or about.name == self.rule)
            and (self.since_ms is None or self.since_ms <= about.decided_ms)
            and (self.until_ms is None or about.decided_ms <= self.until_ms)
        )


EVERYTHING = Scope()


class Line:
    """One command in the ledger.

    `about` is None as long as only news of it is known. `commanded` says whether the command itself was seen, and
    `expires_ms` until when it may be sent.
    """

    __slots__ = ("about", "command_id", "commanded", "customer_id", "expires_ms", "stages")

    def __init__(self, command_id: str, customer_id: str) -> None:
        self.command_id = command_id
        self.customer_id = customer_id
        self.about: About | None = None
        self.commanded = False
        self.expires_ms = -1
        self.stages: tuple[Stage, ...] = ()

    @property
    def subject(self) -> About:
        """What it is about, of a line that knows."""
        assert self.about is not None  # noqa: S101 - the ledger gives out no others
        return self.about

    @property
    def last(self) -> Stage | None:
        """What decides where the command is: its end, or else why it waits. Of several ends the newest."""
        ends = self._ends or [stage for stage in self.stages if stage.outcome is DeliveryOutcome.DEFERRED]
        return max(ends, default=None)

    @property
    def standing(self) -> Standing:
        return Standing.PENDING if self.last is None else Standing(self.last.outcome.value)

    @property
    def reason(self) -> Reason:
        return Reason.NONE if self.last is None else self.last.reason

    @property
    def channel(self) -> str:
        return "" if self.last is None else self.last.channel

    @property
    def at_ms(self) -> int:
        """When it came to where it is; of what nothing was heard, when it was decided."""
        return self.subject.decided_ms if self.last is None else self.last.at_ms

    @property
    def news(self) -> Mapping[DeliveryOutcome, Stage]:
        """The first of each kind, in the order in which they came."""
        found: dict[DeliveryOutcome, Stage] = {}
        for stage in sorted(stage for stage in self.stages if stage.outcome in NEWS):
            found.setdefault(stage.outcome, stage)
        return found

    @property
    def history(self) -> list[Stage]:
        """All that became of it, in the order of time. What was only said again stands there once, as it was said last."""
        said: list[Stage] = []
        for stage in sorted(self.stages, key=lambda stage: (stage.at_ms, _ORDER[stage.outcome], stage)):
            if said and (said[-1].outcome, said[-1].reason) == (stage.outcome, stage.reason):
                said.pop()
            said.append(stage)
        return said

    @property
    def torn(self) -> bool:
        """Whether it came to two different ends: the notifier crashed after it had told of one."""
        return len({(stage.outcome, stage.reason) for stage in self._ends}) > 1

    @property
    def _ends(self) -> list[Stage]:
        return [stage for stage in self.stages if stage.outcome in FINAL]


class Ledger:
    """The lines of the commands in `scope`.

    `repeated` counts records that said what was known already; `rules` are the names that were heard, in scope or not.
    """

    def __init__(self, scope: Scope = EVERYTHING) -> None:
        self.scope = scope
        self.repeated = 0
        self.rules: set[str] = set()
        self._lines: dict[str, Line] = {}

    def command(self, command: Command) -> None:
        about = About(
            to_ms(command.decided_at),
            sys.intern(command.rule),
            command.episode,
            command.step,
            sys.intern(command.template),
            sys.intern(command.variant or ""),
        )
        self.rules.add(about.name)
        if not self.scope.holds(about):
            return
        line = self._line(command.id, command.customer_id)
        self.repeated += line.commanded
        line.commanded = True
        line.expires_ms = max(line.expires_ms, to_ms(command.expires_at))
        line.about = about if line.about is None else max(line.about, about)

    def receipt(self, receipt: Receipt) -> None:
        about = _about(receipt)
        if about is not None:
            self.rules.add(about.name)
            if not self.scope.holds(about):
                return
        line = self._line(receipt.command_id, receipt.customer_id)
        stage = Stage(
            to_ms(receipt.at),
            receipt.outcome,
            receipt.reason,
            sys.intern(receipt.channel or ""),
            receipt.attempts,
            sys.intern(receipt.detail),
            -1 if receipt.until is None else to_ms(receipt.until),
        )
        if stage in line.stages:
            self.repeated += 1
        else:
            line.stages += (stage,)
        if about is not None:
            line.about = about if line.about is None else max(line.about, about)

    def lines(self) -> list[Line]:
        """By the time at which each came to where it is."""
        known = (line for line in self._lines.values() if line.about is not None)
        return sorted(known, key=attrgetter("at_ms", "command_id"))

    @property
    def strays(self) -> int:
        """Commands of which only news is known: they are out of scope, or older than what is kept."""
        return sum(line.about is None for line in self._lines.values())

    def _line(self, command_id: str, customer_id: str) -> Line:
        line = self._lines.get(command_id)
        if line is None:
            line = self._lines[command_id] = Line(command_id, sys.intern(customer_id))
        return line


def standing_receipts(receipts: Iterable[Receipt]) -> dict[str, Receipt]:
    """By command id the receipt that decides where each command is now; what a provider told later decides nothing."""
    found: dict[str, Receipt] = {}
    for receipt in receipts:
        if receipt.outcome in NEWS:
            continue
        known = found.get(receipt.command_id)
        if known is None or _weight(known) <= _weight(receipt):
            found[receipt.command_id] = receipt
    return found


def name_of(rule: str) -> str:
    """The name in `name@hash`."""
    return rule.partition("@")[0]


def _weight(receipt: Receipt) -> tuple[bool, int]:
    return receipt.outcome in FINAL, to_ms(receipt.at)


def _about(receipt: Receipt) -> About | None:
    """None for news, which names a command and nothing else."""
    if not receipt.rule:
        return None
    return About(
        to_ms(receipt.decided_at or receipt.at),
        sys.intern(receipt.rule),
        receipt.episode,
        receipt.step,
        sys.intern(receipt.template),
        sys.intern(receipt.variant or ""),
    )
