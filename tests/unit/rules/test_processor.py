"""The rules service as the runtime sees it, and against the plain reading of the same rules."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.contracts import wire
from services.contracts.decision import Decision
from services.contracts.errors import InvalidMessage
from services.contracts.events import ClockTick
from services.contracts.profile import Octant, Profile
from services.contracts.topics import DECISIONS, NOTIFICATIONS
from services.rules.processor import RulesProcessor
from services.rules.rulebook import Rulebook
from services.runtime.processor import Processor
from services.runtime.record import Record
from tests.unit.rules.customers import NOON, Life, book, campaign, profile, record, windows
from tests.unit.rules.reference import Reference, Told

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
    """It neither repeats its message nor an id."""
    usual, other = book(campaign("r <= 3", cooldown="30d")), book(campaign("r <= 3", name="other"))
    life = Life(usual)
    life.now()
    life.change_rules(other)
    assert [d.rule.partition("@")[0] for d in life.now(version=2)] == ["other"]
    life.change_rules(usual)
    assert life.now(version=3) == []
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


CONDITIONS = [
    "r >= 3", "f <= 2", "m > 3", 'segment == "重要保持"', 'segment in ["重要挽留", "一般挽留"]', 'tagged("vip")',
    "recency_days >= 20", "recency_days < 9", "5 <= recency_days < 30", "recency_days in [3, 7]", "not recency_days > 4",
    "activity >= 5", "activity < 2", "2 <= activity < 8", "activity >= 3 or recency_days <= 2",
    "days_since_first_order <= 12", "days_since_first_order - recency_days > 3", 'count("view") >= 2',
    "overdue >= 2", "0.5 < overdue <= 1.5", "overdue != 3", "overdue * 2 > 3", "super_user", 'count("view", "7d") == 0',
    "{any: [f >= 4, activity > 6]}", "{not: [r >= 2, recency_days < 12]}", "{any: [{not: r > 1}, recency_days >= 15]}",
]  # fmt: skip
lists = st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=3)


@st.composite
def rule_books(draw: st.DrawFn) -> Rulebook:
    def block(items: list[str]) -> str:
        return "\n".join(f"      - {item}" for item in items)

    texts = []
    for ladder in range(draw(st.integers(0, 2))):
        lines = [f"kind: ladder\nname: l{ladder}\ntiers:\n  - name: t0"]
        for tier in range(1, draw(st.integers(2, 4))):
            lines.append(f"  - name: t{tier}\n    stay_at_least: {draw(st.integers(0, 12))}d")
            lines.append(f"    enter:\n{block(draw(lists))}")
            if draw(st.booleans()):
                lines.append(f"    leave:\n{block(draw(lists))}")
        texts.append("\n".join(lines))
    conditions = [*CONDITIONS, *([] if not texts else ['tier("l0") == "t1"', 'tier("l0") != "t0"'])]
    some = st.lists(st.sampled_from(conditions), min_size=1, max_size=3)
    texts += [
        campaign(*draw(some), name=f"c{i}", cooldown=f"{draw(st.integers(0, 20))}d", priority=draw(st.integers(0, 9)))
        for i in range(draw(st.integers(0 if texts else 1, 4)))
    ]
    return book("\n---\n".join(texts))


histories = st.lists(
    st.tuples(
        st.integers(0, 30 * 24 * 60),
        st.fixed_dictionaries(
            {
                "r": st.integers(1, 5),
                "f": st.integers(1, 5),
                "m": st.integers(1, 5),
                "segment": st.sampled_from(Octant),
                "tags": st.sampled_from([(), ("vip",)]),
                "activity": st.sampled_from([0.0, 1.0, 4.0, 9.0, 20.0]),
                "windows": st.sampled_from([windows(), windows(view=3)]),
                "rhythm_days": st.sampled_from([None, 0.3, 3.5, 7.0]),
                "super_user": st.booleans(),
            }
        ),
        st.none() | st.integers(0, 12),
    ),
    min_size=1,
    max_size=5,
)


def told(decision: Decision) -> Told:
    jump = f"{decision.from_tier}→{decision.to_tier}" if decision.to_tier else decision.outcome.value
    return decision.rule.partition("@")[0], jump, decision.decided_at


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rule_books(), histories, st.sampled_from(["Asia/Shanghai", "America/New_York"]))
def test_it_agrees_with_the_plain_reading(
    rules: Rulebook, history: list[tuple[int, dict[str, Any], int | None]], zone: str
) -> None:
    """Timers find exactly what asking everything every six hours, and at every midnight, would find."""
    life, plain = Life(rules), Reference(rules)
    try:
        profiles, now = [], NOON
        for version, (minutes, changes, days_ago) in enumerate(history):
            now += timedelta(minutes=minutes)
            ordered = None if days_ago is None else now.date() - days_ago * DAY
            first = None if ordered is None else ordered - 3 * DAY
            profiles.append(
                profile(version=version, as_of=now, activity_at=now, half_life_days=9.0, zone=zone,
                        last_order_day=ordered, first_order_day=first, **changes)
            )  # fmt: skip
        for one in profiles:
            life.now(**msgspec.structs.asdict(one))
        end = now + 60 * DAY
        life.until(end)
        looks = dict.fromkeys(life.wakes)
        hour = NOON.replace(hour=4)
        while hour < end:
            looks[hour] = None
            hour += timedelta(hours=6)
        looks |= {one.as_of: None for one in profiles}
        expected: list[Told] = []
        current: Profile | None = None
        waiting = list(profiles)
        for at in sorted(looks):
            if at < profiles[0].as_of:
                continue
            if current is not None and (not waiting or at != waiting[0].as_of or at in life.wakes):
                expected += plain.look(current, at)
            while waiting and waiting[0].as_of == at:
                current = waiting.pop(0)
                expected += plain.look(current, at)
        assert [told(decision) for decision in life.decided] == expected
    finally:
        life.close()
