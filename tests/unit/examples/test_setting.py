"""Where the demo runs, and how it begins when it cannot."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from examples.complete_journey.setting import SCORING, Setting, forget_own_settings
from examples.complete_journey.sink import Sink
from services.notifier.settings import NotifierSettings
from services.scoring.config import ScoringConfig


def test_the_services_accept_their_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is complete and valid for the service that asks for most."""
    sink = Sink(1)
    environment = Setting(Path("out")).environment(
        kafka="k:1", redis="redis://r:1/0", sink_url=sink.url, sink_secret=sink.secret
    )
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert NotifierSettings().kafka == "k:1"


def test_the_scoring_file_is_valid() -> None:
    """It is the grocer's: dollars, and thresholds of its own."""
    assert ScoringConfig.load(SCORING).currency == "USD"


def test_settings_of_the_shell_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo is the same wherever it is started."""
    monkeypatch.setenv("KOI_ZONE", "Mars/Olympus")
    forget_own_settings()
    assert "KOI_ZONE" not in os.environ


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    """No stack trace, nothing started, nothing written."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [
                sys.executable,
                "-m",
                "examples.complete_journey",
                f"--port-base={port - 4}",
                f"--out={tmp_path / 'demo'}",
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert f"port {port} (scoring) is taken by another program" in ended.stderr
    assert "--port-base" in ended.stderr
    assert not (tmp_path / "demo").exists()
