"""The rules service as the runtime sees it, and against the plain reading of the same rules."""

from datetime import timedelta
from typing import Any

import pytest

from services.contracts import wire
from services.contracts.errors import InvalidMessage
from services.contracts.events import ClockTick
from services.contracts.topics import DECISIONS, NOTIFICATIONS
from services.rules.processor import PATIENCE, RulesProcessor
from services.runtime.processor import Processor
from services.runtime.record import Record
from tests.unit.rules.customers import NOON, Life, book, campaign, profile, record

DAY = timedelta(days=1)
TICK = ClockTick(id="t", source="s", occurred_at=NOON, received_at=NOON)


@pytest.fixture
def processor() -> RulesProcessor:
    return RulesProcessor(book(campaign("r == 3")))


def raw(value: bytes | None, key: bytes | None = b"c") -> Record:
    return Record("koi.profiles", 0, 7, 1_900_000_000_000, key, value)


def test_it_is_a_processor(processor: RulesProcessor) -> None:
    """It fits the runtime's interface."""
    shape: Processor[Any, Any] = processor
    assert shape is processor


def test_a_profile_is_decoded_at_its_own_time(processor: RulesProcessor) -> None:
    """Event time is when the profile was made."""
    inbox = processor.decode(record(profile()))
    assert (inbox.customer_id, inbox.at, inbox.message) == ("客户-1", NOON, profile())


def test_a_tick_only_moves_the_clock_and_is_passed_on(processor: RulesProcessor) -> None:
    """To the notifier, as it came."""
    inbox = processor.decode(raw(wire.PROFILES.encode(TICK)))
    assert (inbox.customer_id, inbox.at) == ("", NOON)
    (emit,) = processor.tick(inbox.message)
    assert (emit.topic, wire.COMMANDS.decode(emit.value or b"")) == (NOTIFICATIONS.name, TICK)
    assert processor.apply(None, TICK, raw(b""), NOON) is None
    assert processor.tick(profile()) == []


@pytest.mark.parametrize(
    ("value", "key", "reason", "detail"),
    [
        (b"{", b"c", "malformed", "not a "),
        (None, None, "malformed", "a tombstone needs a key"),
        (None, b"\xff", "malformed", "not UTF-8"),
        (wire.PROFILES.encode(profile(customer_id="")), b"c", "malformed", "customer_id is empty"),
        (wire.PROFILES.encode(profile(zone="Mars/Base")), b"c", "unknown_zone", "there is no time zone 'Mars/Base'"),
        (wire.PROFILES.encode(profile()).replace(b"2026-03-02T04:00:00Z", b"9500-03-02T04:00:00Z"), b"c", "malformed", "needs a year in"),
    ],
)  # fmt: skip
def test_what_cannot_be_processed_is_refused(
    processor: RulesProcessor, value: bytes | None, key: bytes | None, reason: str, detail: str
) -> None:
    """With a stable reason and a sentence."""
    with pytest.raises(InvalidMessage, match=detail) as caught:
        processor.decode(raw(value, key))
    assert caught.value.reason == reason


def test_a_repeat_changes_nothing(processor: RulesProcessor) -> None:
    """The same pair of version and instant, or an older one, is skipped; a later instant is not."""
    step = processor.apply(None, profile(version=5, as_of=NOON), raw(b""), NOON)
    assert step is not None
    assert len(step.outputs) == 2
    for version, later in ((5, 0), (5, -1), (4, 9)):
        repeat = profile(version=version, as_of=NOON + timedelta(seconds=later))
        assert processor.apply(step.state, repeat, raw(b""), NOON) is None
    news = profile(version=5, as_of=NOON + timedelta(seconds=1))
    assert processor.apply(step.state, news, raw(b""), NOON) is not None


def test_ids_repeat_with_the_records_and_differ_otherwise() -> None:
    """Replaying the same profiles gives the same outputs to the byte; another customer other ids."""

    def lived(customer: str) -> Life:
        life = Life(book(campaign("r <= 2")))
        for version, r in enumerate([2, 3, 1]):
            life.now(customer_id=customer, r=r, version=version, as_of=NOON + version * DAY)
        life.close()
        return life

    assert lived("a").outputs == lived("a").outputs
    ids = [d.id for who in ("a", "b") for d in lived(who).decided] + [c.id for who in "ab" for c in lived(who).sent]
    assert len(set(ids)) == len(ids) == 8
    assert all(len(i) == 32 for i in ids)


