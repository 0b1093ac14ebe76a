"""Buckets and runs: what goes through temporary files comes back, in order, and the files are gone."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.scores.buckets import Buckets
from services.cli.scores.groups import Groups
from services.cli.scores.runs import Runs
from services.contracts.events import AnyEvent, ClockTick, CustomerDeleted, CustomerMerged, Interaction
from services.contracts.wire import EVENTS
from tests.unit.contracts import strategies

START = datetime(2026, 1, 1, tzinfo=UTC)
CUSTOMERS = st.sampled_from([f"客户-{at}" for at in range(12)])
MINUTES = st.integers(0, 5)


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def view(number: int, customer: str, minutes: int = 0) -> Interaction:
    return Interaction(
        id=str(number), source="s", customer_id=customer, occurred_at=at(minutes), received_at=START, kind="view"
    )


def merge(number: int, ends: str, into: str, minutes: int = 0) -> CustomerMerged:
    return CustomerMerged(
        id=str(number), source="s", customer_id=ends, into_id=into, occurred_at=at(minutes), received_at=START
    )


def spilled(
    events: Sequence[AnyEvent], *, width: int = 4, most_bytes: int = 10**6, directory: Path | None = None
) -> list[list[AnyEvent]]:
    with Buckets(directory, width=width, most_bytes=most_bytes) as buckets:
        for event in events:
            buckets.add(event)
        return list(buckets.read())


@st.composite
def histories(draw: st.DrawFn) -> list[AnyEvent]:
    """Views by a few customers, many at the same instant, and some of them merged, in circles too."""
    events: list[AnyEvent] = []
    for number in range(draw(st.integers(0, 40))):
        one, other, minutes = draw(CUSTOMERS), draw(CUSTOMERS), draw(MINUTES)
        merged = one != other and draw(st.integers(0, 5)) == 0
        events.append(merge(number, one, other, minutes) if merged else view(number, one, minutes))
    return events


def together(events: Sequence[AnyEvent]) -> dict[str, set[str]]:
    """Everybody's group, worked out by spreading one name over all neighbours until nothing changes."""
    groups = {event.customer_id: {event.customer_id} for event in events}
    for _ in events:
        for event in events:
            if isinstance(event, CustomerMerged):
                both = groups[event.customer_id] | groups.get(event.into_id, {event.into_id})
                for customer in both:
                    groups[customer] = both
    return groups


@given(histories(), st.integers(1, 9), st.sampled_from([1, 500, 2000, 10**6]))
def test_everything_comes_back_once_and_whoever_belongs_together_comes_together(
    events: list[AnyEvent], width: int, most_bytes: int
) -> None:
    """However few or small the files are: nothing lost, each bucket by time and then reading, no group in two buckets."""
    found = spilled(events, width=width, most_bytes=most_bytes)
    reading = {event.id: number for number, event in enumerate(events)}
    for bucket in found:
        assert bucket
        assert bucket == sorted(bucket, key=lambda event: (event.occurred_at, reading[event.id]))
    assert sorted((event for bucket in found for event in bucket), key=lambda event: reading[event.id]) == events
    groups = together(events)
    homes = defaultdict(set)
    for number, bucket in enumerate(found):
        for event in bucket:
            homes[frozenset(groups[event.customer_id])].add(number)
    assert all(len(numbers) == 1 for numbers in homes.values())


@given(histories(), st.randoms(use_true_random=False))
def test_buckets_do_not_depend_on_the_order_of_reading(events: list[AnyEvent], random: object) -> None:
    """The same customers share a bucket, whenever it was said that they are one."""
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [{event.id for event in bucket} for bucket in spilled(events)] == [
        {event.id for event in bucket} for bucket in spilled(shuffled)
    ]


@given(st.lists(strategies.of(AnyEvent).filter(lambda event: not isinstance(event, ClockTick)), max_size=8))
def test_every_event_survives_the_files(events: list[AnyEvent]) -> None:
    """Of whatever type, and with whatever in its fields."""
    found = [event for bucket in spilled(events) for event in bucket]
    assert sorted(map(EVENTS.encode, found)) == sorted(map(EVENTS.encode, events))


