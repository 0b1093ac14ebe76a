"""The gate of rules: at every review the seats of tiers that have a number of them are given anew."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from services.contracts import wire
from services.contracts.seats import Claims
from services.contracts.topics import CLAIMS
from services.rules.book.rulebook import Rulebook
from services.rules.seats.claims import best_claims, hash_of
from services.rules.seats.seating import Seating
from services.runtime.epoch_gate import EpochGate, epoch_passed, marked_passed, marked_said
from services.runtime.epochs import instant
from services.runtime.gate import Passage
from services.runtime.record import Output

_RULES = "rules"
_SEATS = "seats"


class SeatGate(EpochGate):
    """A `services.runtime.gate.Gate`. Marks hold the last review passed, the review in force of each slot, and the rule set decided with.

    Without tiers that have a number of seats there are no reviews, but another rule set still reaches everybody.
    """

    def __init__(self, seating: Seating) -> None:
        self._seating = seating
        super().__init__(seating.knows, seating.epochs)

    def adopt(self, rulebook: Rulebook) -> None:
        """Go on with another rule set. The partitions held are stale then: see `PublishThenCommit.renew`."""
        self._seating.adopt(rulebook)
        self.epochs = self._seating.epochs

    def claimed(self, partition: int, marks: Mapping[str, str]) -> bool:
        self.claimed_partitions.add(partition)
        self._seating.enforce(partition, msgspec.json.decode(marks.get(_SEATS, "{}"), type=dict[str, int]))
        return marks.get(_RULES) != self._seating.rulebook

    def look_anew(self, partition: int, digests: Mapping[str, bytes]) -> Passage:
        """Everybody, and the seats of slots that are gone are forgotten."""
        # a rule set may have been adopted since the partition was claimed
        self._seating.enforce(partition, self._seating.in_force(partition))
        return Passage({_RULES: self._seating.rulebook, **self._marked_seats(partition)}, tuple(digests))

    def next_ms(self, marks: Mapping[str, str], first_ms: int) -> int | None:
        """No review lies before the instant that a partition has come to, or begins at: whoever is to claim has not been looked at."""
        if self.epochs is None:
            return None
        passed, before = epoch_passed(marks), self.epochs.latest((first_ms - 1) // 1000)
        return 1000 * self.epochs.following(before if passed is None else max(passed, before))

    def say(
        self, partition: int, at_ms: int, digests: Mapping[str, bytes]
    ) -> tuple[Sequence[Output], Mapping[str, str]]:
        """The claims to all slots, those that are not reviewed now too: they stand in for later ones that do not come."""
        seating = self._seating
        claims = Claims(
            epoch=instant(at_ms // 1000),
            partition=partition,
            partitions=seating.partitions,
            zone=seating.zone.key,
            rulebook=seating.rulebook,
            groups=best_claims(at_ms, digests, seating.most()),
        )
        return [Output(CLAIMS.name, 0, str(partition).encode(), wire.CLAIMS.encode(claims))], marked_said(at_ms)

    def passage(self, partition: int, at_ms: int, digests: Mapping[str, bytes]) -> Passage:
        """Wakes those who gain or lose a seat, and nobody else; at the first review of a slot everybody."""
        changed = self._seating.go_on(partition, at_ms // 1000)
        wake: Collection[str] = ()
        if changed is None:
            wake = tuple(digests)
        elif changed:
            wake = [customer for customer in digests if hash_of(customer) in changed]
        return Passage({**marked_passed(at_ms), **self._marked_seats(partition)}, wake)

    def _marked_seats(self, partition: int) -> Mapping[str, str]:
        return {_SEATS: msgspec.json.encode(self._seating.in_force(partition), order="deterministic").decode()}
