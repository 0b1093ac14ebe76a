"""Publish, then commit: whatever fails, states are exact and outputs repeat unchanged."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.calendar import to_ms
from services.contracts.errors import Retryable
from services.contracts.events import TICK_KEY
from services.runtime import commit
from services.runtime.dead_letter import Budget, Flooded
from services.runtime.fold import TIMERS
from services.runtime.memory import MemoryStore
from services.runtime.processor import Address, Emit, Step
from services.runtime.record import Output, Record
from services.runtime.store import Changes, Claim, Cursor, Fenced, StoreUnavailable
from services.runtime.telemetry import Telemetry
from tests.unit.runtime.scripts import cut, cuts, scripts
from tests.unit.runtime.stages import (
    NOW,
    FailingStore,
    Fuse,
    Mode,
    Recorder,
    drive,
    letters,
    make_stage,
    once,
    world,
)
from tests.unit.runtime.toy import START_MS, TOLD, TOPIC, Toy, ToyEffector, model, record, said

FAILURES = st.dictionaries(st.integers(1, 40), st.sampled_from(Mode), max_size=8)


def _count(telemetry: Telemetry, name: str, **labels: str) -> float:
    return telemetry.registry.get_sample_value(name, {"service": "toy", **labels}) or 0.0


@settings(max_examples=200)
@given(st.data(), FAILURES)
def test_failures_anywhere_leave_what_a_clean_run_leaves(data: st.DataObject, failures: Mapping[int, Mode]) -> None:
    """Redone from the stored position, states and timers are equal to a clean run's, and so are outputs by version."""
    records = data.draw(scripts())
    at = data.draw(cuts(len(records)))
    fuse = Fuse(failures)
    store, publisher = FailingStore(fuse), Recorder(fuse)
    stage = make_stage(store, publisher)
    with patch.object(commit, "TIMERS_AT_ONCE", data.draw(st.sampled_from((1, 2, 2000)))):
        asyncio.run(drive(stage, records, lambda _: cut(records, at)))
    got, expected = world(store, publisher.published), model(records)
    assert (got.states, got.timers, got.watermark_ms) == (expected.states, expected.timers, expected.watermark_ms)
    assert once(_versioned(got.outputs)) == once(_versioned(expected.outputs))
    assert set(got.rejected) == set(expected.rejected)
    assert store._cursors[0].positions == {TOPIC: len(records)}


def _versioned(outputs: Sequence[tuple[bytes | None, bytes | None]]) -> list[tuple[bytes | None, bytes | None]]:
    # a forgotten customer starts counting anew, and ticks have no version: both are told apart by what they say
    return [((key or b"") + b"|" + (value or b""), value) for key, value in outputs]


@given(st.data(), FAILURES)
def test_repeats_carry_the_version_of_the_first_time(data: st.DataObject, failures: Mapping[int, Mode]) -> None:
    """Without forgetting, one customer and version always says the same, however often it is said."""
    records = [r for r in data.draw(scripts()) if b"forget" not in (r.value or b"")]
    fuse = Fuse(failures)
    store, publisher = FailingStore(fuse), Recorder(fuse)
    asyncio.run(drive(make_stage(store, publisher), records))
    keyed = [(key, value) for key, value in said(publisher.published) if key not in (None, TICK_KEY)]
    assert once(keyed) == once([(key, value) for key, value in model(records).outputs if key not in (None, TICK_KEY)])


async def test_records_below_the_stored_position_are_skipped() -> None:
    """A record that was folded already changes nothing and says nothing."""
    store, publisher, telemetry = MemoryStore(), Recorder(), Telemetry("toy", "0")
    stage = make_stage(store, publisher, telemetry=telemetry)
    records = [record(i, i) for i in range(4)]
    await drive(stage, records)
    before = list(publisher.published)
    await stage.handle(0, records, NOW)
    assert publisher.published == before
    assert world(store, []).states["甲"].steps == 4
    assert _count(telemetry, "koi_records_skipped_total", why="replayed") == 4


