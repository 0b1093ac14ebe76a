"""Scores of several workers that come and go are those of one batch job over the same events."""

import asyncio
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from services.contracts import wire
from services.contracts.population import Cutoffs
from services.contracts.profile import Cause, Profile
from services.runtime.partitioning import partition_of
from services.runtime.settings import Settings
from services.scoring.batch import Batch, Line
from services.scoring.census import Counts, cutoffs
from services.scoring.config import ScoringConfig
from services.scoring.rfm import NOTHING_SCORED, Scores
from tests.servers.server import Server
from tests.system.answers import Answer, Offline, last, live_lines, of_line, of_profile, told
from tests.system.pipeline import PARTITIONS, Fact
from tests.system.scorers import Scorers, scorers
from tests.system.shoppers import Shoppers
from tests.system.upstream import ORDERS, ticks

pytestmark = pytest.mark.system

DAY = timedelta(days=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")
FOREIGN = b'{"type": "order.paid", "id": "usd", "source": "shop", "customer_id": "\xe5\xae\xa2", "order_id": "usd", "amount_minor": 100, "currency": "USD", "occurred_at": "2026-01-01T00:00:00Z"}'


def portions(facts: list[Fact], count: int) -> Iterator[list[Fact]]:
    size = -(-len(facts) // count)
    for start in range(0, len(facts), size):
        yield facts[start : start + size]


def assert_same(got: Mapping[str, Answer], expected: Mapping[str, Answer]) -> None:
    """For every customer."""
    assert {c: a.plain for c, a in got.items()} == {c: a.plain for c, a in expected.items()}
    assert {c: a.scores for c, a in got.items()} == {c: a.scores for c, a in expected.items()}
    activity = {c: a.activity for c, a in expected.items()}
    assert {c: a.activity for c, a in got.items()} == pytest.approx(activity, rel=1e-9, abs=0)


# --- on the wall clock

ALONE = "super_user: null\n"


def quiet_zone() -> ZoneInfo:
    """One in which no day ends while the test runs."""
    return ZoneInfo("UTC") if datetime.now(SHANGHAI).hour == 23 else SHANGHAI


def test_wall(kafka_server: Server, redis_url: str, tmp_path: Path) -> None:
    """Shuffled, repeated, merged and deleted, with kill -9 of workers at any moment: everybody is as if counted at once."""
    chance = random.Random(21)  # noqa: S311
    zone, now = quiet_zone(), datetime.now(UTC)
    people = Shoppers(chance, 150, now - 500 * DAY, now - DAY)
    names = people.names
    mergers = dict(zip(names[:14], names[14:28], strict=True))
    facts = [fact for name in names for fact in people.life(name)]
    for name, into in mergers.items():
        facts.append(people.merger(name, into))
        facts += people.order(name, into, people.moment(now - 300 * DAY))
    facts += [Fact(ORDERS, None, value) for value in (FOREIGN, b"{not json", b"")]
    facts += chance.sample(facts, len(facts) // 3)
    chance.shuffle(facts)
    print(len(facts))
    (tmp_path / "scoring.yaml").write_text(ALONE)
    env = {"KOI_SCORING": str(tmp_path / "scoring.yaml"), "KOI_ZONE": zone.key, "KOI_BATCH_RECORDS": "50"}
    settings = Settings(kafka=kafka_server.address, redis=redis_url, partitions=PARTITIONS, zone=zone.key)
    config = ScoringConfig(super_user=None)
    with scorers(kafka_server, redis_url, tmp_path, env) as running:
        for portion in portions(facts, 6):
            before = running.count("koi.profiles")
            running.publish(portion)
            least = before + chance.randrange(1, len(portion) // 3)
            running.until("workers are in the middle", lambda least=least: running.count("koi.profiles") >= least)
            running.kill_one(chance)
            print("claims", running.claims(), datetime.now())
        running.rest()
        print("rest", running.claims(), datetime.now())
        gone = [*names[20:24], *names[50:56], names[3]]
        deletions = [people.deletion(name, datetime.now(UTC)) for name in gone]
        running.publish(deletions)
        running.rest()
        print("rest", running.claims(), datetime.now())
        back = gone[:8]
        anew = [fact for name in back for fact in people.order(name, name, datetime.now(UTC))]
        anew += chance.sample(facts, len(facts) // 4)
        chance.shuffle(anew)
        running.publish(anew)
        running.kill_one(chance)
        running.rest()
        print("rest", running.claims(), datetime.now())
        as_of = datetime.now(UTC)
        said = told(running.records("koi.profiles"))
        batch = Batch(config, zone, as_of)
        live = asyncio.run(live_lines(settings, batch))
    offline = Offline([*facts, *deletions, *anew], tmp_path / "facts.jsonl")
    expected = {c: of_line(line, line.scores(config, None)) for c, line in offline.lines(batch).items()}
    assert_same({c: of_profile(p, as_of) for c, p in last(said).items()}, expected)
    assert_same({c: of_line(line, line.scores(config, None)) for c, line in live.items()}, expected)
    print(len(expected), offline.refusals.reasons, [n for n in [*mergers, *gone] if said.get(n) == []])


# --- on the event clock

TOGETHER = """\
method: quantile
window_days: 90
high: {by: mean}
epoch: weekly
super_user: {enter: 20%, leave: 20%}
"""
BEGIN = datetime(2025, 1, 1, 12, tzinfo=UTC)
END = BEGIN + 150 * DAY
SEASON = Settings(zone="Asia/Shanghai", partitions=PARTITIONS)


def season() -> list[Fact]:
    """Five months in the order of time, with a tick at the beginning, at every midnight and at the end."""
    people = Shoppers(random.Random(5), 120, BEGIN, END)  # noqa: S311
    facts = [fact for name in people.names for fact in people.life(name)]
    midnight = datetime(2025, 1, 2, tzinfo=SHANGHAI)
    for at in (BEGIN, *(midnight + n * DAY for n in range(150)), END):
        facts += ticks(at.astimezone(UTC))
    return sorted(facts, key=lambda fact: json.loads(fact.value or b"")["occurred_at"])


def test_event(kafka_server: Server, redis_url: str, tmp_path: Path) -> None:
    chance = random.Random(3)
    (tmp_path / "scoring.yaml").write_text(TOGETHER)
    config = ScoringConfig.parse("", TOGETHER)
    env = {
        "KOI_SCORING": str(tmp_path / "scoring.yaml"),
        "KOI_ZONE": "Asia/Shanghai",
        "KOI_CLOCK": "event",
        "KOI_BATCH_RECORDS": "100",
    }
    facts = season()
    print(len(facts), datetime.now())
    with scorers(kafka_server, redis_url, tmp_path / "1", env) as running:
        print("ready", datetime.now())
        for portion in portions(facts, 3):
            before = running.count("koi.cutoffs")
            running.publish(portion)
            running.until("x", lambda before=before: running.count("koi.cutoffs") >= before + 2)
            running.kill_one(chance)
            print("killed", running.claims(), datetime.now())
        running.rest()
        print("rest", running.claims(), datetime.now())
        said = told(running.records("koi.profiles"))
        versions = [wire.CUTOFFS.decode(r.value) for r in running.records("koi.cutoffs")]
        print(len(versions), [(v.version, v.customers, v.reported) for v in versions])
        from collections import Counter

        print(Counter(p.cause.value for ps in said.values() for p in ps))
    with scorers(kafka_server, redis_url, tmp_path / "2", env) as running:
        print("ready", datetime.now())
        running.publish(facts)
        running.rest()
        print("rest", running.claims(), datetime.now())
        said2 = told(running.records("koi.profiles"))
        versions2 = [wire.CUTOFFS.decode(r.value) for r in running.records("koi.cutoffs")]
    assert versions == versions2

    def plain(said):
        return {c: [msgspec.structs.replace(p, version=0) for p in ps] for c, ps in said.items()}

    assert plain(said) == plain(said2)
    print(said == said2)