def test_a_tick_belongs_to_nobody() -> None:
    """It is left out."""
    assert spilled([ClockTick(id="t", source="s", occurred_at=START, received_at=START)]) == []


def test_a_file_too_large_is_divided_until_one_customer_is_left() -> None:
    """Ten customers through two files of little size come back in more than two buckets; one customer never is divided."""
    events: list[AnyEvent] = [view(number, f"c{number % 10}") for number in range(1000)]
    many = spilled(events, width=2, most_bytes=20_000)
    assert len(many) > 2
    (one,) = spilled([view(number, "c") for number in range(1000)], width=2, most_bytes=1000)
    assert len(one) == 1000


def test_merges_reach_through_customers_of_whom_nothing_else_is_known() -> None:
    """With a into b and c into b, a and c are together although nothing ever happened to b."""
    events: list[AnyEvent] = [view(0, "a"), view(1, "c"), merge(2, "a", "b"), merge(3, "c", "b")]
    assert [len(bucket) for bucket in spilled(events, width=64, most_bytes=1)] == [4]


def test_the_smallest_id_names_a_group() -> None:
    """Whoever was named first, and by whatever detours."""
    groups = Groups()
    for one, other in [("d", "c"), ("b", "a"), ("c", "b"), ("a", "d"), ("x", "y")]:
        groups.join(one, other)
    assert {groups.name(customer) for customer in "abcd"} == {"a"}
    assert (groups.name("y"), groups.name("other")) == ("x", "other")
    assert sorted(groups.members) == ["a", "b", "c", "d", "x", "y"]


def test_nothing_stays_on_the_disk(tmp_path: Path) -> None:
    """The folder is gone at the end, also when something goes wrong in the middle of it."""

    def broken_buckets() -> None:
        with Buckets(tmp_path, width=2, most_bytes=1) as buckets:
            for number, customer in enumerate("abcdef"):
                buckets.add(view(number, customer))
            buckets.add(merge(9, "a", "b"))
            for _ in buckets.read():
                assert list(tmp_path.rglob("*.parts"))
                raise ZeroDivisionError

    def broken_runs() -> None:
        with Runs[int](int, tmp_path, most_bytes=1) as runs:
            runs.add("a", 1)
            assert list(tmp_path.iterdir())
            raise ZeroDivisionError

    assert spilled([view(0, "a"), merge(1, "a", "b"), view(2, "b")], directory=tmp_path)
    for broken in (broken_buckets, broken_runs):
        with pytest.raises(ZeroDivisionError):
            broken()
    assert list(tmp_path.iterdir()) == []


def test_a_deletion_comes_in_its_turn() -> None:
    """It is an event of its customer like any other."""
    deleted = CustomerDeleted(id="1", source="s", customer_id="a", occurred_at=at(1), received_at=START)
    assert spilled([view(2, "a", 2), deleted, view(0, "a", 0)]) == [[view(0, "a", 0), deleted, view(2, "a", 2)]]


@given(
    st.lists(st.tuples(st.text(max_size=3), st.integers())),
    st.sampled_from([1, 300, 1000, 10**6]),
    st.integers(2, 4),
)
def test_runs_are_what_sorting_in_memory_gives(items: list[tuple[str, int]], most_bytes: int, most_runs: int) -> None:
    """By key in the order of code points, those of one key as they were added, and as often as one likes."""
    items = [(key, number % 2**60) for key, number in items]
    with Runs[int](int, most_bytes=most_bytes, most_runs=most_runs) as runs:
        for key, number in items:
            runs.add(key, number)
        expected = [number for _, number in sorted(items, key=lambda item: item[0])]
        assert list(runs) == expected
        assert list(runs) == expected


def test_runs_hold_structs() -> None:
    """Any type that msgspec can write comes back as that type."""
    with Runs[Interaction](Interaction, most_bytes=1) as runs:
        for number, customer in enumerate("cab"):
            runs.add(customer, view(number, customer))
        assert [event.customer_id for event in runs] == ["a", "b", "c"]