async def test_repeats_of_a_stateless_upstream_are_skipped_once_and_for_all() -> None:
    """An origin already passed is a repeat, within a batch, in a later batch, and after a restart."""
    store, publisher = MemoryStore(), Recorder()
    first = [record(0, 0, origin=["in", 0, 5, 100]), record(1, 1, origin=["in", 0, 6, 101])]
    again = [record(2, 0, origin=["in", 0, 5, 100]), record(3, 1, origin=["in", 0, 6, 101])]
    fresh = [record(4, 2, origin=["in", 0, 7, 101]), record(5, 2, origin=["in", 1, 5, 100])]
    stage = make_stage(store, publisher)
    await stage.claim(0)
    await stage.handle(0, [*first, *again[:1]], NOW)
    restarted = make_stage(store, publisher)
    assert await restarted.claim(0) == {TOPIC: 3}
    await restarted.handle(0, [*again[1:], *fresh], NOW)
    assert [what.split("@")[0] for what in world(store, []).states["甲"].trail] == ["0", "1", "4", "5"]
    assert restarted.positions(0) == {TOPIC: 6}


async def test_a_topic_made_anew_upstream_is_no_repeat() -> None:
    """A lower offset with a later timestamp comes from another topic of the same name, and counts."""
    store, publisher = MemoryStore(), Recorder()
    records = [record(0, 0, origin=["in", 0, 900, 100]), record(1, 1, origin=["in", 0, 0, 200])]
    records += [record(2, 2, origin=["in", 0, 1, 200]), record(3, 1, origin=["in", 0, 0, 200])]
    await drive(make_stage(store, publisher), records)
    assert [what.split("@")[0] for what in world(store, []).states["甲"].trail] == ["0", "1", "2"]


async def test_on_the_event_clock_what_effects_lead_to_is_folded_in_before_the_next_batch() -> None:
    """A replay waits for what is done outside: results come in the same order whenever it is run."""
    store, publisher, effector = MemoryStore(), Recorder(), ToyEffector()
    stage = make_stage(store, publisher, errands=effector.errands())
    await drive(stage, [record(0, 0, "effect"), record(1, 1), record(2, 2, "effect", customer="乙")])
    assert effector.performed == [0, 2]
    assert world(store, []).states["乙"].trail[-1] == "done 2"
    assert [what for key, what in said(publisher.published)][-2:] == [
        value for _, value in said(publisher.published) if b"done" in (value or b"")
    ]


class FullStore(MemoryStore):
    """Takes no commit while it is `full`."""

    full = False

    async def commit(self, claim: Claim, changes: Changes) -> None:
        if self.full:
            raise StoreUnavailable("full")
        await super().commit(claim, changes)


async def test_nothing_is_done_outside_before_the_state_says_so() -> None:
    """An effect whose round could not be committed is never begun."""
    store, effector = FullStore(), ToyEffector()
    stage = make_stage(store, Recorder(), errands=effector.errands(), event_clock=False)
    await stage.claim(0)
    store.full = True
    with pytest.raises(StoreUnavailable):
        await stage.handle(0, [record(0, 0, "effect")], NOW)
    await asyncio.sleep(0)
    assert effector.performed == []


async def test_a_replay_does_a_round_again_with_its_effects() -> None:
    """One that breaks off gives up the round: nothing is published, nothing is stored, the position stays."""
    store, publisher = MemoryStore(), Recorder()
    effector = ToyEffector([RuntimeError("a bug")])
    stage = make_stage(store, publisher, errands=effector.errands())
    await stage.claim(0)
    with pytest.raises(Retryable, match="an errand failed: RuntimeError"):
        await stage.handle(0, [record(0, 0, "effect")], NOW)
    assert (publisher.published, world(store, []).states, (await store.claim(0)).cursor.positions) == ([], {}, {})
    stage.drop(0)
    await drive(stage, [record(0, 0, "effect")])
    assert effector.performed == [0, 0]


async def test_on_the_wall_clock_a_batch_does_not_wait_for_what_is_done_outside() -> None:
    """The next batch is folded meanwhile; the result comes with a later round, and stirs the worker to look."""
    store, gate = MemoryStore(), asyncio.Event()
    errands = ToyEffector(gate=gate).errands()
    stirred: list[int] = []
    errands.stir = stirred.append
    stage = make_stage(store, Recorder(), errands=errands, event_clock=False)
    await stage.claim(0)
    await stage.handle(0, [record(0, 0, "effect")], NOW)
    await stage.handle(0, [record(1, 1, customer="乙")], NOW)
    assert (len(world(store, []).states["乙"].trail), stirred) == (1, [])
    gate.set()
    await errands.idle(0)
    assert stirred == [0]
    await stage.wake(0, NOW)
    assert world(store, []).states["甲"].trail[-1] == "done 0"
    assert errands.returned(0) == ()


