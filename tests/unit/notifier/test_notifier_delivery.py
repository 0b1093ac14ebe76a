"""The courier tries hard within its bounds, falls back, and says what happened."""

import asyncio
from datetime import timedelta

import pytest

from services.contracts.errors import Retryable
from services.contracts.receipt import Delivery, DeliveryOutcome, Reason
from services.notifier.channels.base import Accepted, Refused, SendResult, Unavailable
from services.notifier.delivery import Bounds, Courier, pause
from services.notifier.effects import Delivered, Send
from services.notifier.message import Message
from services.notifier.state import NotifierState
from services.runtime.processor import Effector
from tests.unit.notifier.commands import NOON, ScriptedChannel, command

AT_ONCE = Bounds(wait_first_s=0, wait_max_s=0, wait_jitter_s=0)
GONE = Refused("HTTP 410")
BUSY = Unavailable("HTTP 503")
LOST = Unavailable("no answer", ambiguous=True)
BANNED = Unavailable("HTTP 429", retry_after_s=3600)
LEAST, MOST = Delivery.AT_LEAST_ONCE, Delivery.AT_MOST_ONCE


class StuckChannel:
    """Never answers, and counts who waits for it."""

    delivery = LEAST

    def __init__(self, name: str) -> None:
        self.name = name
        self.waiting = 0
        self.most = 0
        self.entered = asyncio.Event()

    async def send(self, message: Message) -> SendResult:  # noqa: ARG002 - of the protocol
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        self.entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.waiting -= 1
        return Accepted()


@pytest.mark.parametrize(
    ("first", "second", "expected", "sends"),
    [
        ([Accepted()], [Accepted()], ("sent", "none", "a", 1, ""), (1, 0)),
        ([Accepted("p-7")], [GONE], ("sent", "none", "a", 1, "a: accepted as p-7"), (1, 0)),
        ([BUSY, Accepted()], [GONE], ("sent", "none", "a", 2, ""), (2, 0)),
        ([GONE], [Accepted()], ("sent", "none", "b", 2, "a: HTTP 410"), (1, 1)),
        ([BUSY], [Accepted()], ("sent", "none", "b", 4, "a: HTTP 503"), (3, 1)),
        ([LOST], [Accepted()], ("sent", "none", "b", 4, "a: no answer"), (3, 1)),
        ([BANNED], [Accepted()], ("sent", "none", "b", 2, "a: HTTP 429"), (1, 1)),
        ([BUSY, GONE], [Accepted()], ("sent", "none", "b", 3, "a: HTTP 410"), (2, 1)),
        ([GONE], [GONE], ("failed", "channel_refused", "b", 2, "a: HTTP 410; b: HTTP 410"), (1, 1)),
        ([BUSY], [GONE], ("failed", "channel_unavailable", "b", 4, "a: HTTP 503; b: HTTP 410"), (3, 1)),
        ([GONE], [BUSY], ("failed", "channel_unavailable", "b", 4, "a: HTTP 410; b: HTTP 503"), (1, 3)),
        (
            [RuntimeError("https://u:secret@host")],
            [Accepted()],
            ("sent", "none", "b", 4, "a: the channel failed: RuntimeError"),
            (3, 1),
        ),
    ],
)
async def test_the_first_channel_that_accepts_wins(
    first: list[SendResult | Exception],
    second: list[SendResult | Exception],
    expected: tuple[str, str, str, int, str],
    sends: tuple[int, int],
) -> None:
    """Unavailable is tried three times, refused once; then comes the next; the trail tells it in order."""
    a, b = ScriptedChannel("a", list(first)), ScriptedChannel("b", list(second))
    (got,) = await Courier([a, b], AT_ONCE).perform([Send(command(channels=("a", "b")))])
    assert (got.outcome, got.reason, got.channel, got.attempts, got.detail) == expected
    assert got.delivery is LEAST
    assert (len(a.sent), len(b.sent)) == sends


@pytest.mark.parametrize(
    ("channels", "detail"), [((), ""), (("fax", "pigeon"), "fax: not configured; pigeon: not configured")]
)
async def test_no_channel_left_is_a_reason_of_its_own(channels: tuple[str, ...], detail: str) -> None:
    """A command that names nothing known fails without an attempt."""
    (got,) = await Courier([ScriptedChannel("a")]).perform([Send(command(channels=channels))])
    assert got == Delivered(DeliveryOutcome.FAILED, Reason.NO_CHANNEL, detail=detail)


async def test_an_unknown_or_repeated_name_is_passed_over() -> None:
    """The next known channel takes the message, and a channel that refused is not asked twice."""
    a, b = ScriptedChannel("a", [GONE]), ScriptedChannel("b")
    (got,) = await Courier([a, b]).perform([Send(command(channels=("fax", "a", "a", "b")))])
    assert (got.channel, len(a.sent)) == ("b", 1)


