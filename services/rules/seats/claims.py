"""Who gets the seats of tiers that have a number of them: exact, and the same however the customers are shared out.

Pure functions. From claims to seats:

    digest(state)                    what is kept of each customer: the claims worked out at the last look
    best_claims(at_ms, digests, …)   of the customers of one partition, for every slot and group as many as there are seats
    award(…)                         of all partitions together: who has a seat

In every group the seats go first to members whose seat nobody may take yet, then to the highest rank; of equal ones to the
lower hash of the customer id. A minimum stay that is over within `GRACE_MS` after the review counts as over: whoever came in by
a review did so a moment after it, and a stay of seven days is not to last two weeks, nor where the clocks went forward
meanwhile. Who only waits for its end, to leave, has no claim then. Whoever is among the best of all is among the best of the own partition, so no more than these
need to be known.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from heapq import nsmallest
from struct import Struct
from typing import NamedTuple

import msgspec
import structlog

from services.contracts.seats import HASH_BYTES, GroupClaims, SlotSeats
from services.contracts.topics import CLAIMS
from services.rules.book.models import MAX_SEATS
from services.rules.engine.state import Claim, RuleState

_PACKED = Struct(f">d?{HASH_BYTES}s")
_ENCODE = msgspec.msgpack.Encoder().encode
_DIGESTS: msgspec.msgpack.Decoder[list[Claim]] = msgspec.msgpack.Decoder(list[Claim])
_ENVELOPE_BYTES = 64 * 1024
_GROUP_BYTES = 128
"""Of a group in a record, beside its name, that of its slot, and those who are told of it."""
GRACE_MS = 2 * 3_600_000
ROOM_BYTES = CLAIMS.max_message_bytes - _ENVELOPE_BYTES

log = structlog.get_logger()


class Contender(NamedTuple):
    """A claim to a seat, such that the best is the least. Those whose seat nobody may take yet are not `takeable`."""

    takeable: bool
    behind: float
    customer: bytes

    @property
    def packed(self) -> bytes:
        return _PACKED.pack(-self.behind, not self.takeable, self.customer)


class Group(NamedTuple):
    """The seats of one slot among customers of one group."""

    slot: str
    name: str


def hash_of(customer_id: str) -> bytes:
    """By which a customer is told."""
    return blake2b(customer_id.encode(), digest_size=HASH_BYTES).digest()


def digest(state: RuleState) -> bytes:
    """What is kept of a customer to be seen at a review; never empty."""
    return _ENCODE(state.claims)


def best_claims(at_ms: int, digests: Mapping[str, bytes], slots: Mapping[str, int]) -> tuple[GroupClaims, ...]:
    """The claims of these customers as of a review (Unix ms); `slots` are those there are, with the seats of each group."""
    groups: defaultdict[Group, list[Contender]] = defaultdict(list)
    for customer_id, packed in digests.items():
        claims = _DIGESTS.decode(packed)
        customer = hash_of(customer_id) if claims else b""
        for claim in claims:
            takeable = claim.kept_ms <= at_ms + GRACE_MS
            if claim.slot in slots and not (takeable and claim.leaving):
                contender = Contender(takeable, -claim.rank, customer)
                groups[Group(claim.slot, claim.group)].append(contender)
    best = {group: nsmallest(slots[group.slot], contenders) for group, contenders in sorted(groups.items())}
    return tuple(
        GroupClaims(
            slot=group.slot,
            group=group.name,
            claims=len(groups[group]),
            best=b"".join(contender.packed for contender in contenders),
        )
        for group, contenders in _fitting(best, _PACKED.size).items()
    )


def award(groups: Iterable[GroupClaims], slots: Mapping[str, int]) -> tuple[SlotSeats, ...]:
    """The seats of `slots`, of which each group has as many as stands there, by the best claims of all partitions."""
    claims: dict[str, Counter[str]] = {slot: Counter() for slot in sorted(slots)}
    contenders: defaultdict[Group, list[Contender]] = defaultdict(list)
    for said in groups:
        if said.slot in slots:
            claims[said.slot][said.group] += said.claims
            contenders[Group(said.slot, said.group)] += _unpacked(said.best)
    best = {group: nsmallest(slots[group.slot], found) for group, found in sorted(contenders.items())}
    seated: dict[str, list[bytes]] = {slot: [] for slot in claims}
    for group, found in _fitting(best, HASH_BYTES).items():
        seated[group.slot] += [contender.customer for contender in found]
    return tuple(
        SlotSeats(
            slot=slot,
            most=slots[slot],
            claims=dict(sorted(counts.items())),
            customers=b"".join(sorted(set(seated[slot]))),
        )
        for slot, counts in claims.items()
    )


def customers(packed: bytes) -> frozenset[bytes]:
    """The hashes of those who have a seat."""
    return frozenset(packed[i : i + HASH_BYTES] for i in range(0, len(packed), HASH_BYTES))


def _unpacked(best: bytes) -> Iterator[Contender]:
    return (Contender(not kept, -rank, customer) for rank, kept, customer in _PACKED.iter_unpack(best))


def _fitting(groups: Mapping[Group, Sequence[Contender]], size: int) -> Mapping[Group, Sequence[Contender]]:
    """The same, if it fits into a record with `size` bytes for each; else so many of each group, all alike, that it does."""
    most = MAX_SEATS
    while (
        most and sum(_encoded_bytes(group, min(most, len(best)) * size) for group, best in groups.items()) > ROOM_BYTES
    ):
        most //= 2
    if most == MAX_SEATS:
        return groups
    log.error("seats_cut", groups=len(groups), most=most)
    return {group: best[:most] for group, best in groups.items()} if most else {}


def _encoded_bytes(group: Group, size: int) -> int:
    # base64, and a text whose every byte may be escaped
    return _GROUP_BYTES + 2 * len(group.slot.encode()) + 2 * len(group.name.encode()) + size * 4 // 3