async def test_a_result_outlives_a_round_that_fails() -> None:
    """What came back is folded in once the store answers again, by the same process, without doing it twice."""
    store, effector = FullStore(), ToyEffector()
    errands = effector.errands()
    stage = make_stage(store, Recorder(), errands=errands, event_clock=False)
    await stage.claim(0)
    await stage.handle(0, [record(0, 0, "effect")], NOW)
    await errands.idle(0)
    store.full = True
    with pytest.raises(StoreUnavailable):
        await stage.wake(0, NOW)
    store.full = False
    stage.drop(0)
    await stage.claim(0)
    await stage.wake(0, NOW)
    assert (world(store, []).states["甲"].trail[-1], effector.performed) == ("done 0", [0])


async def test_who_gives_a_partition_up_waits_for_what_is_under_way() -> None:
    """`finish` folds the results in, so that the next owner does nothing again."""
    store, gate = MemoryStore(), asyncio.Event()
    stage = make_stage(store, Recorder(), errands=ToyEffector(gate=gate).errands(), event_clock=False)
    await stage.claim(0)
    await stage.handle(0, [record(0, 0, "effect")], NOW)
    asyncio.get_running_loop().call_later(0.01, gate.set)
    await stage.finish(0)
    assert world(store, []).states["甲"].trail[-1] == "done 0"


async def test_an_effect_that_breaks_off_leaves_no_result() -> None:
    """What its performer raises counts as a crash: the state's own timer must bring it again."""
    store = MemoryStore()
    errands = ToyEffector([RuntimeError("a bug")]).errands()
    stage = make_stage(store, Recorder(), errands=errands, event_clock=False)
    await drive(stage, [record(0, 0, "effect")])
    await errands.idle(0)
    assert (len(world(store, []).states["甲"].trail), errands.returned(0)) == (1, ())


async def test_a_result_that_cannot_be_folded_in_goes_to_the_dead_letter() -> None:
    """It stops neither the partition nor the results beside it."""

    class Picky(ToyEffector):
        def settle(self, state: Toy | None, effect: Any, result: Any, now: datetime) -> Step[Toy] | None:
            if effect == 0:
                raise RuntimeError("a bug")
            return super().settle(state, effect, result, now)

    store, publisher = MemoryStore(), Recorder()
    stage = make_stage(store, publisher, errands=Picky().errands())
    await drive(stage, [record(0, 0, "effect"), record(1, 1, "effect", customer="乙")])
    assert world(store, publisher.published).rejected == [("internal_error", 0)]
    assert world(store, []).states["乙"].trail[-1] == "done 1"


async def test_what_an_effect_says_of_another_customer_goes_to_that_one() -> None:
    """As for every other output: key and partition are those of the address."""

    class Teller(ToyEffector):
        def settle(self, state: Toy | None, effect: Any, result: Any, now: datetime) -> Step[Toy] | None:  # noqa: ARG002
            return Step(state, outputs=[Emit(TOLD, b"1", Address(9, "乙".encode())), Emit(TOLD, None)])

    publisher = Recorder()
    await drive(make_stage(MemoryStore(), publisher, errands=Teller().errands()), [record(0, 0, "effect")])
    told = [output for output in publisher.published if output.topic == TOLD]
    assert told == [Output(TOLD, 9, "乙".encode(), b"1"), Output(TOLD, 0, "甲".encode(), None)]


async def test_digests_are_those_of_the_states() -> None:
    """One for every customer that has a state, none for one that was forgotten or has nothing to be seen."""
    store = MemoryStore()
    stage = make_stage(store, Recorder(), digest=lambda toy: b"%d" % toy.steps if toy.steps < 3 else None)
    await stage.claim(0)
    steps = [record(0, 0), record(1, 1, customer="乙"), record(2, 2, customer="乙"), record(3, 3, customer="丙")]
    await stage.handle(0, steps, NOW)
    assert await store.digests(0) == {"甲": b"1", "乙": b"2", "丙": b"1"}
    await stage.handle(0, [record(4, 4, "forget"), record(5, 5, customer="乙"), record(6, 6, "keep")], NOW)
    assert await store.digests(0) == {"丙": b"1"}


async def test_digests_follow_timers_and_effects_too() -> None:
    """Whatever changes a state changes its digest in the same commit."""
    store = MemoryStore()
    stage = make_stage(store, Recorder(), errands=ToyEffector().errands())
    await stage.claim(0)
    await stage.handle(0, [record(0, 0, wait=5), record(1, 0, "effect", customer="乙"), record(2, 9, "keep")], NOW)
    assert {who: toy.steps for who, toy in world(store, []).states.items()} == {"甲": 2, "乙": 2}
    assert await store.digests(0) == {"甲": b"2", "乙": b"2"}


