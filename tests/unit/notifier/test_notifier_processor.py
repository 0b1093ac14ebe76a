"""Every command ends in exactly one receipt."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts import wire
from services.contracts.command import CommandMessage
from services.contracts.errors import InvalidMessage
from services.contracts.events import ClockTick
from services.contracts.receipt import Delivery, DeliveryOutcome, Reason, Receipt
from services.notifier.effects import Delivered, Send
from services.notifier.processor import NotifierProcessor, settle
from services.notifier.state import NotifierState
from services.runtime.processor import Emit, Processor
from tests.unit.notifier.commands import NOON, RECORD, command

PROCESSOR = NotifierProcessor()
SENT = Delivered(DeliveryOutcome.SENT, Reason.NONE, "console", Delivery.AT_LEAST_ONCE, 1)
TICK = ClockTick(id="t", source="s", occurred_at=NOON, received_at=NOON)


def _receipts(outputs: Sequence[Emit]) -> list[Receipt]:
    assert {output.topic for output in outputs} <= {"koi.receipts"}
    return [wire.RECEIPTS.decode(output.value or b"") for output in outputs]


def test_it_is_a_processor() -> None:
    """The runtime can drive it."""
    processor: Processor[NotifierState, CommandMessage] = PROCESSOR
    assert processor is PROCESSOR


def test_a_command_is_read_with_its_customer_and_time() -> None:
    """The wire form of a command becomes an inbox entry about its customer, at the time it was decided."""
    inbox = PROCESSOR.decode(replace(RECORD, value=wire.COMMANDS.encode(command())))
    assert (inbox.customer_id, inbox.at, inbox.message) == ("客户一", NOON, command())


def test_a_tick_is_about_nobody_and_goes_nowhere() -> None:
    """It moves the clock, sends nothing on, and would change no customer."""
    inbox = PROCESSOR.decode(replace(RECORD, value=wire.COMMANDS.encode(TICK)))
    assert (inbox.customer_id, inbox.at) == ("", NOON)
    assert PROCESSOR.tick(TICK) == ()
    assert PROCESSOR.apply(None, TICK, RECORD, NOON) is None


def _changed(**fields: object) -> bytes:
    return msgspec.json.encode({**msgspec.to_builtins(command()), "type": "command", **fields})


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, "malformed: not a"),
        (b"", "malformed: not a"),
        (b"\xff{", "malformed: not a"),
        (b'{"type": "coupon"}', "malformed: not a"),
        (_changed(id=""), "malformed: the command's id is empty"),
        (_changed(customer_id=""), "malformed: the command's customer_id is empty"),
        (_changed(expires_at="2024-05-01T12:00:00"), "malformed: not a "),
        (_changed(decided_at="2024-05-01T12:00:00"), "malformed: not a "),
    ],
)
def test_what_is_no_command_is_refused(value: bytes | None, sentence: str) -> None:
    """It goes to the dead letter with a sentence that says what is wrong."""
    with pytest.raises(InvalidMessage) as refusal:
        PROCESSOR.decode(replace(RECORD, value=value))
    assert str(refusal.value).startswith(sentence)


def test_a_good_command_asks_for_one_send_and_gets_its_receipt_afterwards() -> None:
    """Nothing is said before the courier has answered; then the receipt tells all it knows."""
    step = PROCESSOR.apply(None, command(), RECORD, NOON)
    assert step is not None
    assert (step.effects, step.outputs, step.due) == ((Send(command()),), (), None)
    later = NOON + timedelta(seconds=3)
    after = settle(step.state, Send(command()), SENT, later)
    assert _receipts(after.outputs) == [
        Receipt(
            command_id="c1",
            customer_id="客户一",
            rule="win-back@1a2b3c",
            outcome=DeliveryOutcome.SENT,
            reason=Reason.NONE,
            channel="console",
            delivery=Delivery.AT_LEAST_ONCE,
            attempts=1,
            at=later,
        )
    ]


def test_an_expired_command_gets_its_receipt_at_once() -> None:
    """Suppressed, with the reason, without a send."""
    step = PROCESSOR.apply(None, command(expires_at=NOON), RECORD, NOON)
    assert step is not None
    assert step.effects == ()
    (receipt,) = _receipts(step.outputs)
    assert (receipt.outcome, receipt.reason, receipt.channel, receipt.attempts) == (
        DeliveryOutcome.SUPPRESSED,
        Reason.EXPIRED,
        None,
        0,
    )


def test_a_repeat_in_the_same_batch_changes_nothing() -> None:
    """Both are folded before the first is sent; the second finds the first."""
    step = PROCESSOR.apply(None, command(), RECORD, NOON)
    assert step is not None
    assert PROCESSOR.apply(step.state, command(), RECORD, NOON) is None


def test_a_dropped_batch_is_done_again_in_full() -> None:
    """The knowledge of a send lies in the state alone: from the old state the command is sent again."""
    stored = PROCESSOR.dump(NotifierState().remember(command("earlier"), NOON))
    first = PROCESSOR.apply(PROCESSOR.load(stored), command(), RECORD, NOON)
    again = PROCESSOR.apply(PROCESSOR.load(stored), command(), RECORD, NOON)
    assert first == again
    assert first is not None
    assert first.effects


def test_no_timer_is_ever_asked_for() -> None:
    """Nothing is deferred, so a wake changes nothing."""
    assert PROCESSOR.wake(NotifierState(), NOON) is None


def test_a_result_for_a_customer_without_state_still_gets_its_receipt() -> None:
    """Even if the customer was forgotten in between."""
    assert len(settle(None, Send(command()), SENT, NOON).outputs) == 1


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), max_size=6),
        max_size=12,
    ),
    st.lists(st.integers(0, 40), min_size=12, max_size=12),
)
def test_any_repeats_and_any_dropped_batches_leave_one_receipt_each(
    batches: list[list[tuple[str, bool]]], days: list[int]
) -> None:
    """Batches with repeats, some dropped after the send and redone: each distinct command has one committed receipt.

    Commands expire a day after the start; those that come later are suppressed, not lost.
    """
    stored: bytes | None = None
    now = NOON
    committed: list[str] = []
    arrived = set[str]()
    for batch, pause in zip(batches, days, strict=False):
        for drop in (any(flag for _, flag in batch), False):
            state = None if stored is None else PROCESSOR.load(stored)
            outputs: list[Emit] = []
            sends: list[Send] = []
            for name, _ in batch:
                step = PROCESSOR.apply(state, command(name, expires_at=NOON + timedelta(days=1)), RECORD, now)
                if step is not None:
                    state = step.state
                    outputs += step.outputs
                    sends += step.effects
            for send in sends:
                settled = settle(state, send, SENT, now)
                state = settled.state
                outputs += settled.outputs
            if not drop:
                stored = None if state is None else PROCESSOR.dump(state)
                committed += [receipt.command_id for receipt in _receipts(outputs)]
                arrived |= {name for name, _ in batch if now < NOON + timedelta(days=31)}
        now += timedelta(days=pause)
    assert len(committed) == len(set(committed))
    assert arrived <= set(committed)
