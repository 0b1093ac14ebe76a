"""What is odd about defined facts: they never hold, or nobody asks for them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.rules.book.facts import Facts
from services.rules.book.models import Define
from services.rules.book.reading import read_rule
from services.rules.book.rulebook import Rulebook
from services.rules.book.source import parse_rules
from services.rules.book.values import EXPRESSION, is_expression
from services.rules.language.lexer import Sort, words
from services.rules.language.terms import Vocabulary
from services.rules.review.clauses import listed
from services.rules.review.conditions import odd_conditions
from services.rules.review.logic import both
from services.runtime.document import Document
from services.runtime.problems import Problem

_LISTS = frozenset({"when", "until", "enter", "leave"})


def definitions(texts: Mapping[str, str | bytes]) -> list[Document]:
    """The documents of a sound rule set that define facts, in the order of the files."""
    documents = (document for file in sorted(texts) for document in parse_rules(file, texts[file])[0])
    return [document for document in documents if isinstance(read_rule(document)[0], Define)]


def fact_names(documents: Sequence[Document]) -> list[str]:
    """The facts that documents define."""
    return [name for document in documents for name in document.data["define"]]


def odd_facts(book: Rulebook, documents: Sequence[Document]) -> Iterator[Problem]:
    """Warnings about the facts that these documents define."""
    facts = Facts()
    facts.ladders = {ladder.name: tuple(tier.name for tier in ladder.tiers) for ladder in book.ladders}
    vocabulary = Vocabulary(facts.ladders, facts)
    for document in documents:
        rule, _ = read_rule(document)
        if isinstance(rule, Define):
            list(facts.add(document, rule))
    asked = _asked(book, documents)
    for document in documents:
        for name, items in document.data["define"].items():
            conditions = listed(document, ("define", name), items, facts.parts(name, vocabulary), None)
            yield from odd_conditions(conditions, both(), "")
            if name not in asked:
                place = document.key_place(("define", name))
                yield Problem(place, "unused", f"no condition of this rule set asks for {name}")


def _asked(book: Rulebook, documents: Sequence[Document]) -> set[str]:
    """The names of facts that rules ask for, directly or by way of other facts."""
    meant = {name: items for document in documents for name, items in document.data["define"].items()}
    waiting = [name for document in book.documents.values() for name in _names(_conditions(document.data))]
    asked: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in meant and name not in asked:
            asked.add(name)
            waiting += _names(meant[name])
    return asked


def _conditions(data: Any) -> Iterator[Any]:
    """Every list of conditions in a rule, and every parameter that asks about the customer."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key in _LISTS:
                yield value
            elif key == "params":
                yield [said.removeprefix(EXPRESSION) for said in value.values() if is_expression(said)]
            else:
                yield from _conditions(value)
    elif isinstance(data, list):
        for item in data:
            yield from _conditions(item)


def _names(written: Any) -> Iterator[str]:
    """Every name in conditions; what is none of a fact does no harm."""
    match written:
        case str():
            yield from (word.text for word in words(written) if word.sort is Sort.NAME)
        case dict():
            yield from _names(list(written.values()))
        case None:
            return
        case _:
            for item in written:
                yield from _names(item)
