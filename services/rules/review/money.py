"""Amounts in several currencies, which no customer has."""

from collections import Counter
from collections.abc import Iterator

from services.rules.book.rulebook import Clause, Rulebook
from services.rules.language.tree import Arithmetic, Comparison, Logic, Membership, Money, Not, Tree
from services.rules.review.clauses import Clauses, Listed
from services.runtime.document import KeyPath
from services.runtime.problems import Problem


def odd_money(book: Rulebook) -> Iterator[Problem]:
    """One warning for each currency that is not the usual one, where it stands first."""
    lists = list(_lists(book))
    found = [(listed, item, currencies(item.tree)) for listed in lists for item in listed.items]
    if any(len(named) > 1 for _, _, named in found):
        return  # whoever names two in one condition knows that there are two
    counted = Counter(currency for _, _, named in found for currency in named)
    usual = min(counted, key=lambda currency: (-counted[currency], currency), default=None)
    told = {usual}
    for listed, item, named in sorted(found, key=lambda each: each[0].place(each[1])):
        for currency in named - told:
            told.add(currency)
            message = (
                f"an amount in {currency}, where others are in {usual}: it holds only for those who pay in {currency}"
            )
            yield Problem(listed.place(item), "currency", message)


def currencies(tree: Tree) -> frozenset[str]:
    """Those that a condition names."""
    match tree:
        case Money(_, currency):
            return frozenset({currency})
        case Arithmetic(_, left, right):
            parts: tuple[Tree, ...] = (left, right)
        case Comparison(first, rest):
            parts = (first, *(right for _, right in rest))
        case Membership(item, options, _):
            parts = (item, *options)
        case Logic(_, operands):
            parts = operands
        case Not(operand):
            parts = (operand,)
        case _:
            parts = ()
    return frozenset().union(*map(currencies, parts))


def _lists(book: Rulebook) -> Iterator[Listed]:
    clauses = Clauses(book)
    for name, clause, path in _clauses(book):
        yield clauses.listed(name, clause, path)


def _clauses(book: Rulebook) -> Iterator[tuple[str, Clause, KeyPath]]:
    for ladder in book.ladders:
        for i, tier in enumerate(ladder.tiers):
            for key, clause in (("enter", tier.enter), ("leave", tier.leave)):
                if clause is not None:
                    yield ladder.name, clause, ("tiers", i, key)
    for campaign in book.campaigns:
        if book.documents[campaign.name].data.get("when") is not None:
            yield campaign.name, campaign.when, ("when",)
        if campaign.until is not None:
            yield campaign.name, campaign.until, ("until",)
        for i, step in enumerate(campaign.steps):
            if step.when is not None:
                yield campaign.name, step.when, ("steps", i, "when")
