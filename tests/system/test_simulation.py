"""Half a year of decisions by the running services is what a simulation of the same events says."""

import asyncio
import json
import random
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.cli.replay.plan import Plan
from services.cli.rules.forecasting.history import Intaking, from_files, from_topics
from services.contracts.decision import DecisionReason, Mode, Outcome
from services.runtime.files import read_files
from services.scoring.config import ScoringConfig
from tests.servers.server import Server
from tests.system.answers import Said, said_in, simulated
from tests.system.pipeline import Fact
from tests.system.scorers import portions, scorers
from tests.system.shoppers import Shoppers
from tests.system.upstream import message, ticks

pytestmark = pytest.mark.system

SHIPPED = Path(__file__).parents[2] / "deploy" / "rules"
OWN = """\
kind: define
define:
  起了兴趣:
    - count("view", "30d") >= 1
    - not: since("order.paid") < 3d
  常客: [orders >= 2, 起了兴趣]
---
kind: ladder
name: 试验
per: 城市
tiers:
  - name: 一
  - name: 二
    enter: [orders >= 2]
    leave: [tier_days >= 40]
    stay_at_least: 7d
  - name: 三
    enter: [activity >= 1, f >= 2]
    leave: [recency_days >= 60]
    stay_at_least: 10d
    capacity: {max: 6, rank_by: activity, review: weekly}
on_jump:
  - {to_higher: true, notify: {template: 上去了, channels: [webhook], category: service}}
  - {from: 三, notify: {template: 下来了, channels: [console], to: owner}}
---
kind: campaign
name: 看了又问
sequence:
  - view
  - {event: message, within: 20d}
cooldown: 5d
exclusive: 试验
steps:
  - notify: {template: 店员来答, channels: [webhook], to: owner, expires: 1h}
  - wait: 30h
  - notify: {template: 还有问题吗, channels: [webhook], category: service}
---
kind: campaign
name: 加购未付
sequence:
  - cart_add
  - {no: order.paid, within: 36h}
when: [not tagged("vip")]
cooldown: 3d
steps:
  - notify: {template: 还在购物车, channels: [webhook], category: marketing}
  - wait: 20d
  - notify: {template: 后来呢, channels: [console], to: owner}
---
kind: campaign
name: 关怀
when: [since("view") >= 12d, 常客]
until: [since("view") < 1d]
goal: {event: order.paid, within: 20d}
holdout: 30%
cooldown: 15d
exclusive: 试验
priority: 70
steps:
  - notify: {template: 好久没来看看, channels: [webhook], category: marketing}
  - wait: 3d
  - when: [activity >= 0.5]
  - wait: 36h
  - when: [m >= 3]
    notify: {template: 电话, channels: [console], to: owner}
  - wait: 5d
  - notify: {template: 最后一封, channels: [webhook], category: marketing}
---
kind: campaign
name: 月中
schedule: {every: month, on: 15, at: "09:30"}
when:
  - tier("试验") in ["二", "三"]
  - tier_days("试验") >= 7
exclusive: 试验
steps:
  - notify: {template: 月中问候, channels: [webhook], category: marketing}
---
kind: campaign
name: 春天
when: [orders >= 1]
active: {from: 2025-03-01, to: 2025-03-20}
cooldown: 1d
steps:
  - notify: {template: 春天好, channels: [webhook], category: marketing}
  - wait: 25d
  - notify: {template: 春天过去了, channels: [webhook], category: marketing}
---
kind: campaign
name: 影子
mode: shadow
when: [event.kind == "store_visit", overdue >= 1]
cooldown: 10d
steps:
  - notify: {template: 试试, channels: [webhook], category: marketing}
"""
SCORING = """\
method: quantile
window_days: 90
epoch: weekly
rhythm: {prior: 20d, weight: 2}
thresholds: {m: [10000, 50000, 100000, 200000]}
"""
SHANGHAI = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2025, 1, 1, 20, tzinfo=SHANGHAI)
DAYS = 181
END = BEGIN + timedelta(days=DAYS)
VISITS = (
    ("store_visit", "store_entry"),
    ("message", "consult"),
    ("custom:parcel", "logistics"),
    ("review", "after_sale"),
)
POINTS = (
    ("rules", "koi.decisions"),
    ("scoring", "koi.profiles"),
    ("rules", "koi.claims"),
    ("ingest", "koi.events"),
    ("scoring", "koi.cutoffs"),
    ("rules", "koi.seats"),
)
"""Who is killed as soon as something was published on which topic."""
PLAIN = ("view", "view", "cart_add", "cart_add", "checkout", "group_join", "coupon_redeem", "message")


