"""What `koi` prints, and what it refuses before a service starts."""

import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from services.cli import main
from services.cli.terminal import many
from services.contracts.profile import Octant
from services.notifier.settings import NotifierSettings
from services.rules.app import RulesSettings

CAMPAIGN = """\
kind: campaign
name: {name}
when: [r > 1]
steps:
  - notify: {{template: t, channels: [console], to: owner}}
"""


def koi(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(main.app, words, env=environment)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the services that `koi run` started; none really is, and rules has its settings only."""
    names: list[str] = []

    def module(name: str) -> SimpleNamespace:
        kinds = {"rules": RulesSettings, "notifier": NotifierSettings}
        service = name.split(".")[1]
        if service not in kinds:
            raise ModuleNotFoundError(name=name)
        return SimpleNamespace(SETTINGS=kinds[service], main=lambda: names.append(service))

    monkeypatch.setattr(main, "import_module", module)
    monkeypatch.setenv("KOI_PORT", "0")
    return names


def test_one_rule_is_not_rules(tmp_path: Path) -> None:
    """Counts and nouns agree."""
    file = tmp_path / "rules.yaml"
    file.write_text(CAMPAIGN.format(name="a"))
    assert koi("rules", "check", str(file)).output.rstrip().endswith("0 ladders and 1 campaign are fine")
    file.write_text(CAMPAIGN.format(name="a") + "---\n" + CAMPAIGN.format(name="b"))
    assert koi("rules", "check", str(file)).output.rstrip().endswith("0 ladders and 2 campaigns are fine")
    assert many(1, "mapping") == "1 mapping"


def test_defaults_are_shown_as_they_are_written() -> None:
    """The default channels are what one would write into the variable."""
    line = next(line for line in koi("settings", "notifier").output.splitlines() if "KOI_CHANNELS" in line)
    assert line.split()[:2] == ["KOI_CHANNELS", "console"]


def test_the_catalogue_is_shown_whole() -> None:
    """No segment is cut off in a narrow terminal, and how time changes a feature is said."""
    answer = koi("features", COLUMNS="80").output
    assert all(octant.value in answer for octant in Octant)
    assert "steadily" in answer
    assert "…" not in answer


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("KOI_LOG_LEVEL", "loud", "KOI_LOG_LEVEL: Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("KOI_KAFKA", "", "KOI_KAFKA: an address is empty; write host:port, or several with commas between them"),
        ("KOI_REDIS", "cache:6379", "KOI_REDIS: this is no Redis URL; write redis://host:6379/0, or rediss:// for TLS"),
    ],
)
def test_settings_that_cannot_work_are_refused(started: list[str], variable: str, value: str, line: str) -> None:
    """One line with the variable and what to write, and nothing is started."""
    answer = koi("run", "rules", **{variable: value})
    assert (answer.exit_code, answer.stderr.splitlines()) == (2, [line])
    assert started == []


def test_misspelt_variables_are_told(started: list[str]) -> None:
    """A variable no service reads gets one line; those of another service are fine; the service starts anyhow."""
    answer = koi("run", "rules", KOI_ZOEN="UTC", KOI_CHANNELS="console", KOI_XYZZY="1")
    assert answer.stderr.splitlines() == [
        "KOI_XYZZY is not a setting of any service; see koi settings SERVICE",
        "KOI_ZOEN is not a setting of any service; did you mean KOI_ZONE?",
    ]
    assert started == ["rules"]


def test_a_taken_port_is_told_before_anything_starts(started: list[str]) -> None:
    """One line names the port and the variable."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = koi("run", "rules", KOI_PORT=str(port))
    assert answer.exit_code == 1
    assert answer.stderr.splitlines() == [f"port {port} is taken; choose another with KOI_PORT"]
    assert started == []
