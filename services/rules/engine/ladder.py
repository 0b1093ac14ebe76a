"""Moving on a ladder: up at once, down after the minimum stay.

Everyone starts at the bottom. A tier is open to a customer when its `enter` holds and its `leave` does not. A customer climbs
to the highest open tier above. Otherwise, if the `leave` of the current tier holds and `stay_at_least` has passed since
entering, the customer falls to the highest lower tier whose `leave` does not hold, the bottom at last. So climbing wins over
falling, and deciding twice on the same facts moves nobody twice.

A tier with seats is entered only by those who were given one at its last review, and left by those who lose theirs.
"""

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from services.rules.book.models import Jump
from services.rules.book.notice import Notice
from services.rules.book.rulebook import Clause, LadderRule, SeatRule, TierRule
from services.rules.engine.state import TierState


@dataclass(frozen=True)
class Move:
    """A jump from one level to another. `reasons` are the clauses that decided it; without any, others had more claim to the seat."""

    origin: int
    target: int
    reasons: tuple[Clause, ...]
    displaced: bool = False

    @property
    def up(self) -> bool:
        return self.target > self.origin


class Standing(NamedTuple):
    """What a look at a ladder gives: a move or none, and until when a fall is held back (Unix ms)."""

    move: Move | None
    hold_ms: int | None


class SeatClaim(NamedTuple):
    """A claim to a seat, which nobody else may take before `kept_ms` (Unix ms), and which who is `leaving` gives up then."""

    seats: SeatRule
    kept_ms: int = 0
    leaving: bool = False


Seated = Callable[[SeatRule], bool | None]
"""Whether the customer at hand was given one of these seats at the last review; None if there was none yet."""


class Sight(NamedTuple):
    """What a ladder goes by at one instant (Unix ms).

    `holding` are the ids of the clauses that hold; `entering` those that would if a tier were entered now, which differ
    where they ask for `tier_days`.
    """

    now_ms: int
    holding: AbstractSet[str]
    entering: AbstractSet[str]
    seated: Seated


def stand(ladder: LadderRule, state: TierState | None, sight: Sight) -> Standing:
    """Where a customer belongs."""
    now_ms, holding, entering, seated = sight
    level = 0 if state is None else ladder.level(state.tier)
    for target in range(len(ladder.tiers) - 1, level, -1):
        tier = ladder.tiers[target]
        enter = tier.enter
        if enter is not None and enter.id in holding and _keeps(tier, entering) and _has_room(tier, seated):
            return Standing(Move(level, target, (enter,)), None)
    current = ladder.tiers[level]
    displaced = current.seats is not None and seated(current.seats) is False
    if state is None or level == 0 or (_keeps(current, holding) and not displaced):
        return Standing(None, None)
    until = state.since_ms + current.stay_ms
    if now_ms < until:
        return Standing(None, until)
    target = next(
        i
        for i in range(level - 1, -1, -1)
        if i == 0 or (_keeps(ladder.tiers[i], entering) and _has_room(ladder.tiers[i], seated))
    )
    passed = (ladder.tiers[i].leave for i in range(level, target, -1))
    reasons = tuple(leave for leave in passed if leave is not None and leave.id in holding)
    return Standing(Move(level, target, reasons, displaced=displaced and _keeps(current, holding)), None)


def claims(ladder: LadderRule, level: int, state: TierState | None, sight: Sight) -> Iterator[tuple[int, SeatClaim]]:
    """The levels with seats that a customer on `level` has a claim to: the own one, and those that are open above.

    Whoever would leave, and has to stay for a while yet, keeps the seat that long.
    """
    now_ms, holding, entering, _ = sight
    for i, tier in enumerate(ladder.tiers):
        if tier.seats is None or i < level:
            continue
        if i == level:
            kept_ms = 0 if state is None else state.since_ms + tier.stay_ms
            leaving = not _keeps(tier, holding)
            if not leaving or kept_ms > now_ms:
                yield i, SeatClaim(tier.seats, kept_ms, leaving)
        elif tier.enter is not None and tier.enter.id in holding and _keeps(tier, entering):
            yield i, SeatClaim(tier.seats)


def notices(ladder: LadderRule, move: Move) -> list[tuple[int, Notice]]:
    """The messages a jump calls for, each with the index of its `on_jump` entry."""
    origin, target = ladder.tiers[move.origin].name, ladder.tiers[move.target].name
    messages = zip(ladder.on_jump, ladder.notices, strict=True)
    return [(i, notice) for i, (jump, notice) in enumerate(messages) if _fits(jump, origin, target, up=move.up)]


def _fits(jump: Jump, origin: str, target: str, *, up: bool) -> bool:
    return (
        jump.from_ in {None, origin}
        and jump.to in {None, target}
        and (not jump.to_higher or up)
        and (not jump.to_lower or not up)
    )


def _has_room(tier: TierRule, seated: Seated) -> bool:
    return tier.seats is None or seated(tier.seats) is True


def _keeps(tier: TierRule, holding: AbstractSet[str]) -> bool:
    return tier.leave is None or tier.leave.id not in holding
