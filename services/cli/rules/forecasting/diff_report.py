"""The page of `koi rules diff --report`, from a difference."""

from collections import Counter
from datetime import date

from services.cli.report import Chart, Figure, Figures, Page, Section, Table, charts
from services.cli.report.blocks import Cell, Tone
from services.cli.rules.forecasting.caps import worded
from services.cli.rules.forecasting.diff import NEW, OLD, Difference, Fate, RuleDifference
from services.cli.rules.forecasting.diff_show import arrow
from services.cli.rules.forecasting.forecast import Forecast
from services.cli.rules.forecasting.report import FOOTER, days_of, left_out
from services.cli.rules.forecasting.simulate import Simulated

_ROW_HEIGHT = 34


def page(simulated: Simulated, difference: Difference, old: str, new: str) -> Page:
    """`old` and `new`: where the rules come from."""
    since = simulated.day(difference.forecasts[NEW].span.since or simulated.first)
    sections = [Section("", [_figures(difference)]), _rules(difference)]
    sections += [_ladder(rule) for rule in difference.rules if rule.moved]
    if any(rule.examples for rule in difference.rules):
        sections.append(_examples(difference))
    if simulated.refusals.total:
        sections.append(left_out(simulated.refusals))
    return Page(
        title="What the new rules would have done otherwise",
        subtitle=(
            f"{old} → {new}, both replayed over {simulated.events:,} past events; counted from {since} to "
            f"{simulated.day(simulated.until)} ({simulated.zone.key})."
        ),
        sections=sections,
        footer=FOOTER,
    )


def _figures(difference: Difference) -> Figures:
    old, new = difference.messages
    capped = [forecast.capped for forecast in difference.forecasts]
    fates = Counter(rule.fate for rule in difference.rules)
    moved = sum(sum(rule.moved.values()) for rule in difference.rules)
    worse: Tone = "bad" if capped[NEW].total > capped[OLD].total else "neutral"
    changes = ", ".join(f"{fates[fate]} {fate}" for fate in (Fate.ADDED, Fate.REMOVED, Fate.CHANGED) if fates[fate])
    return Figures(
        [
            Figure("messages", _signed(new - old), f"{old:,} before, {new:,} now"),
            Figure("customers with more", f"{difference.more:,}", "messages than before"),
            Figure("customers with fewer", f"{difference.fewer:,}", "messages than before"),
            Figure("in another tier", f"{moved:,}", "in the end, over all ladders"),
            Figure(
                "beyond the limits",
                _signed(capped[NEW].total - capped[OLD].total),
                f"{capped[OLD].total:,} before, {capped[NEW].total:,} now; {worded(capped[NEW].limits)}",
                worse,
            ),
            Figure("rules", f"{len(difference.rules):,}", changes or "none differs"),
        ]
    )


def _rules(difference: Difference) -> Section:
    rows: list[list[Cell]] = [
        [
            rule.name,
            rule.kind,
            rule.fate.value,
            arrow(rule.messages),
            arrow(rule.fired) if rule.kind == "campaign" else "–",
            arrow(rule.suppressed) if rule.kind == "campaign" else "–",
            rule.more,
            rule.fewer,
        ]
        for rule in difference.rules
        if rule.fate is not Fate.SAME or not rule.quiet
    ]
    same = [rule.name for rule in difference.rules if rule.fate is Fate.SAME and rule.quiet]
    note = f"Nothing is otherwise with {', '.join(same)}." if same else ""
    columns = ["rule", "kind", "is", "messages", "fired", "suppressed", "get more", "get fewer"]
    blocks: list[Chart | Table] = [Table("By rule", columns, rows, note, wide=True)]
    louder = [rule for rule in difference.rules if rule.messages[OLD] != rule.messages[NEW]]
    if louder:
        names = [rule.name for rule in louder]
        option = charts.pairs(
            names, {"old": [r.messages[OLD] for r in louder], "new": [r.messages[NEW] for r in louder]}
        )
        blocks.append(
            Chart("Messages by rule, where they differ", option, height=90 + 2 * _ROW_HEIGHT * len(louder), wide=True)
        )
    days = sorted({*difference.forecasts[OLD].days, *difference.forecasts[NEW].days})
    if days and any(difference.messages):
        every = [date.fromordinal(day) for day in range(days[0].toordinal(), days[-1].toordinal() + 1)]
        totals = {name: _by_day(forecast) for name, forecast in zip(("old", "new"), difference.forecasts, strict=True)}
        slots, series = days_of(totals, every)
        blocks.append(
            Chart("Messages over time", charts.lines(slots, {name: series[name] for name in ("old", "new")}), wide=True)
        )
    return Section("Rules", blocks)


def _signed(number: int) -> str:
    return f"{number:+,}" if number else "0"


def _by_day(forecast: Forecast) -> Counter[date]:
    found: Counter[date] = Counter()
    for days in forecast.message_days.values():
        found.update(days)
    return found


def _ladder(rule: RuleDifference) -> Section:
    tiers = list(dict.fromkeys([*rule.population[NEW], *rule.population[OLD]]))[::-1]
    rows: list[list[Cell]] = [[old, new, count] for (old, new), count in rule.moved.items()]
    populations = {
        name: [rule.population[side].get(tier, 0) for tier in tiers] for side, name in ((OLD, "old"), (NEW, "new"))
    }
    height = 110 + 2 * _ROW_HEIGHT * len(tiers)
    return Section(
        f"Ladder {rule.name}",
        [
            Chart(
                "In another tier in the end",
                charts.sankey(list(rule.population[OLD])[::-1], list(rule.population[NEW])[::-1], rule.moved),
                "Left by the old rules, right by the new; whoever is in the same tier is left out.",
                max(height, 280),
                numbers=Table("", ["old", "new", "customers"], rows),
            ),
            Chart("Customers by tier in the end", charts.pairs(tiers, populations), height=max(height, 280)),
        ],
    )


def _examples(difference: Difference) -> Section:
    rows: list[list[Cell]] = [
        [rule.name, example.customer_id, example.what, example.old, example.new]
        for rule in difference.rules
        for example in rule.examples
    ]
    columns = ["rule", "customer", "what", "old", "new"]
    return Section(
        "For example", [Table("", columns, rows, wide=True)], "The decision of each side that made the difference."
    )
