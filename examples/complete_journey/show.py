"""What the terminal shows at the end."""

from collections.abc import Iterable, Mapping

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from examples.complete_journey.outcome import Outcome
from examples.complete_journey.stories import Story, actual
from examples.complete_journey.words import OCTANTS, STAGES, fates, money, percent, spoken
from services.contracts import decision

_BAR = 24
_MARKS = {
    decision.Outcome.PROMOTED: "[green]▲[/]",
    decision.Outcome.DEMOTED: "[red]▼[/]",
    decision.Outcome.FIRED: "[cyan]✉[/]",
    decision.Outcome.CONTINUED: "[cyan]✉[/]",
    decision.Outcome.REACHED: "[green]✓[/]",
    decision.Outcome.ENDED: "[yellow]■[/]",
    decision.Outcome.SUPPRESSED: "[yellow]∅[/]",
}


def show(outcome: Outcome, console: Console) -> None:
    summary = outcome.summary
    console.print()
    for ladder, tiers in summary.tiers.items():
        console.print(_bars(f"Customers per tier: {ladder}", reversed(tiers.items())))
    console.print(
        _bars(
            "Customers per octant", ((f"{o.value}  {means}", summary.octants[o.value]) for o, means in OCTANTS.items())
        )
    )
    console.print(_jumps(outcome))
    console.print(_messages(outcome))
    console.print("[bold]Five customers, and why[/]")
    for story in outcome.stories:
        console.print(_story(story))
    console.print(Columns([_run(outcome), _against(outcome)], padding=(0, 4)))
    _verdict(outcome, console)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="dim", pad_edge=False)
    for at, column in enumerate(columns):
        table.add_column(column, justify="left" if at == 0 else "right")
    return table


def _bars(title: str, values: Iterable[tuple[str, int]]) -> Table:
    rows = list(values)
    most = max((count for _, count in rows), default=0) or 1
    table = _table(title, "", "", "")
    table.show_header = False
    table.columns[2].justify = "left"
    for name, count in rows:
        table.add_row(escape(name), f"{count:,}", Text("█" * round(count / most * _BAR), style="cyan"))
    return table


def _jumps(outcome: Outcome) -> Table:
    jumps = outcome.summary.jumps
    table = _table("Moves between tiers", "month", "promotions", "demotions")
    for month, moves in jumps.by_month.items():
        table.add_row(month, f"{moves['promoted']:,}", f"{moves['demoted']:,}")
    table.add_row("all", f"{jumps.promoted:,}", f"{jumps.demoted:,}", style="bold")
    return table


def _messages(outcome: Outcome) -> Columns:
    told = outcome.summary.notifications
    asked = "all that rules asked for"
    return Columns(
        [
            _counts("Messages", {**fates(told), asked: told.commands}, total=asked),
            _counts("Sent, by rule", told.sent_by_rule),
            _counts("Not asked for", {spoken(reason): count for reason, count in told.silences.items()}),
        ],
        padding=(0, 4),
    )


def _counts(title: str, counts: Mapping[str, int], *, total: str = "") -> Table:
    table = _table(title, "", "")
    table.show_header = False
    for name, count in counts.items():
        table.add_row(escape(name), f"{count:,}", style="bold" if name == total else None)
    return table


def _story(story: Story) -> Panel:
    lines: list[RenderableType] = [Text(story.facts, style="dim")]
    for step in story.steps:
        lines.append(Text.from_markup(f"{step.at:%Y-%m-%d} {_MARKS[step.outcome]} {escape(step.what)}"))
        lines += [
            Text(f"           {'✓' if verdict.holds else '✗'} {verdict.condition}  ({actual(verdict)})", style="dim")
            for verdict in step.verdicts
        ]
        lines += [Text(f"           → {message}") for message in step.messages]
        if step.answer:
            lines.append(Text(f"           ✓ {step.answer}", style="green"))
    if story.left_out:
        lines.append(Text(f"… and {story.left_out:,} more between the first and these", style="dim"))
    title = f"[bold]household {escape(story.customer_id)}[/] · {story.theme}"
    return Panel(Group(*lines), title=title, title_align="left", border_style="dim")


def _run(outcome: Outcome) -> Table:
    measured = outcome.measured
    table = _table("Throughput", "", "")
    table.show_header = False
    table.add_row("events published", f"{outcome.summary.events_in:,}")
    for topic, count in measured.records.items():
        table.add_row(STAGES.get(topic, topic), f"{count:,}")
    table.add_row("events a second, end to end", f"{measured.events_per_second:,}")
    table.add_row(
        "publishing, then catching up", f"{measured.replay_seconds:.1f} s + {measured.catch_up_seconds:.1f} s"
    )
    for service, count in measured.restarts.items():
        table.add_row(f"restarts of {service}", f"{count:,}")
    if measured.repeated_attempts:
        table.add_row("repeats recognised by the receiver", f"{measured.repeated_attempts:,}")
    return table


def _against(outcome: Outcome) -> Table:
    summary, expected = outcome.summary, outcome.expected
    table = _table("Against the files", "", "pond", "must be")
    table.add_row("events", f"{summary.events_in:,}", f"{expected.events_in:,}")
    table.add_row("customers", f"{summary.customers:,}", f"{expected.customers:,}")
    table.add_row("orders counted", f"{summary.orders_counted:,}", f"{expected.orders_counted:,}")
    table.add_row("baskets worth nothing, not counted", "", f"{expected.orders_worthless:,}")
    table.add_row(
        "net revenue", money(summary.net_minor, summary.currency), money(expected.net_minor, summary.currency)
    )
    table.add_row("share of the top 20 %", percent(summary.top20_share), percent(expected.top20_share))
    table.add_row("rejected", f"{summary.events_rejected:,}", "0")
    for what, (got, want) in summary.promises().items():
        table.add_row(what, f"{got:,}", f"{want:,}")
    return table


def _verdict(outcome: Outcome, console: Console) -> None:
    for complaint in outcome.complaints:
        console.print(f"[red]✗[/] {escape(complaint)}")
    if not outcome.complaints:
        console.print(
            "[green]✓[/] every count equals the files, every message has its end, nobody was sent anything twice or at night, "
            f"{outcome.measured.seconds:.0f} s in all"
        )
