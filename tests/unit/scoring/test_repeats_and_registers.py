"""Recognising repeats, and last-writer-wins registers."""

from hypothesis import given
from hypothesis import strategies as st

from services.scoring import registers, repeats
from services.scoring.registers import Register
from services.scoring.repeats import remember, short_hash

HORIZON = 48 * 3600


@given(offsets=st.lists(st.integers(0, HORIZON), min_size=1, max_size=30), data=st.data())
def test_within_the_horizon_every_repeat_is_recognised(offsets: list[int], data: st.DataObject) -> None:
    """In any order and any number, each key is new exactly once."""
    keyed = list(enumerate(offsets))
    twice = data.draw(st.permutations(keyed + keyed))
    seen: dict[int, int] = {}
    new = [key for key, at in twice if remember(seen, key, at, HORIZON)]
    assert sorted(new) == [key for key, _ in keyed]


@given(deeds=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10 * HORIZON)), max_size=40))
def test_keys_older_than_the_horizon_are_dropped(deeds: list[tuple[int, int]]) -> None:
    """What is kept has a stamp within the horizon of the newest, in order of the stamps."""
    seen: dict[int, int] = {}
    for key, at in deeds:
        remember(seen, key, at, HORIZON)
    stamps = list(seen.values())
    assert stamps == sorted(stamps)
    assert not stamps or stamps[0] >= stamps[-1] - HORIZON


def test_a_late_first_arrival_counts_and_its_repeat_does_not() -> None:
    """A key keeps the newest time at which it was folded, so a backfill sent twice in a row counts once."""
    seen: dict[int, int] = {}
    assert remember(seen, 1, 100 * HORIZON, HORIZON)
    assert remember(seen, 2, 0, HORIZON)
    assert not remember(seen, 2, 0, HORIZON)


def test_beyond_the_horizon_a_repeat_counts_again() -> None:
    """That is the stated limit."""
    seen: dict[int, int] = {}
    remember(seen, 1, 0, HORIZON)
    assert not remember(seen, 1, 0, HORIZON)
    remember(seen, 2, HORIZON + 1, HORIZON)
    assert remember(seen, 1, 0, HORIZON)


def test_a_robot_does_not_fill_the_memory() -> None:
    """At most CAPACITY keys, the latest."""
    seen: dict[int, int] = {}
    for key in range(repeats.CAPACITY + 10):
        remember(seen, key, 0, HORIZON)
    assert len(seen) == repeats.CAPACITY
    assert min(seen) == 10


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


def test_a_removed_tag_stays_removed_when_its_addition_comes_late() -> None:
    """The removal leaves a register behind."""
    known: dict[str, Register] = {}
    registers.write(known, {"vip": False}, 2, 0)
    assert not registers.write(known, {"vip": True}, 1, 0)
    assert registers.tags(known) == ()
    registers.write(known, {"vip": True, "b": True}, 3, 0)
    assert registers.tags(known) == ("b", "vip")
