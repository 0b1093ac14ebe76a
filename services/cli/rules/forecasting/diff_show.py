"""A difference between rules on the terminal, and as JSON."""

from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from services.cli.rules.forecasting.diff import NEW, OLD, Difference, RuleDifference
from services.cli.rules.forecasting.show import forecast_json, plain_table, under
from services.cli.rules.forecasting.simulate import Simulated
from services.cli.terminal import many


def tables(simulated: Simulated, difference: Difference) -> RenderableType:
    """Everything that matters, for a person."""
    parts: list[RenderableType] = [Text(headline(simulated, difference)), _rules(difference)]
    parts += [_moved(rule) for rule in difference.rules if rule.moved]
    examples = [rule for rule in difference.rules if rule.examples]
    if examples:
        parts.append(_examples(examples))
    return Group(*parts)


def headline(simulated: Simulated, difference: Difference) -> str:
    """A few sentences."""
    since = simulated.day(difference.forecasts[NEW].span.since or simulated.first)
    old, new = difference.messages
    capped = [forecast.capped.total for forecast in difference.forecasts]
    return (
        f"{many(simulated.events, 'event')}, counted from {since} to {simulated.day(simulated.until)} "
        f"({simulated.zone.key})\n"
        f"messages: {old:,} → {new:,} ({new - old:+,}); {many(difference.more, 'customer')} would get more, "
        f"{difference.fewer:,} fewer\n"
        f"beyond the limits: {capped[OLD]:,} → {capped[NEW]:,} ({capped[NEW] - capped[OLD]:+,})"
    )


def as_json(simulated: Simulated, difference: Difference) -> dict[str, Any]:
    """The same for a machine, and what `koi rules simulate` says of either side."""
    old, new = difference.messages
    return {
        "events": simulated.events,
        "from": (difference.forecasts[NEW].span.since or simulated.first).astimezone(simulated.zone).isoformat(),
        "to": simulated.until.astimezone(simulated.zone).isoformat(),
        "zone": simulated.zone.key,
        "refused": dict(simulated.refusals.reasons),
        "messages": _pair((old, new)),
        "customers_with_more": difference.more,
        "customers_with_fewer": difference.fewer,
        "rules": [_rule_json(rule) for rule in difference.rules],
        "old": forecast_json(difference.forecasts[OLD], simulated),
        "new": forecast_json(difference.forecasts[NEW], simulated),
    }


def arrow(pair: tuple[int, int]) -> str:
    """`12 → 15 (+3)`; one number where nothing is otherwise."""
    old, new = pair
    return f"{old:,}" if old == new else f"{old:,} → {new:,} ({new - old:+,})"


def _rules(difference: Difference) -> RenderableType:
    table = plain_table(
        "rule", "kind", "is", "messages", "fired", "suppressed", "get more", "get fewer", "other tier", left=(0, 1, 2)
    )
    for rule in difference.rules:
        table.add_row(
            escape(rule.name),
            rule.kind,
            rule.fate.value,
            arrow(rule.messages),
            arrow(rule.fired) if rule.kind == "campaign" else "",
            arrow(rule.suppressed) if rule.kind == "campaign" else "",
            f"{rule.more:,}",
            f"{rule.fewer:,}",
            f"{sum(rule.moved.values()):,}" if rule.kind == "ladder" else "",
            style="dim" if rule.quiet else "",
        )
    return under("Rules", table)


def _moved(rule: RuleDifference) -> RenderableType:
    table = plain_table("old", "new", "customers", left=(0, 1))
    for (old, new), count in rule.moved.items():
        table.add_row(escape(old), escape(new), f"{count:,}")
    return under(f"{rule.name}: customers in another tier in the end", table)


def _examples(rules: list[RuleDifference]) -> RenderableType:
    text = Text("\nFor example\n", style="bold")
    for rule in rules:
        for example in rule.examples:
            text.append(f"{rule.name}, customer {example.customer_id}: {example.what}\n", style="not bold")
            text.append(f"  old: {example.old}\n  new: {example.new}\n", style="not bold dim")
    return text


def _rule_json(rule: RuleDifference) -> dict[str, Any]:
    return {
        "rule": rule.name,
        "kind": rule.kind,
        "is": rule.fate.value,
        "messages": _pair(rule.messages),
        "would_send": _pair(rule.would_send),
        "fired": _pair(rule.fired),
        "suppressed": _pair(rule.suppressed),
        "customers_with_more": rule.more,
        "customers_with_fewer": rule.fewer,
        "moved": [{"old": old, "new": new, "customers": count} for (old, new), count in rule.moved.items()],
        "examples": [example._asdict() for example in rule.examples],
    }


def _pair(pair: tuple[int, int]) -> dict[str, int]:
    old, new = pair
    return {"old": old, "new": new, "difference": new - old}
