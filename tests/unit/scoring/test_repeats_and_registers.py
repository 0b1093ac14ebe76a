"""Recognising repeats, and last-writer-wins registers."""

from hypothesis import given
from hypothesis import strategies as st

from services.scoring import registers, repeats
from services.scoring.registers import Register
from services.scoring.repeats import Repeats, short_hash

HORIZON = 48 * 3600


@given(offsets=st.lists(st.integers(0, HORIZON), min_size=1, max_size=30), data=st.data())
def test_within_the_horizon_every_repeat_is_recognised(offsets: list[int], data: st.DataObject) -> None:
    """In any order and any number, each key is new exactly once."""
    keyed = list(enumerate(offsets))
    twice = data.draw(st.permutations(keyed + keyed))
    seen = Repeats()
    new = [key for key, at in twice if seen.remember(key, at, HORIZON)]
    assert sorted(new) == [key for key, _ in keyed]


@given(deeds=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10 * HORIZON)), max_size=40), data=st.data())
def test_few_deeds_are_told_apart_for_ever(deeds: list[tuple[int, int]], data: st.DataObject) -> None:
    """However far apart in time: fewer than KEPT of them are never forgotten, whatever the order they come in."""
    seen = Repeats()
    new = [key for key, at in data.draw(st.permutations(deeds + deeds)) if seen.remember(key, at, HORIZON)]
    assert sorted(new) == sorted({key for key, _ in deeds})
    stamps = list(seen.recent.values())
    assert stamps == sorted(stamps)
    assert not stamps or stamps[0] >= stamps[-1] - HORIZON


def test_a_late_first_arrival_counts_and_its_repeat_does_not() -> None:
    """A key keeps the newest time at which it was folded, so a backfill sent twice in a row counts once."""
    seen = Repeats()
    assert seen.remember(1, 100 * HORIZON, HORIZON)
    assert seen.remember(2, 0, HORIZON)
    assert not seen.remember(2, 0, HORIZON)


def test_beyond_the_horizon_and_many_others_a_repeat_counts_again() -> None:
    """That is the stated limit."""
    seen = Repeats()
    for key in range(repeats.KEPT + 1):
        seen.remember(key, key * (HORIZON + 1), HORIZON)
    assert not seen.remember(0, 0, HORIZON)
    seen.remember(10**6, (repeats.KEPT + 1) * (HORIZON + 1), HORIZON)
    assert seen.remember(0, 0, HORIZON)


def test_a_robot_does_not_fill_the_memory() -> None:
    """At most CAPACITY keys are recent and KEPT older, the latest."""
    seen = Repeats()
    for key in range(repeats.CAPACITY + repeats.KEPT + 10):
        seen.remember(key, 0, HORIZON)
    assert len(seen.recent) == repeats.CAPACITY
    assert min(seen.recent) == repeats.KEPT + 10
    assert len(seen.older) == 8 * repeats.KEPT


def test_a_key_is_found_only_where_one_begins() -> None:
    """The end of one key and the beginning of the next are not a key."""
    seen = Repeats(older=bytes(range(16)))
    assert seen.remember(int.from_bytes(bytes(range(4, 12))), 0, HORIZON)
    assert not seen.remember(int.from_bytes(bytes(range(8, 16))), 0, HORIZON)


@given(
    ours=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5 * HORIZON)), max_size=20),
    theirs=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5 * HORIZON)), max_size=20),
)
def test_the_union_knows_what_either_knew(ours: list[tuple[int, int]], theirs: list[tuple[int, int]]) -> None:
    """And no more."""
    one, other = Repeats(), Repeats()
    for seen, deeds in ((one, ours), (other, theirs)):
        for key, at in deeds:
            seen.remember(key, at, HORIZON)
    one.absorb(other, HORIZON)
    known = {key for key, _ in ours + theirs}
    latest = max((at for _, at in ours + theirs), default=0)
    assert {key for key in range(32) if not one.remember(key, latest, HORIZON)} == known


def test_hashes_keep_their_parts_apart() -> None:
    """("a", "bc") is not ("ab", "c"), and any text has a hash of 64 bits."""
    assert short_hash("a", "bc") != short_hash("ab", "c")
    assert 0 <= short_hash("顾客\ud800") < 2**64


WRITES = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 300), st.dictionaries(st.sampled_from("abc"), st.integers(0, 9))),
    max_size=12,
    unique_by=lambda write: write[1],
)


@given(writes=WRITES, data=st.data())
def test_registers_do_not_depend_on_the_order_of_arrival(
    writes: list[tuple[int, int, dict[str, int]]], data: st.DataObject
) -> None:
    """Any permutation and duplication gives the same registers; a repeat says it changed nothing."""
    first: dict[str, Register] = {}
    second: dict[str, Register] = {}
    for at, key, values in writes:
        registers.write(first, values, at, key)
    for at, key, values in data.draw(st.permutations(writes + writes)):
        registers.write(second, values, at, key)
        assert not registers.write(second, values, at, key)
    assert first == second


@given(names=st.permutations([f"n{i}" for i in range(registers.CAPACITY + 20)]))
def test_only_the_latest_names_are_kept_whatever_the_order(names: list[str]) -> None:
    """Names beyond the capacity fall out by time of writing, and writing them again changes nothing."""
    known: dict[str, Register] = {}
    for name in names:
        registers.write(known, {name: 1}, int(name[1:]), 0)
    assert set(known) == {f"n{i}" for i in range(20, registers.CAPACITY + 20)}
    assert not registers.write(known, {"n3": 1}, 3, 0)


@given(ours=WRITES, theirs=WRITES)
def test_the_union_of_registers_is_that_of_their_writes(
    ours: list[tuple[int, int, dict[str, int]]], theirs: list[tuple[int, int, dict[str, int]]]
) -> None:
    """Whoever wrote last has won, on either side."""
    theirs = [(at, key + 1000, values) for at, key, values in theirs]
    one: dict[str, Register] = {}
    other: dict[str, Register] = {}
    both: dict[str, Register] = {}
    for known, writes in ((one, ours), (other, theirs), (both, ours + theirs)):
        for at, key, values in writes:
            registers.write(known, values, at, key)
    registers.absorb(one, other)
    assert one == both


def test_a_removed_tag_stays_removed_when_its_addition_comes_late() -> None:
    """The removal leaves a register behind."""
    known: dict[str, Register] = {}
    registers.write(known, {"vip": False}, 2, 0)
    assert not registers.write(known, {"vip": True}, 1, 0)
    assert registers.tags(known) == ()
    registers.write(known, {"vip": True, "b": True}, 3, 0)
    assert registers.tags(known) == ("b", "vip")
