"""What is odd about campaigns side by side: groups of one, and those that never get the word."""

from collections.abc import Iterator
from functools import cached_property
from itertools import groupby

from services.contracts.decision import Mode
from services.rules.book.rulebook import CampaignRule, Rulebook
from services.rules.language.condition import Predicate
from services.rules.language.terms import Kind
from services.rules.language.tree import Not
from services.rules.review.clauses import Clauses
from services.rules.review.logic import Case, known_cases, meet
from services.runtime.problems import Problem

_COUNTED = frozenset({Kind.NUMBER, Kind.LENGTH})


def odd_groups(book: Rulebook) -> Iterator[Problem]:
    """Warnings about campaigns with `exclusive`."""
    in_groups = sorted((c for c in book.campaigns if c.exclusive is not None), key=lambda c: c.exclusive or "")
    clauses = Clauses(book)
    for name, members in groupby(in_groups, key=lambda campaign: campaign.exclusive):
        # the sort is stable: those that are decided first come first
        speakers = [_Speaker(book, clauses, campaign) for campaign in members]
        if len(speakers) == 1:
            message = f"no other campaign is in the group {name}, so there is nothing to exclude"
            yield Problem(speakers[0].place, "alone", message)
        for i, speaker in enumerate(speakers):
            first = next((other for other in speakers[:i] if other.outspeaks(speaker)), None)
            if first is not None:
                message = (
                    f"whoever this fits, {first.campaign.name} fits, too, and it is decided first in the group {name}: this "
                    "one speaks only where that one is held back; give the narrower of the two the higher priority"
                )
                yield Problem(speaker.place, "shadowed", message)


class _Speaker:
    """A campaign among those that may speak one at a time."""

    def __init__(self, book: Rulebook, clauses: Clauses, campaign: CampaignRule) -> None:
        self.campaign = campaign
        self.place = book.documents[campaign.name].place(("exclusive",))
        self._clauses = clauses
        self._predicates = [book.predicates[i] for i in campaign.when.predicates]
        self._tree = clauses.tree(campaign.when)

    def outspeaks(self, later: "_Speaker") -> bool:
        """Whether it holds whenever a later one does, and begins no earlier than that."""
        if self.campaign.mode is not Mode.LIVE or not later._holds or not later._within(self):  # noqa: SLF001 - its own kind
            return False
        if any(predicate.pulse for predicate in self._predicates):
            return True
        # numbers move on: 60 days of silence come after 30, when the first campaign may long have said its last
        return self._holds is not None and not any(meet(self._holds, fails) for fails in later._moving)  # noqa: SLF001

    def _within(self, wider: "_Speaker") -> bool:
        """Whether a wider one holds whenever this does; not so if that is not known."""
        holds, fails = self._holds, wider._fails  # noqa: SLF001
        return holds is not None and fails is not None and not meet(holds, fails)

    @cached_property
    def _holds(self) -> list[Case] | None:
        return known_cases(self._tree)

    @cached_property
    def _fails(self) -> list[Case] | None:
        return known_cases(Not(self._tree))

    @cached_property
    def _moving(self) -> list[list[Case]]:
        """Of each of its conditions that come true in the course of time: when they do not hold."""
        moving = (each for each in self._predicates if each.tree is None or _counts(each))
        fails = (known_cases(Not(self._clauses.part(each))) for each in moving)
        return [[{}] if cases is None else cases for cases in fails]


def _counts(predicate: Predicate) -> bool:
    return any(feature.kind in _COUNTED for feature in predicate.features)
