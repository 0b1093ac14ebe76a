"""Amounts in several currencies, which no customer has, and amounts that were hardly meant in minor units."""

from collections import Counter
from collections.abc import Iterator

from services.rules.book.rulebook import Clause, Rulebook
from services.rules.language.terms import MINOR_UNITS
from services.rules.language.tree import Comparison, Constant, Money, Read, Tree, parts_of
from services.rules.review.clauses import Clauses, Listed
from services.runtime.document import KeyPath
from services.runtime.problems import Problem

SMALL = 1000
"""Minor units: below that nobody draws a line, unless it was meant in the large unit."""


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


def small_amounts(book: Rulebook) -> Iterator[Problem]:
    """One warning for each amount without a currency that is so small that it was probably meant in the large unit."""
    for listed in _lists(book):
        for item in listed.items:
            for value in bare_amounts(item.tree):
                message = f"{value} is in minor units: {value / 100:.2f}; write {value} CNY if {value}.00 is meant"
                yield Problem(listed.place(item), "small_amount", message)


def bare_amounts(tree: Tree) -> Iterator[int]:
    """Whole numbers below `SMALL` that an amount is compared with."""
    if isinstance(tree, Comparison):
        sides = (tree.first, *(right for _, right in tree.rest))
        if any(isinstance(side, Read) and side.feature.unit == MINOR_UNITS for side in sides):
            values = [side.value for side in sides if isinstance(side, Constant)]
            yield from (value for value in values if isinstance(value, int) and 0 < value < SMALL)
    for part in parts_of(tree):
        yield from bare_amounts(part)


def currencies(tree: Tree) -> frozenset[str]:
    """Those that a condition names."""
    if isinstance(tree, Money):
        return frozenset({tree.currency})
    return frozenset().union(*map(currencies, parts_of(tree)))


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
