"""The page of `koi score --report`, from a summary."""

from collections.abc import Mapping
from typing import TypeVar

from services.cli.report import Chart, Figure, Figures, Page, Section, Table, charts
from services.cli.report.blocks import Cell
from services.cli.scores.display import (
    activity_bars,
    major,
    money,
    number,
    percent,
    recency_bars,
    recency_words,
    rising_words,
    share,
)
from services.cli.scores.refusals import TOLD, Refusals
from services.cli.scores.summary import FIFTHS, Group, Summary
from services.cli.scores.words import OCTANTS, SEGMENTS, Words
from services.contracts.profile import Octant, RfSegment

TOP = 20
"""Percent of the buyers whose share of the revenue is told."""

_F = [f"F{score}" for score in FIFTHS]
_R = [f"R{score}" for score in reversed(FIFTHS)]
_Segment = TypeVar("_Segment", Octant, RfSegment)


def page(summary: Summary, refusals: Refusals | None = None) -> Page:
    """`refusals`: what was left out of the files."""
    window = "over their whole life" if summary.window_days is None else f"over {summary.window_days:,} days"
    sections = [Section("", [_figures(summary, refusals.total if refusals else 0)]), _customers(summary)]
    sections += [_segments(summary), _time(summary)]
    if summary.limits.recency:
        sections.append(_limits(summary))
    if refusals and refusals.total:
        sections.append(_left_out(refusals))
    return Page(
        title="Who your customers are now",
        subtitle=(
            f"Scores of {summary.customers:,} customers as of {summary.as_of:%Y-%m-%d %H:%M} ({summary.as_of.tzinfo}), "
            f"{window}. R: how recently they bought, F: how often, M: for how much; 1 to 5 each, and 5 is best."
        ),
        sections=sections,
        footer="Charts: Apache ECharts, Apache License 2.0.",
    )


def _figures(summary: Summary, left_out: int) -> Figures:
    buyers, best = summary.buyers, summary.super_users
    idle = summary.customers - buyers.customers
    figures = [
        Figure("customers", f"{summary.customers:,}", f"{idle:,} bought nothing in the window" if idle else ""),
        Figure("buyers", f"{buyers.customers:,}", f"{summary.orders:,} orders"),
        Figure("revenue", money(summary.net_minor, summary.currency), "net of refunds"),
        Figure(f"share of the top {TOP} %", _top_share(summary), "of the buyers' revenue"),
    ]
    if summary.super_user_above is not None:
        hint = f"{share(best.net_minor, buyers.net_minor)} of the buyers' revenue"
        figures.append(Figure("super users 超级用户", f"{best.customers:,}", hint))
    if left_out:
        figures.append(Figure("lines left out", f"{left_out:,}", "see the end of the page", "bad"))
    return Figures(figures)


def _customers(summary: Summary) -> Section:
    currency = summary.currency
    means = [
        [None if mean is None else major(mean, currency) for mean in line] for line in summary.mean_money_by_cell()
    ]
    octants = {
        f"{octant.value}  {_gist(OCTANTS[octant])}": group.customers for octant, group in summary.octants.items()
    }
    return Section(
        "Who they are",
        [
            Chart(
                "How recently and how often",
                charts.heat_map(_F, _R, summary.customers_by_cell(), name="customers"),
                note="Customers by score. Top right are the regulars; bottom right are regulars who fell silent.",
            ),
            Chart(
                f"What one customer brings, in {currency}",
                charts.heat_map(_F, _R, means, name=currency),
                note="Net money in the window, on average. What is dark near the bottom is money about to leave.",
            ),
            Chart(
                "Value segments 价值分层",
                charts.bars(octants),
                note="重要 marks those who bring the money, 一般 all others.",
            ),
            Chart(
                "Who brings the revenue",
                charts.share_curve(
                    summary.concentration.curve(), mark=TOP, mark_label=f"top {TOP} %: {_top_share(summary)}"
                ),
                note="The steeper it begins, the more depends on a few; on a straight diagonal all would bring the same.",
            ),
        ],
        "Everybody who bought in the window.",
    )


def _segments(summary: Summary) -> Section:
    ten = {
        f"{words.name} {_plain(segment)}  {words.means_zh}": summary.segments[segment].customers
        for segment, words in SEGMENTS.items()
    }
    return Section(
        "Segments, and what to do about them",
        [
            Chart(
                "The ten segments of recency and frequency",
                charts.bars(ten),
                note="By R and F alone: how warm a customer is, whatever they spend.",
                height=420,
                wide=True,
            ),
            _table("The ten segments", summary.segments, SEGMENTS, summary),
            _table("The eight value segments", summary.octants, OCTANTS, summary),
        ],
        "One campaign speaks to one segment: each has another reason to listen.",
    )


def _table(title: str, groups: Mapping[_Segment, Group], words: Mapping[_Segment, Words], summary: Summary) -> Table:
    buyers = summary.buyers
    rows: list[list[Cell]] = [
        [
            words[segment].name + (f" {_plain(segment)}" if isinstance(segment, RfSegment) else ""),
            words[segment].means_zh,
            words[segment].means,
            group.customers,
            percent(group.customers, buyers.customers),
            percent(group.net_minor, buyers.net_minor),
        ]
        for segment, group in groups.items()
    ]
    columns = ["segment", "含义", "who they are, and what helps", "customers", "% of all", "% of revenue"]
    return Table(title, columns, rows, wide=True)


def _time(summary: Summary) -> Section:
    days = recency_bars(summary.recency_days)
    return Section(
        "How warm they are",
        [
            Chart(
                "Days since the last purchase",
                charts.stacked_bars(list(days), {"customers": list(days.values())}),
                note="A second hill far to the right are customers who left without a word.",
            ),
            Chart(
                "Activity 活跃度",
                charts.bars(activity_bars(summary.activity)),
                note="Points for what people do besides buying; they fade with time. All customers, buyers or not.",
            ),
        ],
    )


def _limits(summary: Summary) -> Section:
    limits, currency = summary.limits, summary.currency
    rows: list[list[Cell]] = [
        [
            str(score),
            recency_words(limits, score),
            summary.scores["r"][score],
            rising_words(limits.frequency, limits, score, number),
            summary.scores["f"][score],
            rising_words(limits.money, limits, score, lambda value: money(value, currency)),
            summary.scores["m"][score],
        ]
        for score in reversed(FIFTHS)
    ]
    note = f"Limits: {limits.source}."
    if summary.super_user_above is not None:
        note += f" A super user brings more than {money(summary.super_user_above, currency)}."
    columns = ["score", "R: last purchase", "customers", "F: orders", "customers", "M: net money", "customers"]
    return Section("What a score means", [Table("", columns, rows, note, wide=True)])


def _left_out(refusals: Refusals) -> Section:
    reasons: list[list[Cell]] = [[reason, count] for reason, count in refusals.reasons.most_common()]
    first = [[refusal.place, refusal.detail] for refusal in refusals.first[:TOLD]]
    return Section(
        "What was left out",
        [Table("By reason", ["reason", "lines"], reasons), Table("The first of them", ["where", "why"], first)],
        "Lines of the files that could not be used; nothing above counts them.",
    )


def _top_share(summary: Summary) -> str:
    curve = summary.concentration.curve()
    return share(curve[TOP], 1) if curve else "–"


def _gist(words: Words) -> str:
    return words.means.partition(":")[0]


def _plain(segment: RfSegment) -> str:
    return segment.value.replace("_", " ")
