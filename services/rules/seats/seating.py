"""What a process knows of seats: every version, and by which one each partition's customers are judged, slot by slot."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from services.contracts.calendar import BusinessDays
from services.contracts.seats import HASH_BYTES, Claims, GroupClaims, Seats
from services.rules.book.rulebook import Rulebook, SeatRule
from services.rules.seats.claims import award, customers, hash_of
from services.runtime.assembly import named, second_of
from services.runtime.epochs import Epochs, Every
from services.runtime.partitioning import partition_of

DELAY_S = 120
"""A review comes so long after midnight: by then everybody was looked at with the days and the profile of the new day."""


class Seating:
    """A `services.runtime.assembly.Assembly`. Epochs, here reviews, are Unix seconds.

    A partition keeps to the seats of a slot until it passes the next review of that slot, whatever the process has heard
    meanwhile: a replay meets the same seats at the same instants as the first time.
    """

    def __init__(self, rulebook: Rulebook, zone: ZoneInfo, partitions: int) -> None:
        self.zone = zone
        self.partitions = partitions
        self._days = BusinessDays(zone)
        self._versions: dict[int, dict[str, bytes]] = {}
        self._in_force: dict[int, Mapping[str, int]] = {}
        self.adopt(rulebook)

    def adopt(self, rulebook: Rulebook) -> None:
        """Go on with another rule set: a slot that is new has its first review before it."""
        self.rulebook = rulebook.hash
        tiers = (tier for ladder in rulebook.ladders for tier in ladder.tiers)
        self.slots: Mapping[str, SeatRule] = {tier.seats.slot: tier.seats for tier in tiers if tier.seats is not None}
        every = {_every(slot) for slot in self.slots.values()}
        self.epochs = self._reviews_of(*every) if every else None
        """The reviews; None where no tier has a number of seats."""

    def most(self, epoch: int | None = None) -> Mapping[str, int]:
        """The slots, with the seats of each group: those that are reviewed at this instant, or all."""
        return {name: slot.most for name, slot in self.slots.items() if epoch is None or self._reviews(slot, epoch)}

    def _reviews(self, slot: SeatRule, epoch: int) -> bool:
        return self._reviews_of(_every(slot)).latest(epoch) == epoch

    def _reviews_of(self, *every: Every) -> Epochs:
        return Epochs(every, self._days, delay_s=DELAY_S)

    # --- versions

    def knows(self, epoch: int) -> bool:
        return epoch in self._versions

    def learn(self, version: Seats) -> None:
        """The first version heard of a review stays."""
        self._versions.setdefault(second_of(version), {slot.slot: slot.customers for slot in version.slots})

    def settle(self, epoch: datetime, reports: Sequence[Claims]) -> Seats:
        """The version that these claims give."""
        groups: Iterable[GroupClaims] = (group for report in reports for group in report.groups)
        version = Seats(
            version="",
            epoch=epoch,
            zone=self.zone.key,
            reported=len(reports),
            partitions=self.partitions,
            rulebook=self.rulebook,
            slots=award(groups, self.most(int(epoch.timestamp()))),
        )
        return named(version, epoch, self.zone)

    # --- what is in force

    def in_force(self, partition: int) -> Mapping[str, int]:
        """The review by which each slot is judged; none for those that had none yet."""
        return self._in_force.get(partition, {})

    def enforce(self, partition: int, reviews: Mapping[str, int]) -> None:
        """From now on judge a partition by these reviews, as far as there are such slots."""
        self._in_force[partition] = {slot: epoch for slot, epoch in reviews.items() if slot in self.slots}

    def go_on(self, partition: int, epoch: int) -> frozenset[bytes] | None:
        """Judge a partition by this review, which must be known, from now on.

        Returns the hashes of those whose seats that changes; None for everybody, where a slot has had no review before.
        """
        old, given = self.in_force(partition), self._versions[epoch]
        self.enforce(partition, {**old, **dict.fromkeys(given, epoch)})
        changed: set[bytes] = set()
        for slot in given:
            before = self._given(slot, old.get(slot))
            if before is None:
                return None
            changed |= customers(before) ^ customers(given[slot])
        return frozenset(changed)

    def seated(self, slot: str, customer_id: str) -> bool | None:
        """Whether a customer has a seat, by the review in force for the customer's partition; None before the first."""
        reviews = self.in_force(partition_of(customer_id, self.partitions))
        packed = self._given(slot, reviews.get(slot))
        if packed is None:
            return None
        customer = hash_of(customer_id)
        at = bisect_left(range(0, len(packed), HASH_BYTES), customer, key=lambda i: packed[i : i + HASH_BYTES])
        return packed[at * HASH_BYTES : (at + 1) * HASH_BYTES] == customer

    def _given(self, slot: str, epoch: int | None) -> bytes | None:
        return None if epoch is None else self._versions.get(epoch, {}).get(slot)


def _every(slot: SeatRule) -> Every:
    return Every(slot.review.value)
