"""A second look at a sound rule set: what its author may not have meant.

Every warning is true where it is given; what cannot be shown is not said.
"""

from collections.abc import Sequence

from services.rules.book.rulebook import Rulebook
from services.rules.review.campaigns import odd_campaigns
from services.rules.review.facts import definitions, fact_names, odd_facts
from services.rules.review.groups import odd_groups
from services.rules.review.ladders import odd_ladders
from services.rules.review.messages import odd_messages
from services.rules.review.money import odd_money, small_amounts
from services.runtime.document import Document
from services.runtime.problems import Problem

__all__ = ["definitions", "fact_names", "warnings"]


def warnings(rulebook: Rulebook, definitions: Sequence[Document] = ()) -> list[Problem]:
    """Everything that is odd about a rulebook, in the order of the files.

    `definitions` are the documents that its facts stand in; of those that are not given nothing is said.
    """
    found = (
        *odd_ladders(rulebook),
        *odd_campaigns(rulebook),
        *odd_groups(rulebook),
        *odd_messages(rulebook),
        *odd_money(rulebook),
        *small_amounts(rulebook),
        *odd_facts(rulebook, definitions),
    )
    return sorted(dict.fromkeys(found), key=lambda problem: problem.place)
