"""A campaign, as a branch: whether its condition holds, what keeps it silent, and how far its episode is."""

from enum import IntEnum

from rich.text import Text
from rich.tree import Tree

from services.cli.explain.ladders import SHADOW
from services.cli.explain.marks import add_findings
from services.cli.explain.phrases import REASONS, Phrases
from services.contracts.decision import Decision, DecisionReason, Mode, Outcome
from services.contracts.durations import format_ms
from services.rules.story.explanation import CampaignStanding, StepStanding


class Rank(IntEnum):
    """What is shown first."""

    RUNNING = 0
    ACTIVE = 1
    PAST = 2
    REST = 3


def rank(standing: CampaignStanding, *, past: bool) -> Rank:
    """`past` says whether it has ever decided anything about the customer."""
    if standing.running:
        return Rank.RUNNING
    if standing.active or standing.goal_ms is not None:
        return Rank.ACTIVE
    return Rank.PAST if past or standing.episodes else Rank.REST


def headline(standing: CampaignStanding, phrases: Phrases, last: Decision | None = None) -> Text:
    """Name and state in a line. `last` is its last decision about the customer."""
    kind = f"campaign{SHADOW}" if standing.mode is Mode.SHADOW else "campaign"
    return Text().append(standing.name, "bold").append(f" ({kind}): {_state(standing, phrases, last)}")


def add_campaign(
    tree: Tree, standing: CampaignStanding, phrases: Phrases, last: Decision | None, *, detail: bool
) -> Tree:
    """The conditions, what would keep it silent, goal and steps. Of what runs, also how it may end."""
    branch = tree.add(headline(standing, phrases, last))
    add_findings(branch, standing.when.conditions, phrases, parts=detail)
    if detail or standing.obstacle is not None:
        again = "again" if standing.active else "now"
        branch.add(Text(f"if it became true {again}: ").append(*_would(standing, phrases)))
    if standing.goal is not None and (standing.goal_ms is not None or detail):
        branch.add(_goal(standing, phrases))
    if standing.until is not None and (standing.running or detail):
        held = "now" if standing.until.holds else f"not yet: {phrases.needs(standing.until)}"
        add_findings(branch.add(Text(f"ends early, until: {held}")), standing.until.conditions, phrases, parts=detail)
    if detail or (standing.running and len(standing.steps) > 1):
        _add_steps(branch, standing, phrases)
    return branch


def _state(standing: CampaignStanding, phrases: Phrases, last: Decision | None) -> str:
    if standing.next_step is not None and standing.due_ms is not None:
        return f"running: step {standing.next_step + 1} of {len(standing.steps)} on {phrases.at(standing.due_ms)}"
    if standing.active and standing.since_ms is not None:
        return f"true since {phrases.at(standing.since_ms)}{_after(standing, last)}"
    if standing.when.holds:
        return "true now: the next look begins it"
    word = "not now" if standing.episodes else "not yet"
    return f"{word}: {phrases.needs(standing.when)}{phrases.turn(standing.when)}"


def _after(standing: CampaignStanding, last: Decision | None) -> str:
    """What came of a condition that has been true for a while."""
    reason = f" ({last.reason.value})" if last and last.reason else ""
    if standing.held_out:
        return "; the customer is in the control group, and gets nothing"
    if standing.spoke and last and last.outcome is Outcome.ENDED:
        return f"; it ended early{reason}, and begins again only after it was false"
    if standing.spoke:
        return ", and has done its part: it begins again only after it was false"
    return f", and stays silent{reason if last and last.outcome is Outcome.SUPPRESSED else ''} until it was false"


def _would(standing: CampaignStanding, phrases: Phrases) -> tuple[str, str]:
    match standing.obstacle:
        case None:
            return "it would begin", "green"
        case DecisionReason.COOLDOWN if standing.cooldown_ms is not None:
            return f"suppressed (cooldown until {phrases.at(standing.cooldown_ms)})", "yellow"
        case DecisionReason.EXCLUSIVE:
            said = f"suppressed (exclusive: {standing.rival} of the group {standing.exclusive} is running)"
            return said, "yellow"
        case reason:
            return f"suppressed ({reason.value}: {REASONS[reason]})", "yellow"


def _goal(standing: CampaignStanding, phrases: Phrases) -> Text:
    if standing.goal_ms is None:
        return Text(f"goal: {standing.goal}, nothing is waited for")
    return Text(f"goal: {standing.goal}, waited for until {phrases.at(standing.goal_ms)}", "cyan")


def _add_steps(branch: Tree, standing: CampaignStanding, phrases: Phrases) -> None:
    steps = branch.add(Text("steps"))
    for i, step in enumerate(standing.steps):
        line = Text(f"{i + 1}. {_step(step)}")
        if standing.next_step is not None:
            # a wait is over when the step behind it is due
            if i < standing.next_step - 1 or (i < standing.next_step and not step.wait_ms):
                line.append("  done", "dim")
            elif i == standing.next_step - 1 and standing.due_ms is not None:
                line.append(f"  until {phrases.at(standing.due_ms)}", "cyan")
        node = steps.add(line)
        if step.when is not None:
            add_findings(node, step.when.conditions, phrases)


def _step(step: StepStanding) -> str:
    if step.wait_ms:
        return f"wait {format_ms(step.wait_ms)}"
    if step.notify is None:
        return "go on only when:"
    notify = step.notify
    to = "" if notify.to.value == "customer" else f" to the {notify.to.value}"
    wordings = " or ".join(notify.templates)
    return f"notify {wordings}{to} over {' or '.join(notify.channels)}{', when:' if step.when else ''}"