async def test_an_ambiguous_send_at_most_once_is_neither_repeated_nor_sent_elsewhere() -> None:
    """The person may have the message already; the receipt says so."""
    a, b = ScriptedChannel("a", [LOST], delivery=MOST), ScriptedChannel("b")
    (got,) = await Courier([a, b], AT_ONCE).perform([Send(command(channels=("a", "b")))])
    assert (got.outcome, got.reason, got.channel, got.delivery, got.attempts) == (
        DeliveryOutcome.FAILED,
        Reason.CHANNEL_UNAVAILABLE,
        "a",
        MOST,
        1,
    )
    assert got.detail == "a: no answer; ambiguous: it may have arrived, so it is not repeated"
    assert (a.sent, b.sent) == (["c1"], [])


async def test_a_clear_failure_at_most_once_may_be_repeated() -> None:
    """Only the ambiguous is final: a 503 was certainly not taken."""
    a = ScriptedChannel("a", [BUSY, Accepted()], delivery=MOST)
    (got,) = await Courier([a], AT_ONCE).perform([Send(command(channels=("a",)))])
    assert (got.outcome, got.attempts) == (DeliveryOutcome.SENT, 2)


async def test_results_come_in_the_order_of_the_effects() -> None:
    """However the sends interleave."""
    channels = [ScriptedChannel("a"), ScriptedChannel("b", [GONE]), ScriptedChannel("d", [BUSY, Accepted()])]
    sends = [Send(command(f"c{i}", channels=("dba"[i % 3],))) for i in range(30)]
    got = await Courier(channels, AT_ONCE).perform(sends)
    assert [result.channel for result in got] == ["dba"[i % 3] for i in range(30)]
    assert await Courier(channels).perform([]) == []


async def test_a_stuck_channel_holds_up_no_other() -> None:
    """Its own commands fail when their time is up; those that had no turn are tried again; nothing is sent twice."""
    stuck, quick = StuckChannel("stuck"), ScriptedChannel("quick")
    answered = asyncio.Event()
    quick.during = answered.set
    courier = Courier([stuck, quick], Bounds(concurrency=2, deadline_s=0.5, turn_s=0.01))
    sends = [Send(command(f"s{i}", channels=("stuck",))) for i in range(5)]
    batch = [*sends, Send(command("q", channels=("quick",)))]
    for late in (3, 1):
        with pytest.raises(Retryable, match=f"{late} of 6 commands had no turn"):
            await courier.perform(batch)
        assert answered.is_set()
    got = await courier.perform(batch)
    assert got[-1].outcome is DeliveryOutcome.SENT
    assert len(quick.sent) == 1
    assert {result.detail for result in got[:-1]} == {"stuck: no answer within 0.5 s"}
    assert {result.reason for result in got[:-1]} == {Reason.CHANNEL_UNAVAILABLE}
    assert stuck.most == 2


async def test_a_cancelled_batch_frees_its_places() -> None:
    """A shutdown in the middle leaves the courier usable."""
    stuck = StuckChannel("stuck")
    courier = Courier([stuck, ScriptedChannel("b")], Bounds(concurrency=1))
    batch = asyncio.create_task(courier.perform([Send(command(channels=("stuck",)))]))
    await stuck.entered.wait()
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch
    assert stuck.waiting == 0
    assert not courier._places["stuck"].locked()


async def test_it_is_an_effector_that_settles_with_the_pure_core() -> None:
    """The receipt comes from the processor's own function."""
    courier: Effector[NotifierState] = Courier([ScriptedChannel("console")])
    (result,) = await courier.perform([Send(command())])
    step = courier.settle(None, Send(command()), result, NOON + timedelta(seconds=1))
    assert step is not None
    assert b'"sent"' in (step.outputs[0].value or b"")


def test_a_long_trail_is_cut() -> None:
    """A receipt stays small whatever channels have to say."""
    chatty = ScriptedChannel("a", [Refused("x" * 10_000)])
    (got,) = asyncio.run(Courier([chatty]).perform([Send(command(channels=("a",)))]))
    assert len(got.detail) == 500


@pytest.mark.parametrize(
    ("asked", "expected"), [(None, True), (0.0, 0.0), (7.0, 7.0), (10.0, 10.0), (10.1, False), (float("inf"), False)]
)
def test_a_provider_is_left_alone_as_long_as_it_asks_or_altogether(asked: float | None, expected: bool | float) -> None:
    """Up to the bound the pause is kept; beyond it this command does not come back."""
    got = pause(Unavailable("HTTP 429", retry_after_s=asked), Bounds(retry_after_max_s=10))
    assert (got, type(got)) == (expected, type(expected))
