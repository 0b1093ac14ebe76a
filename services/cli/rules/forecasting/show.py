"""A forecast on the terminal, and as JSON."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from services.cli.rules.forecasting.caps import worded
from services.cli.rules.forecasting.forecast import Forecast, RuleCounts
from services.cli.rules.forecasting.proportions import Share
from services.cli.rules.forecasting.simulate import Simulated
from services.cli.terminal import many
from services.contracts.decision import Mode, Outcome

SHADOW = "(shadow)"
CHANCE = (
    "Past customers were not written to by these rules, so a difference here is chance, and shows how far it reaches."
)


def tables(simulated: Simulated) -> RenderableType:
    """Everything that matters, for a person."""
    forecast = simulated.forecasts[0]
    parts: list[RenderableType] = [Text(headline(simulated, forecast))]
    parts += [_ladder(forecast, name) for name in forecast.directory.ladders]
    if forecast.directory.campaigns:
        parts += [_campaigns(forecast)]
    if any(forecast.rule(name).messages or forecast.rule(name).would_send for name in forecast.directory.ids):
        parts.append(_messages(forecast))
    goals = [name for name in forecast.goals if forecast.goals[name].begun(held_out=False)]
    if goals:
        parts.append(_goals(forecast, goals, simulated))
    return Group(*parts)


def headline(simulated: Simulated, forecast: Forecast) -> str:
    """A few sentences."""
    spread, capped = forecast.spread, forecast.capped
    days = len(forecast.days)
    known = max((len(ended) for ended in forecast.ended.values()), default=0)
    since = simulated.day(forecast.span.since or simulated.first)
    lines = [
        f"{many(simulated.events, 'event')}"
        + (f" of {many(known, 'customer')}" if known else "")
        + f", counted from {since} to {simulated.day(simulated.until)} ({simulated.zone.key})",
        f"{many(forecast.sent, 'message')}"
        + (f", {forecast.sent / days:.1f} a day" if days else "")
        + f"; {many(spread.customers, 'customer')} got any: {spread.median} in the middle, {spread.p99} at the 99th "
        f"percentile, {spread.most} at most"
        + (f"; {many(forecast.to_owner, 'message')} to clerks" if forecast.to_owner else ""),
        f"{many(capped.total, 'message')} would have been held back by the caps for a customer: {worded(capped.limits)}"
        + (f" ({capped.by_day.total():,} by the day, {capped.by_week.total():,} by the week)" if capped.total else ""),
    ]
    return "\n".join(lines)


def as_json(simulated: Simulated) -> dict[str, Any]:
    """The same for a machine. Instants are ISO 8601 in the business zone."""
    forecast = simulated.forecasts[0]
    return {
        "events": simulated.events,
        "from": (forecast.span.since or simulated.first).astimezone(simulated.zone).isoformat(),
        "to": simulated.until.astimezone(simulated.zone).isoformat(),
        "zone": simulated.zone.key,
        "refused": dict(simulated.refusals.reasons),
        **forecast_json(forecast, simulated),
    }


def forecast_json(forecast: Forecast, simulated: Simulated) -> dict[str, Any]:
    """One rule set's part."""
    spread, capped = forecast.spread, forecast.capped
    by_day: dict[str, int] = {}
    for days in forecast.message_days.values():
        for day, count in sorted(days.items()):
            by_day[day.isoformat()] = by_day.get(day.isoformat(), 0) + count
    return {
        "messages": {
            "total": forecast.sent,
            "by_day": dict(sorted(by_day.items())),
            "by_category": {category.value: count for category, count in sorted(forecast.categories.items())},
            "to_owner": forecast.to_owner,
            "per_customer": {
                "customers": spread.customers,
                "max": spread.most,
                "p50": spread.median,
                "p99": spread.p99,
            },
            "capped": {
                "limits": {
                    category.value: {"day": most.day, "week": most.week}
                    for category, most in sorted(capped.limits.items())
                },
                "by_day": {category.value: count for category, count in sorted(capped.by_day.items())},
                "by_week": {category.value: count for category, count in sorted(capped.by_week.items())},
            },
        },
        "ladders": [_ladder_json(forecast, name) for name in forecast.directory.ladders],
        "campaigns": [_campaign_json(forecast, name, simulated) for name in forecast.directory.campaigns],
    }


def titled(name: str, mode: Mode) -> str:
    """A rule's name, with a word where it only says what it would do."""
    return f"{name} {SHADOW}" if mode is Mode.SHADOW else name


def percentage(share: Share | None, *, signed: bool = False) -> str:
    """`12.3 % (10.0…14.9)`; a dash for none. `signed` for a difference, in percentage points."""
    if share is None:
        return "–"
    sign = "+" if signed else ""
    value, low, high = (f"{part * 100:{sign}.1f}" for part in share)
    return f"{value} {'pp' if signed else '%'} ({low}…{high})"


