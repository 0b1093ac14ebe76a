"""A ladder, as a branch: the tier, how the customer may climb from it, and how they may fall."""

from rich.text import Text
from rich.tree import Tree

from services.cli.explain.marks import add_findings
from services.cli.explain.phrases import Phrases
from services.contracts.decision import Mode
from services.rules.story.explanation import LadderStanding, TierStanding

SHADOW = " in shadow mode"
"""Such a rule only says what it would do."""


def add_ladder(tree: Tree, standing: LadderStanding, phrases: Phrases, *, detail: bool) -> Tree:
    """Without `detail`, only the next tier above and the own one."""
    head = (
        Text()
        .append(standing.name, "bold")
        .append(f" (ladder{SHADOW if standing.mode is Mode.SHADOW else ''}): ")
        .append(standing.tier.name, "bold magenta")
    )
    head.append(_since(standing, phrases))
    branch = tree.add(head)
    above = standing.tiers[standing.level + 1 :]
    for tier in above if detail else [tier for i, tier in enumerate(above) if i == 0 or tier.open]:
        _add_above(branch, tier, phrases)
    if standing.level:
        _add_leave(branch, standing, phrases)
    return branch


def _since(standing: LadderStanding, phrases: Phrases) -> str:
    parts = [" from the beginning" if standing.since_ms is None else f" since {phrases.at(standing.since_ms)}"]
    if standing.stay_ms is not None:
        parts.append(f", may fall from {phrases.at(standing.stay_ms)}")
    if standing.tier.seats is not None:
        parts.append(f", a tier of {standing.tier.seats} seats")
    return "".join(parts)


def _add_above(branch: Tree, tier: TierStanding, phrases: Phrases) -> None:
    if tier.enter is None:
        return
    blocked = tier.enter.holds and tier.leave is not None and tier.leave.holds
    if tier.open and tier.seats is not None:
        state = f"open, but none of its {tier.seats} seats was given to this customer at the last review"
    elif tier.open:
        state = "open: the next look promotes"
    elif blocked:
        state = "not yet: enter holds, and so does leave"
    else:
        state = f"not yet: {phrases.needs(tier.enter)}{phrases.turn(tier.enter)}"
    node = branch.add(Text().append("▲ ", "green").append(tier.name, "magenta").append(f": {state}"))
    add_findings(node, tier.enter.conditions, phrases)
    if blocked and tier.leave is not None:
        add_findings(node.add(Text("leave")), tier.leave.conditions, phrases)


def _add_leave(branch: Tree, standing: LadderStanding, phrases: Phrases) -> None:
    leave = standing.tier.leave
    if leave is None:
        branch.add(Text().append("▼ ", "red").append("no way down: a tier for life"))
        return
    if leave.holds and standing.stay_ms is not None:
        state = f"due: falls on {phrases.at(standing.stay_ms)}, if nothing changes until then"
    elif leave.holds:
        state = "due: the next look demotes"
    else:
        state = f"not yet: {phrases.needs(leave)}{phrases.turn(leave)}"
    node = branch.add(Text().append("▼ ", "red").append(f"leave {standing.tier.name}: {state}"))
    add_findings(node, leave.conditions, phrases)
