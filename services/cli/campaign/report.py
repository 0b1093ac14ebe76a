"""The page of `koi campaign report --report`."""

from collections.abc import Sequence
from datetime import datetime

from services.cli.campaign.results import Results, points, told
from services.cli.campaign.showing import NOT_DRAWN, counts, held_back, of, step_name
from services.cli.campaign.tally import Rate, Tally
from services.cli.deliveries.sums import COLUMNS
from services.cli.report import Chart, Figure, Figures, Page, Section, Table, charts
from services.cli.report.blocks import Cell, Tone
from services.cli.rules.forecasting.report import FOOTER
from services.cli.rules.forecasting.show import percentage
from services.contracts.calendar import from_ms

_ROW_HEIGHT = 46
_TONES: dict[str, Tone] = {"more often": "good", "less often": "bad"}
_KNOWN = "Delivered counts what a provider told; not every channel does. The goal counts for everybody it acted on, whatever arrived."


def page(name: str, tally: Tally, found: Results, until: datetime) -> Page:
    """`until` is in the business zone."""
    since = (
        "" if tally.since_ms is None else f"since {from_ms(tally.since_ms).astimezone(until.tzinfo):%Y-%m-%d %H:%M} "
    )
    sections = [Section("", [_figures(tally, found)])]
    if tally.funnel.begun:
        sections.append(_way(tally))
    if tally.begun and found.window.within_ms is not None:
        sections.append(_goal(found))
    if found.arms:
        sections.append(_variants(found))
    if tally.said:
        sections.append(_messages(tally))
    if found.remarks:
        rows: list[list[Cell]] = [[remark] for remark in found.remarks]
        sections.append(Section("Good to know", [Table("", ["note"], rows, wide=True)]))
    return Page(
        title=f"Campaign {name}",
        subtitle=f"Episodes that began {since}until {until:%Y-%m-%d %H:%M} ({until.tzinfo}); goal: {found.window}. {found.verdict}",
        sections=sections,
        footer=FOOTER,
    )


def _figures(tally: Tally, found: Results) -> Figures:
    suppressed = tally.suppressed.total()
    figures = [
        Figure("episodes", f"{len(tally.acted):,}", f"of {tally.customers['acted']:,} customers"),
        Figure("held out", f"{len(tally.held_out):,}", f"of {tally.customers['held_out']:,} customers"),
        Figure("did not begin", f"{suppressed:,}", "held back by the rules"),
        Figure("sent something", f"{tally.funnel.sent:,}", _of_all(tally.funnel.sent, tally.funnel.begun)),
    ]
    if found.lift is not None:
        low, high = points(found.lift.low), points(found.lift.high)
        hint = f"percentage points against the control group; {low} to {high} (95 %)"
        figures.append(
            Figure("goal", points(found.lift.value), hint, _TONES.get(told(found.lift), "neutral")),
        )
    return Figures(figures)


def _way(tally: Tally) -> Section:
    funnel = tally.funnel
    steps = {
        "began": funnel.begun,
        "led to a message": funnel.messaged,
        "sent": funnel.sent,
        "delivered": funnel.delivered,
        "goal reached": funnel.reached,
    }
    blocks = [
        Chart(
            "From beginning to goal",
            charts.bars(steps, colours=[charts.STONE, charts.WATER, charts.WATER, charts.WATER, charts.KOI]),
            _KNOWN,
            _height(len(steps)),
        )
    ]
    kept: dict[str, float] = {f"rules: {reason}": count for reason, count in tally.suppressed.most_common()}
    back = sorted(held_back(tally).items(), key=lambda pair: (-pair[1], pair[0]))
    kept |= {f"message {reason}": count for reason, count in back}
    if kept:
        colours = [charts.GOLD] * len(tally.suppressed) + [charts.STONE] * len(back)
        note = "Episodes that rules did not begin, and messages that were not sent, or not yet."
        blocks.append(Chart("Held back, and why", charts.bars(kept, colours=colours), note, _height(len(kept))))
    return Section("The way of an episode", blocks)


def _goal(found: Results) -> Section:
    groups = [
        ("with the campaign", found.acted, charts.WATER),
        ("control group", found.held_out, charts.STONE),
        ("sent something", found.took, charts.GOLD),
    ]
    rows: list[list[Cell]] = [[label, of(rate), percentage(rate.share), rate.open] for label, rate, _ in groups]
    rows.insert(2, ["difference", "", percentage(found.lift, signed=True), ""])
    dots, colours = _dots(groups)
    blocks: list[Chart | Table] = []
    if dots:
        blocks.append(
            Chart(
                "How often the goal was reached",
                charts.intervals(dots, colours=colours),
                height=_height(len(dots)),
                wide=True,
            )
        )
    note = f"Intervals hold at 95 %. Still open: the time for the goal is not over. {NOT_DRAWN}"
    columns = ["group", "reached", "rate", "still open"]
    return Section("Goal", [*blocks, Table("", columns, rows, note, wide=True)])


def _variants(found: Results) -> Section:
    groups = [(f"step {step_name(arm.wording)}", arm.drawn, charts.WATER) for arm in found.arms]
    dots, colours = _dots(groups)
    blocks: list[Chart | Table] = []
    if dots:
        blocks.append(
            Chart(
                "Goal, by variant drawn", charts.intervals(dots, colours=colours), height=_height(len(dots)), wide=True
            )
        )
    rows: list[list[Cell]] = [
        [
            step_name(arm.wording),
            arm.wording.template,
            of(arm.drawn),
            percentage(arm.drawn.share),
            of(arm.took),
            percentage(arm.took.share),
        ]
        for arm in found.arms
    ]
    columns = ["step", "template", "drawn", "rate", "sent", "rate"]
    blocks.append(Table("", columns, rows, "Reached of those drawn, and of those that it was sent to.", wide=True))
    pairs: list[list[Cell]] = [
        [step_name(pair.one), step_name(pair.other), percentage(pair.lift, signed=True), told(pair.lift)]
        for pair in found.pairs
    ]
    if pairs:
        heads = ["variant", "against", "difference, of those drawn", "goal reached"]
        blocks.append(Table("Against each other", heads, pairs, wide=True))
    return Section("Variants", blocks)


def _messages(tally: Tally) -> Section:
    rows: list[list[Cell]] = [
        [step_name(wording), wording.template, *counts(said)] for wording, said in tally.wordings().items()
    ]
    heads = ["step", "template", "messages", *(s.value for s in COLUMNS), "delivered", "bounced", "unsubscribed"]
    return Section("Messages", [Table("", heads, rows, wide=True)])


def _dots(
    groups: Sequence[tuple[str, Rate, str]],
) -> tuple[dict[str, tuple[float, float, float]], list[str]]:
    """Percentages for `charts.intervals`, and the colour of each."""
    shares = [(label, rate.share, colour) for label, rate, colour in groups]
    known = [(label, share, colour) for label, share, colour in shares if share is not None]
    dots = {
        label: (round(share.value * 100, 1), round(share.low * 100, 2), round(share.high * 100, 2))
        for label, share, _ in known
    }
    return dots, [colour for *_, colour in known]


def _of_all(part: int, whole: int) -> str:
    return f"{part / whole * 100:.0f} % of the episodes" if whole else ""


def _height(rows: int) -> int:
    return 90 + _ROW_HEIGHT * rows
