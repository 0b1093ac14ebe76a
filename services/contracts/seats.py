"""Seats in tiers that hold a number of customers, as claimed from one partition, and as all partitions together give them.

A seat goes to whoever ranks highest among everybody. No worker sees everybody, so at every review each partition's owner says
who of its own customers has a claim (`Claims`), and the best of all partitions' claims get the seats (`Seats`).

A slot names a tier among all ladders (`ladder/tier`). Where seats are counted by an attribute, each of its values is a group;
elsewhere, and for customers without it, the group is empty. A customer is told by the BLAKE2b hash of 8 bytes of the id.
"""

import msgspec

from services.contracts.calendar import Instant

HASH_BYTES = 8
"""Of a customer's id. Among 10,000 customers with a seat one of a million others is taken for one of them with a chance of 5·10⁻¹⁰."""


class GroupClaims(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How many claims there are to the seats of one group, and the best of them: as many as there are seats.

    `best` holds 17 bytes for each, highest claim first: the rank (a big-endian double, the higher the better), 1 if
    nobody may take the seat yet (else 0), and the hash of the customer.
    """

    slot: str
    group: str
    claims: int
    best: bytes


class Claims(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="claims", gc=False):
    """The claims of one partition's customers, as of the review at `epoch`, by the rule set `rulebook`."""

    epoch: Instant
    partition: int
    partitions: int
    zone: str
    rulebook: str
    groups: tuple[GroupClaims, ...]


class SlotSeats(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who has a seat: the hashes of the customers, of all groups, one after the other, rising.

    `most` is the number of seats in each group, `claims` how many claims there were, by group.
    """

    slot: str
    most: int
    claims: dict[str, int]
    customers: bytes


class Seats(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="seats", gc=False):
    """What one review gave, from `epoch` until the next review of each slot. `slots` are those that were reviewed.

    `version` names it: the instant in the business time zone, and a hash of the content. `reported` of `partitions`
    partitions were heard. `rulebook` is the rule set of whoever counted.
    """

    version: str
    epoch: Instant
    zone: str
    reported: int
    partitions: int
    rulebook: str
    slots: tuple[SlotSeats, ...]
