"""Shuffled, repeated and differently cut input: what must not change by it, and what by design may."""

import asyncio
import random
from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.profile import Profile
from services.rules.processor import RulesProcessor
from services.scoring.config import ScoringConfig
from tests.flow.histories import histories
from tests.flow.outcome import facts, outcome
from tests.flow.pond import REPLAYED_AT, Clockwork, Pond
from tests.flow.said import after, did, paid, refunded, tick

# without super users nothing depends on the other customers, nor so on the order in which they come
FOREVER = ScoringConfig(lateness=timedelta(days=400), super_user=None)
NOW = after(100)


async def run(
    rules: RulesProcessor,
    messages: list[dict[str, Any]],
    *,
    event_clock: bool = False,
    seed: int = 0,
    largest: int = 40,
) -> Pond:
    pond = Pond(
        rules,
        event_clock=event_clock,
        now=REPLAYED_AT if event_clock else NOW,
        clockwork=Clockwork(seed, largest),
        scoring=FOREVER,
    )
    pond.tell(messages)
    await pond.settle()
    assert pond.letters() == []
    assert Counter(r.command_id for r in pond.receipts()) == Counter({c.id for c in pond.commands()})
    return pond


def known(pond: Pond) -> dict[str, dict[str, Any]]:
    return {customer: facts(profile) for customer, profile in pond.last_profiles().items()}


@given(histories(), st.integers(0, 2**32), st.integers(1, 7), st.booleans())
@settings(max_examples=40, deadline=None)
def test_batch_cuts_change_nothing(
    rules: RulesProcessor, history: list[dict[str, Any]], seed: int, largest: int, event_clock: bool
) -> None:
    """However batches are cut and whoever's turn it is, every topic holds the same things, each exactly once."""
    history = [*history, tick(after(160))]
    plain, cut = (
        asyncio.run(run(rules, history, event_clock=event_clock, seed=s, largest=n))
        for s, n in ((0, 1000), (seed, largest))
    )
    if event_clock:
        assert outcome(cut) == outcome(plain)
        assert [(m.customer_id, m.template) for m in cut.channel.sent if m.customer_id == "甲"] == [
            (m.customer_id, m.template) for m in plain.channel.sent if m.customer_id == "甲"
        ]
    else:
        # without alignment the two inbound topics meet in any order, which profiles and tiers do not depend on
        assert known(cut) == known(plain)
        assert cut.tiers() == plain.tiers()


@given(histories(), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_order_and_repeats_do_not_matter_for_profiles_and_tiers(
    rules: RulesProcessor, history: list[dict[str, Any]], seed: int
) -> None:
    """Shuffled and repeated, the same events give the same profiles, and on a ladder without memory the same tiers.

    Which decisions were made on the way depends on the order by design: refunded before it was paid, an order promotes
    nobody. Whatever was decided, every command has exactly one receipt.
    """
    chance = random.Random(seed)  # noqa: S311
    mixed = history + chance.choices(history, k=len(history))
    chance.shuffle(mixed)
    plain, shuffled = (asyncio.run(run(rules, messages)) for messages in (history, mixed))
    assert known(shuffled) == known(plain)
    everywhere = dict.fromkeys(known(plain), "外围")
    assert everywhere | shuffled.tiers() == everywhere | plain.tiers()


@given(histories(), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_order_does_not_matter_on_the_event_clock(
    rules: RulesProcessor, history: list[dict[str, Any]], seed: int
) -> None:
    """Shuffled into the topics and replayed, profiles and tiers end the same once time has passed the last event."""
    chance = random.Random(seed)  # noqa: S311
    mixed = list(history)
    chance.shuffle(mixed)
    plain, shuffled = (
        asyncio.run(run(rules, [*messages, tick(after(200))], event_clock=True)) for messages in (history, mixed)
    )
    assert known(shuffled) == known(plain)
    everywhere = dict.fromkeys(known(plain), "外围")
    assert everywhere | shuffled.tiers() == everywhere | plain.tiers()


@given(histories(), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_repeats_say_nothing_new(rules: RulesProcessor, history: list[dict[str, Any]], seed: int) -> None:
    """Events that upstream publishes again, at any later place, add no profile, decision, command or message."""
    chance = random.Random(seed)  # noqa: S311
    repeated = list(history)
    for message in history:
        if chance.random() < 0.5:
            repeated.insert(chance.randrange(repeated.index(message) + 1, len(repeated) + 1), message)
    plain, again = (
        asyncio.run(run(rules, [*messages, tick(after(120))], event_clock=True)) for messages in (history, repeated)
    )
    assert _without_place(again.profiles()) == _without_place(plain.profiles())
    before, after_all = outcome(plain), outcome(again)
    assert after_all.commands.keys() == before.commands.keys()
    assert after_all.decisions.keys() == before.decisions.keys()
    assert again.templates() == plain.templates()


def _without_place(profiles: list[Profile]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for profile in profiles:
        told = {"event": profile.event, "fresh_until": profile.fresh_until}
        found.setdefault(profile.customer_id, []).append(facts(profile) | told)
    return found


async def test_a_refund_may_come_first(rules: RulesProcessor) -> None:
    """Refunded before it was paid, an order counts for nothing, and no welcome goes out for it."""
    pond = await run(rules, [refunded("甲", "o1", after(1)), paid("甲", "o1", after())])
    profile = pond.last_profiles()["甲"]
    assert (profile.orders, profile.net_minor, profile.lifetime.orders) == (0, 0, 0)
    assert pond.templates() == {}


async def test_an_interaction_counts_once(rules: RulesProcessor) -> None:
    """Ten copies of one message are one message; two messages are two."""
    first, second = did("甲", "message", after(), 1), did("甲", "message", after(), 2)
    pond = await run(rules, [first] * 10 + [second, first])
    assert pond.last_profiles()["甲"].lifetime.counts == {"message": 2}
    assert len(pond.profiles()) == 2