async def test_a_stage_without_digests_writes_none() -> None:
    """They are for the services that want them."""
    store = MemoryStore()
    await drive(make_stage(store, Recorder(), digest=None), [record(0, 0)])
    assert await store.digests(0) == {}


async def test_a_batch_keeps_the_marks() -> None:
    """A stage without a gate carries on what is noted of the partition."""
    store = MemoryStore()
    await store.commit(await store.claim(0), Changes(Cursor(marks={"epoch": "7"}), {}, {}))
    stage = make_stage(store, Recorder())
    await drive(stage, [record(0, 0), record(1, 1)])
    assert stage._held[0].marks == (await store.cursor(0)).marks == {"epoch": "7"}


async def test_a_failed_publish_stores_nothing() -> None:
    """States are never ahead of what was published."""
    store = FailingStore(Fuse())
    stage = make_stage(store, Recorder(Fuse({1: Mode.AFTER})))
    await stage.claim(0)
    with pytest.raises(Retryable):
        await stage.handle(0, [record(0, 0)], NOW)
    assert world(store, []).states == {}


async def test_a_zombie_writes_nothing() -> None:
    """After another claim, a commit is fenced and changes neither states nor the position."""
    store, publisher = MemoryStore(), Recorder()
    zombie, owner = make_stage(store, publisher), make_stage(store, publisher)
    await zombie.claim(0)
    await owner.claim(0)
    with pytest.raises(Fenced):
        await zombie.handle(0, [record(0, 0)], NOW)
    await owner.handle(0, [record(0, 0), record(1, 1)], NOW)
    with pytest.raises(Fenced):
        await zombie.handle(0, [record(0, 0), record(1, 1), record(2, 2)], NOW)
    assert world(store, []).states["甲"].steps == 2
    assert owner.positions(0) == {TOPIC: 2}


async def test_the_cache_is_never_ahead_of_the_store() -> None:
    """Records that poison the fold half way leave the cached states as stored, round after round."""
    store, publisher = MemoryStore(), Recorder()
    stage = make_stage(store, publisher)
    await stage.claim(0)
    for offset in range(0, 9, 3):
        batch = [record(offset, offset), record(offset + 1, offset, "crash"), record(offset + 2, offset, "keep")]
        await stage.handle(0, batch, NOW)
    assert [what.split("@")[0] for what in world(store, []).states["甲"].trail] == ["0", "3", "6"]
    assert [letter.offset for letter in letters(publisher.published)] == [1, 4, 7]


async def test_more_customers_than_the_cache_holds() -> None:
    """A batch may name more customers than are kept decoded, and states stay exact over batches."""
    store, publisher = MemoryStore(), Recorder()
    stage = make_stage(store, publisher)
    await stage.claim(0)
    with patch.object(commit, "CACHED_STATES", 2):
        for round_ in range(3):
            await stage.handle(0, [record(round_ * 5 + i, 0, customer=f"客{i}") for i in range(5)], NOW)
    assert {who: toy.steps for who, toy in world(store, []).states.items()} == {f"客{i}": 3 for i in range(5)}


async def test_a_decoder_with_a_bug_does_not_stop_the_partition() -> None:
    """Whatever the decoder raises, the record goes to the dead letter and the next one is folded."""
    store, publisher = MemoryStore(), Recorder()
    assert await drive(make_stage(store, publisher), [record(0, 0, "undecodable"), record(1, 1)]) == 0
    (letter,) = letters(publisher.published)
    assert (letter.reason, letter.detail) == ("internal_error", "RuntimeError: the decoder has a bug")
    assert world(store, []).states["甲"].steps == 1


async def test_a_dead_letter_holds_the_original_bytes_and_headers() -> None:
    """What cannot be processed is kept as it came, also when nothing of it is text."""
    store, publisher = MemoryStore(), Recorder()
    bad = replace(record(3, 0), value=b"\xff\x00", key=b"\xfe", headers=(("trace", b"\x80"),))
    await drive(make_stage(store, publisher), [bad])
    (letter,) = letters(publisher.published)
    assert (letter.value, letter.key, letter.headers) == (b"\xff\x00", b"\xfe", (("trace", b"\x80"),))
    assert (letter.topic, letter.partition, letter.offset, letter.service) == (TOPIC, 0, 3, "toy")


