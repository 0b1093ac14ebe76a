"""The page of `koi rules simulate --report`, from a forecast."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from services.cli.report import Chart, Figure, Figures, Page, Section, Table, charts
from services.cli.report.blocks import Cell
from services.cli.rules.forecasting.caps import worded
from services.cli.rules.forecasting.forecast import Forecast
from services.cli.rules.forecasting.show import CHANCE, demoted, percentage, promoted, reasons, titled
from services.cli.rules.forecasting.simulate import Simulated
from services.cli.scores.refusals import TOLD, Refusals
from services.contracts.decision import Mode, Outcome

FOOTER = "Charts: Apache ECharts, Apache License 2.0."
_MOST_DAYS = 200
"""Bars of one chart; more of them are drawn by the week."""
_MOST_RULES = 7
_MOST_ROWS = 20
_WEEK = 7
_ROW_HEIGHT = 34
_OTHERS = "all others"


def page(simulated: Simulated, rules: str) -> Page:
    """`rules`: where the rules come from."""
    forecast = simulated.forecasts[0]
    since = simulated.day(forecast.span.since or simulated.first)
    sections = [Section("", [_figures(simulated, forecast)])]
    if forecast.sent or _would_send(forecast):
        sections.append(_messages(forecast))
    if forecast.directory.campaigns:
        sections.append(_campaigns(forecast))
    if any(goals.begun(held_out=False) for goals in forecast.goals.values()):
        sections.append(_goals(forecast, simulated))
    sections += [_ladder(forecast, name) for name in forecast.directory.ladders]
    if simulated.refusals.total:
        sections.append(left_out(simulated.refusals))
    return Page(
        title="What these rules would have done",
        subtitle=(
            f"{rules}, replayed over {simulated.events:,} past events; counted from {since} to "
            f"{simulated.day(simulated.until)} ({simulated.zone.key})."
        ),
        sections=sections,
        footer=FOOTER,
    )


def days_of(found: Mapping[str, Counter[date]], days: Sequence[date]) -> tuple[list[str], dict[str, list[int]]]:
    """Counts as series over days, or over weeks from Monday where there are many days; the smallest series are put together."""
    by_week = len(days) > _MOST_DAYS
    totals = sorted(found, key=lambda name: (-found[name].total(), name))
    kept = totals if len(totals) <= _MOST_RULES else totals[: _MOST_RULES - 1]
    merged: dict[str, Counter[date]] = {name: Counter() for name in kept}
    if len(kept) < len(totals):
        merged[_OTHERS] = Counter()
    for name, counts in found.items():
        for day, count in counts.items():
            merged[name if name in kept else _OTHERS][_monday(day) if by_week else day] += count
    slots = list(dict.fromkeys(_monday(day) for day in days)) if by_week else list(days)
    return [slot.isoformat() for slot in slots], {n: [counts[slot] for slot in slots] for n, counts in merged.items()}


def left_out(refusals: Refusals) -> Section:
    """What could not be used of the events."""
    rows: list[list[Cell]] = [[reason, count] for reason, count in refusals.reasons.most_common()]
    first = [[refusal.place, refusal.detail] for refusal in refusals.first[:TOLD]]
    return Section(
        "What was left out",
        [Table("By reason", ["reason", "events"], rows), Table("The first of them", ["where", "why"], first)],
        "Events that could not be used; nothing above counts them.",
    )


def _figures(simulated: Simulated, forecast: Forecast) -> Figures:
    spread, capped = forecast.spread, forecast.capped
    days = len(forecast.days)
    would = _would_send(forecast)
    figures = [
        Figure("messages", f"{forecast.sent:,}", f"{forecast.sent / days:.1f} a day" if days else ""),
        Figure("customers written to", f"{spread.customers:,}", _of_all(forecast, spread.customers)),
        Figure(
            "most to one customer",
            f"{spread.most:,}",
            f"{spread.median} in the middle, {spread.p99} at the 99th percentile",
        ),
        Figure(
            "would be held back",
            f"{capped.total:,}",
            f"by the caps for a customer: {worded(capped.limits)}",
            "bad" if capped.total else "neutral",
        ),
    ]
    if forecast.to_owner:
        figures.append(Figure("to clerks", f"{forecast.to_owner:,}", "of these messages"))
    if would:
        figures.append(Figure("in shadow mode", f"{would:,}", "messages that were not sent"))
    if simulated.refusals.total:
        figures.append(Figure("events left out", f"{simulated.refusals.total:,}", "see the end of the page", "bad"))
    return Figures(figures)


def _messages(forecast: Forecast) -> Section:
    slots, series = days_of(forecast.message_days, forecast.days)
    unit = "week" if len(forecast.days) > _MOST_DAYS else "day"
    rows: list[list[Cell]] = []
    for name in forecast.directory.ids:
        counts, mode = forecast.rule(name), forecast.directory.mode(name)
        rows += [
            [titled(name, mode), template, channel, count]
            for (template, channel), count in sorted((counts.messages + counts.would_send).items())
        ]
    blocks: list[Chart | Table] = []
    note = "Weeks begin on Monday; the first and the last may not be whole." if unit == "week" else ""
    if series:
        blocks.append(Chart(f"Messages per {unit}, by rule", charts.stacked_bars(slots, series), note, 340, wide=True))
    columns = ["rule", "template", "first channel", "messages"]
    return Section("Messages", [*blocks, Table("What is said", columns, rows, wide=True)])


def _campaigns(forecast: Forecast) -> Section:
    rows: list[list[Cell]] = []
    quiet = []
    for name, campaign in forecast.directory.campaigns.items():
        counts = forecast.rule(name)
        if not counts.outcomes:
            quiet.append(titled(name, campaign.mode))
            continue
        sent = counts.would_send if campaign.mode is Mode.SHADOW else counts.messages
        rows.append(
            [
                titled(name, campaign.mode),
                len(forecast.acted[name]),
                counts.outcomes[Outcome.FIRED],
                counts.outcomes[Outcome.CONTINUED],
                sent.total(),
                reasons(counts.suppressed) or "–",
                reasons(counts.ended) or "–",
            ]
        )
    columns = ["campaign", "customers", "fired", "continued", "messages", "suppressed", "ended early"]
    note = "Customers: of whom anything was decided. Continued: later steps taken."
    if quiet:
        note += f" Nothing at all came of {', '.join(quiet)}."
    blocks: list[Chart | Table] = [Table("By campaign", columns, rows, note, wide=True)]
    silent = [name for name in forecast.directory.campaigns if forecast.rule(name).suppressed]
    silent = sorted(silent, key=lambda name: -forecast.rule(name).suppressed.total())[:_MOST_ROWS]
    if silent:
        kinds = sorted({reason for name in silent for reason in forecast.rule(name).suppressed})
        series = {kind: [forecast.rule(name).suppressed[kind] for name in silent] for kind in kinds}
        option = charts.stacked_rows(silent, series)
        blocks.append(Chart("Why campaigns kept silent", option, height=_height(len(silent)), wide=True))
    return Section("Campaigns", blocks)


def _goals(forecast: Forecast, simulated: Simulated) -> Section:
    names = [name for name, goals in forecast.goals.items() if goals.begun(held_out=False)]
    rows: list[list[Cell]] = []
    dots: dict[str, tuple[float, float, float]] = {}
    colours: list[str] = []
    for name in names:
        goals = forecast.goals[name]
        title = titled(name, forecast.directory.mode(name))
        for held_out, label, colour in ((False, title, charts.WATER), (True, f"{title} · control group", charts.STONE)):
            rate = goals.rate(held_out=held_out)
            if rate is not None:
                dots[label] = (round(rate.value * 100, 1), round(rate.low * 100, 2), round(rate.high * 100, 2))
                colours.append(colour)
        treated, control = (
            f"{goals.reached(held_out=h):,} of {goals.begun(held_out=h):,}" if goals.begun(held_out=h) else "–"
            for h in (False, True)
        )
        lift = percentage(goals.lift, signed=True)
        rows.append([title, goals.goal.event, treated, control, lift, goals.open(simulated.until)])
    columns = ["campaign", "goal", "reached", "in the control group", "difference", "still open"]
    note = f"Intervals hold at 95 %. {CHANCE} Still open: episodes whose time for the goal had not run out in the end."
    chart = Chart(
        "How often the goal was reached",
        charts.intervals(dots, colours=colours),
        height=_height(len(dots), 46),
        wide=True,
    )
    return Section("Goals", [chart, Table("", columns, rows, note, wide=True)])


def _ladder(forecast: Forecast, name: str) -> Section:
    ladder, counts = forecast.directory.ladders[name], forecast.rule(name)
    tiers = [tier.name for tier in ladder.tiers]
    # the highest on top, as on a ladder
    downwards = tiers[::-1]
    jumps = [[counts.jumps[origin, target] or None for target in tiers] for origin in downwards]
    flow, height = forecast.flow(name), max(260, 70 * len(tiers))
    blocks: list[Chart] = []
    if flow:
        note = "Everybody who is there in the end: left at the beginning of the time counted, right in the end."
        blocks.append(Chart("From where to where", charts.sankey(downwards, downwards, flow), note, height))
    note = "Every jump counts, each row a tier that was left and each column the one that was entered."
    blocks.append(Chart("Jumps", charts.heat_map(tiers, downwards, jumps, name="jumps"), note, height))
    full = f", {counts.displaced:,} of these because the tier was full" if counts.displaced else ""
    held = f" Held back: {reasons(counts.suppressed)}." if counts.suppressed else ""
    lead = f"{promoted(counts):,} jumps up and {demoted(counts):,} down{full}.{held}"
    return Section(f"Ladder {titled(name, ladder.mode)}", blocks, lead)


def _would_send(forecast: Forecast) -> int:
    return sum(forecast.rule(name).would_send.total() for name in forecast.directory.ids)


def _of_all(forecast: Forecast, customers: int) -> str:
    known = max((len(ended) for ended in forecast.ended.values()), default=0)
    return f"of {known:,}" if known >= customers and known else ""


def _height(rows: int, each: int = _ROW_HEIGHT) -> int:
    return 90 + each * rows


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
