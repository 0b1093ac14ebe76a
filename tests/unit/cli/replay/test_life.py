"""One customer's life: what the services on the event clock would have decided, and how it is asked for."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given, settings

from services.cli.replay.life import Life
from services.contracts.calendar import to_ms
from services.contracts.decision import Outcome
from services.contracts.events import AnyEvent
from services.ingest.intake import Intake
from services.rules.processor import RulesProcessor
from services.runtime.record import Record
from services.scoring.config import ScoringConfig
from tests.flow.histories import histories
from tests.flow.pond import REPLAYED_AT
from tests.flow.said import ZONE, after, deleted, did, encoded, merged, paid, tick
from tests.unit.cli.replay.lived import by_customer, commands_of, decisions_of, events_of, lived
from tests.unit.rules.customers import NOON, profile

ALONE = ScoringConfig(super_user=None)


def canonical(*messages: dict[str, Any]) -> list[AnyEvent]:
    intake = Intake([])
    records = [
        Record("koi.orders", 0, n, to_ms(REPLAYED_AT), None, encoded(message)) for n, message in enumerate(messages)
    ]
    return [event for record in records for event in intake.accept(record)]


def life(rules: RulesProcessor) -> Life:
    return Life(rules, ALONE, ZONE)


@given(histories())
@settings(max_examples=40, deadline=None)
def test_a_life_is_what_the_pipeline_makes_of_it(rules: RulesProcessor, history: list[dict[str, Any]]) -> None:
    """Every decision and command, word by word and in the same order, timers at their own instants included."""
    pond = asyncio.run(lived(rules, [*history, tick(after(160))], ALONE))
    one = life(rules)
    for event in events_of(pond):
        one.take(event)
    assert by_customer(one.decisions) == decisions_of(pond)
    assert by_customer(one.commands) == commands_of(pond)
    assert one.refused == []


@given(histories(largest=10))
@settings(max_examples=20, deadline=None)
def test_advancing_equals_a_tick(rules: RulesProcessor, history: list[dict[str, Any]]) -> None:
    """However finely time is taken forward, the same is said."""
    one, other = life(rules), life(rules)
    for event in canonical(*history):
        one.advance(event.occurred_at - timedelta(hours=30))
        one.advance(event.occurred_at)
        one.take(event)
        other.take(event)
    for day in range(90, 160, 7):
        one.advance(after(day))
    other.take(*canonical(tick(after(159))))
    one.advance(after(159))
    assert by_customer(one.said) == by_customer(other.said)


def test_what_each_thing_leads_to_is_told(rules: RulesProcessor) -> None:
    """At once for an event, and with time for the silence after it; `next_due` says when to look."""
    one = life(rules)
    assert (one.now, one.next_due, one.profile("甲"), one.state("甲")) == (None, None, None, None)
    first = one.take(*canonical(paid("甲", "o1", after())))
    assert [said.rule.partition("@")[0] for said in first] == ["首单欢迎", "首单欢迎"]
    assert one.advance(after(44.4)) == []
    assert one.now == after(44.4)
    assert one.next_due is not None
    assert one.next_due > after(44.4)
    later = one.advance(after(45))
    assert [said.rule.partition("@")[0] for said in later] == ["沉睡唤醒", "沉睡唤醒"]
    assert one.said == [*first, *later]
    known = one.profile("甲")
    assert known is not None
    assert (known.orders, known.net_minor) == (1, 60_000)
    assert one.state("甲") is not None


def test_one_who_is_merged_or_deleted_is_gone(rules: RulesProcessor) -> None:
    """What the one had goes to the other, at the same instant; nobody is left after the deletion and its echo."""
    one = life(rules)
    for event in canonical(paid("旧", "o1", after()), paid("新", "o2", after(1)), merged("新", "旧", after(2))):
        one.take(event)
    assert one.state("旧") is None
    survivor = one.profile("新")
    assert survivor is not None
    assert (survivor.lifetime.orders, survivor.as_of) == (2, after(2))
    one.take(*canonical(paid("旧", "o3", after(3))))
    survivor = one.profile("新")
    assert survivor is not None
    assert survivor.lifetime.orders == 3
    one.take(*canonical(deleted("新", after(4))))
    assert (one.state("新"), one.profile("新")) == (None, None)
    one.advance(after(10))
    assert one.next_due is None


def test_what_cannot_be_folded_is_kept_aside(rules: RulesProcessor) -> None:
    """With its reason; the life goes on."""
    one = life(rules)
    one.take(*canonical(paid("甲", "o1", after(), currency="USD")))
    one.take(*canonical(merged("甲", "乙", after(1))))
    one.take(*canonical(merged("乙", "甲", after(2))))
    assert [refused.error.reason for refused in one.refused] == ["foreign_currency", "merged_in_a_circle"]
    assert one.take(*canonical(paid("甲", "o2", after(3))))


def test_what_comes_late_counts_for_now(rules: RulesProcessor) -> None:
    """Time never goes back."""
    one = life(rules)
    one.take(*canonical(did("甲", "view", after(5))))
    said = one.take(*canonical(paid("甲", "o1", after(3))))
    assert {each.decided_at for each in said} == {after(5)}


def test_profiles_may_be_given_ready_made(rules: RulesProcessor) -> None:
    """The rules alone, with time between the profiles; an older one changes nothing, and who is gone starts anew."""
    one = life(rules)
    silent = one.show(profile(customer_id="丙", as_of=NOON, lifetime=profile().lifetime, version=1))
    assert [said.rule.partition("@")[0] for said in silent if "首单" in said.rule] == ["首单欢迎"] * 2
    assert one.show(profile(customer_id="丙", as_of=NOON, version=0)) == []
    later = one.advance(NOON + timedelta(days=35))
    assert "沉睡唤醒" in {said.rule.partition("@")[0] for said in later}
    one.forget("丙")
    one.forget("谁也不是")
    assert one.state("丙") is None
    again = one.show(profile(customer_id="丙", as_of=NOON + timedelta(days=36), version=2))
    assert [said.episode for said in again if "首单" in said.rule] == [1, 1]


def test_a_repeat_of_a_life_has_the_same_ids(rules: RulesProcessor) -> None:
    """Whatever is replayed says the same, word by word."""
    told = []
    for _ in range(2):
        one = life(rules)
        for event in canonical(*(paid("甲", f"o{n}", after(n * 20)) for n in range(6))):
            one.take(event)
        one.advance(after(600))
        told.append([msgspec.json.encode(said) for said in one.said])
    assert told[0] == told[1]
    assert {said.outcome for said in one.decisions} >= {Outcome.PROMOTED, Outcome.DEMOTED, Outcome.FIRED}
