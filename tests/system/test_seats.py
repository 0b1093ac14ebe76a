"""A tier of a few among all partitions, while those who give the seats are killed: never too many, never too few, and the right ones."""

import json
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.cli.replay.plan import Plan
from services.cli.rules.forecasting.history import from_files
from services.contracts import wire
from services.contracts.decision import Decision, DecisionReason, Outcome
from services.rules.seats.claims import customers, hash_of
from services.rules.seats.seating import DELAY_S
from services.runtime.files import read_files
from services.runtime.partitioning import partition_of
from services.scoring.config import ScoringConfig
from tests.servers.server import Server
from tests.system.answers import said_in, simulated
from tests.system.pipeline import PARTITIONS, Fact
from tests.system.scorers import portions, scorers
from tests.system.upstream import message, paid, ticks

pytestmark = pytest.mark.system

MAX = 5
LADDER = f"""\
kind: ladder
name: 社群
tiers:
  - name: 外围
  - name: 核心
    enter: [recency_days <= 4]
    leave: [recency_days >= 7]
    stay_at_least: 2d
    capacity: {{max: {MAX}, rank_by: activity, review: daily}}
on_jump:
  - {{to_higher: true, notify: {{template: 欢迎, channels: [webhook], category: service}}}}
  - {{to_lower: true, notify: {{template: 店员关怀, channels: [webhook], to: owner}}}}
"""
ALONE = "super_user: null\n"
SHANGHAI = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2025, 3, 1, 9, tzinfo=SHANGHAI)
FIRST = BEGIN.replace(hour=0)
DAYS = 30
REVIEWS = [FIRST + timedelta(days=day, seconds=DELAY_S) for day in range(1, DAYS + 1)]
END = REVIEWS[-1] + timedelta(hours=1)
MILLISECOND = timedelta(milliseconds=1)


def season() -> list[Fact]:
    """A month in which forty customers buy and talk, each in waves of their own, with a tick at every review and at the end."""
    chance = random.Random(8)  # noqa: S311
    said: list[Fact] = []
    for number in range(40):
        customer = f"会员{number}"
        for wave in range(5):
            # the first wave is everybody's on the first day, so that no review lacks claims
            start = BEGIN + timedelta(days=7 * wave - 6 * chance.random() if wave else 0)
            # some talk on, and buy only every other time: they fall by silence, not by rank
            talker = number % 8 == 0
            for order in range(0 if talker and wave % 2 else chance.randrange(4)):
                at = start + timedelta(hours=20 * chance.random())
                said.append(paid(customer, f"{customer}/{wave}/{order}", at, chance.randint(50, 2_000) * 100))
            name = f"{customer}/{wave}"
            for word in range(6 if talker else 1):
                at = start + timedelta(hours=30 * (word + 1))
                if at < END:  # or partitions would wait at a review for a tick that never comes
                    said.append(message("interaction", customer, f"{name}/{word}", at, kind="message"))
    for at in (BEGIN, *REVIEWS, END):
        said += ticks(at.astimezone(UTC))
    return sorted(said, key=lambda fact: datetime.fromisoformat(json.loads(fact.value or b"")["occurred_at"]))


def core(decisions: Iterable[Decision], until: datetime) -> set[str]:
    """Who is in the tier at an instant."""
    moves = [d for d in decisions if d.outcome in (Outcome.PROMOTED, Outcome.DEMOTED) and d.decided_at <= until]
    tiers = {move.customer_id: move.to_tier for move in sorted(moves, key=attrgetter("decided_at"))}
    return {customer for customer, tier in tiers.items() if tier == "核心"}


def test_as_many_as_there_are_seats(kafka_server: Server, redis_url: str, tmp_path: Path) -> None:
    """After each review exactly so many, in between never more, and they are those whom a replay in one process names."""
    chance = random.Random(13)  # noqa: S311
    facts = season()
    file, rules = tmp_path / "facts.jsonl", tmp_path / "rules.yaml"
    file.write_bytes(b"\n".join(fact.value or b"" for fact in facts))
    rules.write_text(LADDER, encoding="utf-8")
    (tmp_path / "scoring.yaml").write_text(ALONE)
    env = {
        "KOI_RULES": str(rules),
        "KOI_SCORING": str(tmp_path / "scoring.yaml"),
        "KOI_ZONE": SHANGHAI.key,
        "KOI_CLOCK": "event",
        "KOI_BATCH_RECORDS": "50",
    }
    with scorers(kafka_server, redis_url, tmp_path, env, {"scoring": 1, "rules": 2}) as running:
        claims = running.claims("rules")
        # some have spoken, or the seats were just given
        points = (("koi.claims", 1), ("koi.seats", 1), ("koi.claims", 2), ("koi.claims", 3))
        for portion, (topic, more) in zip(portions(facts, len(points)), points, strict=True):
            running.publish_and_kill(portion, topic, more, chance, "rules")
        running.rest()
        assert all(after > before for before, after in zip(claims, running.claims("rules"), strict=True))
        got = said_in(running.records("koi.decisions"), running.records("koi.notifications"))
        versions = [wire.SEATS.decode(record.value or b"") for record in running.records("koi.seats")]
    decisions = [decision for said in got.decisions.values() for decision in said]
    members = [core(decisions, review + MILLISECOND) for review in REVIEWS]
    given = {version.epoch: version for version in versions}
    assert all(given[version.epoch] == version for version in versions), "a review told again says something else"
    assert {version.reported for version in versions} == {PARTITIONS}
    assert min(given[review].slots[0].claims[""] for review in REVIEWS) > MAX
    assert [len(found) for found in members] == [MAX] * DAYS
    # at a review itself some come a millisecond before others go
    assert max(len(core(decisions, decision.decided_at + MILLISECOND)) for decision in decisions) == MAX
    assert {partition_of(customer, PARTITIONS) for found in members for customer in found} == set(range(PARTITIONS))
    assert len({frozenset(found) for found in members}) > DAYS // 2
    hashes = [frozenset(map(hash_of, found)) for found in members]
    assert [customers(given[review].slots[0].customers) for review in REVIEWS] == hashes
    assert {d.reason for d in decisions if d.outcome is Outcome.DEMOTED} == {None, DecisionReason.CAPACITY}
    plan = Plan(ScoringConfig.parse("", ALONE), SHANGHAI, [read_files(rules)])
    assert got == simulated(plan, 1, lambda into: from_files([file], (), None, into))
