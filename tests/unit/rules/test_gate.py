"""What a partition does at a review."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.contracts import wire
from services.contracts.calendar import to_ms
from services.contracts.seats import Claims, Seats
from services.contracts.topics import CLAIMS
from services.rules.book.rulebook import Rulebook
from services.rules.engine.state import Claim, RuleState, pack_profile
from services.rules.processor import PATIENCE
from services.rules.seats.claims import digest, hash_of
from services.rules.seats.gate import SeatGate
from services.rules.seats.seating import DELAY_S, Seating
from services.runtime.assembly import Tally
from services.runtime.gate import Gate
from tests.unit.rules.customers import NOON, book, campaign, profile

UTC_ZONE = ZoneInfo("UTC")
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
REVIEW = MONDAY + timedelta(seconds=DELAY_S)
AT_MS = to_ms(REVIEW)
DAY = timedelta(days=1)
DAY_MS = 86_400_000
SLOT = "社群/核心"


def ladder(name: str = "社群", most: int = 2, review: str = "weekly") -> str:
    return f"""\
kind: ladder
name: {name}
tiers:
  - name: 外围
  - {{name: 核心, enter: [r >= 1], capacity: {{max: {most}, rank_by: m, review: {review}}}}}
"""


def of(rulebook: Rulebook, partitions: int = 1) -> tuple[Seating, SeatGate]:
    seating = Seating(rulebook, UTC_ZONE, partitions)
    return seating, SeatGate(seating)


def digests(slot: str = SLOT, **ranks: float) -> dict[str, bytes]:
    state = RuleState(version=1, as_of=NOON, profile=pack_profile(profile()))
    found = {"看客": digest(state)}
    for customer, rank in ranks.items():
        state.claims = [Claim(slot, "", rank)]
        found[customer] = digest(state)
    return found


def reviewed(seating: Seating, gate: SeatGate, at: datetime, known: Mapping[str, bytes]) -> Seats:
    """Everybody of the only partition has said how they stand, and the version is known."""
    (output,), _ = gate.say(0, to_ms(at), known)
    version = seating.settle(at, [wire.CLAIMS.decode(output.value or b"")])
    seating.learn(version)
    return version


def test_it_is_a_gate() -> None:
    """It fits the runtime's interface."""
    gate: Gate = of(book(ladder()))[1]
    assert gate.begun({"epoch": "0"})


def test_without_seats_there_are_no_reviews() -> None:
    """But another rule set reaches everybody, those who claim nothing too, once."""
    seating, gate = of(book(campaign("r == 3")))
    assert gate.next_ms({}, AT_MS) is None
    assert gate.latest_ms({}, AT_MS) is None
    assert gate.claimed(0, {})
    passage = gate.look_anew(0, digests(甲=1.0))
    assert set(passage.wake) == {"看客", "甲"}
    assert not gate.claimed(0, passage.marks)
    gate.adopt(book(campaign("r == 4")))
    assert gate.claimed(0, passage.marks)
    gate.released(0)
    assert gate.claimed_partitions == set()
    assert seating.slots == {}


def test_nobody_waits_for_a_profile_of_midnight_any_more() -> None:
    """Or claims would be said that were worked out with the days of yesterday."""
    assert MONDAY + PATIENCE < REVIEW


