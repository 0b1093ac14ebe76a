"""`koi explain` of a running pipeline: the state in Redis, the decisions and receipts in Kafka."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.ports import free_ports
from tests.servers.server import Server
from tests.system.pipeline import PARTITIONS, Fact, Pipeline, pipeline
from tests.system.upstream import NOW, message, paid, settings

pytestmark = pytest.mark.system

SLEEPER, GONE, OLD, NEW = "沉睡者-7", "走了", "旧号", "新号"
ZONE = "Asia/Shanghai"


def facts() -> list[Fact]:
    """One who fell silent, one who is deleted, one who turns out to be another."""
    found = [paid(SLEEPER, f"s{n}", NOW - timedelta(days=50 + n)) for n in range(3)]
    found += [paid(GONE, "g1", NOW - timedelta(days=3)), paid(OLD, "a1", NOW - timedelta(days=2))]
    found += [message("customer.deleted", GONE, "gone", NOW - timedelta(days=1))]
    found += [message("customer.merged", NEW, "one", NOW - timedelta(hours=1), from_id=OLD)]
    return found


@pytest.fixture(scope="module")
def pond(
    kafka_server: Server, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Pipeline, Path, Mapping[str, str]]]:
    """A pipeline that has taken all of them in, its folder, and the settings of a command beside it."""
    directory = tmp_path_factory.mktemp("explain")
    env = settings(directory) | {"KOI_ZONE": ZONE}
    with pipeline(kafka_server, redis_url, directory, env) as running:
        running.publish(facts())
        running.rest()
        beside = {
            "KOI_KAFKA": kafka_server.address,
            "KOI_REDIS": redis_url,
            "KOI_PARTITIONS": str(PARTITIONS),
            "KOI_RULES": env["KOI_RULES"],
            "KOI_ZONE": ZONE,
        }
        yield running, directory, beside


def koi(beside: Mapping[str, str], *words: str, ends: int = 0) -> str:
    """What the command says."""
    told = subprocess.run(
        [sys.executable, "-m", "services.cli.main", "explain", *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**beside, "PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "utf-8"},
    )
    assert told.returncode == ends, told.stderr
    return told.stderr if ends else told.stdout


def document(beside: Mapping[str, str], *words: str) -> Any:
    return json.loads(koi(beside, *words, "--json"))


def test_decisions_and_receipts_of_one_customer(pond: tuple[Pipeline, Path, Mapping[str, str]]) -> None:
    """All of them and nobody else's, each command with what became of it."""
    running, _, beside = pond
    told = document(beside, SLEEPER)
    seen = running.seen().of(SLEEPER)
    history = [decision for rule in told["history"].values() for decision in rule]
    assert {decision["id"] for decision in history} == {decision.id for decision in seen.decisions}
    sent = {m["command_id"]: m["receipt"]["outcome"] for decision in history for m in decision["messages"]}
    assert sent == {command.id: "sent" for command in seen.commands}
    assert (told["source"], told["notes"], told["rules_differ"]) == ("live", [], False)
    (campaign,) = [campaign for campaign in told["campaigns"] if campaign["name"] == "沉睡唤醒"]
    assert (campaign["active"], campaign["spoke"], campaign["when"]["holds"]) == (True, True, True)
    assert told["next_look"] is None


def test_the_tree_says_it_in_a_line(pond: tuple[Pipeline, Path, Mapping[str, str]]) -> None:
    """The campaign, and its message with the channel."""
    _, _, beside = pond
    said = koi(beside, SLEEPER, "--rule", "沉睡唤醒")
    assert said.startswith(f"{SLEEPER} · ")
    assert "→ 好久不见, sent over webhook" in said
    assert "suppressed (cooldown until " in said


def test_the_future_is_that_of_the_state(pond: tuple[Pipeline, Path, Mapping[str, str]]) -> None:
    """What time alone brings by then is expected, and said to be."""
    _, _, beside = pond
    at = datetime.now(UTC) + timedelta(days=60)
    told = document(beside, NEW, "--at", at.isoformat())
    (decision,) = told["history"]["沉睡唤醒"]
    assert decision["expected"]
    assert decision["outcome"] == "fired"
    assert told["notes"] == ["this is the future, if nothing happens until then, and with the last scores"]
    now = document(beside, NEW)
    assert decision["id"] == now["coming"]["decisions"][-1]["id"]
    (campaign,) = [campaign for campaign in now["campaigns"] if campaign["name"] == "沉睡唤醒"]
    assert campaign["when"]["turns_at"] == decision["decided_at"] == now["next_look"]


def test_the_past_is_told_by_its_decisions(pond: tuple[Pipeline, Path, Mapping[str, str]]) -> None:
    """The state of then is not kept, and the answer says so; nothing later is in it."""
    _, _, beside = pond
    said = koi(beside, SLEEPER, "--at", "2020-01-01")
    assert "the state of then is not kept" in said.replace("\n│   ", " ")
    assert "fired" not in said


def test_those_who_are_not_there_are_told_apart(pond: tuple[Pipeline, Path, Mapping[str, str]]) -> None:
    """Deleted, merged, never seen."""
    _, _, beside = pond
    assert koi(beside, GONE, ends=1).strip() == f"{GONE} was deleted, and is forgotten"
    assert f"{OLD} was merged into {NEW}; koi explain {NEW} tells the rest" in koi(beside, OLD, ends=1)
    assert "谁 was never seen" in koi(beside, "谁", ends=1)


def test_other_rules_than_the_live_ones_are_told(pond: tuple[Pipeline, Path, Mapping[str, str]]) -> None:
    """Their conditions are shown, with what the live rules did."""
    _, directory, beside = pond
    other = directory / "other.yaml"
    other.write_text(Path(beside["KOI_RULES"]).read_text("utf-8").replace(">= 45", ">= 40"), encoding="utf-8")
    told = document(beside, SLEEPER, "--rules", str(other))
    assert told["rules_differ"]
    assert "the live state was made by the rule set" in told["notes"][0]


def test_without_kafka_the_state_is_told(pond: tuple[Pipeline, Path, Mapping[str, str]]) -> None:
    """One sentence says what is missing; without Redis there is nothing."""
    _, _, beside = pond
    (closed,) = free_ports(1)
    told = document({**beside, "KOI_KAFKA": f"127.0.0.1:{closed}"}, SLEEPER)
    assert len(told["notes"]) == 1
    assert told["notes"][0].startswith("Kafka cannot be read")
    assert told["campaigns"]
    assert "Redis: " in koi({**beside, "KOI_REDIS": f"redis://127.0.0.1:{closed}/0"}, SLEEPER, ends=1)
