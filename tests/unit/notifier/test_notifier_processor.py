"""Every command ends in exactly one of its ends, whatever comes in between."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts import wire
from services.contracts.channels import Category, Delivery
from services.contracts.command import Command, Recall, RecallReason
from services.contracts.contacts import ContactsErased, ContactsJoined, ContactsMoved, ContactsUpdated
from services.contracts.errors import InvalidMessage
from services.contracts.events import ClockTick
from services.contracts.feedback import Feedback, News
from services.contracts.receipt import FINAL, DeliveryOutcome, Reason, Receipt
from services.contracts.silence import Matcher, Silence
from services.contracts.transfer import MAX_HOPS
from services.notifier.effects import Delivered, Route, Send
from services.notifier.policy.models import Policy
from services.notifier.policy.silencing import Silences
from services.notifier.processor import NotifierMessage, NotifierProcessor
from services.notifier.state import NotifierState
from services.notifier.terms import Terms
from services.notifier.turn import MOST_WAITING
from services.runtime.partitioning import partition_of
from services.runtime.processor import Emit, Processor, Step
from tests.unit.notifier.commands import NOON, RECORD, command

ZONE = ZoneInfo("Asia/Shanghai")
EVENING = datetime(2024, 5, 1, 22, 30, tzinfo=ZONE)
MORNING = datetime(2024, 5, 2, 9, 0, tzinfo=ZONE)
FREE = Policy.model_validate(
    {"consent": {"marketing": "ignored"}, "quiet_hours": [], "caps": {"marketing": {"day": 5, "week": 20}}}
)
LEASE = timedelta(minutes=2)
SENT = Delivered(DeliveryOutcome.SENT, Reason.NONE, "console", Delivery.AT_LEAST_ONCE, 1)
FAILED = Delivered(DeliveryOutcome.FAILED, Reason.CHANNEL_REFUSED, "console", Delivery.AT_LEAST_ONCE, 1, "console: no")
BUSY = Delivered(DeliveryOutcome.DEFERRED, Reason.QUOTA, detail="console: its quota is used up", retry_in_s=3.0)
AWAY = Delivered(
    DeliveryOutcome.DEFERRED, Reason.CHANNEL_UNAVAILABLE, "console", Delivery.AT_LEAST_ONCE, 3, "console: HTTP 503"
)
TICK = ClockTick(id="t", source="s", occurred_at=NOON, received_at=NOON)


def _processor(policy: Policy = FREE, silences: Silences = Silences()) -> NotifierProcessor:  # noqa: B008 - immutable
    terms = Terms(frozenset({"console", "sms"}), ZONE, 24, policy=policy, silences=lambda _now: silences, lease=LEASE)
    return NotifierProcessor(terms)


PROCESSOR = _processor()


def _receipts(outputs: Sequence[Emit]) -> list[Receipt]:
    return [wire.RECEIPTS.decode(output.value or b"") for output in outputs if output.topic == "koi.receipts"]


def _step(step: Step[NotifierState] | None) -> Step[NotifierState]:
    assert step is not None
    return step


def _state(step: Step[NotifierState] | None) -> NotifierState:
    state = _step(step).state
    assert state is not None
    return state


def _told(step: Step[NotifierState] | None) -> list[tuple[str, str]]:
    return [(receipt.outcome.value, receipt.reason.value) for receipt in _receipts(_step(step).outputs)]


def _apply(
    state: NotifierState | None, message: NotifierMessage, now: datetime = NOON, *, by: NotifierProcessor = PROCESSOR
) -> Step[NotifierState] | None:
    return by.apply(state, message, RECORD, now)


def test_it_is_a_processor() -> None:
    """The runtime can drive it."""
    processor: Processor[NotifierState, NotifierMessage] = PROCESSOR
    assert processor is PROCESSOR


# --- reading


def test_a_command_is_read_with_its_customer_and_time() -> None:
    """The wire form of a command becomes an inbox entry about its customer, at the time it was decided."""
    inbox = PROCESSOR.decode(replace(RECORD, value=wire.COMMANDS.encode(command())))
    assert (inbox.customer_id, inbox.at, inbox.message) == ("客户一", NOON, command())


def test_what_is_known_of_a_customer_moves_no_clock() -> None:
    """It reaches the notifier by a shorter way than commands do, and may be far ahead of them in a replay."""
    said = ContactsErased(customer_id="客户一", occurred_at=NOON)
    heard = _feedback(News.DELIVERED)
    assert PROCESSOR.decode(replace(RECORD, topic="koi.contacts", value=wire.CONTACTS.encode(said))).at is None
    assert PROCESSOR.decode(replace(RECORD, topic="koi.feedback", value=wire.FEEDBACK.encode(heard))).at is None


def test_a_tick_is_about_nobody_and_goes_nowhere() -> None:
    """It moves the clock, sends nothing on, and would change no customer."""
    inbox = PROCESSOR.decode(replace(RECORD, value=wire.COMMANDS.encode(TICK)))
    assert (inbox.customer_id, inbox.at) == ("", NOON)
    assert PROCESSOR.tick(TICK) == ()
    assert _apply(None, TICK) is None


def _changed(**fields: object) -> bytes:
    return msgspec.json.encode({**msgspec.to_builtins(command()), "type": "command", **fields})


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, "malformed: not a"),
        (b"", "malformed: not a"),
        (b"\xff{", "malformed: not a"),
        (b'{"type": "coupon"}', "malformed: not a"),
        (_changed(id=""), "malformed: the id is empty"),
        (_changed(customer_id=""), "malformed: the customer_id is empty"),
        (_changed(expires_at="2024-05-01T12:00:00"), "malformed: not a "),
        (_changed(decided_at="2024-05-01T12:00:00"), "malformed: not a "),
    ],
)
@pytest.mark.parametrize("topic", ["koi.notifications", "koi.contacts", "koi.feedback"])
def test_what_belongs_elsewhere_is_refused(topic: str, value: bytes | None, sentence: str) -> None:
    """It goes to the dead letter with a sentence that says what is wrong."""
    with pytest.raises(InvalidMessage) as refusal:
        PROCESSOR.decode(replace(RECORD, topic=topic, value=value))
    assert str(refusal.value).startswith(sentence if topic == "koi.notifications" else "malformed: not a")


# --- one command


def test_a_send_is_in_the_state_before_it_is_begun() -> None:
    """The step that asks for it remembers it, and asks to be woken should nothing be heard."""
    step = _step(_apply(None, command()))
    assert step.effects == [Send(command(), (Route("console"),), ("zh",))] or step.effects[0].command == command()
    assert (list(step.outputs), step.due) == ([], NOON + LEASE)


def test_a_good_command_gets_its_receipt_once_it_was_sent() -> None:
    """The receipt tells all that is known, and nothing waits any more."""
    later = NOON + timedelta(seconds=3)
    step = _apply(None, command())
    after = _step(PROCESSOR.settle(_state(step), _step(step).effects[0], SENT, later))
    assert after.due is None
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
            template="we_miss_you",
            category=command().category,
            recipient=command().recipient,
            episode=1,
            step=0,
            decided_at=NOON,
        )
    ]


def test_a_repeat_changes_nothing() -> None:
    """Neither while the first is being sent, nor after it was."""
    step = _apply(None, command())
    assert _apply(_state(step), command()) is None
    after = PROCESSOR.settle(_state(step), _step(step).effects[0], SENT, NOON)
    assert _apply(_state(after), command()) is None
    assert PROCESSOR.settle(_state(after), _step(step).effects[0], SENT, NOON) is None
    assert PROCESSOR.settle(None, _step(step).effects[0], SENT, NOON) is None


def test_what_failed_is_a_dead_letter_too() -> None:
    """With the command itself, so that it can be brought on its way again; and it counts against no cap."""
    step = _apply(None, command())
    after = _step(PROCESSOR.settle(_state(step), _step(step).effects[0], FAILED, NOON))
    (letter,) = [output for output in after.outputs if output.topic == "koi.deadletter"]
    read = wire.DEAD_LETTERS.decode(letter.value or b"")
    assert (read.reason, read.detail, read.topic) == ("channel_refused", "console: no", "koi.notifications")
    assert wire.COMMANDS.decode(read.value or b"") == command()
    assert (_told(after), _state(after).history.sent) == ([("failed", "channel_refused")], {})


def test_at_night_a_message_waits_for_the_morning() -> None:
    """It is said at once that it waits, and until when; then it is decided anew, and goes."""
    by = _processor(Policy.model_validate({"consent": {"marketing": "ignored"}}))
    late = command(decided_at=EVENING, expires_at=EVENING + timedelta(days=2))
    step = _apply(None, late, EVENING, by=by)
    assert (_told(step), _step(step).due, _step(step).effects) == ([("deferred", "quiet_hours")], MORNING, [])
    assert _receipts(_step(step).outputs)[0].until == MORNING
    woken = _step(by.wake(_state(step), MORNING))
    assert [send.command for send in woken.effects] == [late]


def test_who_withdraws_consent_in_the_night_gets_nothing_in_the_morning() -> None:
    """What waits is decided by what is known then."""
    by = _processor(Policy.model_validate({"consent": {"marketing": "implied"}}))
    late = command(decided_at=EVENING, expires_at=EVENING + timedelta(days=2))
    said = _updated(consent={"all": {Category.MARKETING: False}}, occurred_at=EVENING)
    state = _state(_apply(_state(_apply(None, late, EVENING, by=by)), said, EVENING, by=by))
    assert _told(by.wake(state, MORNING)) == [("suppressed", "no_consent")]


@pytest.mark.parametrize("reason", RecallReason)
def test_what_waits_can_be_recalled(reason: RecallReason) -> None:
    """Of its own episode only; the customer bought in the night, and is not asked to come back in the morning."""
    by = _processor(Policy.model_validate({"consent": {"marketing": "ignored"}}))
    late = command(decided_at=EVENING, expires_at=EVENING + timedelta(days=2))
    state = _state(_apply(None, late, EVENING, by=by))
    assert _apply(state, _recall(reason, episode=2), EVENING, by=by) is None
    assert _apply(state, _recall(reason, rule="other@1"), EVENING, by=by) is None
    step = _apply(state, _recall(reason), EVENING, by=by)
    assert (_told(step), _step(step).due) == ([("suppressed", reason.value)], None)


def test_what_is_being_sent_can_only_be_recalled_from_its_next_round() -> None:
    """If it is accepted meanwhile, it was sent; if it has to wait, it is not tried once more."""
    step = _apply(None, command())
    recalled = _state(_apply(_state(step), _recall(RecallReason.GOAL_REACHED)))
    send = _step(step).effects[0]
    assert _told(PROCESSOR.settle(recalled, send, SENT, NOON)) == [("sent", "none")]
    assert _told(PROCESSOR.settle(recalled, send, BUSY, NOON)) == [("suppressed", "goal_reached")]


def test_no_customer_has_more_waiting_than_anybody_should_read() -> None:
    """What comes beyond it is told to be held back; those that wait are still sent."""
    by = _processor(Policy.model_validate({"consent": {"marketing": "ignored"}}))
    expires = EVENING + timedelta(days=2)
    state: NotifierState | None = None
    for number in range(MOST_WAITING):
        state = _state(_apply(state, command(f"c{number}", decided_at=EVENING, expires_at=expires), EVENING, by=by))
    one_more = command("one more", decided_at=EVENING, expires_at=expires)
    assert _told(_apply(state, one_more, EVENING, by=by)) == [("suppressed", "channel_busy")]
    assert state is not None
    assert len(_step(by.wake(state, MORNING)).effects) == 1, "the cap is one a day"


def test_a_quota_makes_it_wait_without_a_second_word_about_it() -> None:
    """Deferred again for the same reason is no news; when it expires before, it was suppressed, for it was never tried."""
    state = _state(step := _apply(None, command(expires_at=NOON + timedelta(hours=1))))
    send, now, told = _step(step).effects[0], NOON, []
    for _ in range(20):
        after = PROCESSOR.settle(state, send, BUSY, now)
        told += _told(after)
        if _step(after).due is None:
            break
        now = _step(after).due or now
        state = _state(PROCESSOR.wake(_state(after), now))
    assert told == [("deferred", "quota"), ("suppressed", "quota")]


def test_before_it_expires_it_is_tried_for_a_last_time() -> None:
    """However long the pause has grown, and not if the provider asked for a longer one."""
    expires = NOON + timedelta(minutes=2)
    step = _apply(None, command(expires_at=expires))
    send = _step(step).effects[0]
    state, now = _state(step), NOON
    looks = []
    while (after := _step(PROCESSOR.settle(state, send, BUSY, now))).due is not None:
        now = after.due
        looks.append(now)
        state = _state(PROCESSOR.wake(_state(after), now))
    assert looks[-1] == expires - timedelta(seconds=30)
    assert len(looks) == len(set(looks))
    asked = replace(BUSY, retry_in_s=100.0)
    assert _told(PROCESSOR.settle(_state(step), send, asked, NOON)) == [("suppressed", "quota")]


def test_rounds_that_tried_in_vain_come_to_an_end() -> None:
    """After the last one it has failed, with all its attempts, and is a dead letter."""
    state = _state(step := _apply(None, command(expires_at=NOON + timedelta(days=9))))
    send, now, told = _step(step).effects[0], NOON, []
    while True:
        after = PROCESSOR.settle(state, send, AWAY, now)
        told += _receipts(_step(after).outputs)
        if _step(after).due is None:
            break
        now = _step(after).due or now
        state = _state(PROCESSOR.wake(_state(after), now))
    assert [(one.outcome, one.attempts) for one in told] == [
        (DeliveryOutcome.DEFERRED, 3),
        (DeliveryOutcome.FAILED, 15),
    ]
    assert any(output.topic == "koi.deadletter" for output in _step(after).outputs)


# --- what broke off


def test_a_send_of_which_nothing_is_heard_is_begun_again() -> None:
    """By whoever holds the partition then, with the same id, and said to be a repeat: the channel knows what it promised."""
    step = _apply(None, command())
    woken = _step(PROCESSOR.wake(_state(step), NOON + LEASE))
    (send,) = woken.effects
    assert (send.command, send.tried, _told(woken), woken.due) == (command(), ("console",), [], NOON + 2 * LEASE)


def test_what_broke_off_and_may_not_be_sent_any_more_is_ambiguous() -> None:
    """It is neither sent nor not sent, and nobody says so."""
    state = _state(_apply(None, command(expires_at=NOON + LEASE)))
    woken = PROCESSOR.wake(state, NOON + LEASE)
    assert _told(woken) == [("failed", "ambiguous")]
    assert len(_state(woken).history.sent) == 1, "it may have arrived, so it counts"


def test_it_does_not_count_against_itself() -> None:
    """A cap of one a day does not hold back the repeat of the one message of the day, but the next one."""
    one_a_day = FREE.model_copy(update={"caps": Policy().caps})
    by = _processor(one_a_day)
    state = _state(_apply(None, command(), by=by))
    assert _told(_apply(state, command("c2"), by=by)) == [("suppressed", "capped")]
    assert _step(by.wake(state, NOON + LEASE)).effects[0].tried


# --- what is known of customers


def _updated(**fields: object) -> ContactsUpdated:
    return msgspec.convert(
        {"type": "updated", "customer_id": "客户一", "cause_id": "e1", "occurred_at": NOON, **fields}, ContactsUpdated
    )


def _recall(reason: RecallReason, *, rule: str = "win-back@later", episode: int = 1) -> Recall:
    return Recall(customer_id="客户一", rule=rule, episode=episode, reason=reason, decided_at=NOON)


def _feedback(told: News, number: str = "n1") -> Feedback:
    return Feedback(id=number, customer_id="客户一", command_id="c1", channel="sms", news=told, occurred_at=NOON)


def test_a_sealed_address_makes_the_route() -> None:
    """It goes along as it lies in the state, for the courier to open."""
    state = _state(_apply(None, _updated(contacts={"sms": "sealed!"})))
    (send,) = _step(_apply(state, command(channels=("sms",)))).effects
    assert send.routes == (Route("sms", "sealed!", sealed=True),)


def test_a_text_may_name_the_clerk() -> None:
    """Rules do not know who looks after a customer; the notifier does, and adds it to what the template is given."""
    state = _state(_apply(None, _updated(owner="店员-7")))
    (send,) = _step(_apply(state, command())).effects
    assert send.command.params == {**command().params, "owner": "店员-7"}


def test_an_erasure_leaves_nothing_but_promises() -> None:
    """No address, no consent, no history; what waited is called off, and a month later there is nothing at all."""
    by = _processor(Policy.model_validate({"consent": {"marketing": "ignored"}}))
    state = _state(_apply(None, _updated(contacts={"sms": "sealed!"}, occurred_at=EVENING), EVENING, by=by))
    state = _state(_apply(state, command(decided_at=EVENING, expires_at=EVENING + timedelta(days=2)), EVENING, by=by))
    gone = ContactsErased(customer_id="客户一", occurred_at=EVENING)
    step = _apply(state, gone, EVENING, by=by)
    assert _told(step) == [("suppressed", "erased")]
    assert b"sealed!" not in by.dump(_state(step))
    assert _apply(_state(step), gone, EVENING, by=by) is None, "a repeat"
    assert _apply(_state(step), _updated(contacts={"sms": "sealed!"}, occurred_at=EVENING), by=by) is None, "late news"
    late = command("c2", decided_at=EVENING, expires_at=EVENING + timedelta(days=2))
    assert _told(_apply(_state(step), late, MORNING, by=by)) == [("suppressed", "erased")]
    assert _step(by.wake(_state(step), EVENING + timedelta(days=32))).state is None


def test_who_comes_back_is_new() -> None:
    """Their first message has the id that it had in their first life, and is sent; a repeat of then is not."""
    first, second = command(), command(decided_at=NOON + timedelta(days=2), expires_at=NOON + timedelta(days=5))
    step = _apply(None, first)
    sent = _state(PROCESSOR.settle(_state(step), _step(step).effects[0], SENT, NOON))
    erased = ContactsErased(customer_id="客户一", occurred_at=NOON + timedelta(days=1))
    gone = _state(_apply(sent, erased, NOON + timedelta(days=1)))
    assert _apply(gone, first, NOON + timedelta(days=1)) is None
    again = _apply(gone, second, NOON + timedelta(days=2))
    assert _step(again).effects[0].command == second
    assert _apply(_state(again), second, NOON + timedelta(days=2)) is None


def test_two_who_turn_out_to_be_one_are_written_to_as_one() -> None:
    """Card and caps go to the other, nothing is sent to the first any more, and what is said of it is passed on."""
    state = _state(_apply(None, _updated(contacts={"sms": "sealed!"})))
    state = _state(_apply(state, command()))
    step = _step(_apply(state, ContactsJoined(customer_id="客户一", into_id="客户二", occurred_at=NOON)))
    (emit,) = [output for output in step.outputs if output.topic == "koi.contacts"]
    moved = wire.CONTACTS.decode(emit.value or b"")
    assert isinstance(moved, ContactsMoved)
    assert (emit.to and emit.to.partition, moved.customer_id) == (partition_of("客户二", 24), "客户二")
    other = _state(_apply(None, moved))
    assert (other.card.address("sms"), len(other.history.sent)) == ("sealed!", 1)
    assert _state(_apply(other, moved)) == other, "a repeat"
    passed = _step(_apply(step.state, _updated(language="en", occurred_at=NOON + timedelta(days=1))))
    onward = wire.CONTACTS.decode(passed.outputs[0].value or b"")
    assert isinstance(onward, ContactsUpdated)
    assert (onward.customer_id, onward.language, onward.hops) == ("客户二", "en", 1)
    with pytest.raises(InvalidMessage, match="merged_in_a_circle"):
        _apply(step.state, _updated(hops=MAX_HOPS, occurred_at=NOON + timedelta(days=1)))


def test_an_old_name_still_leads_to_the_customer() -> None:
    """A link in an old message unsubscribes, and an erasure under the old id erases, whoever the customer is by now."""
    gone = _state(_apply(None, ContactsJoined(customer_id="客户一", into_id="客户二", occurred_at=NOON)))
    assert gone.due() is None, "it is not forgotten"
    heard = _step(_apply(gone, _feedback(News.UNSUBSCRIBED)))
    (passed,) = heard.outputs
    onward = wire.FEEDBACK.decode(passed.value or b"")
    assert (passed.topic, passed.to and passed.to.key) == ("koi.feedback", "客户二".encode())
    survivor = _state(_apply(None, onward))
    assert survivor.card.agrees("sms", Category.MARKETING) is False
    assert _apply(_state(heard), _feedback(News.UNSUBSCRIBED)) is None, "a repeat"
    later = NOON + timedelta(days=90)
    (erased,) = _step(_apply(gone, ContactsErased(customer_id="客户一", occurred_at=later))).outputs
    message = wire.CONTACTS.decode(erased.value or b"")
    assert _state(_apply(survivor, message)).card.agrees("sms", Category.MARKETING) is None


def test_a_state_that_moved_and_is_damaged_is_refused() -> None:
    """It goes to the dead letter."""
    moved = ContactsMoved(customer_id="客户一", from_id="b", occurred_at=NOON, state=b"?")
    with pytest.raises(InvalidMessage, match="malformed"):
        _apply(None, moved)


def test_news_from_a_provider_becomes_a_receipt_once() -> None:
    """A repeat of it is nothing new."""
    step = _apply(None, _feedback(News.DELIVERED))
    assert _told(step) == [("delivered", "none")]
    assert _apply(_state(step), _feedback(News.DELIVERED)) is None


def test_who_unsubscribes_is_asked_no_more() -> None:
    """Over this channel, of this category; without one it is marketing that they do not want."""
    by = _processor(Policy.model_validate({"consent": {"marketing": "implied"}, "quiet_hours": []}))
    state = _state(_apply(None, _updated(contacts={"sms": "sealed!"})))
    step = _apply(state, _feedback(News.UNSUBSCRIBED))
    assert _told(step) == [("unsubscribed", "none")]
    assert _told(_apply(_state(step), command(channels=("sms",)), by=by)) == [("suppressed", "no_consent")]
    assert _step(_apply(_state(step), command(channels=("console",)), by=by)).effects


def test_a_silence_holds_it_back() -> None:
    """The receipt names it."""
    silence = Silence(
        id="s1",
        matcher=Matcher(rule="win-back"),
        starts_at=NOON,
        ends_at=NOON + timedelta(hours=1),
        created_at=NOON,
        created_by="值班",
        comment="活动页打不开",
    )
    by = _processor(silences=Silences.of([silence], NOON))
    assert _told(_apply(None, command(), by=by)) == [("suppressed", "silenced")]


# --- everything at once


@dataclass
class _World:
    """What is stored and published, and what is under way in a process that may die at any moment."""

    by: NotifierProcessor
    stored: bytes | None = None
    due: datetime | None = None
    said: list[Receipt] = field(default_factory=list)
    under_way: list[Send] = field(default_factory=list)
    performed: list[Send] = field(default_factory=list)

    def load(self) -> NotifierState | None:
        return None if self.stored is None else self.by.load(self.stored)

    def commit(self, step: Step[NotifierState] | None) -> None:
        if step is None:
            return
        self.stored = None if step.state is None else self.by.dump(step.state)
        self.due = None if step.state is None else step.due
        self.said += _receipts(step.outputs)
        self.under_way += step.effects
        self.performed += step.effects

    def pass_until(self, now: datetime) -> None:
        while self.due is not None and self.due <= now:
            at, state = self.due, self.load()
            assert state is not None
            self.commit(self.by.wake(state, at))
            assert self.due is None or self.due > at, "a timer that asks for the present would fire for ever"

    def rest(self, now: datetime) -> None:
        """Let everything come to its end, all sends accepted."""
        while self.under_way or self.due is not None:
            if self.under_way:
                self.commit(self.by.settle(self.load(), self.under_way.pop(0), SENT, now))
            elif self.due is not None:
                now = max(now, self.due)
                self.pass_until(now)


_COMMANDS = st.tuples(st.sampled_from("abcdef"), st.integers(1, 3)).map(lambda drawn: ("command", drawn))
_RESULTS = st.sampled_from([SENT, FAILED, BUSY, AWAY]).map(lambda told: ("result", told))
_DEEDS = st.one_of(
    _COMMANDS,
    _COMMANDS,
    _RESULTS,
    st.sampled_from([("crash", None), ("recall", 1), ("recall", 2), ("erase", None), ("join", None), ("refuse", None)]),
    st.integers(1, 60 * 24 * 4).map(lambda minutes: ("pass", minutes)),
)


def _told_of(name: str, episode: int) -> Command:
    # what a command says is settled by its id
    base = command(name + str(episode), expires_at=NOON + timedelta(days=episode))
    return msgspec.structs.replace(base, episode=episode)


def _message(deed: str, what: object, now: datetime) -> NotifierMessage | None:
    match deed, what:
        case "command", (str(name), int(episode)):
            return _told_of(name, episode)
        case "recall", int(episode):
            return _recall(RecallReason.ENDED, episode=episode)
        case "erase", None:
            return ContactsErased(customer_id="客户一", occurred_at=now)
        case "join", None:
            return ContactsJoined(customer_id="客户一", into_id="客户二", occurred_at=now)
        case "refuse", None:
            return _updated(consent={"all": {"marketing": False}}, occurred_at=now)
    return None


@settings(max_examples=300, deadline=None)
@given(
    st.lists(_DEEDS, max_size=40),
    st.sampled_from([FREE, Policy.model_validate({"consent": {"marketing": "implied"}})]),
)
def test_whatever_happens_every_command_has_one_end(deeds: list[tuple[str, object]], policy: Policy) -> None:
    """Repeats, crashes in the middle of sends, quotas, nights, recalls, erasures: at the end each has exactly one."""
    world, now = _World(_processor(policy)), NOON
    for deed, what in deeds:
        match deed, what:
            case "result", Delivered() as told if world.under_way:
                world.commit(world.by.settle(world.load(), world.under_way.pop(0), told, now))
            case "crash", None:
                world.under_way.clear()
            case "pass", int(minutes):
                now += timedelta(minutes=minutes)
                world.pass_until(now)
        message = _message(deed, what, now)
        if message is not None:
            world.commit(world.by.apply(world.load(), message, RECORD, now))
    world.rest(now)
    ends = Counter(receipt.command_id for receipt in world.said if receipt.outcome in FINAL)
    arrived = {name + str(episode) for deed, (name, episode) in _commands(deeds)}
    assert ends == Counter(arrived)
    for name, count in Counter(send.command.id for send in world.performed if not send.tried).items():
        deferred = sum(r.command_id == name and r.outcome is DeliveryOutcome.DEFERRED for r in world.said)
        assert count == 1 or deferred, "a second send that is not called a repeat"


def _commands(deeds: list[tuple[str, object]]) -> list[tuple[str, tuple[str, int]]]:
    return [(deed, what) for deed, what in deeds if deed == "command" and isinstance(what, tuple)]
