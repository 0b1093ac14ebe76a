from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.alignment import Alignment

NOW = datetime(2026, 1, 31, tzinfo=UTC)
IDLE = timedelta(seconds=2)
A, B = "interactions", "orders"

Offered = Sequence[tuple[int | None, int, str]]


def alignment(bound: int = 5000) -> Alignment[str]:
    aligned = Alignment[str](IDLE, bound=bound)
    aligned.assign([(A, 0), (B, 0)])
    return aligned


def test_the_earliest_head_goes_first() -> None:
    """Heads are compared by time; the rest waits once one input has nothing to compare."""
    aligned = alignment()
    aligned.offer(B, 0, [(10, 0, "b10"), (30, 1, "b30")])
    aligned.offer(A, 0, [(20, 7, "a20")])
    assert aligned.release(0, NOW) == ["b10", "a20"]
    assert (aligned.position(B, 0), aligned.position(A, 0)) == (1, 8)


def test_ties_go_by_topic_then_offset() -> None:
    """Records of one instant come in a fixed order."""
    aligned = alignment()
    aligned.offer(B, 0, [(5, 0, "b0"), (5, 1, "b1"), (9, 2, "end")])
    aligned.offer(A, 0, [(5, 0, "a0"), (5, 1, "a1"), (9, 2, "end")])
    assert aligned.release(0, NOW)[:4] == ["a0", "a1", "b0", "b1"]


def test_an_input_without_a_head_is_waited_for_until_it_is_idle() -> None:
    """Waiting counts from when the others began to wait, and ends after the idle time."""
    aligned = alignment()
    assert aligned.release(0, NOW) == []
    later = NOW + timedelta(hours=1)
    aligned.offer(B, 0, [(10, 0, "b")])
    assert aligned.release(0, later) == []
    assert aligned.position(B, 0) == 0
    assert aligned.release(0, later + IDLE - timedelta(milliseconds=1)) == []
    assert aligned.release(0, later + IDLE) == ["b"]
    assert aligned.position(B, 0) == 1


def test_an_idle_input_is_not_waited_for_again_until_it_speaks() -> None:
    """Once idle, an input delays nobody; with its next record it is waited for again."""
    aligned = alignment()
    aligned.offer(B, 0, [(10, 0, "b10")])
    aligned.release(0, NOW)
    assert aligned.release(0, NOW + IDLE) == ["b10"]
    aligned.offer(B, 0, [(11, 1, "b11")])
    assert aligned.release(0, NOW + IDLE) == ["b11"]
    aligned.offer(A, 0, [(12, 0, "a12")])
    assert aligned.release(0, NOW + IDLE) == []
    aligned.offer(B, 0, [(13, 2, "b13"), (14, 3, "b14")])
    assert aligned.release(0, NOW + IDLE) == ["a12"]


def test_a_record_without_a_time_takes_that_of_the_one_before() -> None:
    """A dead letter keeps its place in its input, across batches, and counts for the position."""
    aligned = alignment()
    aligned.offer(B, 0, [(None, 0, "bad-first"), (10, 1, "b10")])
    aligned.offer(B, 0, [(None, 2, "bad"), (30, 3, "b30")])
    aligned.offer(A, 0, [(5, 0, "a5"), (20, 1, "a20")])
    assert aligned.release(0, NOW) == ["bad-first", "a5", "b10", "bad", "a20"]
    assert aligned.position(B, 0) == 3


def test_times_out_of_order_within_an_input_do_not_change_its_order() -> None:
    """An early time behind a late one is released when it is reached."""
    aligned = alignment()
    aligned.offer(B, 0, [(30, 0, "b30"), (10, 1, "b10")])
    aligned.offer(A, 0, [(20, 0, "a20"), (40, 1, "a40")])
    assert aligned.release(0, NOW) == ["a20", "b30", "b10"]


def test_a_full_input_says_so_until_something_is_released() -> None:
    """The shell stops fetching at the bound, and goes on below it."""
    aligned = alignment(bound=2)
    aligned.offer(B, 0, [(1, 0, "x")])
    assert not aligned.full(B, 0)
    aligned.offer(B, 0, [(2, 1, "y")])
    assert aligned.full(B, 0)
    aligned.offer(A, 0, [(1, 0, "a"), (9, 1, "z")])
    assert aligned.release(0, NOW) == ["a", "x", "y"]
    assert not aligned.full(B, 0)


def test_records_offered_twice_count_once() -> None:
    """A redelivered offset is dropped, even in the middle of a batch."""
    aligned = alignment()
    aligned.offer(B, 0, [(1, 0, "x"), (2, 1, "y")])
    aligned.offer(B, 0, [(2, 1, "y"), (3, 2, "z")])
    aligned.release(0, NOW)
    assert aligned.release(0, NOW + IDLE) == ["x", "y", "z"]


