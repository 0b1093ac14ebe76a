"""Rule files that change under two running workers."""

import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from redis.asyncio import Redis

from deploy.embedded.process import Process
from services.contracts import wire
from services.contracts.decision import Decision, DecisionReason, Outcome
from services.contracts.profile import Cause
from services.rules.book.compiler import load_rulebook
from services.runtime.partitioning import partition_of
from services.runtime.problems import FileError
from tests.servers.server import Server
from tests.system.pipeline import PARTITIONS
from tests.system.scorers import Scorers, scorers
from tests.system.upstream import NOW, message, paid

pytestmark = pytest.mark.system

SHANGHAI = ZoneInfo("Asia/Shanghai")
BASE = """\
kind: campaign
name: 每单致谢
when: [event.type == "order.paid"]
steps:
  - notify: {template: 谢谢, channels: [webhook], category: service}
"""
BROKEN = """\
kind: campaign
name: 写错了
when:
  - lifetime_orders >= 2
  - segmant == "重要保持"
steps:
  - notify: {template: 谢谢, channels: [webhook], category: service}
"""
CONTACTED = """\
kind: campaign
name: 跟进
when:
  - count("message", "lifetime") >= 1
steps:
  - notify: {template: 收到, channels: [webhook], category: service}
  - wait: 30d
  - notify: {template: 满意吗, channels: [webhook], category: service}
"""


def campaign(name: str, when: str) -> str:
    return f"kind: campaign\nname: {name}\nwhen: [{when}]\n" + BASE[BASE.index("steps") :]


class Pond:
    """Two rules workers, the folder they watch, and what they say."""

    def __init__(self, running: Scorers, folder: Path) -> None:
        self.running = running
        self.folder = folder

    @property
    def workers(self) -> Sequence[Process]:
        return self.running.workers("rules")

    @property
    def hash(self) -> str:
        """Of the rule set in the folder."""
        return load_rulebook(self.folder).hash

    def write(self, name: str, text: str) -> Path:
        """In one go: a file that is half written would be another mistake."""
        file, draft = self.folder / name, self.folder / f".{name}"
        draft.write_text(text, encoding="utf-8")
        return draft.replace(file)

    def adopted(self) -> None:
        """Wait until every worker has the rules of the folder."""
        self.everywhere("koi_rules_info", 1, hash=self.hash)
        self.everywhere("koi_rules_last_reload_successful", 1)

    def everywhere(self, metric: str, value: float, **labels: str) -> None:
        """Wait until a metric has a value at every worker."""
        for worker in self.workers:
            self.running.until(
                f"{worker.name} has {metric}{labels} {value}",
                lambda worker=worker: self.running.metric(worker, metric, **labels) == value,  # type: ignore[misc]
            )

    def decisions(self, prefix: str, rule: str) -> list[Decision]:
        """Of customers whose id starts so, by a rule, each once."""
        said = [wire.DECISIONS.decode(record.value or b"") for record in self.running.records("koi.decisions")]
        mine = [d for d in said if d.customer_id.startswith(prefix) and d.rule.partition("@")[0] == rule]
        return list({decision.id: decision for decision in mine}.values())

    def decided(self, prefix: str, rule: str, count: int) -> list[Decision]:
        """Wait until there are so many."""
        self.running.until(f"{count} decisions of {rule}", lambda: len(self.decisions(prefix, rule)) >= count)
        return self.decisions(prefix, rule)

    def refusals(self, worker: Process) -> list[dict[str, Any]]:
        """What the worker has logged of rules it did not take."""
        lines = [json.loads(line) for line in worker.log.read_text(encoding="utf-8").splitlines() if line[:1] == "{"]
        return [line for line in lines if line["event"] == "rules_refused"]


@pytest.fixture(scope="module")
def pond(kafka_server: Server, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pond]:
    """For the tests of this file, each of which has customers and rules of its own."""
    directory = tmp_path_factory.mktemp("reload")
    folder = directory / "规则"
    folder.mkdir()
    (folder / "base.yaml").write_text(BASE, encoding="utf-8")
    (directory / "scoring.yaml").write_text("super_user: null\n")
    env = {
        "KOI_RULES": str(folder),
        "KOI_RULES_POLL": "0.2",
        "KOI_SCORING": str(directory / "scoring.yaml"),
        # a zone in which no day ends while the tests run
        "KOI_ZONE": "UTC" if datetime.now(SHANGHAI).hour == 23 else SHANGHAI.key,
    }
    with scorers(kafka_server, redis_url, directory, env, {"scoring": 1, "rules": 2}) as running:
        found = Pond(running, folder)
        found.everywhere("koi_owned_partitions", PARTITIONS / 2)
        yield found


def crowd(pond: Pond, prefix: str) -> list[str]:
    """Forty customers of all partitions; every other one has bought twice."""
    names = [f"{prefix}{number}" for number in range(40)]
    assert {partition_of(name, PARTITIONS) for name in names} == set(range(PARTITIONS))
    orders = [paid(name, f"{name}/1", NOW - timedelta(hours=3)) for name in names]
    pond.running.publish([*orders, *(paid(name, f"{name}/2", NOW - timedelta(hours=2)) for name in names[::2])])
    pond.running.rest()
    return names