async def test_a_flood_stops_after_the_burst_and_keeps_what_is_done() -> None:
    """Beyond its allowance a service fails instead of draining a topic; what was written is not written again."""
    store, publisher = MemoryStore(), Recorder()
    stage = make_stage(store, publisher, budget=Budget(3, 1e-9))
    await stage.claim(0)
    with pytest.raises(Flooded):
        await stage.handle(0, [record(i, i, "wrong") for i in range(10)], NOW)
    assert stage.positions(0) == {TOPIC: 3}
    stage.drop(0)
    assert await stage.claim(0) == {TOPIC: 3}
    with pytest.raises(Flooded):
        await stage.handle(0, [record(i, i, "wrong") for i in range(3, 10)], NOW)
    assert [letter.offset for letter in letters(publisher.published)] == [0, 1, 2]


def test_the_budget_refills_with_time_up_to_the_burst() -> None:
    """A token bucket: empty after the burst, `rate` a second after that, never more than the burst."""
    budget = Budget(10, 2.0)
    budget.spend(budget.available(0.0))
    assert [budget.available(t) for t in (0.0, 1.0, 2.5, 1000.0)] == [0, 2, 5, 10]


async def test_time_alone_fires_timers_on_the_wall_clock() -> None:
    """`wake` fires all that is due, in rounds, and commits without records."""
    store, publisher = MemoryStore(), Recorder()
    stage = make_stage(store, publisher, event_clock=False)
    await stage.claim(0)
    await stage.handle(0, [record(i, 0, customer=f"客{i}", wait=1000) for i in range(5)], NOW)
    later = NOW + timedelta(milliseconds=1000)
    with patch.object(commit, "TIMERS_AT_ONCE", 2):
        await stage.wake(0, later)
    assert {who: toy.trail[1] for who, toy in world(store, []).states.items()} == {
        f"客{i}": f"woken@{to_ms(later)}" for i in range(5)
    }
    assert stage.positions(0) == {TOPIC: 5}


async def test_time_alone_does_nothing_on_the_event_clock() -> None:
    """In a replay only data moves time."""
    store, publisher = MemoryStore(), Recorder()
    stage = make_stage(store, publisher)
    await drive(stage, [record(0, 0, wait=1)])
    said_before = len(publisher.published)
    await stage.wake(0, NOW)
    assert len(publisher.published) == said_before


async def test_a_bomb_of_a_timer_is_cleared_on_the_wall_clock_too() -> None:
    """A timer whose waking fails goes to the dead letter, and `wake` ends."""
    store, publisher = MemoryStore(), Recorder()
    stage = make_stage(store, publisher, event_clock=False)
    await stage.claim(0)
    await stage.handle(0, [record(0, 0, "bomb", wait=10)], NOW)
    await stage.wake(0, NOW + timedelta(milliseconds=10))
    (letter,) = letters(publisher.published)
    assert (letter.topic, letter.reason) == (TIMERS, "internal_error")
    assert world(store, []).timers == {}


async def test_outputs_are_observed_only_once_committed() -> None:
    """Metrics of outputs count what is stored, not what may come again."""
    seen: list[Output] = []
    fuse = Fuse({4: Mode.BEFORE})  # claim, due, load, commit
    store, publisher = FailingStore(fuse), Recorder()
    assert await drive(make_stage(store, publisher, observe=seen.extend), [record(0, 0)]) == 1
    assert len(publisher.published) == 2
    assert len(seen) == 1


async def test_a_store_that_is_away_at_the_claim_is_told() -> None:
    """A claim fails as `StoreUnavailable` and holds nothing."""
    stage = make_stage(FailingStore(Fuse({1: Mode.BEFORE})), Recorder())
    with pytest.raises(StoreUnavailable):
        await stage.claim(0)
    assert stage.positions(0) == {}


async def test_a_batch_of_one_partition_with_two_topics_keeps_both_positions() -> None:
    """Positions are counted for each topic."""
    store, publisher = MemoryStore(), Recorder()
    other = Record("toy.other", 0, 40, START_MS, b"k", record(0, 2).value)
    stage = make_stage(store, publisher)
    await stage.claim(0)
    await stage.handle(0, [record(0, 1), other], NOW)
    assert stage.positions(0) == {TOPIC: 1, "toy.other": 41}
