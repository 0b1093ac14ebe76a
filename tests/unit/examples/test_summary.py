"""The figures of the demo, from hand-made messages."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from examples.complete_journey.expected import Expected
from examples.complete_journey.outcome import Measured, Outcome
from examples.complete_journey.pond import Pond
from examples.complete_journey.setting import POLICY
from examples.complete_journey.stories import choose
from examples.complete_journey.summary import (
    AWAKE,
    MOST,
    Summary,
    duplicates,
    intruding,
    notifications,
    summarise,
    top_share,
)
from examples.complete_journey.words import fates
from services.contracts import decision as d
from services.contracts import topics, wire
from services.contracts.channels import Category, Recipient
from services.contracts.errors import InvalidMessage
from services.contracts.events import ClockTick
from services.contracts.profile import Octant
from services.contracts.receipt import DeliveryOutcome, Reason, Receipt
from services.notifier.policy.models import Consent, Policy
from services.notifier.policy.reading import load
from tests.unit.examples.makers import command, dead_letter, decision, jump, on, profile, receipt

LADDERS = {"community": ["outer", "middle", "core"]}
UP, DOWN = d.Outcome.PROMOTED, d.Outcome.DEMOTED


def pond(*records: tuple[topics.Topic, object]) -> Pond:
    filled = Pond()
    for topic, message in records:
        filled.take(topic.name, wire.EVENTS.encode(message))
    return filled


def example() -> Pond:
    return pond(
        (topics.PROFILES, profile("a", version=1, r=1)),
        (topics.PROFILES, profile("a", version=2, r=5, f=5, lifetime_net_minor=8000)),
        (topics.PROFILES, profile("b", segment=Octant.KEEP, lifetime_net_minor=1500)),
        (
            topics.PROFILES,
            profile("c", r=1, f=1, segment=Octant.GENERAL_RETAIN, lifetime_orders=0, lifetime_net_minor=0),
        ),
        (topics.PROFILES, ClockTick(id="t", source="s", occurred_at=on(9), received_at=on(9))),
        (topics.DECISIONS, jump(1, "a", 20, ("outer", "middle"), UP)),
        (topics.DECISIONS, jump(2, "a", 40, ("middle", "core"), UP)),
        (topics.DECISIONS, jump(3, "b", 41, ("outer", "middle"), UP)),
        (topics.DECISIONS, jump(4, "b", 80, ("middle", "outer"), DOWN)),
        (topics.DECISIONS, decision(5, "b", d.Outcome.FIRED, 50, commands=("k1",))),
        (topics.DECISIONS, decision(6, "b", d.Outcome.SUPPRESSED, 60, episode=2)),
        (topics.NOTIFICATIONS, command("k1", "b")),
        (topics.NOTIFICATIONS, command("k2", "b", episode=2)),
        (topics.NOTIFICATIONS, ClockTick(id="t", source="s", occurred_at=on(9), received_at=on(9))),
        (topics.RECEIPTS, receipt("k1", "b", DeliveryOutcome.SENT)),
        (topics.RECEIPTS, receipt("k2", "b", DeliveryOutcome.SUPPRESSED, Reason.EXPIRED)),
        (topics.DEAD_LETTER, dead_letter(7)),
    )


def summary(filled: Pond, webhook: tuple[str, ...] = ("k1",), console: tuple[str, ...] = ()) -> Summary:
    arrived = {"webhook": set(webhook), "console": set(console)}
    return summarise(filled, events_in=12, ladders=LADDERS, arrived=arrived)


def test_the_last_snapshot_of_each_customer_counts() -> None:
    """Orders and money are added up over the newest profiles only, ticks are no customers."""
    found = summary(example())
    assert (found.customers, found.orders_counted, found.net_minor) == (3, 20, 9500)
    assert found.octants == {o.value: int(o in {Octant.CHAMPION, Octant.KEEP, Octant.GENERAL_RETAIN}) for o in Octant}
    assert found.recency_frequency[0] == [0, 0, 0, 0, 1]
    assert found.recency_frequency[4] == [1, 0, 0, 0, 0]


def test_a_late_repeat_of_an_old_snapshot_changes_nothing() -> None:
    """Version first, then the instant."""
    filled = example()
    filled.take(topics.PROFILES.name, wire.EVENTS.encode(profile("a", version=1, as_of=on(309), lifetime_net_minor=1)))
    filled.take(
        topics.PROFILES.name, wire.EVENTS.encode(profile("b", version=1, as_of=on(301), lifetime_net_minor=1600))
    )
    assert summary(filled).net_minor == 9600


def test_whoever_never_jumped_stands_at_the_bottom() -> None:
    """The last jump decides; every tier of the ladder is named."""
    assert summary(example()).tiers == {"community": {"outer": 2, "middle": 0, "core": 1}}


def test_jumps_are_counted_by_month_and_ladder() -> None:
    """Both directions, zero included."""
    jumps = summary(example()).jumps
    assert (jumps.promoted, jumps.demoted) == (3, 1)
    assert jumps.by_month == {
        "2017-01": {"promoted": 1, "demoted": 0},
        "2017-02": {"promoted": 2, "demoted": 0},
        "2017-03": {"promoted": 0, "demoted": 1},
    }
    assert jumps.by_ladder == {"community": {"promoted": 3, "demoted": 1}}


def test_silence_has_two_sources() -> None:
    """Rules that were cooling down, and commands the notifier did not send: the ends of commands add up without the former."""
    told = summary(example()).notifications
    assert (told.commands, told.sent, told.suppressed, told.failed, told.unanswered) == (2, 1, 1, 0, 0)
    assert told.reasons == {"suppressed": {"expired": 1}, "failed": {}}
    assert told.silences == {"cooldown": 1}
    assert told.sent_by_rule == {"win-back": 1}


def test_what_held_no_message_back_is_no_silence() -> None:
    """A tier that was full, an episode that ended or reached its goal, and all that a rule in shadow mode says."""
    filled = example()
    before = summary(filled)
    said: list[tuple[d.Outcome, dict[str, Any]]] = [
        (d.Outcome.SUPPRESSED, {"reason": d.DecisionReason.CAPACITY}),
        (d.Outcome.SUPPRESSED, {"mode": d.Mode.SHADOW}),
        (d.Outcome.CONTINUED, {"step": 1}),
        (d.Outcome.REACHED, {}),
        (d.Outcome.ENDED, {"reason": d.DecisionReason.UNTIL}),
    ]
    for number, (outcome, changes) in enumerate(said):
        filled.take(topics.DECISIONS.name, wire.EVENTS.encode(decision(90 + number, "b", outcome, 85, **changes)))
    shadow = jump(99, "b", 86, ("outer", "core"), UP, mode=d.Mode.SHADOW)
    filled.take(topics.DECISIONS.name, wire.EVENTS.encode(shadow))
    assert summary(filled) == before
    for number, reason in enumerate((d.DecisionReason.HOLDOUT, d.DecisionReason.CONDITION)):
        held_back = decision(80 + number, "b", d.Outcome.SUPPRESSED, 87, reason=reason)
        filled.take(topics.DECISIONS.name, wire.EVENTS.encode(held_back))
    assert summary(filled).notifications.silences == {"condition": 1, "cooldown": 1, "holdout": 1}


def test_a_command_without_a_receipt_is_unanswered() -> None:
    """The ledger must answer for every command."""
    filled = example()
    filled.take(topics.NOTIFICATIONS.name, wire.EVENTS.encode(command("k3", "a")))
    found = summary(filled)
    assert found.notifications.unanswered == 1
    complaints = found.mismatches(expectation())
    assert "commands without a receipt: 1, expected 0" in complaints
    assert "commands with an end, or waiting: 2, expected 3" in complaints


def test_a_receipt_of_no_command_is_one_too_many() -> None:
    """Sums of ends are compared with commands."""
    filled = example()
    filled.take(topics.RECEIPTS.name, wire.EVENTS.encode(receipt("k9", "b", DeliveryOutcome.FAILED)))
    complaint = "commands with an end, or waiting: 3, expected 2"
    assert complaint in summary(filled).mismatches(expectation())


def test_two_ends_of_one_command_are_seen() -> None:
    """A repeat tells the same end again; another end is a contradiction."""
    filled = example()
    filled.take(topics.RECEIPTS.name, wire.EVENTS.encode(receipt("k1", "b", DeliveryOutcome.SENT)))
    assert summary(filled).notifications.contradicted == 0
    filled.take(topics.RECEIPTS.name, wire.EVENTS.encode(receipt("k1", "b", DeliveryOutcome.SUPPRESSED)))
    assert "commands with two ends: 1, expected 0" in summary(filled).mismatches(expectation())


def test_repeats_on_every_topic_count_once() -> None:
    """Reading everything twice, as after a crash, gives the same figures."""
    once, twice = example(), example()
    other = example()
    for topic, messages in (
        (topics.DECISIONS, other.decisions),
        (topics.NOTIFICATIONS, other.commands),
        (topics.RECEIPTS, other.receipts),
        (topics.DEAD_LETTER, other.dead_letters),
        (topics.PROFILES, other.profiles),
    ):
        for message in messages.values():
            twice.take(topic.name, wire.EVENTS.encode(message))
    assert summary(once) == summary(twice)
    assert choose(once) == choose(twice)
    assert twice.records.total() > once.records.total()


def test_the_same_message_under_two_ids_is_a_duplicate() -> None:
    """Rule, customer, episode and step say what a message is; the hash of the rule does not."""
    commands = {
        "k1": command("k1", "b"),
        "k2": command("k2", "b", rule="win-back@ffff"),
        "k3": command("k3", "b", step=1),
        "k4": command("k4", "a"),
    }
    assert duplicates(["k1", "k3", "k4"], commands) == 0
    assert duplicates(["k1", "k2", "k3", "k4", "stranger"], commands) == 1


def test_a_message_sent_but_not_received_is_seen() -> None:
    """A receipt alone proves nothing, nor does a message that came out over another channel than it says."""
    assert (summary(example(), webhook=()).undelivered, summary(example(), webhook=()).unannounced) == (1, 0)
    elsewhere = summary(example(), webhook=(), console=("k1",))
    assert (elsewhere.undelivered, elsewhere.unannounced) == (1, 1)


def test_a_message_received_but_not_sent_is_seen() -> None:
    """What the ledger says was held back must not arrive, and nothing arrives twice, whatever the channels."""
    found = summary(example(), webhook=("k1", "k2"))
    assert (found.undelivered, found.unannounced, found.duplicate_sends) == (0, 1, 0)
    assert summary(example(), console=("k1",)).duplicate_sends == 1


def test_rejections_have_reasons() -> None:
    """Dead letters by their reason."""
    filled = example()
    filled.take(topics.DEAD_LETTER.name, wire.EVENTS.encode(dead_letter(8, "too_large")))
    assert summary(filled).rejections == {"malformed": 1, "too_large": 1}


def test_an_empty_pond_has_figures_too() -> None:
    """Zero customers, zero everything."""
    found = summary(Pond(), webhook=())
    assert (found.customers, found.top20_share, set(found.octants.values())) == (0, 0.0, {0})
    assert found.tiers == {"community": {"outer": 0, "middle": 0, "core": 0}}


def test_other_messages_are_refused() -> None:
    """A record that does not belong to its topic is an error, not a zero."""
    with pytest.raises(InvalidMessage):
        Pond().take(topics.RECEIPTS.name, b"{}")
    with pytest.raises(KeyError):
        Pond().take("koi.unknown", b"{}")


@pytest.mark.parametrize(
    ("money", "percent", "share"),
    [
        ([60, 30, 5, 3, 2], 20, 0.6),
        ([60, 30, 5, 3, 2], 0, 0.0),
        ([60, 30, 5, 3, 2], 100, 1.0),
        ([9, 1], 20, 0.9),
        ([], 20, 0.0),
    ],
)
def test_the_best_fifth_is_rounded_up_to_a_person(money: list[int], percent: int, share: float) -> None:
    """Of five, one; of two, one; of none, nobody."""
    assert top_share(money, percent) == share


def expectation() -> Expected:
    return Expected(
        events_in=12, customers=3, orders_counted=20, orders_worthless=2, net_minor=9500, top20_share=0.8421
    )


def finished(found: Summary, **changes: Any) -> Outcome:
    measured = Measured(
        seconds=9.5,
        replay_seconds=1.0,
        catch_up_seconds=2.0,
        events_per_second=4,
        repeated_attempts=0,
        refused_attempts=0,
        restarts={},
        records={},
    )
    return Outcome(
        summary=replace(found, **changes), expected=expectation(), measured=measured, stories=choose(example())
    )


def test_an_outcome_complains_about_what_differs() -> None:
    """A sentence per figure, and none when all is well."""
    good = finished(summary(example()), events_rejected=0)
    assert good.complaints == []
    bad = finished(summary(example()), net_minor=9400, duplicate_sends=1)
    assert bad.complaints == [
        "events_rejected: 1, expected 0",
        "net_minor: 9,400, expected 9,500",
        "messages sent twice: 1, expected 0",
    ]


def test_the_document_keeps_what_was_measured_apart(tmp_path: Path) -> None:
    """Two runs differ in `seconds` and `measurements` only; the file is written whole."""
    outcome = finished(summary(example()), events_rejected=0)
    slower = replace(outcome, measured=replace(outcome.measured, seconds=99.0, repeated_attempts=3))
    path = tmp_path / "summary.json"
    outcome.write(path)
    first, second = json.loads(path.read_text(encoding="utf-8")), slower.document()
    assert {key for key in first if first[key] != second[key]} == {"seconds", "measurements"}
    assert first["matches_expected"] is True
    assert first["expected"] == asdict(expectation())
    assert list(tmp_path.iterdir()) == [path]


def sent(
    number: int, at: datetime, category: Category = Category.MARKETING, to: Recipient = Recipient.CUSTOMER
) -> Receipt:
    return msgspec.structs.replace(
        receipt(f"m{number}", "a", DeliveryOutcome.SENT), at=at, category=category, recipient=to
    )


NOON = datetime(2017, 5, 3, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("receipts", "found"),
    [
        ([sent(1, NOON)], 0),
        ([sent(1, NOON + 8 * HOUR), sent(2, NOON + 32 * HOUR)], 0),
        ([sent(1, NOON + 9 * HOUR)], 1),
        ([sent(1, NOON - 3 * HOUR - timedelta(minutes=1))], 1),
        ([sent(1, NOON), sent(2, NOON + HOUR)], 2),
        ([sent(1, NOON), sent(2, NOON + HOUR, Category.SERVICE)], 0),
        ([sent(number, NOON + number * DAY) for number in range(4)], 1),
        ([sent(number, NOON + number * 3 * DAY) for number in range(9)], 0),
        ([sent(number, NOON + 10 * HOUR, to=Recipient.OWNER) for number in range(9)], 0),
        ([sent(number, NOON + 10 * HOUR, Category.TRANSACTIONAL) for number in range(9)], 0),
    ],
)
def test_who_was_written_to_too_often_or_at_night_is_found(receipts: list[Receipt], found: int) -> None:
    """Counted from when messages were sent: no more than a day and a week take, and none from nine in the evening to nine."""
    assert intruding(receipts) == found


def test_what_waits_is_neither_sent_nor_unanswered() -> None:
    """A command that was put off, and whose time had not come at the end, is told as waiting."""
    late = receipt("k1", "b", DeliveryOutcome.DEFERRED, Reason.QUIET_HOURS)
    filled = pond(
        (topics.NOTIFICATIONS, command("k1", "b")),
        (topics.NOTIFICATIONS, command("k2", "b", episode=2)),
        (topics.RECEIPTS, late),
        (topics.RECEIPTS, msgspec.structs.replace(late, command_id="k2")),
        (topics.RECEIPTS, receipt("k2", "b", DeliveryOutcome.SENT)),
    )
    told = notifications(filled)
    assert (told.commands, told.sent, told.sent_later, told.waiting, told.unanswered) == (2, 1, 1, 1, 0)
    assert told.deferred == {"quiet_hours": 2}
    assert fates(told) == {"put off, then sent": 1, "put off, and still waiting": 1}


def test_fates_add_up_to_commands() -> None:
    """Whatever became of them; what became of none is not named."""
    told = summary(example()).notifications
    assert fates(told) == {"sent at once": 1, "suppressed: expired": 1}
    assert sum(fates(told).values()) == told.commands


def test_the_recount_goes_by_the_policy_of_the_demo() -> None:
    """Its hours and numbers stand in the recount once more, so that it asks nobody; its file says the same."""
    policy = load(Policy, POLICY)
    (night,) = policy.quiet_hours
    assert [hour for hour in range(24) if not night.hours.cover(time(hour))] == list(AWAKE)
    caps = {category: policy.cap_for(category) for category in MOST}
    assert {category: (cap.day, cap.week) for category, cap in caps.items() if cap} == MOST
    assert policy.consent_for(Category.MARKETING) is Consent.IMPLIED
