"""A stage that dies anywhere, or whose broker or store fails it, leaves no trace in what the pipeline says."""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.errors import KoipondError
from services.rules.processor import RulesProcessor
from services.runtime.store import Fenced
from services.scoring.config import ScoringConfig
from tests.flow.broker import COMMITTING, PUBLISHING, Misfortune, Mishap, Point
from tests.flow.histories import histories
from tests.flow.outcome import Outcome, outcome
from tests.flow.pond import PARTITIONS, SERVICES, Clockwork, Pond
from tests.flow.said import after, did, encoded, paid, refunded, tick, updated

STORY = [
    paid("甲", "a1", after(0)),
    did("甲", "message", after(0, 60)),
    paid("乙", "b1", after(0, 120)),
    paid("甲", "a2", after(1)),
    updated("乙", after(1, 60), tags_add=["会员日"]),
    paid("丙-3", "c1", after(2)),
    paid("甲", "a3", after(2, 60)),
    refunded("甲", "a2", after(20)),
    paid("乙", "b2", after(30)),
    tick(after(60)),
    tick(after(120)),
]
SMALL = Clockwork(seed=7, largest=3)
ALONE = ScoringConfig(super_user=None)
"""Nobody's profile depends on when the others were counted."""


def run(rules: RulesProcessor, story: list[dict[str, Any]], misfortune: Misfortune, clockwork: Clockwork) -> Outcome:
    """A replay in which the misfortune happens; asserts that the pipeline got over it."""
    pond = Pond(rules, event_clock=True, clockwork=clockwork, misfortune=misfortune)
    pond.tell(story)
    pond.broker.append("koi.orders", 0, b"key", b"{not json")
    asyncio.run(pond.settle())
    assert len(pond.failures) == len(misfortune.happened)
    ended = outcome(pond)
    assert ended.receipts.keys() == ended.commands.keys() == ended.sent.keys()
    return ended


@pytest.mark.parametrize("service", SERVICES)
def test_any_mishap_at_any_point(rules: RulesProcessor, service: str) -> None:
    """One publication or commit of the service goes wrong, in each way it can: what is said, said once, is the same."""
    quiet = Misfortune()
    expected = run(rules, STORY, quiet, SMALL)
    assert expected.commands
    tried = 0
    for committing, mishaps in ((False, PUBLISHING), (True, COMMITTING)):
        for nth in range(quiet.passed[service, committing]):
            for mishap in mishaps:
                misfortune = Misfortune({Point(service, committing, nth): mishap})
                assert run(rules, STORY, misfortune, SMALL) == expected, f"{mishap} at {misfortune.happened}"
                assert misfortune.happened
                tried += 1
    assert tried >= 15


