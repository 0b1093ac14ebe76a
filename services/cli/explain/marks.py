"""Conditions as branches: a mark, the condition, what it sees, and when time alone changes it."""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.text import Text
from rich.tree import Tree

from services.cli.explain.phrases import Phrases
from services.contracts.decision import Verdict
from services.rules.story.findings import Finding

_WIDEST = 40
_LONGEST = 76
_BLOCKS = ("any: [", "not: [")


def add_findings(tree: Tree, findings: Sequence[Finding], phrases: Phrases, *, parts: bool = True) -> None:
    """A branch for each. `parts` shows what blocks are made of, even of those that hold."""
    shown = [bool(finding.parts) and (parts or not finding.holds) for finding in findings]
    labels = [_label(finding) if opened else finding.text for finding, opened in zip(findings, shown, strict=True)]
    width = _width(labels)
    for finding, label, opened in zip(findings, labels, shown, strict=True):
        seen = "" if finding.parts else phrases.values(finding.actual)
        branch = _add(tree, finding.holds, label, width, seen, flip=_flip(finding, phrases))
        if opened:
            add_findings(branch, finding.parts, phrases, parts=parts)


def add_verdicts(tree: Tree, verdicts: Sequence[Verdict], phrases: Phrases) -> None:
    """The same for the conditions of a decision, with what they saw then."""
    width = _width(verdict.condition for verdict in verdicts)
    for verdict in verdicts:
        _add(tree, verdict.holds, verdict.condition, width, phrases.values(verdict.actual))


def _add(tree: Tree, holds: bool, label: str, width: int, seen: str, *, flip: str = "") -> Tree:
    """Values that are too long to stand behind the condition stand below it."""
    line = Text().append(*(("✓ ", "green") if holds else ("✗ ", "red"))).append(label)
    fits = max(width, cell_len(label)) + cell_len(seen) <= _LONGEST
    if seen and fits:
        line.append(f"{' ' * max(0, width - cell_len(label))}  {seen}", "dim")
    branch = tree.add(line.append(flip, "cyan"))
    if seen and not fits:
        branch.add(Text(seen, "dim"))
    return branch


def _label(finding: Finding) -> str:
    """A block whose parts stand below is its word."""
    return finding.text[:4] if finding.text.startswith(_BLOCKS) else finding.text


def _width(labels: Iterable[str]) -> int:
    return max((width for label in labels if (width := cell_len(label)) <= _WIDEST), default=0)


def _flip(finding: Finding, phrases: Phrases) -> str:
    if finding.flip_ms is None:
        return ""
    at = phrases.at(finding.flip_ms)
    if finding.pulse:
        return f"  next {at}"
    return f"  until {at}" if finding.holds else f"  from {at}"
