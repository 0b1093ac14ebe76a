"""The ledger on the terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from services.cli.deliveries.document import counted
from services.cli.deliveries.ledger import Line, Stage, Standing
from services.cli.deliveries.sums import Sums
from services.cli.deliveries.words import REASONS, STANDINGS, Words
from services.contracts.receipt import DeliveryOutcome, Reason

_STYLES = {
    Standing.SENT: "green",
    Standing.SUPPRESSED: "yellow",
    Standing.FAILED: "red",
    Standing.DEFERRED: "cyan",
    Standing.PENDING: "dim",
}
_CUSTOMER = 18
_BAD = frozenset({DeliveryOutcome.BOUNCED, DeliveryOutcome.UNSUBSCRIBED})


def table(lines: Iterable[Line], words: Words) -> Table:
    """A line for each command, to fit 80 columns: what it says below what it is."""
    shown = Table("when", "customer", "message", "what became of it", box=None, pad_edge=False, header_style="bold")
    shown.columns[0].no_wrap = True
    for column in shown.columns[1:]:
        column.overflow = "fold"
    shown.columns[1].max_width = _CUSTOMER
    for line in lines:
        about = line.subject
        message = Text(about.name).append(f" {_step(line)}\n", "dim").append(about.template)
        became = Text(words.line(line), _style(line))
        if why := words.why(line):
            became.append(f"\n{why}", "dim")
        shown.add_row(words.short(line.at_ms), Text(line.customer_id), message, became)
    return shown


def wide_table(lines: Iterable[Line], words: Words) -> Table:
    """Everything in a column of its own, for a wide terminal or a file."""
    names = ("when", "customer", "rule", "step", "template", "channel", "outcome", "reason", "until", "news", "detail")
    shown = Table(*names, box=None, pad_edge=False, header_style="bold")
    for column in shown.columns:
        column.no_wrap = True
    for line in lines:
        about, last = line.subject, line.last
        until = "" if last is None or last.until_ms < 0 else words.clock(last.until_ms, last.at_ms)
        news = ", ".join(f"{kind.value} {words.clock(stage.at_ms, line.at_ms)}" for kind, stage in line.news.items())
        cells = (
            words.at(line.at_ms),
            line.customer_id,
            about.name,
            _step(line).removeprefix("step "),
            about.template,
            line.channel,
        )
        reason = "" if line.reason is Reason.NONE else line.reason.value
        shown.add_row(
            *map(escape, cells), Text(line.standing.value, _style(line)), reason, until, news, escape(words.why(line))
        )
    return shown


def histories(lines: Sequence[Line], words: Words) -> RenderableType:
    """Of each command all that became of it, as for one customer."""
    shown: list[RenderableType] = []
    for line in lines:
        about = line.subject
        head = Text.assemble(
            (f"{words.at(about.decided_ms)} {about.name}", "bold"), f" {_step(line)} · {about.template}"
        )
        stages = Table.grid(padding=(0, 1))
        for stage in line.history:
            said = Text(words.stage(stage), _stage_style(stage))
            if detail := words.detail(stage):
                said.append(f"  {detail}", "dim")
            stages.add_row("  ", words.clock(stage.at_ms, about.decided_ms), said)
        if line.standing is Standing.PENDING:
            stages.add_row("  ", "", Text(f"{words.line(line)}: {words.why(line)}", _style(line)))
        shown += [head, stages]
    return Group(*shown)


def summary(sums: Sums, *, chosen: bool) -> RenderableType:
    """Counts by outcome and reason, the equation, and what should be known of it. `chosen`: not all commands are counted."""
    counts = Table("outcome", "reason", "commands", "meaning", box=None, pad_edge=False, header_style="bold")
    counts.columns[2].justify = "right"
    for outcome, reason, count in counted(sums):
        standing = Standing(outcome)
        meaning = REASONS[Reason(reason)] if reason else STANDINGS[standing]
        counts.add_row(Text(outcome, _STYLES[standing]), reason, f"{count:,}", meaning)
    for kind, count in sorted(sums.news.items()):
        counts.add_row(Text(kind.value, "red" if kind in _BAD else "green"), "", f"{count:,}", "the provider says so")
    shown: list[RenderableType] = [Text(), counts, Text()]
    if chosen:
        shown.append(Text(f"{sums.chosen.total():,} of {sums.commands:,} fit what was asked for", "dim"))
    shown.append(Text(sums.equation, "bold" if sums.whole else "bold red"))
    shown += [Text(f"note: {remark}", "yellow" if not sums.whole else "dim") for remark in sums.remarks]
    return Group(*shown)


def _step(line: Line) -> str:
    variant = f"/{line.subject.variant}" if line.subject.variant else ""
    return f"step {line.subject.step + 1}{variant}"


def _style(line: Line) -> str:
    return "red" if not _BAD.isdisjoint(line.news) else _STYLES[line.standing]


def _stage_style(stage: Stage) -> str:
    if stage.outcome in _BAD:
        return "red"
    return "green" if stage.outcome is DeliveryOutcome.DELIVERED else _STYLES[Standing(stage.outcome.value)]
