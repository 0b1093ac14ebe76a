"""What is odd about a list of conditions: it never holds, or an item of it always does."""

from collections.abc import Iterator

from services.rules.language.terms import Moves
from services.rules.language.tree import Logic, Not, Tree, features_of
from services.rules.review.clauses import Item, Listed, quoted
from services.rules.review.logic import both, certain, possible
from services.runtime.problems import Problem


def odd_conditions(conditions: Listed, surroundings: Tree, said_by: str) -> Iterator[Problem]:
    """Warnings about one list. `surroundings` hold as well, by what `said_by` names."""
    impossible = _impossible(conditions, surroundings, said_by)
    if impossible is not None:
        yield impossible
    for item in conditions.items:
        if certain(item.tree):
            yield Problem(conditions.place(item), "always_true", f"{quoted(item.text)} always holds; leave it out")
        yield from _dead_ends(conditions, item)
    yield from _mixed(conditions, surroundings)


def _impossible(conditions: Listed, surroundings: Tree, said_by: str) -> Problem | None:
    for item in conditions.items:
        if not possible(item.tree):
            return Problem(conditions.place(item), "never_true", f"{quoted(item.text)} can never hold")
    before: list[Item] = []
    for item in conditions.items:
        if not possible(both(surroundings, *(each.tree for each in before), item.tree)):
            message = f"{quoted(item.text)} never holds together with {_partner(item, before) or said_by}"
            return Problem(conditions.place(item), "never_true", message)
        before.append(item)
    return None


def _partner(item: Item, before: list[Item]) -> str | None:
    for other in before:
        if not possible(both(other.tree, item.tree)):
            return quoted(other.text)
    together = not possible(both(*(other.tree for other in before), item.tree))
    return "all that stands before it" if together else None


def _dead_ends(conditions: Listed, item: Item) -> Iterator[Problem]:
    """Parts of an `any:` that never hold, though another does."""
    inside = item.written.get("any") if isinstance(item.written, dict) else None
    tree = item.tree
    if not isinstance(inside, list) or not isinstance(tree, Logic) or tree.every or not possible(tree):
        return
    for i, operand in enumerate(tree.operands):
        if not possible(operand):
            place = conditions.document.text_place((*item.path, "any", i))
            yield Problem(place, "never_true", "this part of any: can never hold")


def _mixed(conditions: Listed, surroundings: Tree) -> Iterator[Problem]:
    """An alternative to an event that is none, in a list that nothing else ties to an event."""
    of_events = [item for item in conditions.items if _of_event(item.tree)]
    if len(of_events) != 1 or _of_event(surroundings) or not _has_other_way(of_events[0].tree):
        return
    message = (
        "at an event only does this hold, even the part that does not ask about it; write that into a rule of its own"
    )
    yield Problem(conditions.place(of_events[0]), "only_at_events", message)


def _has_other_way(tree: Tree) -> bool:
    """Whether it is an alternative of which one part asks about an event, and another does not."""
    match tree:
        case Logic(every, operands):
            parts = operands
            if not every and len({_of_event(part) for part in parts}) > 1:
                return True
        case Not(operand):
            parts = (operand,)
        case _:
            return False
    return any(_has_other_way(part) for part in parts)


def _of_event(tree: Tree) -> bool:
    return any(feature.moves is Moves.PULSE for feature in features_of(tree))
