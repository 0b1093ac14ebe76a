"""The report of a campaign on the terminal."""

from collections.abc import Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from services.cli.campaign.results import Results, told
from services.cli.campaign.tally import UNKNOWN_STEP, Rate, Said, Tally, Wording
from services.cli.deliveries.ledger import Standing
from services.cli.deliveries.sums import COLUMNS
from services.cli.rules.forecasting.show import percentage, plain_table, reasons, under
from services.cli.terminal import many
from services.contracts.receipt import DeliveryOutcome

NOT_DRAWN = (
    "Who was sent something was not drawn by lot: they can be reached, have consented and were awake. Only the lines above "
    "it, by intention to treat, say what the campaign does."
)
_SIGNS = {"more often": "green", "less often": "red"}


def picture(name: str, tally: Tally, found: Results, until: datetime) -> RenderableType:
    """Everything, for a person. `until` is in the business zone."""
    parts: list[RenderableType] = [Text(headline(name, tally, until))]
    if tally.said:
        parts.append(_messages(tally))
    if tally.begun and found.window.within_ms is not None:
        parts += _goal(found)
        if found.arms:
            parts.append(_arms(found))
        if found.pairs:
            parts.append(_pairs(found))
    parts.append(Text(f"\n{found.verdict}", f"bold {_SIGNS.get(told(found.lift), '')}".strip()))
    parts += [Text(f"note: {remark}", "dim") for remark in found.remarks]
    return Group(*parts)


def headline(name: str, tally: Tally, until: datetime) -> str:
    """A few sentences."""
    funnel, people = tally.funnel, tally.customers
    acted = f"{many(len(tally.acted), 'episode')} of {many(people['acted'], 'customer')} began"
    held_out = f"{len(tally.held_out):,} of {people['held_out']:,} held out"
    lines = [f"{name}, until {until:%Y-%m-%d %H:%M} ({until.tzinfo}): {acted}, {held_out}"]
    if tally.suppressed:
        lines.append(f"{tally.suppressed.total():,} did not begin: {reasons(tally.suppressed)}")
    if tally.ended:
        lines.append(f"{tally.ended.total():,} ended early: {reasons(tally.ended)}")
    if tally.left_out:
        steps = ", ".join(f"step {step + 1} {count:,}" for step, count in sorted(tally.left_out.items()))
        lines.append(f"{many(tally.left_out.total(), 'message')} left out by the when of their step: {steps}")
    lines.append(
        f"of those that began {funnel.messaged:,} led to a message, {funnel.sent:,} were sent one, {funnel.delivered:,} are "
        f"known to have got it, {funnel.reached:,} reached the goal"
    )
    if held := held_back(tally):
        lines.append(f"messages not sent: {reasons(held)}")
    return "\n".join(lines)


def held_back(tally: Tally) -> dict[str, int]:
    """Messages that were not sent, or not yet, by where they are and why."""
    return {
        standing.value if standing is Standing.PENDING else f"{standing.value} {reason.value}": count
        for (standing, reason), count in tally.standings.items()
        if standing is not Standing.SENT
    }


def step_name(wording: Wording) -> str:
    """`2/coupon`; a question mark for a step that is not known."""
    if wording.step == UNKNOWN_STEP:
        return "?"
    return f"{wording.step + 1}/{wording.variant}" if wording.variant else str(wording.step + 1)


def counts(said: Said) -> Iterator[int]:
    """Commands, then by `COLUMNS`, then what providers told."""
    yield said.commands
    yield from (said.at(standing) for standing in COLUMNS)
    yield from (said.news[kind] for kind in (DeliveryOutcome.DELIVERED, DeliveryOutcome.BOUNCED))
    yield said.news[DeliveryOutcome.UNSUBSCRIBED]


def of(rate: Rate) -> str:
    """`12 of 340`."""
    return f"{rate.reached:,} of {rate.decided:,}" if rate.decided else "–"


def _messages(tally: Tally) -> RenderableType:
    heads = ("messages", *(standing.value for standing in COLUMNS), "delivered", "bounced", "unsubscribed")
    wordings = tally.wordings()
    rows = {wording: list(counts(said)) for wording, said in wordings.items()}
    # a terminal may be narrow: there are no columns for what never happened
    used = [at for at in range(len(heads)) if any(row[at] for row in rows.values())]
    table = plain_table("step", "template", *(heads[at] for at in used), left=(0, 1))
    table.pad_edge = False
    for column in table.columns[2:]:
        column.no_wrap = True
    for wording, row in rows.items():
        cells = (f"{row[at]:,}" if row[at] else "·" for at in used)
        table.add_row(escape(step_name(wording)), escape(wording.template), *cells)
    return under("Messages", table)


def _goal(found: Results) -> list[RenderableType]:
    table = plain_table("", "reached", "rate (95 %)", "still open", left=(0,))

    def add(label: str, rate: Rate) -> None:
        table.add_row(label, of(rate), percentage(rate.share), f"{rate.open:,}")

    add("with the campaign", found.acted)
    add("control group", found.held_out)
    table.add_row("difference", "", percentage(found.lift, signed=True), "")
    add("sent something", found.took)
    return [under(f"Goal: {found.window}", table), Text(NOT_DRAWN, "dim")]


def _arms(found: Results) -> RenderableType:
    table = plain_table("step", "template", "drawn", "rate (95 %)", "sent", "rate (95 %)", left=(0, 1))
    for wording, drawn, took in found.arms:
        table.add_row(
            escape(step_name(wording)),
            escape(wording.template),
            of(drawn),
            percentage(drawn.share),
            of(took),
            percentage(took.share),
        )
    return under("Variants", table)


def _pairs(found: Results) -> RenderableType:
    table = plain_table("variant", "against", "difference, of those drawn", "goal reached", left=(0, 1, 3))
    for one, other, lift in found.pairs:
        table.add_row(escape(step_name(one)), escape(step_name(other)), percentage(lift, signed=True), told(lift))
    return under("Variants against each other", table)
