"""Scores of several workers that come and go are those of one batch job over the same events."""

import asyncio
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from services.contracts import wire
from services.contracts.population import Cutoffs
from services.contracts.profile import Cause, Profile
from services.scoring.batch import Batch
from services.scoring.config import ScoringConfig
from tests.servers.server import Server
from tests.system.answers import Answer, Offline, histories, in_force, live_lines, of_lines, of_profiles
from tests.system.pipeline import PARTITIONS, Fact
from tests.system.scorers import Scorers, scorers
from tests.system.shoppers import Shoppers
from tests.system.upstream import ORDERS, message, ticks

pytestmark = pytest.mark.system

DAY = timedelta(days=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def portions(facts: Sequence[Fact], count: int) -> Iterator[Sequence[Fact]]:
    size = -(-len(facts) // count)
    return (facts[start : start + size] for start in range(0, len(facts), size))


def shuffled(facts: Sequence[Fact], chance: random.Random) -> list[Fact]:
    """In any order, a third of them twice."""
    several = [*facts, *chance.sample(facts, len(facts) // 3)]
    chance.shuffle(several)
    return several


def assert_same(got: Mapping[str, Answer], expected: Mapping[str, Answer]) -> None:
    """For every customer, and nobody else."""
    assert got.keys() == expected.keys()
    for customer, answer in expected.items():
        assert got[customer].counted == answer.counted, customer
        assert got[customer].scores == answer.scores, customer
        assert got[customer].activity == pytest.approx(answer.activity, rel=1e-9, abs=0), customer


# --- on the wall clock

ALONE = "super_user: null\n"
"""Nobody's scores depend on the others."""


def quiet_zone() -> ZoneInfo:
    """A zone in which no day ends while the test runs."""
    return ZoneInfo("UTC") if datetime.now(SHANGHAI).hour == 23 else SHANGHAI


def test_dirt_and_restarts(kafka_server: Server, redis_url: str, tmp_path: Path) -> None:
    """Shuffled, repeated, wrong, merged and deleted, with kill -9 of workers at any moment: all are as if counted at once."""
    chance = random.Random(21)  # noqa: S311
    zone, now = quiet_zone(), datetime.now(UTC)
    people = Shoppers(chance, 150, now - 500 * DAY, now - DAY)
    names = people.names
    mergers = list(zip(names[:14], names[14:28], strict=True))
    clean = [fact for name in names for fact in people.life(name)]
    for name, into in mergers:
        clean.append(people.merger(name, into))
        # bought under the one id, and perhaps refunded under the other
        clean += people.order(name, into, people.moment(now - 300 * DAY))
    dollars = {"order_id": "usd", "amount_minor": 100, "currency": "USD"}
    wrong = [message("order.paid", names[0], "usd", now - DAY, **dollars), Fact(ORDERS, None, b"{not json")]
    gone = [*names[2:4], *names[20:24], *names[50:56]]
    (tmp_path / "scoring.yaml").write_text(ALONE)
    env = {"KOI_SCORING": str(tmp_path / "scoring.yaml"), "KOI_ZONE": zone.key, "KOI_BATCH_RECORDS": "50"}
    told: list[Fact] = []
    with scorers(kafka_server, redis_url, tmp_path, env) as running:
        claims = running.claims()
        told += shuffled([*clean, *wrong], chance)
        for portion in portions(told, 6):
            running.publish_and_kill(portion, "koi.profiles", chance.randrange(1, len(portion) // 3), chance)
        running.rest()
        # what had survived a merger ends itself, and then some are forgotten, each once everything before has arrived
        for quiet in ([people.merger(names[14], names[100])], [people.deletion(n, datetime.now(UTC)) for n in gone]):
            running.publish(quiet)
            running.rest()
            told += quiet
        late = chance.sample(clean, len(clean) // 3)
        anew = [fact for name in gone[3:9] for fact in people.order(name, name, datetime.now(UTC))]
        last = shuffled([*late, *anew], chance)
        running.publish_and_kill(last, "koi.profiles", 1, chance)
        running.ready()
        running.rest()
        assert all(after > before for before, after in zip(claims, running.claims(), strict=True))
        batch = Batch(ScoringConfig.parse("", ALONE), zone, datetime.now(UTC))
        said = histories(running.records("koi.profiles"))
        letters = [wire.DEAD_LETTERS.decode(r.value or b"") for r in running.records("koi.deadletter")]
        states = asyncio.run(live_lines(running.settings, batch))
    offline = Offline([*told, *last], tmp_path / "told.jsonl")
    expected = of_lines(offline.lines(batch), batch, None)
    assert len(expected) > 120
    assert_same(of_profiles(said, batch.as_of), expected)
    assert_same(of_lines(states, batch, None), expected)
    ended = {name for name, _ in mergers} | {names[14], *gone} - expected.keys()
    assert not any(said.get(name) for name in ended), "no tombstone"
    assert sum(not profiles for profiles in said.values()) > 15
    assert {letter.reason for letter in letters} == set(offline.refused) == {"foreign_currency", "not_json"}


# --- on the event clock

TOGETHER = """\
method: quantile
window_days: 90
high: {by: mean}
epoch: weekly
super_user: {enter: 20%, leave: 20%}
"""
"""Everybody's scores depend on the others, and on no score they had before."""
MONDAY = datetime(2024, 12, 30, tzinfo=SHANGHAI)
WEEKS = 22
BEGIN = datetime(2025, 1, 1, 20, tzinfo=SHANGHAI)
END = MONDAY + WEEKS * 7 * DAY + timedelta(minutes=5)
"""So soon after an epoch that nobody has changed since but by its cut-offs."""


def season() -> list[Fact]:
    """Five months in the order of time, with a tick at the beginning, at each midnight and at the end."""
    people = Shoppers(random.Random(5), 120, BEGIN, END)  # noqa: S311
    facts = [fact for name in people.names for fact in people.life(name)]
    midnights = (MONDAY + n * DAY for n in range(3, WEEKS * 7 + 1))
    for at in (BEGIN, *midnights, END):
        facts += ticks(at.astimezone(UTC))
    return sorted(facts, key=lambda fact: datetime.fromisoformat(json.loads(fact.value or b"")["occurred_at"]))


def replayed(running: Scorers) -> tuple[list[Cutoffs], dict[str, list[Profile]]]:
    """What a replay came to at rest: every version of the cut-offs once, and everybody's profiles, without offsets."""
    running.rest()
    versions = dict.fromkeys(wire.CUTOFFS.decode(r.value or b"") for r in running.records("koi.cutoffs"))
    said = histories(running.records("koi.profiles"))
    plain = {c: [msgspec.structs.replace(p, version=0) for p in profiles] for c, profiles in said.items()}
    return list(versions), plain


def test_population(kafka_server: Server, redis_url: str, tmp_path: Path) -> None:
    """Everybody is scored against everybody, whichever worker they belong to and whoever was killed on the way."""
    chance = random.Random(3)  # noqa: S311
    facts = season()
    offline = Offline(facts, tmp_path / "facts.jsonl")
    (tmp_path / "scoring.yaml").write_text(TOGETHER)
    config = ScoringConfig.parse("", TOGETHER)
    env = {"KOI_SCORING": str(tmp_path / "scoring.yaml"), "KOI_ZONE": SHANGHAI.key, "KOI_CLOCK": "event"}
    batch = Batch(config, SHANGHAI, END)
    with scorers(kafka_server, redis_url, tmp_path / "killed", env | {"KOI_BATCH_RECORDS": "100"}) as running:
        claims = running.claims()
        for portion in portions(facts, 3):
            running.publish_and_kill(portion, "koi.cutoffs", 3, chance)
        running.ready()
        versions, said = replayed(running)
        assert all(after > before for before, after in zip(claims, running.claims(), strict=True))
        used = asyncio.run(in_force(running.settings, batch))
        states = asyncio.run(live_lines(running.settings, batch))
    assert [version.epoch for version in versions] == [MONDAY + n * 7 * DAY for n in range(WEEKS + 1)]
    assert {(version.reported, version.partitions) for version in versions} == {(PARTITIONS, PARTITIONS)}
    assert versions == [offline.version(config, SHANGHAI, version.epoch) for version in versions]
    assert used == [versions[-1]] * PARTITIONS
    assert versions[-1].epoch == batch.epoch()
    expected = of_lines(offline.lines(batch), batch, versions[-1])
    assert_same(of_profiles(said, END), expected)
    assert_same(of_lines(states, batch, versions[-1]), expected)
    assert {p.cause for profiles in said.values() for p in profiles} >= {Cause.DRIFT, Cause.TIME, Cause.OWN_EVENT}
    with scorers(kafka_server, redis_url, tmp_path / "quiet", env) as running:
        running.publish(facts)
        assert replayed(running) == (versions, said)
