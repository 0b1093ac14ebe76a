"""The benchmark runs from end to end and writes what it says it writes. Nothing here depends on how fast it is."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from deploy.embedded.services import SERVICES
from tests.bench.figures import Figures
from tests.bench.footprint import PREFIXES
from tests.bench.latency import WATCHED

pytestmark = pytest.mark.system

_SECONDS = 300


def test_a_quick_run_writes_every_figure(tmp_path: Path) -> None:
    """`--quick` ends by itself, and its file has every figure, all of them positive."""
    command = [sys.executable, "-m", "tests.bench", "--quick", "--out", str(tmp_path)]
    told = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_SECONDS)
    assert told.returncode == 0, told.stdout + told.stderr
    latest = (tmp_path / "latest.json").read_bytes()
    assert latest in [path.read_bytes() for path in tmp_path.glob("2*.json")]
    figures = msgspec.json.decode(latest, type=Figures, strict=True)

    assert figures.parameters["quick"] is True
    assert figures.machine.cores > 0
    assert figures.live.events == figures.floor.events == figures.parameters["events"]
    assert figures.live.records["koi.events"] == figures.live.events
    # what is recalled has no receipt of its own
    assert figures.live.records["koi.notifications"] >= figures.live.records["koi.receipts"] > 0
    assert figures.live.events_per_second > 0
    assert figures.floor.events_per_second > 0
    assert figures.ratio.events_per_cpu_second > 0
    assert all(figures.live.cpu_seconds_per_1000[service] > 0 for service in SERVICES)
    assert set(figures.live.redis) == set(PREFIXES)
    assert all(found.bytes_per_customer > 0 for found in figures.live.redis.values())
    assert set(figures.latency.milliseconds) == set(WATCHED)
    for found in figures.latency.milliseconds.values():
        assert found.count == figures.latency.events
        assert 0 < found.p50 <= found.p99 <= found.max