def test_a_revoked_input_is_forgotten() -> None:
    """Its buffer is gone, what is offered for it later is dropped, and it is not waited for."""
    aligned = alignment()
    aligned.offer(A, 0, [(1, 0, "a")])
    aligned.revoke([(A, 0)])
    aligned.offer(A, 0, [(2, 1, "late")])
    aligned.offer(B, 0, [(3, 0, "b")])
    assert aligned.release(0, NOW) == ["b"]
    assert aligned.position(A, 0) is None
    aligned.revoke([(B, 0), (B, 9)])
    assert aligned.release(0, NOW) == []
    assert aligned.position(B, 0) is None
    assert not aligned.full(B, 0)


def test_reading_again_from_an_earlier_offset_starts_afresh() -> None:
    """After revoke and assign an offset that was offered before is taken again; assigning twice changes nothing."""
    aligned = alignment()
    aligned.offer(B, 0, [(1, 0, "x"), (2, 1, "y")])
    aligned.assign([(B, 0)])
    assert aligned.position(B, 0) == 0
    aligned.revoke([(A, 0), (B, 0)])
    aligned.assign([(B, 0)])
    assert aligned.position(B, 0) is None
    aligned.offer(B, 0, [(1, 0, "x")])
    assert aligned.release(0, NOW) == ["x"]


def test_partitions_do_not_wait_for_each_other() -> None:
    """Only inputs of one partition number are merged."""
    aligned = alignment()
    aligned.assign([(A, 1), (B, 1)])
    aligned.offer(A, 0, [(1, 0, "a"), (3, 1, "end")])
    aligned.offer(B, 0, [(2, 0, "b")])
    assert aligned.release(0, NOW) == ["a", "b"]
    assert aligned.release(1, NOW) == []


def merged(first: Offered, second: Offered) -> list[str]:
    """The order by definition: the smaller head, one at a time."""
    queues = {A: list(first), B: list(second)}
    result: list[str] = []
    last = {A: -(2**63), B: -(2**63)}
    while queues[A] or queues[B]:
        heads = []
        for topic, queue in queues.items():
            if queue:
                at_ms = queue[0][0]
                heads.append((last[topic] if at_ms is None else at_ms, topic))
        last_ms, topic = min(heads)
        last[topic] = last_ms
        result.append(queues[topic].pop(0)[2])
    return result


def offered(topic: str, times: Sequence[int | None]) -> Offered:
    return [(at_ms, 2 * number, f"{topic}{number}") for number, at_ms in enumerate(times)]


TIMES = st.lists(st.integers(0, 20) | st.none(), max_size=25)
CUTS = st.lists(st.tuples(st.booleans(), st.integers(1, 6), st.booleans()), max_size=40)


@given(TIMES, TIMES, CUTS)
def test_order_does_not_depend_on_batches(
    a: list[int | None], b: list[int | None], cuts: list[tuple[bool, int, bool]]
) -> None:
    """However inputs are cut and interleaved, the same records come out in the same order, none lost, none twice."""
    waiting = {A: list(offered(A, a)), B: list(offered(B, b))}
    aligned = alignment()
    released: list[str] = []
    for of_a, size, ask in cuts:
        topic = A if of_a else B
        aligned.offer(topic, 0, waiting[topic][:size])
        del waiting[topic][:size]
        if ask:
            released += aligned.release(0, NOW)
    for topic, rest in waiting.items():
        aligned.offer(topic, 0, rest)
    released += aligned.release(0, NOW)
    released += aligned.release(0, NOW + IDLE)
    assert released == merged(offered(A, a), offered(B, b))
    assert aligned.position(A, 0) == (2 * len(a) - 1 if a else None)


@given(TIMES, TIMES, CUTS)
def test_a_position_never_passes_what_is_held_back(
    a: list[int | None], b: list[int | None], cuts: list[tuple[bool, int, bool]]
) -> None:
    """Starting again from the positions of any moment gives exactly what had not been released."""
    waiting = {A: list(offered(A, a)), B: list(offered(B, b))}
    aligned = alignment()
    released: list[str] = []
    for of_a, size, _ in cuts:
        topic = A if of_a else B
        aligned.offer(topic, 0, waiting[topic][:size])
        del waiting[topic][:size]
        released += aligned.release(0, NOW)
    rest = [
        item
        for topic, times in ((A, a), (B, b))
        for _, offset, item in offered(topic, times)
        if offset >= (aligned.position(topic, 0) or 0)
    ]
    assert sorted(released + rest) == sorted(item for _, _, item in [*offered(A, a), *offered(B, b)])
