"""`koi deliveries` and `koi campaign report` of a running pipeline: decisions, commands and receipts in Kafka."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.ports import free_ports
from services.contracts import wire
from services.contracts.receipt import DeliveryOutcome, Reason, Receipt
from services.runtime.partitioning import partition_of
from tests.servers.server import Server
from tests.system.pipeline import PARTITIONS, Fact, Pipeline, pipeline
from tests.system.upstream import NOW, paid, settings

pytestmark = pytest.mark.system

SLEEPERS = [f"沉睡者-{number}" for number in range(12)]
RULE = "沉睡唤醒"


@pytest.fixture(scope="module")
def pond(
    kafka_server: Server, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Pipeline, Mapping[str, str]]]:
    """A pipeline that has written to a dozen customers, and the settings of a command beside it; one message was heard of later."""
    directory = tmp_path_factory.mktemp("deliveries")
    env = settings(directory) | {"KOI_ZONE": "Asia/Shanghai"}
    with pipeline(kafka_server, redis_url, directory, env) as running:
        running.publish([paid(who, f"{who}-1", NOW - timedelta(days=50)) for who in SLEEPERS])
        running.rest()
        running.publish(_afterwards(running.seen().receipts))
        beside = {
            "KOI_KAFKA": kafka_server.address,
            "KOI_PARTITIONS": str(PARTITIONS),
            "KOI_RULES": env["KOI_RULES"],
            "KOI_ZONE": "Asia/Shanghai",
        }
        yield running, beside


def _afterwards(receipts: list[Receipt]) -> list[Fact]:
    """A receipt that is written again, and what a provider told of the same message."""
    one = next(receipt for receipt in receipts if receipt.customer_id == SLEEPERS[0] and RULE in receipt.rule)
    told = Receipt(
        command_id=one.command_id,
        customer_id=one.customer_id,
        rule="",
        outcome=DeliveryOutcome.DELIVERED,
        reason=Reason.NONE,
        channel="webhook",
        delivery=None,
        attempts=0,
        at=datetime.now(UTC),
    )
    key, place = one.customer_id.encode(), partition_of(one.customer_id, PARTITIONS)
    return [Fact("koi.receipts", key, wire.RECEIPTS.encode(each), partition=place) for each in (one, told)]


def koi(beside: Mapping[str, str], *words: str, ends: int = 0) -> str:
    """What the command says."""
    told = subprocess.run(
        [sys.executable, "-m", "services.cli.main", *words],
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


def test_every_command_is_in_the_ledger_once(pond: tuple[Pipeline, Mapping[str, str]], tmp_path: Path) -> None:
    """The sum of the outcomes is that of the commands, whichever way they are read."""
    running, beside = pond
    ids = {command.id for command in running.seen().commands}
    table = tmp_path / "all.csv"
    for words in ((), ("--since", "1d"), ("--csv", str(table))):
        check = document(beside, "deliveries", *words)["check"]
        assert (check["commands"], check["sent"], check["whole"]) == (len(ids), len(ids), True)
        assert (check["repeated_records"], check["older_than_commands"], check["news_alone"]) == (1, 0, 0)
    with table.open(encoding="utf-8", newline="") as file:
        assert {row["command_id"] for row in csv.DictReader(file)} == ids
    assert document(beside, "deliveries", "--until", "2020-01-01")["check"]["commands"] == 0


def test_one_customer_with_the_history(pond: tuple[Pipeline, Mapping[str, str]]) -> None:
    """What was sent, and what was heard later."""
    running, beside = pond
    found = document(beside, "deliveries", "--customer", SLEEPERS[0])
    assert {one["command_id"] for one in found["commands"]} == {
        c.id for c in running.seen().of(SLEEPERS[0]).commands if c.customer_id == SLEEPERS[0]
    }
    (woken,) = [one for one in found["commands"] if one["rule"] == RULE]
    assert [stage["outcome"] for stage in woken["history"]] == ["sent", "delivered"]
    assert "→ delivered" in koi(beside, "deliveries", "--outcome", "delivered")


def test_a_campaign_is_reported(pond: tuple[Pipeline, Mapping[str, str]], tmp_path: Path) -> None:
    """As many episodes as were begun, and a page."""
    running, beside = pond
    page = tmp_path / "report.html"
    found = document(beside, "campaign", "report", RULE, "--report", str(page))
    begun = {d.customer_id for d in running.seen().decisions if d.rule.startswith(f"{RULE}@")}
    assert begun == set(SLEEPERS)
    assert found["episodes"]["begun"] == found["funnel"]["sent"] == len(SLEEPERS)
    assert found["funnel"]["delivered"] == 1
    assert found["verdict"] == "The campaign has no goal, so nothing says whether it works."
    assert f"Campaign {RULE}" in page.read_text("utf-8")
    assert f"did you mean {RULE}?" in koi(beside, "campaign", "report", "沉睡唤配", ends=1)


def test_without_kafka_there_is_one_line(pond: tuple[Pipeline, Mapping[str, str]]) -> None:
    """That says what is missing."""
    _, beside = pond
    (closed,) = free_ports(1)
    said = koi({**beside, "KOI_KAFKA": f"127.0.0.1:{closed}"}, "deliveries", ends=1)
    assert len(said.splitlines()) == 1
    assert "127.0.0.1" in said
