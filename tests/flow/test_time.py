"""Time as the only cause: silence that wakes, replays that equal lives."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.contracts.decision import Outcome
from services.contracts.profile import Cause
from services.contracts.receipt import DeliveryOutcome, Reason
from services.rules.processor import RulesProcessor
from tests.flow.outcome import outcome
from tests.flow.pond import Clockwork, Pond
from tests.flow.said import ZONE, after, did, paid, refunded, tick, updated


async def test_silence_wakes(rules: RulesProcessor) -> None:
    """45 calendar days after the last order, at the midnight that makes it 45, time alone sends the message."""
    pond = Pond(rules, event_clock=True)
    pond.tell([paid("睡莲", "o1", after()), tick(after(44.4)), tick(after(44.6)), tick(after(60))])
    await pond.settle()
    woken = [d for d in pond.decisions() if d.rule.startswith("沉睡唤醒@")]
    assert [(d.outcome, d.cause, d.cause_id) for d in woken] == [(Outcome.FIRED, Cause.TIME, "")]
    midnight = after(45).astimezone(ZONE).replace(hour=0, minute=0)
    assert woken[0].decided_at == midnight
    assert pond.templates()["睡莲"] == ["欢迎光临", "好久不见"]
    assert {r.outcome for r in pond.receipts()} == {DeliveryOutcome.SENT}


async def test_nothing_happens_before_its_time(rules: RulesProcessor) -> None:
    """As long as event time stands before the midnight, nobody is woken, however often the stages are asked."""
    pond = Pond(rules, event_clock=True)
    pond.tell([paid("睡莲", "o1", after()), tick(after(44.4))])
    for _ in range(3):
        await pond.settle()
    assert pond.templates()["睡莲"] == ["欢迎光临"]
    pond.tell([tick(after(44.5))])
    await pond.settle()
    assert pond.templates()["睡莲"] == ["欢迎光临", "好久不见"]


async def test_a_new_order_puts_the_waking_off(rules: RulesProcessor) -> None:
    """Who orders again on the 44th day is left in peace for another 45; one asked not to be disturbed, for good."""
    pond = Pond(rules, event_clock=True)
    pond.tell([paid("甲", "a1", after()), paid("乙", "b1", after())])
    pond.tell([updated("乙", after(3), tags_add=["勿扰"]), paid("甲", "a2", after(44)), tick(after(88.4))])
    await pond.settle()
    assert "好久不见" not in pond.templates()["甲"]
    pond.tell([tick(after(89))])
    await pond.settle()
    assert pond.templates()["甲"].count("好久不见") == 1
    assert "好久不见" not in pond.templates()["乙"]


async def test_the_window_forgets(rules: RulesProcessor) -> None:
    """A year without a word: three orders leave the window one by one, the scores fall by themselves, and so do the tiers."""
    pond = Pond(rules, event_clock=True)
    pond.tell([paid("甲", f"o{i}", after(i)) for i in range(3)])
    pond.tell([tick(after(day)) for day in range(10, 380, 10)])
    await pond.settle()
    profile = pond.last_profiles()["甲"]
    assert (profile.orders, profile.net_minor, profile.lifetime.orders) == (0, 0, 3)
    assert (profile.r, profile.f, profile.m, profile.cause) == (1, 1, 1, Cause.TIME)
    falls = [d for d in pond.decisions() if d.outcome is Outcome.DEMOTED]
    assert [(d.from_tier, d.to_tier, d.cause) for d in sorted(falls, key=lambda d: d.decided_at)] == [
        ("核心", "影响", Cause.TIME),
        ("影响", "外围", Cause.TIME),
    ]


async def test_a_command_that_waited_too_long_expires(rules: RulesProcessor) -> None:
    """On the wall clock, what lay for four days before the notifier came back is not sent, and the receipt says why."""
    pond = Pond(rules, now=after(1))
    pond.tell([paid("甲", "a1", after())])
    for _ in range(20):
        for name in ("ingest", "scoring", "rules"):
            for partition in range(3):
                await pond._turn(name, partition)
    pond.broker.now += timedelta(days=4)
    await pond.settle()
    assert [(r.outcome, r.reason) for r in pond.receipts()] == [(DeliveryOutcome.SUPPRESSED, Reason.EXPIRED)]
    assert pond.channel.sent == []


def half_year(seed: int) -> list[dict[str, Any]]:
    """Half a year of eight customers, in order of time, with a tick a day. All instants lie in the daytime."""
    chance = random.Random(seed)  # noqa: S311
    said: list[dict[str, Any]] = []
    orders: list[tuple[str, str]] = []
    for number, second in enumerate(sorted(chance.sample(range(180 * 20_000), 120))):
        at = after(second // 20_000, second % 20_000)
        customer = f"会员{chance.randrange(8)}"
        match chance.randrange(6):
            case 0 | 1:
                orders.append((customer, f"o{number}"))
                said.append(paid(customer, f"o{number}", at, chance.choice((9_900, 160_000))))
            case 2 if orders:
                said.append(refunded(*chance.choice(orders), at, 9_900, refund=f"r{number}"))
            case 3:
                tags = chance.choice(("tags_add", "tags_remove"))
                said.append(updated(customer, at, number, **{tags: [chance.choice(("会员日", "勿扰"))]}))
            case _:
                said.append(did(customer, "message", at, number))
    ticks = [tick(after(day + 0.9)) for day in range(231)]
    return sorted(said + ticks, key=lambda message: message["occurred_at"])


@pytest.mark.parametrize("seed", range(4))
async def test_a_replay_fed_by_days_equals_one_fed_at_once(rules: RulesProcessor, seed: int) -> None:
    """Half a year on the event clock, day by day with a rest after each, or all of it at once: the same in every word."""
    daily = Pond(rules, event_clock=True, clockwork=Clockwork(seed, 5))
    at_once = Pond(rules, event_clock=True, clockwork=Clockwork(seed + 1, 200))
    messages = half_year(seed)
    for message in messages:
        daily.tell([message])
        if message["type"] == "clock.tick":
            await daily.settle()
    at_once.tell(messages)
    await at_once.settle()
    assert outcome(daily) == outcome(at_once)
    assert len(outcome(daily).commands) > 20


@pytest.mark.parametrize("seed", range(4))
async def test_a_replay_equals_a_life(rules: RulesProcessor, seed: int) -> None:
    """Half a year lived on the wall clock, each event as it happens and each timer at its instant, decides the same as its replay."""
    messages = half_year(seed)
    lived = Pond(rules, now=after(-1))
    for message in messages:
        await lived.live_until(datetime.fromisoformat(message["occurred_at"]))
        if message["type"] != "clock.tick":
            lived.tell([message])
        await lived.settle()
    replayed = Pond(rules, event_clock=True)
    replayed.tell(messages)
    await replayed.settle()
    assert decided(lived) == decided(replayed)
    assert len(decided(lived)) > 20
    assert lived.templates() == replayed.templates()
    assert lived.tiers() == replayed.tiers()


def decided(pond: Pond) -> dict[str, tuple[object, ...]]:
    return {
        d.id: (d.customer_id, d.rule, d.outcome, d.reason, d.decided_at, d.episode, d.from_tier, d.to_tier, d.commands)
        for d in pond.decisions()
    }