@given(histories(largest=15), st.integers(0, 2**32), st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_mishaps_everywhere(rules: RulesProcessor, history: list[dict[str, Any]], seed: int, largest: int) -> None:
    """A quarter of all publications and commits of all services fail: the outcome is that of a quiet run."""
    chance = random.Random(seed)  # noqa: S311
    story = [*history, tick(after(150))]
    plan: dict[Point, Mishap] = {}
    for service in SERVICES:
        for nth in range(30):
            if chance.random() < 0.25:
                plan[Point(service, False, nth)] = chance.choice(PUBLISHING)
            if chance.random() < 0.25:
                plan[Point(service, True, nth)] = chance.choice(COMMITTING)
    clockwork = Clockwork(seed=chance.randrange(1000), largest=largest)
    assert run(rules, story, Misfortune(plan), clockwork) == run(rules, story, Misfortune(), Clockwork())


async def test_a_repeated_send_carries_the_same_key(rules: RulesProcessor) -> None:
    """The notifier dies after sending and before committing: the message goes out again under the same id, word for word."""
    misfortune = Misfortune({Point("notifier", True, 1): Mishap.NOT_STORED})
    pond = Pond(rules, now=after(1), misfortune=misfortune)
    pond.tell([paid("甲", "a1", after())])
    await pond.settle()
    assert misfortune.happened
    pond.restart("notifier")
    await pond.live_until(after(1, 600))
    first, again = pond.channel.sent
    assert first == again
    assert [receipt.command_id for receipt in pond.receipts()] == [first.command_id] * 2


async def test_a_process_that_lives_on_does_not_send_again(rules: RulesProcessor) -> None:
    """What came of a send outlives the round that could not be stored, and is folded in with the next."""
    misfortune = Misfortune({Point("notifier", True, 1): Mishap.NOT_STORED})
    pond = Pond(rules, now=after(1), misfortune=misfortune)
    pond.restart = lambda name: pond.readers[name].held.clear()  # type: ignore[method-assign]
    pond.tell([paid("甲", "a1", after())])
    await pond.settle()
    await pond.live_until(after(1, 600))
    assert misfortune.happened
    assert len(pond.channel.sent) == 1


@pytest.mark.parametrize("service", ["scoring", "rules", "notifier"])
async def test_a_zombie_cannot_write(rules: RulesProcessor, service: str) -> None:
    """An old process that still holds a partition is refused, and its outputs are repeats of what the new one says."""
    pond = Pond(rules, now=after(1), scoring=ALONE)
    pond.tell([paid("甲", "a1", after())])
    await pond.settle()
    reader = pond.readers[service]
    zombie = reader.stage
    expected = Pond(rules, now=after(1), scoring=ALONE)
    for each in (pond, expected):
        each.tell([paid("甲", "a1", after())] if each is expected else [])
        each.tell([paid("甲", "a2", after(0.1)), paid("甲", "a3", after(0.2))])
    # everything up to the service, so that the zombie has something to read
    upstream = SERVICES[: SERVICES.index(service)]
    for _ in range(20):
        for name in upstream:
            for partition in range(PARTITIONS):
                await pond._turn(name, partition)
    pond.restart(service)
    for partition in range(PARTITIONS):
        await pond._claim(reader, partition)
    refused: list[KoipondError] = []
    for partition in range(PARTITIONS):
        records = [r for topic in reader.topics for r in pond.broker.read(topic, partition, 0, 1000)]
        if records and records[-1].offset + 1 > zombie.positions(partition).get(reader.topics[0], 0):
            with pytest.raises(Fenced) as caught:
                await zombie.handle(partition, records, pond.broker.now)
            refused.append(caught.value)
    assert len(refused) == 1
    await pond.settle()
    await expected.settle()
    ended = outcome(pond)
    assert ended == outcome(expected)


async def test_ingest_that_starts_over_changes_nothing(rules: RulesProcessor) -> None:
    """Ingest reads everything again from the beginning, as after a lost consumer group: scoring knows all of it."""
    pond = Pond(rules, now=after(1))
    messages = [paid("甲", f"a{i}", after(seconds=i)) for i in range(5)] + [did("乙", "view", after())] * 2
    pond.tell(messages)
    await pond.settle()
    once = outcome(pond)
    pond.readers["ingest"].committed.clear()
    pond.restart("ingest")
    pond.broker.append("koi.orders", 0, b"x", b"")
    await pond.settle()
    assert len(pond.events()) == 2 * len(messages)
    again = outcome(pond)
    assert (again.profiles, again.commands, again.receipts) == (once.profiles, once.commands, once.receipts)
    assert len(pond.channel.sent) == len(once.sent)


async def test_a_topic_made_anew_upstream_is_no_repeat(rules: RulesProcessor) -> None:
    """Offsets that start again at 0, with later timestamps, are new events: nothing of a recreated topic is dropped."""
    pond = Pond(rules, now=after(1))
    pond.tell([paid("甲", "a1", after()), paid("甲", "a2", after())])
    await pond.settle()
    for log in pond.broker._logs:
        if log[0] == "koi.orders":
            pond.broker._logs[log].clear()
    pond.readers["ingest"].committed.clear()
    pond.restart("ingest")
    pond.broker.now = after(2)
    pond.tell([paid("甲", "a3", after(1.5))])
    await pond.settle()
    assert pond.last_profiles()["甲"].orders == 3


async def test_a_failing_record_is_not_the_end(rules: RulesProcessor) -> None:
    """A publication that fails for a while holds the partition, loses nothing, and goes on by itself."""
    plan = {Point("scoring", False, nth): Mishap.LOST for nth in range(8)}
    pond = Pond(rules, now=after(1), misfortune=Misfortune(plan))
    pond.tell([paid("甲", "a1", after())])
    pond.broker.append("koi.orders", 1, None, encoded(paid("乙", "b1", after())))
    await pond.settle()
    assert len(pond.failures) == 8
    assert pond.templates() == {"甲": ["欢迎光临"], "乙": ["欢迎光临"]}
