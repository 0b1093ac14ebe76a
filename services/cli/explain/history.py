"""What a rule has decided about the customer, as branches."""

from rich.text import Text
from rich.tree import Tree

from services.cli.explain.account import Account, Message
from services.cli.explain.marks import add_verdicts
from services.cli.explain.phrases import REASONS, Phrases
from services.contracts.decision import Decision, Outcome
from services.contracts.receipt import DeliveryOutcome

FEW = 3
"""Decisions of a rule that are shown unless one asks for more."""
_STYLES = {Outcome.SUPPRESSED: "yellow", Outcome.ENDED: "yellow"}


def add_history(
    tree: Tree, account: Account, rule: str, phrases: Phrases, *, limit: int | None, detail: bool, last: bool = False
) -> None:
    """The last decisions of a rule, oldest first; with `detail` all, each with its conditions, reason and messages.

    With `last` the last is told so in any case.
    """
    decisions = account.history(rule)
    if not decisions:
        if detail:
            tree.add(Text("history: it has decided nothing about this customer yet", "dim"))
        return
    most = limit or (len(decisions) if detail else FEW)
    shown = decisions[-most:]
    branch = tree.add(Text("history", "dim"))
    if len(decisions) > len(shown):
        earlier = len(decisions) - len(shown)
        branch.add(Text(f"… {earlier} earlier: --rule {rule} shows {'it' if earlier == 1 else 'them'}", "dim"))
    for decision in shown:
        add_decision(branch, account, decision, phrases, detail=detail or (last and decision is shown[-1]))


def add_decision(tree: Tree, account: Account, decision: Decision, phrases: Phrases, *, detail: bool) -> None:
    """One decision: a line with its messages, or with `detail` everything about it."""
    line = Text(phrases.decision(decision), _STYLES.get(decision.outcome, ""))
    if decision.id in account.expected:
        line.append(", expected", "cyan")
    known = account.receipts is not None and decision.id not in account.expected
    messages = account.messages(decision)
    if not detail:
        for message in messages:
            line.append(f" → {phrases.message(message, decision, known=known)}", _style(message))
        tree.add(line)
        return
    branch = tree.add(line)
    if decision.reason is not None:
        branch.add(Text(f"because {REASONS[decision.reason]}", "yellow"))
    if decision.cause_id:
        branch.add(Text(f"event {decision.cause_id}", "dim"))
    add_verdicts(branch, decision.verdicts, phrases)
    for message in messages:
        said = branch.add(Text(f"→ {phrases.message(message, decision, known=known)}", _style(message)))
        if message.receipt is not None:
            detail_text = f": {message.receipt.detail}" if message.receipt.detail else ""
            said.add(Text(f"{phrases.at(message.receipt.at)}{detail_text}", "dim"))


def _style(message: Message) -> str:
    """A message that was not sent is seen at once."""
    match None if message.receipt is None else message.receipt.outcome:
        case None | DeliveryOutcome.SENT | DeliveryOutcome.DELIVERED:
            return "green"
        case DeliveryOutcome.FAILED | DeliveryOutcome.BOUNCED:
            return "red"
        case _:
            return "yellow"
