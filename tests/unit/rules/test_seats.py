"""Who gets the seats."""

from collections.abc import Mapping
from random import Random
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from services.contracts.calendar import to_ms
from services.contracts.seats import HASH_BYTES, SlotSeats
from services.rules.book.models import MAX_SEATS
from services.rules.engine.state import Claim, RuleState, pack_profile
from services.rules.seats import claims as seats
from services.rules.seats.claims import GRACE_MS, award, best_claims, customers, digest, hash_of
from tests.unit.rules.customers import NOON, profile

AT_MS = to_ms(NOON)
SLOTS = {"a/核心": 2, "b/x": 3}
RANKS = st.sampled_from([float("-inf"), -1.5, 0.0, 1.0, 1.0000000001, 7e15])


def packed(*claims: Claim) -> bytes:
    return digest(RuleState(version=1, as_of=NOON, profile=pack_profile(profile()), claims=list(claims)))


class Who(NamedTuple):
    """A customer in a partition, with at most one claim to each slot."""

    partition: int
    claims: tuple[Claim, ...]


@st.composite
def crowds(draw: st.DrawFn) -> dict[str, Who]:
    """Customers with claims of few different ranks, in a few partitions and groups; some to a slot that is no more."""
    size = draw(st.integers(0, 25))
    return {
        f"客{number}": Who(
            draw(st.integers(0, 3)),
            tuple(
                Claim(
                    slot,
                    draw(st.sampled_from(["", "上海"])),
                    draw(RANKS),
                    draw(st.sampled_from([0, AT_MS, AT_MS + 2 * GRACE_MS])),
                )
                for slot in draw(st.sets(st.sampled_from([*SLOTS, "gone/y"])))
            ),
        )
        for number in range(size)
    }


def plainly(crowd: Mapping[str, Who]) -> dict[str, set[str]]:
    """Everybody sorted in one place."""
    seated: dict[str, set[str]] = {}
    for slot, most in SLOTS.items():
        seated[slot] = set()
        claims = [(customer, claim) for customer, who in crowd.items() for claim in who.claims if claim.slot == slot]
        for group in {claim.group for _, claim in claims}:
            waiting = [pair for pair in claims if pair[1].group == group]
            waiting.sort(key=lambda pair: (pair[1].kept_ms <= AT_MS + GRACE_MS, -pair[1].rank, hash_of(pair[0])))
            seated[slot] |= {customer for customer, _ in waiting[:most]}
    return seated


def awarded(crowd: Mapping[str, Who]) -> tuple[SlotSeats, ...]:
    """As the services do it: the best of each partition, and the best of these."""
    partitions = {who.partition for who in crowd.values()}
    parts = [{c: packed(*who.claims) for c, who in crowd.items() if who.partition == p} for p in sorted(partitions)]
    return award((group for part in parts for group in best_claims(AT_MS, part, SLOTS)), SLOTS)


@given(crowds(), st.randoms(use_true_random=False))
def test_the_partitions_best_give_what_all_customers_in_one_place_give(crowd: dict[str, Who], chance: Random) -> None:
    """Ranks that tie, members whom nobody may displace, groups, and slots that are gone included; however they are split."""
    expected = plainly(crowd)
    found = awarded(crowd)
    assert [(slot.slot, slot.most) for slot in found] == sorted(SLOTS.items())
    for slot in found:
        assert customers(slot.customers) == {hash_of(customer) for customer in expected[slot.slot]}
        assert slot.customers == b"".join(sorted(customers(slot.customers)))
        claims = [claim for who in crowd.values() for claim in who.claims if claim.slot == slot.slot]
        assert sum(slot.claims.values()) == len(claims)
        assert all(len(slot.customers) // HASH_BYTES >= min(count, slot.most) for count in slot.claims.values())
    everybody_in_one = {customer: Who(0, who.claims) for customer, who in crowd.items()}
    assert awarded(everybody_in_one) == found
    assert awarded(dict(sorted(crowd.items(), key=lambda _: chance.random()))) == found


def test_a_member_who_may_stay_comes_before_any_rank() -> None:
    """Until the stay is over; a stay that ends a moment after the review is over."""
    kept = Claim("b/x", "", 1.0, AT_MS + GRACE_MS + 1)
    over = Claim("b/x", "", 1.0, AT_MS + GRACE_MS)
    others = {f"客{number}": packed(Claim("b/x", "", 9.0)) for number in range(9)}
    for claim, seated in ((kept, True), (over, False)):
        (slot,) = award(best_claims(AT_MS, {**others, "老客": packed(claim)}, SLOTS), {"b/x": 3})
        assert (hash_of("老客") in customers(slot.customers)) is seated


def test_who_waits_for_the_end_of_a_stay_to_leave_has_no_claim_at_it() -> None:
    """The seat would be empty a moment after the review; while the stay goes on it is kept."""
    for kept_ms, claims in ((AT_MS + GRACE_MS, ()), (AT_MS + GRACE_MS + 1, (1,))):
        leaving = Claim("b/x", "", 1.0, kept_ms, leaving=True)
        assert tuple(group.claims for group in best_claims(AT_MS, {"走的人": packed(leaving)}, SLOTS)) == claims


def test_a_digest_is_never_empty() -> None:
    """Or the store would not keep it, and nobody would be reached who claims nothing."""
    assert packed()
    assert best_claims(AT_MS, {"甲": packed()}, SLOTS) == ()


def test_a_slot_without_claims_is_given_to_nobody() -> None:
    """It was reviewed all the same."""
    (slot,) = award((), {"a/核心": 2})
    assert slot == SlotSeats(slot="a/核心", most=2, claims={}, customers=b"")


def test_what_does_not_fit_into_a_record_is_cut_in_all_groups_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """And said in the log: a record too long would stop the partition for ever."""
    many = {f"客{number}": packed(Claim("b/x", f"{number % 9}", float(number))) for number in range(900)}
    plenty = {"b/x": MAX_SEATS}
    assert sum(len(group.best) for group in best_claims(AT_MS, many, plenty)) == 900 * 17
    for room, most in ((20_000, 78), (5_000, 9), (1_000, 0)):
        monkeypatch.setattr(seats, "ROOM_BYTES", room)
        with capture_logs() as logs:
            groups = best_claims(AT_MS, many, plenty)
        assert [(entry["event"], entry["groups"], entry["most"]) for entry in logs] == [("seats_cut", 9, most)]
        assert [(group.claims, len(group.best) // 17) for group in groups] == [(100, most)] * (9 if most else 0)
        assert len(msgspec.json.encode(groups)) < room
    (slot,) = award(groups, plenty)
    assert slot.customers == b""
