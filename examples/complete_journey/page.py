"""The demo's HTML report, put together from the blocks of `services.cli.report`."""

from collections.abc import Sequence
from datetime import date

from examples.complete_journey.outcome import Outcome
from examples.complete_journey.stories import Step, Story, actual
from examples.complete_journey.summary import Jumps
from examples.complete_journey.words import AT_ONCE, LATER, OCTANTS, STAGES, fates, money, percent, spoken
from services.cli.report import Chart, Check, Figure, Figures, Page, Section, Stories, StoryStep, Table, charts
from services.cli.report import Story as Card
from services.cli.report.blocks import Tone
from services.contracts import decision

_FIFTHS = range(1, 6)
_SENT = {AT_ONCE: charts.WATER, LATER: charts.DEEP}
_TONES: dict[decision.Outcome, Tone] = {
    decision.Outcome.PROMOTED: "good",
    decision.Outcome.DEMOTED: "bad",
    decision.Outcome.FIRED: "good",
    decision.Outcome.CONTINUED: "good",
    decision.Outcome.REACHED: "good",
    decision.Outcome.ENDED: "neutral",
    decision.Outcome.SUPPRESSED: "neutral",
}


def page(outcome: Outcome) -> Page:
    summary = outcome.summary
    return Page(
        title="A year in the pond",
        subtitle=(
            f"The Complete Journey 2017: {summary.customers:,} households of a US grocer, {summary.events_in:,} events, "
            "scored, moved between tiers and written to as if each day had just passed."
        ),
        sections=[
            Section("", [_figures(outcome)]),
            _customers(outcome),
            _movement(outcome),
            _messages(outcome),
            Section(
                "Five customers, and why",
                [Stories([_card(story) for story in outcome.stories])],
                "Every decision carries each of its conditions, the values they saw, and whether they held.",
            ),
            _run(outcome),
        ],
        footer="Data: The Complete Journey by 84.51°, CC0. Charts: Apache ECharts, Apache License 2.0. Times are UTC.",
    )


def _figures(outcome: Outcome) -> Figures:
    summary, complaints = outcome.summary, outcome.complaints
    return Figures(
        [
            Figure("customers", f"{summary.customers:,}", f"{summary.orders_counted:,} orders counted"),
            Figure("revenue", f"{summary.net_minor / 100 / 1e6:,.2f} M {summary.currency}", "net of discounts"),
            Figure("share of the top 20 %", percent(summary.top20_share), "of all revenue"),
            Figure(
                "moves between tiers",
                f"{summary.jumps.promoted + summary.jumps.demoted:,}",
                f"{summary.jumps.promoted:,} up, {summary.jumps.demoted:,} down",
            ),
            Figure(
                "messages sent",
                f"{summary.notifications.sent:,}",
                f"of {summary.notifications.commands:,}; {summary.duplicate_sends:,} sent twice",
                "bad" if summary.duplicate_sends else "neutral",
            ),
            Figure(
                "against the files",
                "equal" if not complaints else f"{len(complaints)} differ",
                "counted a second way" if not complaints else "; ".join(complaints),
                "bad" if complaints else "good",
            ),
        ]
    )


def _customers(outcome: Outcome) -> Section:
    summary = outcome.summary
    octants = {f"{octant.value}  {means}": summary.octants[octant.value] for octant, means in OCTANTS.items()}
    ladders = [
        Chart(
            f"Customers per tier: {ladder}",
            # the highest tier on top, as on a ladder
            charts.bars(dict(reversed(tiers.items())), colours=_shades(len(tiers))),
            height=60 + 44 * len(tiers),
        )
        for ladder, tiers in summary.tiers.items()
    ]
    return Section(
        "Who they are now",
        [
            *ladders,
            Chart(
                "Value segments (RFM octants)",
                charts.bars(octants),
                note="R↑ bought recently, F↑ often, M↑ for much. 重要 marks those who bring the money.",
            ),
            Chart(
                "Recency and frequency",
                charts.heat_map(
                    [f"F{score}" for score in _FIFTHS],
                    [f"R{score}" for score in reversed(_FIFTHS)],
                    summary.recency_frequency,
                    name="customers",
                ),
                note="Customers by score, 5 is best: top right are the regulars, bottom right are regulars who fell silent.",
            ),
            Chart(
                "Who brings the revenue",
                charts.share_curve(
                    summary.revenue_curve,
                    mark=20,
                    mark_label=f"top 20 %: {percent(summary.top20_share)}",
                ),
                note="Cumulative share of net revenue; a straight diagonal would mean everybody brings the same.",
            ),
        ],
    )


