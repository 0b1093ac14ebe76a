"""The fold of one partition's records and timers."""

import asyncio
import json
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.calendar import from_ms, to_ms, to_ms_up
from services.contracts.errors import InvalidMessage
from services.contracts.events import TICK_KEY
from services.runtime import commit
from services.runtime.fold import TIMERS, Entry, Fold, Folded, Poisoned
from services.runtime.memory import MemoryStore
from services.runtime.processor import Address, Emit
from services.runtime.record import Output, Record
from services.runtime.store import Due
from tests.unit.runtime.scripts import cut, cuts, scripts
from tests.unit.runtime.stages import NOW, Recorder, drive, make_stage, world
from tests.unit.runtime.toy import OUT, START_MS, TOLD, Toy, ToyProcessor, World, model, record


def _entry(item: Record) -> Entry[dict[str, object]]:
    try:
        return Entry(item, ToyProcessor().decode(item))
    except InvalidMessage as error:
        return Entry(item, error)


def _fold(states: dict[str, Toy | None], due: list[Due], records: list[Record], **more: object) -> Folded[Toy]:
    fold = Fold(ToyProcessor(), 0, states, due, **more)  # type: ignore[arg-type]
    return fold.run([_entry(item) for item in records])


def _whats(folded: Folded[Toy]) -> list[str]:
    return [json.loads(output.value or b"")["what"] for output in folded.outputs]


def _run(records: list[Record], at: list[int], timers_at_once: int) -> World:
    store, publisher = MemoryStore(), Recorder()
    stage = make_stage(store, publisher)
    with patch.object(commit, "TIMERS_AT_ONCE", timers_at_once):
        assert asyncio.run(drive(stage, records, lambda _: cut(records, at))) == 0
    return world(store, publisher.published)


@given(st.data())
def test_any_cutting_into_batches_gives_what_the_model_gives(data: st.DataObject) -> None:
    """States, timers, watermark, outputs and dead letters depend on the records alone, on the event clock."""
    records = data.draw(scripts())
    at = data.draw(cuts(len(records)))
    got = _run(records, at, data.draw(st.sampled_from((1, 2, 3, 2000))))
    expected = model(records)
    # rounds publish outputs before dead letters, so the two orders are independent
    assert got == expected


def test_a_timer_fires_before_a_record_of_its_own_instant() -> None:
    """At one and the same instant the timer comes first."""
    states: dict[str, Toy | None] = {"甲": Toy()}
    folded = _fold(states, [Due(START_MS + 5, "甲")], [record(9, 5)])
    assert _whats(folded) == [f"woken@{START_MS + 5}", f"9@{START_MS + 5}"]


def test_timers_fire_in_order_of_instant_and_then_customer() -> None:
    """Ties are broken by customer id, so that two runs agree."""
    states: dict[str, Toy | None] = {"乙": Toy(), "甲": Toy(), "丙": Toy()}
    due = sorted([Due(START_MS + 2, "甲"), Due(START_MS + 2, "乙"), Due(START_MS + 1, "丙")])
    folded = _fold(states, due, [record(0, 50, "keep")])
    woken = [(output.key or b"").decode() for output in folded.outputs[:3]]
    assert woken == ["丙", *sorted(["甲", "乙"])]


def test_a_timer_beyond_the_last_record_stays() -> None:
    """Nothing fires that event time has not reached."""
    states: dict[str, Toy | None] = {"乙": Toy()}
    folded = _fold(states, [Due(START_MS + 8, "乙")], [record(0, 7)])
    assert (folded.fired, folded.timers) == (0, {"甲": None})


def test_a_record_moves_the_timer_that_was_stored() -> None:
    """A customer has one timer: a new instant replaces the stored one, also before that fires."""
    states: dict[str, Toy | None] = {"甲": Toy()}
    folded = _fold(states, [Due(START_MS + 8, "甲")], [record(0, 1, wait=100), record(1, 20, customer="乙")])
    assert folded.fired == 0
    assert folded.timers["甲"] == START_MS + 101


def test_a_late_record_counts_for_the_watermark() -> None:
    """Time never moves back: a late record is folded at the newest instant seen."""
    folded = _fold({}, [], [record(0, 10), record(1, 3)])
    assert _whats(folded) == [f"0@{START_MS + 10}", f"1@{START_MS + 10}"]
    assert folded.watermark_ms == START_MS + 10


def test_the_stored_watermark_holds_in_the_next_batch() -> None:
    """A batch of late records alone is folded at the stored watermark."""
    folded = _fold({}, [], [record(7, 3)], watermark_ms=START_MS + 50)
    assert _whats(folded) == [f"7@{START_MS + 50}"]
    assert folded.watermark_ms == START_MS + 50


@pytest.mark.parametrize("wait", [-1000, 0])
def test_a_timer_for_the_past_fires_a_millisecond_later(wait: int) -> None:
    """A timer set for now or earlier fires once, later than now, and the pass ends."""
    folded = _fold({}, [], [record(0, 10, wait=wait), record(1, 20, "keep")])
    assert _whats(folded) == [f"0@{START_MS + 10}", f"woken@{START_MS + 11}"]


def test_a_timer_is_never_early() -> None:
    """An instant between two milliseconds is rounded up for timers, down for records."""
    at = from_ms(START_MS).replace(microsecond=1)
    assert (to_ms(at), to_ms_up(at), to_ms_up(from_ms(START_MS))) == (START_MS, START_MS + 1, START_MS)