def lives() -> list[Fact]:
    """What three hundred customers do in half a year, in the order of time, with a tick at every midnight and at the end."""
    chance = random.Random(17)  # noqa: S311
    people = Shoppers(chance, 300, BEGIN, END)
    facts: list[Fact] = []
    for number, name in enumerate(people.names):
        life = list(people.life(name)) if number % 4 == 0 else []
        for _ in range(chance.randrange(3)):
            life += people.order(name, name, people.moment(BEGIN))
        for visit in range(chance.randrange(3)):
            kind, where = chance.choice(VISITS)
            more = {"kind": kind, "touchpoint": where}
            life.append(message("interaction", name, f"v{number}-{visit}", people.moment(BEGIN), **more))
        for step in range(chance.randrange(5)):
            kind = chance.choice(PLAIN)
            life.append(message("interaction", name, f"s{number}-{step}", people.moment(BEGIN), kind=kind))
        if number % 50 == 0:
            # and does not come back: the ids of a second life would be those of the first
            gone = people.moment(BEGIN)
            life = [*(fact for fact in life if instant(fact) < gone), people.deletion(name, gone)]
        facts += life
    midnight = BEGIN.replace(hour=0)
    for at in (BEGIN, *(midnight + timedelta(days=day) for day in range(1, DAYS + 1)), END):
        facts += ticks(at.astimezone(UTC))
    return sorted(facts, key=instant)


def instant(fact: Fact) -> datetime:
    return datetime.fromisoformat(json.loads(fact.value or b"")["occurred_at"])


def assert_same(got: Said, expected: Said) -> None:
    """Of every customer, and nobody else, in the same order."""
    for mine, theirs in ((got.decisions, expected.decisions), (got.commands, expected.commands)):
        assert mine.keys() == theirs.keys()
        for customer, said in theirs.items():
            assert mine[customer] == said, customer


def test_decisions_are_those_of_the_simulation(kafka_server: Server, redis_url: str, tmp_path: Path) -> None:
    """Told by several workers, every one of which is killed at some time; or replayed from the topic, or from a file, in one process or in two."""
    chance = random.Random(29)  # noqa: S311
    facts = lives()
    rules = tmp_path / "rules"
    shutil.copytree(SHIPPED, rules)
    (rules / "own.yaml").write_text(OWN, encoding="utf-8")
    (tmp_path / "scoring.yaml").write_text(SCORING, encoding="utf-8")
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(fact.value or b"" for fact in facts))
    env = {
        "KOI_RULES": str(rules),
        "KOI_SCORING": str(tmp_path / "scoring.yaml"),
        "KOI_ZONE": SHANGHAI.key,
        "KOI_CLOCK": "event",
        "KOI_BATCH_RECORDS": "100",
        "KOI_SESSION_TIMEOUT_MS": "3000",
    }
    plan = Plan(ScoringConfig.parse("", SCORING), SHANGHAI, [read_files(rules)])
    with scorers(kafka_server, redis_url, tmp_path, env, {"scoring": 2, "rules": 2}) as running:
        for (service, topic), portion in zip(POINTS, portions(facts, len(POINTS)), strict=True):
            running.publish_and_kill(portion, topic, chance.randint(1, 3), chance, service)
        running.rest()
        got = said_in(running.records("koi.decisions"), running.records("koi.notifications"))
        assert running.count("koi.deadletter") == 0

        def from_kafka(into: Intaking) -> None:
            asyncio.run(from_topics(running.kafka, ["koi.events"], (), into))

        assert_same(simulated(plan, 1, from_kafka), got)
    assert_same(simulated(plan, 2, lambda into: from_files([file], (), None, into)), got)
    decisions = [decision for said in got.decisions.values() for decision in said]
    assert {d.outcome for d in decisions} == set(Outcome)
    assert {d.reason for d in decisions if d.reason} == set(DecisionReason) - {DecisionReason.WITHDRAWN}
    assert {d.mode for d in decisions} == set(Mode)
    names = Counter(d.rule.partition("@")[0] for d in decisions)
    assert names.keys() >= {"试验", "看了又问", "加购未付", "关怀", "月中", "春天", "影子", "community", "member-day"}
    assert len(decisions) > 2000