def _movement(outcome: Outcome) -> Section:
    jumps = outcome.summary.jumps
    months = _months(jumps)
    promoted = [jumps.by_month.get(month, {}).get("promoted", 0) for month in months]
    demoted = [jumps.by_month.get(month, {}).get("demoted", 0) for month in months]
    return Section(
        "How they moved",
        [
            Chart(
                "Promotions and demotions by month",
                charts.up_and_down(months, {"promotions": promoted}, {"demotions": demoted}),
                wide=True,
                height=300,
                numbers=Table(
                    "", ["month", "promotions", "demotions"], list(zip(months, promoted, demoted, strict=True))
                ),
            )
        ],
        "Tiers are left as they are entered: by rule, in both directions.",
    )


def _months(jumps: Jumps) -> list[str]:
    """Every month from the first jump to the last, quiet ones included."""
    if not jumps.by_month:
        return []
    first, last = (date.fromisoformat(f"{month}-01") for month in (min(jumps.by_month), max(jumps.by_month)))
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [f"{first.year + at // 12}-{at % 12 + 1:02}" for at in range(first.month - 1, first.month - 1 + count)]


def _messages(outcome: Outcome) -> Section:
    told = outcome.summary.notifications
    fate = fates(told)
    silences = {spoken(reason): count for reason, count in told.silences.items()}
    put_off = ", ".join(f"{count:,} ({spoken(reason)})" for reason, count in told.deferred.items()) or "none"
    by_rule: list[list[str | int]] = [[rule, count] for rule, count in told.sent_by_rule.items()]
    return Section(
        "What they were told, and what not",
        [
            Chart(
                "Messages by outcome and reason",
                charts.bars(fate, colours=[_SENT.get(name, charts.GOLD) for name in fate]),
                height=60 + 40 * len(fate),
                note=f"All {told.commands:,} that rules asked for, each with one end. Put off at first: {put_off}.",
            ),
            Chart(
                "When rules kept silent, and why",
                charts.bars(silences, colours=[charts.STONE]),
                height=60 + 40 * len(silences),
                note="A rule was due, and asked for no message.",
            ),
            Table("Sent, by rule", ["rule", "messages"], by_rule),
        ],
    )


def _run(outcome: Outcome) -> Section:
    measured = outcome.measured
    rows = [
        ["events published", f"{outcome.summary.events_in:,}"],
        *([STAGES.get(topic, topic), f"{count:,}"] for topic, count in measured.records.items()),
        ["publishing the year", f"{measured.replay_seconds:.1f} s"],
        ["catching up after it", f"{measured.catch_up_seconds:.1f} s"],
        ["events per second, end to end", f"{measured.events_per_second:,}"],
        ["whole demo", f"{measured.seconds:.1f} s"],
        ["attempts recognised as repeats", f"{measured.repeated_attempts:,}"],
        ["restarts", ", ".join(f"{name} {count}×" for name, count in measured.restarts.items()) or "none"],
    ]
    expected, summary = outcome.expected, outcome.summary
    checks = [
        ["events", f"{summary.events_in:,}", f"{expected.events_in:,}"],
        ["customers", f"{summary.customers:,}", f"{expected.customers:,}"],
        ["orders counted", f"{summary.orders_counted:,}", f"{expected.orders_counted:,}"],
        ["baskets worth nothing, not counted", "", f"{expected.orders_worthless:,}"],
        ["net revenue", money(summary.net_minor, summary.currency), money(expected.net_minor, summary.currency)],
        ["share of the top 20 %", percent(summary.top20_share), percent(expected.top20_share)],
        ["rejected events", f"{summary.events_rejected:,}", "0"],
        *([what, f"{got:,}", f"{want:,}"] for what, (got, want) in summary.promises().items()),
    ]
    return Section(
        "The run itself",
        [
            Table("Throughput", ["", "this run"], rows),
            Table("Against the files", ["", "the pond", "must be"], checks),
        ],
    )


def _shades(count: int) -> Sequence[str]:
    """From the colour of the top tier down to the bottom's."""
    return (charts.KOI, charts.GOLD, charts.WATER, charts.STONE)[max(0, 4 - count) :]


def _card(story: Story) -> Card:
    return Card(
        title=f"Household {story.customer_id}",
        badge=story.theme,
        facts=story.facts,
        steps=[_step(step) for step in story.steps],
        more=f"… and {story.left_out:,} more decisions between the first and these" if story.left_out else "",
    )


def _step(step: Step) -> StoryStep:
    return StoryStep(
        when=f"{step.at:%Y-%m-%d}",
        what=step.what,
        tone=_TONES[step.outcome],
        checks=[Check(verdict.condition, actual(verdict), verdict.holds) for verdict in step.verdicts],
        results=[*step.messages, *([f"✓ {step.answer}"] if step.answer else [])],
    )