def test_a_late_wake_decides_late_but_once() -> None:
    """After a stop on the wall clock the instant has passed; the decision carries the real one."""
    life = Life(book(campaign("recency_days >= 45")))
    life.now(last_order_day=NOON.date())
    assert life.state is not None
    late = NOON + 60 * DAY
    step = life.processor.wake(life.state, late)
    assert step is not None
    assert [emit.topic for emit in step.outputs] == [DECISIONS.name, NOTIFICATIONS.name]
    assert step.due is None
    life.close()


def test_an_edited_rule_does_not_speak_again_in_the_same_episode() -> None:
    """Editing changes the hash, not the memory: who is in an episode stays in it, cooldowns go on."""
    life = Life(book(campaign("r <= 3", cooldown="30d")))
    (first,) = life.now()
    life.change_rules(book(campaign("r <= 4", cooldown="30d")))
    assert life.now(version=2, as_of=NOON + DAY) == []
    life.change_rules(book(campaign("r <= 2", cooldown="30d")))
    assert life.now(version=3, as_of=NOON + 2 * DAY) == []
    (second,) = life.now(version=4, r=1, as_of=NOON + 3 * DAY)
    assert (second.outcome, second.episode) == ("suppressed", 2)
    assert first.rule != second.rule
    life.close()


def test_a_rule_taken_out_and_put_back_remembers() -> None:
    """It neither repeats its message nor an id, and recalls what may still wait to be sent."""
    usual, other = book(campaign("r <= 3", cooldown="30d")), book(campaign("r <= 3", name="other"))
    life = Life(usual)
    life.now()
    life.change_rules(other)
    assert [(d.rule.partition("@")[0], d.outcome) for d in life.now(version=2)] == [("c", "ended"), ("other", "fired")]
    assert [(r.rule, r.episode, r.reason) for r in life.recalled] == [("c@withdrawn", 1, "ended")]
    life.change_rules(usual)
    assert [d.rule.partition("@")[0] for d in life.now(version=3)] == ["other"]
    life.change_rules(other)
    assert life.now(version=4, as_of=NOON + 4 * DAY) == []
    life.close()


def test_a_tier_that_is_gone_leads_to_the_bottom() -> None:
    """Without a decision; from there the rules decide anew."""
    ladder = "kind: ladder\nname: pond\ntiers: [{name: a}, {name: %s, enter: [f >= 3], leave: [f < 3]}]\n"
    life = Life(book(ladder % "b"))
    life.now()
    life.change_rules(book(ladder % "c"))
    (decision,) = life.now(version=2)
    assert (decision.from_tier, decision.to_tier, decision.episode) == ("a", "c", 2)
    life.close()


def test_a_timer_waits_for_a_fresher_profile() -> None:
    """What time changes about the profile is seen together with what it changes about the conditions, or a minute later."""
    midnight = NOON.replace(hour=16)
    fresh = {"last_order_day": NOON.date(), "fresh_until": midnight}
    rules = book(campaign("recency_days >= 1", 'orders("30d") == 0'))
    life = Life(rules)
    life.now(**fresh)
    assert life.due == midnight
    assert life.until(midnight) == []
    assert life.due == midnight + PATIENCE
    news = life.now(version=2, as_of=midnight + timedelta(seconds=2), last_order_day=NOON.date())
    assert [decision.decided_at for decision in news] == [midnight + timedelta(seconds=2)]
    life.close()
    alone = Life(rules)
    alone.now(**fresh)
    (decision,) = alone.until(midnight + DAY)
    assert decision.decided_at == midnight + PATIENCE
    alone.close()


def test_a_schedule_at_midnight_waits_and_is_not_missed() -> None:
    """Neither with the fresher profile, nor without it."""
    midnight = NOON.replace(hour=16)
    rules = book(campaign("r == 3", schedule='{every: day, at: "00:00"}'))
    for late in (timedelta(seconds=2), None):
        life = Life(rules)
        life.now(fresh_until=midnight)
        assert life.until(midnight) == []
        made = life.now(version=2, as_of=midnight + late) if late else life.until(midnight + DAY / 2)
        assert [decision.decided_at - midnight for decision in made] == [late or PATIENCE]
        life.close()