def test_a_forgotten_customer_has_no_state_and_no_timer() -> None:
    """State None deletes the state and clears the timer."""
    folded = _fold({"甲": Toy()}, [Due(START_MS + 30, "甲")], [record(0, 10, "forget"), record(1, 40, customer="乙")])
    assert (folded.states["甲"], folded.timers["甲"], folded.fired) == (None, None, 0)


def test_a_timer_of_an_unknown_customer_is_cleared() -> None:
    """A timer without a state does no harm and goes away."""
    folded = _fold({"乙": None}, [Due(START_MS + 1, "乙")], [record(0, 10)])
    assert folded.timers["乙"] is None
    assert "乙" not in folded.states


def test_a_truncated_pass_stops_where_its_knowledge_ends() -> None:
    """With more timers stored than loaded, records at or after the last loaded one wait for another pass."""
    states: dict[str, Toy | None] = {"乙": Toy(), "丙": Toy()}
    due = [Due(START_MS + 2, "乙"), Due(START_MS + 5, "丙")]
    folded = _fold(states, due, [record(0, 1), record(1, 5), record(2, 6)], truncated=True)
    assert folded.taken == 1
    assert [what.partition("@")[0] for what in _whats(folded)][:3] == ["0", "woken", "woken"]


def test_a_poisoned_record_names_itself() -> None:
    """A failure of the processor says at which record it happened, so that the pass can be redone without it."""
    with pytest.raises(Poisoned) as caught:
        _fold({}, [], [record(0, 1), record(1, 2, "crash")])
    folded = _fold({}, [], [record(0, 1), record(1, 2, "crash")], poison={caught.value.culprit: "bug"})
    assert [(item.record.offset, item.reason, item.detail) for item in folded.rejected] == [
        (1, "internal_error", "bug")
    ]
    assert folded.taken == 2


def test_poison_of_one_topic_spares_the_same_offset_of_another() -> None:
    """Two topics of one partition count offsets separately."""
    bad = record(1, 2, "crash")
    good = Record("toy.other", 0, 1, START_MS, b"k", record(1, 3).value)
    with pytest.raises(Poisoned) as caught:
        _fold({}, [], [bad, good])
    folded = _fold({}, [], [bad, good], poison={caught.value.culprit: "bug"})
    assert [item.record.topic for item in folded.rejected] == [bad.topic]
    assert _whats(folded) == [f"1@{START_MS + 3}"]


def test_a_tick_that_fails_is_poison_too() -> None:
    """A clock message that cannot be passed on goes to the dead letter; it does not stop the partition."""
    with pytest.raises(Poisoned):
        _fold({}, [], [record(0, 1, "crash", customer="")])


def test_a_poisoned_timer_goes_to_the_dead_letter_and_is_cleared() -> None:
    """The dead letter of a timer names the customer and the instant."""
    due = Due(START_MS + 5, "甲")
    folded = _fold({"甲": Toy(bomb=True)}, [due], [record(0, 9, "keep")], poison={due: "bug"})
    (item,) = folded.rejected
    assert (item.record.topic, item.record.key, item.record.offset) == (TIMERS, "甲".encode(), START_MS + 5)
    assert folded.timers == {"甲": None}


def test_a_tick_is_passed_on_under_the_key_of_ticks() -> None:
    """A message without a customer moves the clock and reaches the next stage on the same partition."""
    folded = _fold({}, [], [record(0, 77, "tick", customer="")])
    assert folded.watermark_ms == START_MS + 77
    assert [(o.key, json.loads(o.value or b"")) for o in folded.outputs] == [(TICK_KEY, {"tick": START_MS + 77})]


@pytest.mark.parametrize("value", [b"v", None])
def test_an_output_goes_to_the_customer_at_hand_unless_it_names_another(value: bytes | None) -> None:
    """Key and partition both; without a value it is a tombstone under that key."""
    assert Emit(OUT, value).addressed(3, b"k") == Output(OUT, 3, b"k", value)
    assert Emit(OUT, value).addressed(3, None) == Output(OUT, 3, None, value)
    assert Emit(OUT, value, Address(0, b"")).addressed(3, b"k") == Output(OUT, 0, b"", value)


def test_a_step_tells_another_customer_in_the_order_of_its_outputs() -> None:
    """What is said about somebody else stands where the step put it."""
    folded = _fold({}, [], [record(0, 1, tell=[5, "乙"]), record(1, 2)])
    places = [(output.topic, output.partition, output.key) for output in folded.outputs]
    assert places == [(TOLD, 5, "乙".encode()), (OUT, 0, "甲".encode()), (OUT, 0, "甲".encode())]
    assert folded.outputs[0].value is None


@given(allowance=st.integers(0, 4))
def test_the_allowance_bounds_the_dead_letters(allowance: int) -> None:
    """At the first rejected record beyond the allowance the pass stops and says so."""
    records = [record(i, i, "wrong" if i % 2 else "add") for i in range(8)]
    folded = _fold({}, [], records, allowance=allowance)
    assert len(folded.rejected) == allowance
    assert (folded.flooded, folded.taken) == ((True, allowance * 2 + 1) if allowance < 4 else (False, 8))


def test_on_the_wall_clock_records_and_timers_count_for_now() -> None:
    """What is done now is dated now, also a timer that was missed while the service stood still."""
    states: dict[str, Toy | None] = {"乙": Toy()}
    folded = _fold(states, [Due(START_MS, "乙")], [record(0, 5)], wall=NOW)
    assert _whats(folded) == [f"woken@{to_ms(NOW)}", f"0@{to_ms(NOW)}"]
    assert folded.watermark_ms is None