@pytest.mark.parametrize(
    ("came", "following"),
    [
        (REVIEW, REVIEW),
        (REVIEW + timedelta(milliseconds=1), REVIEW + 7 * DAY),
        (MONDAY, REVIEW),
        (REVIEW - DAY, REVIEW),
    ],
)
def test_the_first_review_is_not_before_anything_happened(came: datetime, following: datetime) -> None:
    """Nor before the instant that the partition has come to, whatever it passed long ago."""
    gate = of(book(ladder()))[1]
    for marks in ({}, {"epoch": str(AT_MS // 1000 - 70 * 86_400)}):
        assert gate.next_ms(marks, to_ms(came)) == to_ms(following)
    assert gate.next_ms({"epoch": str(AT_MS // 1000)}, AT_MS) == AT_MS + 7 * DAY_MS


def test_slots_share_the_gates_and_keep_their_own_times() -> None:
    """Every review of any slot is a gate; at each, the slots whose time it is are given."""
    rulebook = book(ladder(), more=ladder("名流", 1, "daily"))
    seating, gate = of(rulebook)
    assert gate.next_ms({"epoch": str(AT_MS // 1000)}, AT_MS + 1) == AT_MS + DAY_MS
    assert seating.most() == {SLOT: 2, "名流/核心": 1}
    assert seating.most(AT_MS // 1000) == seating.most()
    assert seating.most(AT_MS // 1000 + 86_400) == {"名流/核心": 1}
    known = {**digests(甲=1.0), **digests("名流/核心", 乙=2.0)}
    first, second = (reviewed(seating, gate, REVIEW + n * DAY, known) for n in range(2))
    assert [[slot.slot for slot in version.slots] for version in (first, second)] == [
        ["名流/核心", SLOT],
        ["名流/核心"],
    ]
    gate.claimed(0, {})
    for n in range(2):
        gate.passage(0, AT_MS + n * DAY_MS, known)
    assert seating.in_force(0) == {SLOT: AT_MS // 1000, "名流/核心": AT_MS // 1000 + 86_400}


def test_on_the_wall_clock_a_week_is_not_lost_to_a_day() -> None:
    """Of each slot's reviews the last one missed is made up for, the earliest first."""
    gate = of(book(ladder(), more=ladder("名流", 1, "daily")))[1]
    now_ms = AT_MS + 3 * DAY_MS + 1
    marks = {"epoch": str(AT_MS // 1000 - 86_400)}
    assert gate.latest_ms(marks, now_ms) == AT_MS
    assert gate.latest_ms({"epoch": str(AT_MS // 1000)}, now_ms) == AT_MS + 3 * DAY_MS
    assert gate.latest_ms({"epoch": str(AT_MS // 1000 + 3 * 86_400)}, now_ms) is None


def test_a_partition_says_who_has_the_best_claims() -> None:
    """One record, keyed by partition, and a mark that it was said."""
    rulebook = book(ladder())
    gate = of(rulebook, 4)[1]
    (output,), marks = gate.say(2, AT_MS, digests(甲=1.0, 乙=3.0, 丙=2.0))
    assert (output.topic, output.partition, output.key) == (CLAIMS.name, 0, b"2")
    claims = wire.CLAIMS.decode(output.value or b"")
    assert (claims.epoch, claims.partition, claims.partitions, claims.rulebook) == (REVIEW, 2, 4, rulebook.hash)
    (group,) = claims.groups
    assert (group.slot, group.group, group.claims) == (SLOT, "", 3)
    assert [group.best[9:17], group.best[26:]] == [hash_of("乙"), hash_of("丙")]
    assert gate.said(marks, AT_MS)
    assert not gate.said(marks, AT_MS + 7 * DAY_MS)


def test_the_first_review_wakes_everybody_and_the_next_ones_those_who_gain_or_lose() -> None:
    """Nobody was judged by seats before the first: members without one go now."""
    seating, gate = of(book(ladder()))
    gate.claimed(0, {})
    known = digests(甲=1.0, 乙=3.0, 丙=2.0)
    assert seating.seated(SLOT, "甲") is None
    assert not gate.is_open(AT_MS)
    reviewed(seating, gate, REVIEW, known)
    assert gate.is_open(AT_MS)
    # known is not yet in force
    assert seating.seated(SLOT, "乙") is None
    passage = gate.passage(0, AT_MS, known)
    assert set(passage.wake) == set(known)
    assert [seating.seated(SLOT, customer) for customer in ("甲", "乙", "丙", "丁")] == [False, True, True, False]
    later = digests(甲=4.0, 乙=3.0, 丙=2.0, 丁=0.0)
    reviewed(seating, gate, REVIEW + 7 * DAY, later)
    passage = gate.passage(0, AT_MS + 7 * DAY_MS, later)
    assert set(passage.wake) == {"甲", "丙"}
    reviewed(seating, gate, REVIEW + 14 * DAY, later)
    assert list(gate.passage(0, AT_MS + 14 * DAY_MS, later).wake) == []


def test_a_partition_that_is_taken_over_goes_on_with_its_own_seats() -> None:
    """By its marks, slot by slot, whatever else is known; and so after a restart."""
    rulebook = book(ladder())
    seating, gate = of(rulebook)
    gate.claimed(0, {})
    versions = [
        reviewed(seating, gate, REVIEW + 7 * n * DAY, known)
        for n, known in enumerate((digests(甲=1.0), digests(乙=1.0)))
    ]
    marks = {**gate.look_anew(0, {}).marks, **gate.passage(0, AT_MS, {}).marks}
    other, again = of(rulebook)
    for version in reversed(versions):
        other.learn(version)
    assert not again.claimed(0, marks)
    assert (other.seated(SLOT, "甲"), other.seated(SLOT, "乙")) == (True, False)
    again.passage(0, AT_MS + 7 * DAY_MS, {})
    assert (other.seated(SLOT, "甲"), other.seated(SLOT, "乙")) == (False, True)
    # a topic that has lost what was given is no review that gave nothing
    lost = of(rulebook)
    lost[1].claimed(0, marks)
    assert lost[0].seated(SLOT, "甲") is None


def test_another_rule_set_drops_the_seats_of_slots_that_are_gone() -> None:
    """A slot that comes back waits for its first review; one whose number or time has changed keeps its seats until the next."""
    seating, gate = of(book(ladder()))
    gate.claimed(0, {})
    known = digests(甲=1.0)
    reviewed(seating, gate, REVIEW, known)
    gate.passage(0, AT_MS, known)
    gate.adopt(book(ladder(most=1, review="daily")))
    assert gate.look_anew(0, known).marks["seats"] == f'{{"{SLOT}":{AT_MS // 1000}}}'
    assert seating.seated(SLOT, "甲")
    assert gate.next_ms({"epoch": str(AT_MS // 1000)}, AT_MS + 1) == AT_MS + DAY_MS
    gate.adopt(book(campaign("r == 3")))
    assert gate.look_anew(0, known).marks["seats"] == "{}"
    gate.adopt(book(ladder()))
    gate.look_anew(0, known)
    assert seating.seated(SLOT, "甲") is None


def test_the_last_claims_of_a_partition_that_fell_silent_stand_in() -> None:
    """Those to a slot that was not reviewed then are known, too."""
    seating, gate = of(book(ladder(), more=ladder("名流", 1, "daily")), 2)
    tally: Tally[Claims, Seats] = Tally(seating, 30.0)

    def said(partition: int, at: datetime, known: Mapping[str, bytes]) -> None:
        (output,), _ = gate.say(partition, to_ms(at), known)
        tally.take(wire.CLAIMS.decode(output.value or b""))

    said(0, REVIEW - DAY, digests(甲=1.0))
    said(1, REVIEW - DAY, digests(乙=3.0))
    found = tally.conclude(0)
    assert found is not None
    seating.learn(found)
    said(0, REVIEW, digests(甲=1.0))
    assert tally.conclude(0) is None
    found = tally.conclude(30)
    assert found is not None
    assert (found.reported, found.version[:11]) == (2, "2026-03-02T")
    assert {slot.slot: slot.claims for slot in found.slots} == {"名流/核心": {}, SLOT: {"": 2}}
