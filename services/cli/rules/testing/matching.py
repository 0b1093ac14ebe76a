"""Whether the decisions are those expected, and how the two lists go together where they are not."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.cli.rules.testing.models import Expectation
from services.cli.rules.testing.values import local
from services.contracts.command import Command, Recall
from services.contracts.decision import Decision


class Decided(NamedTuple):
    """A decision with the commands it led to, and what it recalled of those before."""

    decision: Decision
    commands: list[Command]
    recalls: list[Recall]

    @property
    def rule(self) -> str:
        """The name of its rule."""
        return self.decision.rule.partition("@")[0]


class Row(NamedTuple):
    """A line of a comparison: what was expected, what came, or both where they agree."""

    expected: Expectation | None
    decided: Decided | None


def matches(expected: Expectation, decided: Decided, zone: ZoneInfo) -> bool:
    """Whether a decision is all that is said of it."""
    return not any(differences(expected, decided, zone))


def differences(expected: Expectation, decided: Decided, zone: ZoneInfo) -> Iterator[str]:
    """The keys of an expectation that a decision does not fulfil."""
    decision = decided.decision
    plain: tuple[tuple[str, object, object], ...] = (
        ("rule", expected.rule, decided.rule),
        ("outcome", expected.kind, decision.outcome),
        ("reason", expected.why, decision.reason),
        ("from", expected.from_, decision.from_tier),
        ("to", expected.to, decision.to_tier),
        ("mode", expected.mode, decision.mode),
        ("step", expected.step, None if decision.step is None else decision.step + 1),
        ("at", None if expected.at is None else _instant(expected.at, zone), decision.decided_at),
        ("templates", None if expected.templates is None else tuple(expected.templates), decision.templates),
    )
    for key, wanted, got in plain:
        if wanted is not None and wanted != got:
            yield key
    if expected.template is not None and expected.template not in decision.templates:
        yield "template"
    sent = [
        command for command in decided.commands if expected.template is None or command.template == expected.template
    ]
    wishes = (
        ("variant", expected.variant, [command.variant for command in sent]),
        ("params", expected.params, [_told(command, expected.params or {}) for command in sent]),
        ("recalled", expected.recalled, [recall.reason for recall in decided.recalls]),
        ("category", expected.category, [command.category for command in sent]),
        ("channels", None if expected.channels is None else tuple(expected.channels), [c.channels for c in sent]),
        ("recipient", expected.recipient, [command.recipient for command in sent]),
    )
    for key, wish, found in wishes:
        if wish is not None and (not found or any(each != wish for each in found)):
            yield key


def _told(command: Command, names: Iterable[str]) -> dict[str, object]:
    """What a command says of these names; a name it does not have is not there."""
    return {name: command.params[name] for name in names if name in command.params}


def agree(expected: Sequence[Expectation], decided: Sequence[Decided], zone: ZoneInfo) -> bool:
    """Whether exactly the expected decisions came, in their order."""
    return len(expected) == len(decided) and all(
        matches(wish, each, zone) for wish, each in zip(expected, decided, strict=True)
    )


def align(expected: Sequence[Expectation], decided: Sequence[Decided], zone: ZoneInfo) -> list[Row]:
    """Both lists side by side, as many as possible of them together (a longest common subsequence)."""
    fits = [[matches(wish, each, zone) for each in decided] for wish in expected]
    length = [[0] * (len(decided) + 1) for _ in range(len(expected) + 1)]
    for i in range(len(expected) - 1, -1, -1):
        for j in range(len(decided) - 1, -1, -1):
            together = length[i + 1][j + 1] + 1 if fits[i][j] else 0
            length[i][j] = max(together, length[i + 1][j], length[i][j + 1])
    rows: list[Row] = []
    i = j = 0
    while i < len(expected) or j < len(decided):
        if i < len(expected) and j < len(decided) and fits[i][j] and length[i][j] == length[i + 1][j + 1] + 1:
            rows.append(Row(expected[i], decided[j]))
            i, j = i + 1, j + 1
        elif j == len(decided) or (i < len(expected) and length[i + 1][j] >= length[i][j + 1]):
            rows.append(Row(expected[i], None))
            i += 1
        else:
            rows.append(Row(None, decided[j]))
            j += 1
    return rows


def _instant(moment: datetime, zone: ZoneInfo) -> datetime:
    return local(moment, zone)
