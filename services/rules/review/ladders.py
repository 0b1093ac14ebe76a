"""What is odd about a ladder: tiers that nobody comes into, edges without a gap, jumps that are never made."""

from collections.abc import Iterator

from services.rules.book.models import Jump
from services.rules.book.rulebook import LadderRule, Rulebook, TierRule
from services.rules.language.terms import Kind
from services.rules.language.tree import Constant, Not, Tree
from services.rules.review.clauses import Clauses
from services.rules.review.conditions import odd_conditions
from services.rules.review.gaps import meeting
from services.rules.review.logic import both, possible
from services.runtime.document import Document, KeyPath
from services.runtime.problems import Problem

_DAY_MS = 86_400_000
_ALWAYS = Constant(value=True, kind=Kind.BOOL)
_NEVER = Constant(value=False, kind=Kind.BOOL)


def odd_ladders(book: Rulebook) -> Iterator[Problem]:
    """Warnings about all ladders."""
    clauses = Clauses(book)
    for ladder in book.ladders:
        yield from _Review(book, clauses, ladder).problems()


class _Review:
    def __init__(self, book: Rulebook, clauses: Clauses, ladder: LadderRule) -> None:
        self._book = book
        self._clauses = clauses
        self._ladder = ladder
        self._tiers = ladder.tiers
        self._document: Document = book.documents[ladder.name]

    def problems(self) -> Iterator[Problem]:
        for i, tier in enumerate(self._tiers[1:], start=1):
            for key, clause in (("enter", tier.enter), ("leave", tier.leave)):
                if clause is not None:
                    listed = self._clauses.listed(self._ladder.name, clause, ("tiers", i, key))
                    yield from odd_conditions(listed, _ALWAYS, "")
            yield from self._unreachable(i, tier)
            yield from self._flapping(i, tier)
            yield from self._lost_falls(i, tier)
        for i, jump in enumerate(self._ladder.on_jump):
            if not self._ever(jump):
                message = "no jump is ever like this; look at the order of the tiers, lowest first"
                yield self._note(("on_jump", i), "never_true", message)

    # --- who comes in

    def _unreachable(self, i: int, tier: TierRule) -> Iterator[Problem]:
        enter = self._enter(tier)
        if not possible(enter):
            return  # said of the conditions themselves
        if not possible(self._open(tier)):
            message = f"nobody climbs into {tier.name}: whenever its enter holds, its leave does too"
            yield self._note(("tiers", i, "enter"), "unreachable", message)
            return
        above = [each for each in self._tiers[i + 1 :] if each.seats is None]
        past = both(self._open(tier), *(Not(self._open(each)) for each in above))
        if above and not possible(past) and not self._fallen_into(i, tier):
            over = next((e.name for e in above if not possible(both(self._open(tier), Not(self._open(e))))), "")
            whither = f"may enter {over}" if over else "may enter a higher tier"
            message = f"nobody is ever in {tier.name}: whoever may enter it {whither}, too, and the highest counts"
            yield self._note(("tiers", i, "enter"), "unreachable", message)

    def _fallen_into(self, i: int, tier: TierRule) -> bool:
        """Whether somebody may fall from a higher tier into this one."""
        stays = Not(self._leave(tier))
        above = self._tiers[i + 1 :]
        return any(each.seats is not None or possible(both(self._leave(each), stays)) for each in above)

    def _enter(self, tier: TierRule) -> Tree:
        return _NEVER if tier.enter is None else self._clauses.tree(tier.enter)

    def _leave(self, tier: TierRule) -> Tree:
        return _NEVER if tier.leave is None else self._clauses.tree(tier.leave)

    def _open(self, tier: TierRule) -> Tree:
        return both(self._enter(tier), Not(self._leave(tier)))

    # --- who goes out

    def _flapping(self, i: int, tier: TierRule) -> Iterator[Problem]:
        if tier.leave is None or tier.stay_ms >= _DAY_MS:
            return
        edge = meeting(self._enter(tier), self._leave(tier))
        if edge is not None:
            feature, at = edge
            message = (
                f"enter and leave of {tier.name} meet at {feature} {at:g}: whoever is there goes in and out at every little "
                "change; leave a gap between them, or write stay_at_least"
            )
            yield self._note(("tiers", i, "leave"), "flaps", message)

    def _lost_falls(self, i: int, tier: TierRule) -> Iterator[Problem]:
        if tier.leave is None or not tier.stay_ms:
            return
        listed = self._clauses.listed(self._ladder.name, tier.leave, ("tiers", i, "leave"))
        pulses = {self._book.predicates[j].text for j in tier.leave.predicates if self._book.predicates[j].pulse}
        for item in listed.items:
            if item.text in pulses:
                message = "an event asks to leave at its own instant only: one that comes before stay_at_least is over is lost"
                yield Problem(listed.place(item), "lost_event", message)
                return

    # --- jumps

    def _ever(self, jump: Jump) -> bool:
        levels = range(len(self._tiers))
        names = [tier.name for tier in self._tiers]
        return any(
            jump.from_ in {None, names[origin]}
            and jump.to in {None, names[target]}
            and (not jump.to_higher or target > origin)
            and (not jump.to_lower or target < origin)
            for origin in levels
            for target in levels
            if origin != target
        )

    def _note(self, path: KeyPath, code: str, message: str) -> Problem:
        return Problem(self._document.place(path), code, message)