async def timers(redis: str, names: Sequence[str]) -> list[float | None]:
    async with Redis.from_url(redis) as client:
        keys = [f"koi:rules:{{{partition_of(name, PARTITIONS)}}}:timers" for name in names]
        return [await client.zscore(key, name) for key, name in zip(keys, names, strict=True)]


def test_a_new_campaign_speaks_to_the_silent(pond: Pond) -> None:
    """Without an event, a new profile or a timer of theirs, in all partitions; and each worker names the new set."""
    names, before = crowd(pond, "静/"), pond.hash
    assert asyncio.run(timers(pond.running.redis, names)) == [None] * len(names)
    profiles = pond.running.count("koi.profiles")
    pond.everywhere("koi_rules_info", 1, hash=before)
    pond.write("loyal.yaml", campaign("老客", "lifetime_orders >= 2"))
    pond.adopted()
    pond.everywhere("koi_rules_info", 0, hash=before)
    pond.everywhere("koi_rules_loaded", 2, kind="campaign")
    said = pond.decided("静/", "老客", 20)
    assert sorted(decision.customer_id for decision in said) == sorted(names[::2])
    assert {(d.outcome, d.cause, d.templates) for d in said} == {(Outcome.FIRED, Cause.TIME, ("谢谢",))}
    assert len({decision.rule for decision in said}) == 1
    assert pond.running.count("koi.profiles") == profiles


def test_a_mistake_changes_nothing(pond: Pond) -> None:
    """It is said where it is, the old rules go on, and mended files are taken."""
    before = pond.hash
    file = pond.write("broken.yaml", BROKEN)
    with pytest.raises(FileError) as error:
        load_rulebook(pond.folder)
    pond.everywhere("koi_rules_last_reload_successful", 0)
    for worker in pond.workers:
        (refused,) = [line for line in pond.refusals(worker) if line["at_work"] == before]
        assert refused["problems"] == str(error.value).splitlines()
        assert refused["problems"][0].startswith(f"{file}:5:5: ")
        assert pond.running.get(worker, "/readyz") == (200, "ready")
        assert pond.running.metric(worker, "koi_rules_info", hash=before) == 1
        assert pond.running.metric(worker, "koi_rules_reloads_total", outcome="refused") == 1
    assert len(crowd(pond, "错/")) == 40
    assert len(pond.decided("错/", "每单致谢", 60)) == 60
    pond.write("broken.yaml", BROKEN.replace("segmant", "segment"))
    pond.adopted()
    assert pond.hash != before
    file.unlink()
    pond.adopted()
    assert pond.hash == before


def test_a_campaign_that_is_taken_out_ends(pond: Pond) -> None:
    """Whoever was in the middle of it hears no more, also when it comes back."""
    file = pond.write("contacted.yaml", CONTACTED)
    pond.adopted()
    names = crowd(pond, "跟/")
    pond.running.publish(
        [message("interaction", name, f"m-{name}", datetime.now(UTC), kind="message") for name in names]
    )
    assert {decision.templates for decision in pond.decided("跟/", "跟进", 40)} == {("收到",)}
    assert None not in asyncio.run(timers(pond.running.redis, names))
    file.unlink()
    pond.adopted()
    told = [decision for decision in pond.decided("跟/", "跟进", 80) if decision.outcome is not Outcome.FIRED]
    assert {(d.outcome, d.reason, d.rule, d.commands) for d in told} == {
        (Outcome.ENDED, DecisionReason.WITHDRAWN, "跟进@withdrawn", ())
    }
    assert sorted(decision.customer_id for decision in told) == sorted(names)
    assert asyncio.run(timers(pond.running.redis, names)) == [None] * len(names)
    pond.write("contacted.yaml", CONTACTED)
    pond.adopted()
    # whoever is looked at again was looked at anew before
    pond.running.publish([paid(name, f"{name}/last", datetime.now(UTC)) for name in names])
    pond.decided("跟/", "每单致谢", 100)
    assert len(pond.decisions("跟/", "跟进")) == 80


def test_all_reload_alike(pond: Pond) -> None:
    """Both workers go on with the same rules; one that is killed meanwhile leaves nobody out, and nothing is said twice."""
    names = crowd(pond, "同/")
    pond.write("all.yaml", campaign("人人有份", "lifetime_orders >= 1"))
    pond.decided("同/", "人人有份", 1)
    pond.running.kill_one(random.Random(4), "rules")  # noqa: S311
    pond.running.ready()
    pond.adopted()
    pond.everywhere("koi_owned_partitions", PARTITIONS / 2)
    said = pond.decided("同/", "人人有份", 40)
    assert sorted(decision.customer_id for decision in said) == sorted(names)
    assert {(decision.episode, decision.rule) for decision in said} == {(1, said[0].rule)}
    assert {f"{rule.name}@" in said[0].rule for rule in load_rulebook(pond.folder).campaigns} == {True, False}
    pond.running.publish([paid(name, f"{name}/last", datetime.now(UTC)) for name in names])
    assert len(pond.decided("同/", "每单致谢", 100)) == 100
    assert len(pond.decisions("同/", "人人有份")) == 40
