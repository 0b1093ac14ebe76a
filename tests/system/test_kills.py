"""kill -9 of every service in the middle of a replay, on a real broker and a real Redis."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.embedded.services import SERVICES
from tests.servers.server import Server
from tests.system.pipeline import Fact, Pipeline, pipeline
from tests.system.upstream import message, once, paid, refunded, settings, ticks

pytestmark = pytest.mark.system


def history() -> list[Fact]:
    """A few thousand events of half a year, in the order of their time, with a tick a day and one long silence."""
    chance = random.Random(11)  # noqa: S311
    start = datetime(2025, 1, 1, 8, tzinfo=UTC)
    said: list[tuple[datetime, Fact]] = []
    for number in range(1500):
        customer = f"客户{chance.randrange(200)}"
        at = start + timedelta(seconds=chance.randrange(100 * 86_400))
        said.append((at, paid(customer, f"o{number}", at)))
        if chance.random() < 0.3:
            later = at + timedelta(days=chance.randint(1, 20))
            said.append((later, refunded(customer, f"o{number}", later)))
        if chance.random() < 0.3:
            said.append((at, message("interaction", customer, f"i{number}", at, kind="view")))
    said.sort(key=lambda pair: pair[0])
    facts: list[Fact] = []
    day = 0
    for at, fact in said:
        while start + timedelta(days=day) <= at:
            facts += ticks(start + timedelta(days=day))
            day += 1
        facts.append(fact)
    for silent in range(day, 180, 5):
        facts += ticks(start + timedelta(days=silent))
    return facts


def ended(running: Pipeline) -> dict[str, Any]:
    """What a replay came to, each thing once, without offsets; asserts that repeats repeat."""
    running.rest()
    seen = running.seen()
    once(seen)
    assert seen.letters == []
    assert running.sink.forged == 0
    assert running.sink.taken.keys() == {command.id for command in seen.commands}
    assert {len(bodies) for bodies in running.sink.bodies.values()} == {1}
    decisions: dict[str, Any] = {}
    for decision in seen.decisions:
        plain = msgspec.structs.replace(decision, profile_version=0)
        assert decisions.setdefault(decision.id, plain) == plain
    receipts: dict[str, Any] = {}
    for receipt in seen.receipts:
        plain_receipt = msgspec.structs.replace(receipt, attempts=0)
        assert receipts.setdefault(receipt.command_id, plain_receipt) == plain_receipt
    profiles = {c: msgspec.structs.replace(p, version=0) for c, p in seen.last_profiles().items()}
    return {"tiers": seen.tiers(), "decisions": decisions, "receipts": receipts, "profiles": profiles}


def test_kill_each_service(kafka_server: Server, redis_url: str, tmp_path: Path) -> None:
    """Kill -9 of every service in the middle of a replay: tiers, profiles, decisions and receipts of an unkilled run."""
    facts = history()
    env = settings(tmp_path) | {"KOI_CLOCK": "event"}
    with pipeline(kafka_server, redis_url, tmp_path / "quiet", env, facts) as running:
        expected = ended(running)
        assert len(expected["receipts"]) > 200
    slow = env | {"KOI_BATCH_RECORDS": "40"}
    part = len(facts) // (len(SERVICES) + 1)
    with pipeline(kafka_server, redis_url, tmp_path / "killed", slow) as running:
        watched = {
            "ingest": "koi.events",
            "scoring": "koi.profiles",
            "rules": "koi.profiles",
            "notifier": "koi.receipts",
        }
        for step, name in enumerate(SERVICES):
            before = running.count(watched[name])
            running.publish(facts[step * part : (step + 1) * part])
            running.until(
                f"{name} is in the middle of something",
                lambda topic=watched[name], least=before + 1: running.count(topic) >= least,  # type: ignore[misc]
            )
            process = running.services.process(name)
            assert process.kill() == -9
            process.start()
            running.until(f"{name} is ready again", lambda name=name: running.services.ready(name))  # type: ignore[misc]
        running.publish(facts[len(SERVICES) * part :])
        assert ended(running) == expected