def reasons(counts: Mapping[str, int]) -> str:
    """`cooldown 12, holdout 3`; most first."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{reason} {count:,}" for reason, count in ordered)


def plain_table(*columns: str, left: tuple[int, ...]) -> Table:
    """Without lines; columns are set to the right but those of `left`. Nothing is cut off."""
    table = Table(*columns, header_style="bold", box=None)
    for at, column in enumerate(table.columns):
        column.justify = "left" if at in left else "right"
        column.overflow = "fold"
    return table


def under(title: str, table: Table) -> RenderableType:
    """A table under its title, which may be wider."""
    return Group(Text(f"\n{title}", style="bold"), table)


def promoted(counts: RuleCounts) -> int:
    return counts.outcomes[Outcome.PROMOTED]


def demoted(counts: RuleCounts) -> int:
    return counts.outcomes[Outcome.DEMOTED]


def _ladder(forecast: Forecast, name: str) -> RenderableType:
    ladder, counts = forecast.directory.ladders[name], forecast.rule(name)
    population = forecast.population(name)
    title = f"{titled(name, ladder.mode)}: {promoted(counts):,} up, {demoted(counts):,} down"
    if counts.displaced:
        title += f", {counts.displaced:,} of them because the tier was full"
    if counts.suppressed:
        title += f"; held back: {reasons(counts.suppressed)}"
    table = plain_table("from \\ to", *(escape(tier.name) for tier in ladder.tiers), "in the end", left=(0,))
    for tier in ladder.tiers:
        jumps = (counts.jumps[tier.name, other.name] for other in ladder.tiers)
        table.add_row(escape(tier.name), *(f"{n:,}" if n else "·" for n in jumps), f"{population[tier.name]:,}")
    return under(title, table)


def _campaigns(forecast: Forecast) -> RenderableType:
    table = plain_table(
        "campaign",
        "customers",
        "fired",
        "continued",
        "messages",
        "suppressed",
        "ended early",
        left=(0, 5, 6),
    )
    for name, campaign in forecast.directory.campaigns.items():
        counts = forecast.rule(name)
        sent = counts.would_send if campaign.mode is Mode.SHADOW else counts.messages
        table.add_row(
            escape(titled(name, campaign.mode)),
            f"{len(forecast.acted[name]):,}",
            f"{counts.outcomes[Outcome.FIRED]:,}",
            f"{counts.outcomes[Outcome.CONTINUED]:,}",
            f"{sent.total():,}",
            reasons(counts.suppressed),
            reasons(counts.ended),
        )
    return under("Campaigns", table)


def _messages(forecast: Forecast) -> RenderableType:
    table = plain_table("rule", "template", "channel", "messages", left=(0, 1, 2))
    for name in forecast.directory.ids:
        counts, mode = forecast.rule(name), forecast.directory.mode(name)
        for (template, channel), count in sorted((counts.messages + counts.would_send).items()):
            table.add_row(escape(titled(name, mode)), escape(template), escape(channel), f"{count:,}")
    return under("Messages", table)


def _goals(forecast: Forecast, names: list[str], simulated: Simulated) -> RenderableType:
    table = plain_table(
        "campaign",
        "goal",
        "reached",
        "control group",
        "difference",
        "still open",
        left=(0, 1),
    )
    for name in names:
        goals = forecast.goals[name]
        table.add_row(
            escape(titled(name, forecast.directory.mode(name))),
            escape(goals.goal.event),
            _reached(forecast, name, held_out=False),
            _reached(forecast, name, held_out=True),
            percentage(goals.lift, signed=True),
            f"{goals.open(simulated.until):,}",
        )
    return Group(under("Goals (95 % intervals)", table), Text(CHANCE, style="dim"))


def _reached(forecast: Forecast, name: str, *, held_out: bool) -> str:
    goals = forecast.goals[name]
    begun = goals.begun(held_out=held_out)
    if not begun:
        return "–"
    return f"{goals.reached(held_out=held_out):,} of {begun:,}: {percentage(goals.rate(held_out=held_out))}"


def _ladder_json(forecast: Forecast, name: str) -> dict[str, Any]:
    ladder, counts = forecast.directory.ladders[name], forecast.rule(name)
    return {
        "name": name,
        "rule": ladder.id,
        "mode": ladder.mode.value,
        "promoted": promoted(counts),
        "demoted": demoted(counts),
        "displaced": counts.displaced,
        "jumps": [{"from": pair[0], "to": pair[1], "count": n} for pair, n in sorted(counts.jumps.items())],
        "population": forecast.population(name),
        "messages": _by_template(counts),
        "customers": len(forecast.customers[name]),
    }


def _campaign_json(forecast: Forecast, name: str, simulated: Simulated) -> dict[str, Any]:
    campaign, counts = forecast.directory.campaigns[name], forecast.rule(name)
    found: dict[str, Any] = {
        "name": name,
        "rule": campaign.id,
        "mode": campaign.mode.value,
        "fired": counts.outcomes[Outcome.FIRED],
        "continued": counts.outcomes[Outcome.CONTINUED],
        "suppressed": dict(sorted(counts.suppressed.items())),
        "ended": dict(sorted(counts.ended.items())),
        "reached": counts.outcomes[Outcome.REACHED],
        "messages": _by_template(counts),
        "customers": len(forecast.acted[name]),
        "messaged": len(forecast.customers[name]),
    }
    if name in forecast.goals:
        goals = forecast.goals[name]
        found["goal"] = {
            "event": goals.goal.event,
            "open": goals.open(simulated.until),
            "treated": _group_json(
                goals.begun(held_out=False), goals.reached(held_out=False), goals.rate(held_out=False)
            ),
            "holdout": _group_json(goals.begun(held_out=True), goals.reached(held_out=True), goals.rate(held_out=True)),
            "difference": _share_json(goals.lift),
        }
    return found


def _group_json(begun: int, reached: int, rate: Share | None) -> dict[str, Any]:
    return {"episodes": begun, "reached": reached, "rate": _share_json(rate)}


def _share_json(share: Share | None) -> dict[str, float] | None:
    return None if share is None else {name: round(value, 6) for name, value in share._asdict().items()}


def _by_template(counts: RuleCounts) -> list[dict[str, Any]]:
    pairs = [(counts.messages, Mode.LIVE), (counts.would_send, Mode.SHADOW)]
    return [
        {"template": template, "channel": channel, "mode": mode.value, "count": n}
        for found, mode in pairs
        for (template, channel), n in sorted(found.items())
    ]
