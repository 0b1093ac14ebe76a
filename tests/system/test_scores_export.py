"""`koi scores export` reads the live states of a running pipeline, and says what `koi score` says of the same events."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.servers.server import Server
from tests.system.pipeline import PARTITIONS, Fact, Pipeline, pipeline
from tests.system.upstream import NOW, message, paid, refunded, settings

pytestmark = pytest.mark.system

SCORING = "currency: CNY\nmethod: quantile\nhigh: {by: mean}\n"
ZONE = "Asia/Shanghai"


def facts() -> list[Fact]:
    """Orders, refunds and interactions of forty customers over a year and a half."""
    found = []
    for number in range(40):
        customer = f"导出/客户{number}"
        for order in range(1 + number % 4):
            at = NOW - timedelta(days=20 * order * order + number, hours=3)
            found.append(paid(customer, f"{customer}#{order}", at, 10_000 + 700 * number))
        if number % 5 == 0:
            found.append(refunded(customer, f"{customer}#0", NOW - timedelta(days=1), 500))
        at = NOW - timedelta(days=number)
        found.append(message("interaction", customer, f"v-{customer}", at, kind="view"))
    return found


@pytest.fixture(scope="module")
def pond(
    kafka_server: Server, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Pipeline, Path, Mapping[str, str]]]:
    """A pipeline that has taken all of them in, its folder, and the settings of a command beside it."""
    directory = tmp_path_factory.mktemp("export")
    scoring = directory / "scoring.yaml"
    scoring.write_text(SCORING, encoding="utf-8")
    env = settings(directory) | {"KOI_SCORING": str(scoring), "KOI_ZONE": ZONE}
    with pipeline(kafka_server, redis_url, directory, env) as running:
        running.publish(facts())
        running.rest()
        beside = {
            "KOI_KAFKA": kafka_server.address,
            "KOI_REDIS": redis_url,
            "KOI_PARTITIONS": str(PARTITIONS),
            "KOI_SCORING": str(scoring),
            "KOI_ZONE": ZONE,
        }
        yield running, directory, beside


def koi(beside: Mapping[str, str], *words: str) -> str:
    """What the command says on standard error; it must succeed."""
    told = subprocess.run(
        [sys.executable, "-m", "services.cli.main", *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**beside, "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
    )
    assert told.returncode == 0, told.stderr
    return told.stderr


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_live_states_give_the_table_of_the_events(pond: tuple[Pipeline, Path, Mapping[str, str]]) -> None:
    """Every column of every customer is the same, as of this moment and as of a month ahead."""
    _, directory, beside = pond
    events = directory / "events.jsonl"
    lines = [json.dumps(json.loads(fact.value or b""), ensure_ascii=False) for fact in facts()]
    events.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for days in (0, 30):
        as_of = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        live, offline = directory / f"live{days}.csv", directory / f"offline{days}.csv"
        said = koi(beside, "scores", "export", "--as-of", as_of, "--out", str(live))
        assert "40 customers" in said
        koi(beside, "score", str(events), "--as-of", as_of, "--config", beside["KOI_SCORING"], "--out", str(offline))
        assert table(live) == table(offline)


def test_the_live_cutoffs_give_the_scores_of_the_profiles(pond: tuple[Pipeline, Path, Mapping[str, str]]) -> None:
    """As the service has published them last."""
    running, directory, beside = pond
    out = directory / "as-live.csv"
    koi(beside, "scores", "export", "--cutoffs", "live", "--out", str(out), "--report", str(directory / "r.html"))
    published = {
        customer: (str(p.r), str(p.f), str(p.m), p.segment.value, p.rf_segment.value, str(p.super_user).lower())
        for customer, p in running.seen().last_profiles().items()
    }
    told = {
        row["customer_id"]: tuple(row[name] for name in ("r", "f", "m", "octant", "segment", "super_user"))
        for row in table(out)
    }
    assert told == published
    assert "Who your customers are now" in (directory / "r.html").read_text(encoding="utf-8")


def test_the_past_cannot_be_exported(pond: tuple[Pipeline, Path, Mapping[str, str]]) -> None:
    """The states have gone on; the error says to when."""
    _, _, beside = pond
    with pytest.raises(AssertionError, match="the live states have come to a later day than 2020-01-01"):
        koi(beside, "scores", "export", "--as-of", "2020-01-01", "--out", "-")
