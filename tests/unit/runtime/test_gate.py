"""Gates: where partitions meet."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.calendar import from_ms
from services.runtime.gate import Passage
from services.runtime.memory import MemoryStore
from services.runtime.record import Output
from tests.unit.runtime.scripts import cut, cuts, scripts
from tests.unit.runtime.stages import NOW, FailingStore, Fuse, Mode, Recorder, drive, make_stage, world
from tests.unit.runtime.toy import START_MS, TOPIC, model, record

STEP_MS = 100


class Toll:
    """A gate every `STEP_MS` milliseconds. It wakes the customers in `wake`, if they are there, at each of them."""

    def __init__(self, opened: Sequence[int] | None = None, wake: Sequence[str] = (), *, anew: bool = False) -> None:
        self.opened = None if opened is None else list(opened)
        self.wake = wake
        self.anew = anew
        self.heard: list[tuple[int, Mapping[str, bytes]]] = []
        self.released_partitions: list[int] = []

    def claimed(self, partition: int, marks: Mapping[str, str]) -> bool:  # noqa: ARG002
        return self.anew and marks.get("anew") != "done"

    def look_anew(self, partition: int, digests: Mapping[str, bytes]) -> Passage:  # noqa: ARG002
        return Passage({"anew": "done"}, tuple(digests))

    def released(self, partition: int) -> None:
        self.released_partitions.append(partition)

    def next_ms(self, marks: Mapping[str, str], first_ms: int) -> int | None:
        passed = marks.get("passed")
        return first_ms // STEP_MS * STEP_MS if passed is None else int(passed) + STEP_MS

    def latest_ms(self, marks: Mapping[str, str], now_ms: int) -> int | None:
        latest = now_ms // STEP_MS * STEP_MS
        return latest if int(marks.get("passed", -1)) < latest else None

    def begun(self, marks: Mapping[str, str]) -> bool:
        return "passed" in marks

    def said(self, marks: Mapping[str, str], at_ms: int) -> bool:
        return marks.get("said") == str(at_ms)

    def say(
        self, partition: int, at_ms: int, digests: Mapping[str, bytes]
    ) -> tuple[Sequence[Output], Mapping[str, str]]:
        self.heard.append((at_ms, digests))
        return [Output("toy.gate", partition, None, str(at_ms).encode())], {"said": str(at_ms)}

    def is_open(self, at_ms: int) -> bool:
        return self.opened is None or at_ms in self.opened

    def passage(self, partition: int, at_ms: int, digests: Mapping[str, bytes]) -> Passage:  # noqa: ARG002
        return Passage({"passed": str(at_ms)}, [customer for customer in self.wake if customer in digests])


def instants(recorder: Recorder) -> list[int]:
    return [int(output.value or b"") - START_MS for output in recorder.published if output.topic == "toy.gate"]


async def test_nothing_behind_a_closed_gate_is_folded() -> None:
    """What lies before it is, and the partition says how it stands; the rest waits, and no more is fetched meanwhile."""
    gate = Toll(opened=[START_MS])
    store, publisher = MemoryStore(), Recorder()
    stage = make_stage(store, publisher, gate=gate)
    await stage.claim(0)
    await stage.handle(0, [record(0, 10), record(1, 90), record(2, 100), record(3, 150)], NOW)
    assert stage.positions(0) == {TOPIC: 2}
    assert stage.saturated(0) == {TOPIC}
    assert [(at - START_MS, dict(digests)) for at, digests in gate.heard] == [(0, {}), (100, {"甲": b"2"})]
    await stage.wake(0, NOW)
    assert stage.positions(0) == {TOPIC: 2}
    assert len(gate.heard) == 2
    gate.opened = None
    await stage.wake(0, NOW)
    assert stage.positions(0) == {TOPIC: 4}
    assert stage.saturated(0) == set()


async def test_timers_before_a_gate_fire_before_the_partition_says_how_it_stands() -> None:
    """Whatever time has brought by then is in what it says."""
    gate = Toll()
    stage = make_stage(MemoryStore(), Recorder(), gate=gate)
    await stage.claim(0)
    await stage.handle(0, [record(0, 10, wait=50), record(1, 110)], NOW)
    assert dict(gate.heard[1][1]) == {"甲": b"2"}


async def test_whoever_is_to_be_woken_is_woken_right_behind_the_gate() -> None:
    """A millisecond later, and before the next record."""
    store, publisher = MemoryStore(), Recorder()
    stage = make_stage(store, publisher, gate=Toll(wake=["甲", "nobody"]))
    await stage.claim(0)
    await stage.handle(0, [record(0, 10), record(1, 130, customer="乙")], NOW)
    assert world(store, publisher.published).states["甲"].trail[1] == f"woken@{START_MS + 101}"


async def test_gates_in_a_silence_are_all_passed() -> None:
    """One after the other, so that every partition meets the same ones."""
    publisher = Recorder()
    stage = make_stage(MemoryStore(), publisher, gate=Toll())
    await stage.claim(0)
    await stage.handle(0, [record(0, 10), record(1, 450)], NOW)
    assert instants(publisher) == [0, 100, 200, 300, 400]


async def test_on_the_wall_clock_nobody_waits() -> None:
    """Records are folded as they come; the gate is passed as soon as it is open, and those woken are woken then."""
    gate = Toll(opened=[], wake=["甲"])
    store, publisher = MemoryStore(), Recorder()
    stage = make_stage(store, publisher, event_clock=False, gate=gate)
    await stage.claim(0)
    now = from_ms(START_MS + 250)
    await stage.handle(0, [record(0, 10), record(1, 90)], now)
    await stage.wake(0, now)
    await stage.wake(0, now)
    assert instants(publisher) == [200]
    assert stage.saturated(0) == set()
    assert "woken" not in world(store, publisher.published).states["甲"].trail[-1]
    gate.opened = None
    await stage.wake(0, now)
    await stage.wake(0, now + timedelta(milliseconds=1))
    assert world(store, publisher.published).states["甲"].trail[-1].startswith("woken@")


async def test_a_partition_that_is_still_reading_says_nothing_yet() -> None:
    """On the wall clock it would count the few it has come to; once it has passed a gate, it does not wait again."""
    publisher = Recorder()
    stage = make_stage(MemoryStore(), publisher, event_clock=False, gate=Toll())
    await stage.claim(0)
    for behind, now_ms, said in ((["toy.in"], 250, []), ([], 250, [200]), (["toy.in"], 350, [200, 300])):
        await stage.wake(0, from_ms(START_MS + now_ms), behind)
        assert instants(publisher) == said


async def test_looking_at_everybody_anew_is_done_once() -> None:
    """All customers are woken when a partition is taken over, however many; and not again after that."""
    store, publisher = MemoryStore(), Recorder()
    many = [record(number, 0, customer=f"客{number}") for number in range(4500)]
    first = make_stage(store, publisher, event_clock=False, gate=Toll())
    await first.claim(0)
    await first.handle(0, many, NOW)
    for expected in (2, 2):
        stage = make_stage(store, publisher, event_clock=False, gate=Toll(anew=True))
        await stage.claim(0)
        await stage.wake(0, NOW)
        assert {toy.steps for toy in world(store, publisher.published).states.values()} == {expected}


@pytest.mark.parametrize("event_clock", [True, False])
async def test_partitions_that_are_held_may_become_stale(event_clock: bool) -> None:
    """Everybody is woken before anything is said at the next gate, and once."""
    gate = Toll(opened=[START_MS])
    store, publisher = MemoryStore(), Recorder()
    stage = make_stage(store, publisher, event_clock=event_clock, gate=gate)
    now = from_ms(START_MS + 50)
    await stage.claim(0)
    await stage.handle(0, [record(0, 10), record(1, 20, customer="乙")], now)
    stage.renew()
    gate.opened = None
    await stage.handle(0, [record(2, 130)], now)
    for _ in range(2):
        await stage.wake(0, from_ms(START_MS + 150))
    expected = {"甲": 3, "乙": 2}
    assert {name: toy.steps for name, toy in world(store, publisher.published).states.items()} == expected
    assert set(gate.heard[-1][1].values()) == ({b"2"} if event_clock else {b"3", b"2"})


async def test_a_partition_let_go_is_released_once() -> None:
    """Dropping what is not held changes nothing."""
    gate = Toll()
    stage = make_stage(MemoryStore(), Recorder(), gate=gate)
    await stage.claim(0)
    stage.drop(0)
    stage.drop(0)
    assert gate.released_partitions == [0]


@given(data=st.data(), failures=st.dictionaries(st.integers(1, 60), st.sampled_from(Mode), max_size=6))
async def test_open_gates_change_nothing_whatever_fails(data: st.DataObject, failures: Mapping[int, Mode]) -> None:
    """States and timers are those of a run without gates, and every gate is said and passed in order."""
    records = data.draw(scripts())
    at = data.draw(cuts(len(records)))
    fuse = Fuse(failures)
    store, publisher = FailingStore(fuse), Recorder(fuse)
    await drive(make_stage(store, publisher, gate=Toll()), records, lambda _: cut(records, at))
    got, expected = world(store, publisher.published), model(records)
    assert got.states == expected.states
    assert got.timers == expected.timers
    said = instants(publisher)
    assert all(later >= earlier for earlier, later in pairwise(said))
    assert set(store._digests[0]) == set(got.states)
