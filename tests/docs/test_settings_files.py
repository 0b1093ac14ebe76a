"""The files one copies or edits first: .env.example, docker-compose.yml, deploy/scoring.yaml."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from services.ingest.app import IngestSettings
from services.notifier.settings import NotifierSettings
from services.rules.app import RulesSettings
from services.scoring.config import ScoringConfig
from services.scoring.settings import ScoringSettings

ROOT = Path(__file__).parents[2]
KINDS = (IngestSettings, ScoringSettings, RulesSettings, NotifierSettings)
KNOWN = {f"KOI_{name.upper()}" for kind in KINDS for name in kind.model_fields}
ENV = (ROOT / ".env.example").read_text(encoding="utf-8")
COMPOSE = YAML(typ="safe").load(ROOT / "docker-compose.yml")["services"]


def test_the_example_environment_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each name in .env.example is a setting, and every service accepts the file."""
    assert set(re.findall(r"KOI_[A-Z_]+[A-Z]", ENV)) <= KNOWN
    for name in KNOWN:
        monkeypatch.delenv(name, raising=False)
    for kind in KINDS:
        kind(_env_file=ROOT / ".env.example")


@pytest.mark.parametrize("service", ["ingest", "scoring", "rules", "notifier"])
def test_compose_hands_on_everything(service: str) -> None:
    """Every setting of .env reaches a service; the addresses that hold inside a container win over it."""
    container = COMPOSE[service]
    assert container["env_file"] == [{"path": ".env", "required": False}]
    assert set(container["environment"]) <= KNOWN
    assert {"KOI_KAFKA", "KOI_REDIS", "KOI_HOST", "KOI_PORT"} <= set(container["environment"])


@pytest.mark.parametrize(
    ("service", "setting"), [("ingest", "KOI_MAPPINGS"), ("scoring", "KOI_SCORING"), ("rules", "KOI_RULES")]
)
def test_compose_mounts_what_people_write(service: str, setting: str) -> None:
    """Read-only, from where the setting points or else from deploy/, and the service reads the mount."""
    (mount,) = COMPOSE[service]["volumes"]
    named, default = re.fullmatch(r"\$\{(\w+):-(.+)\}", mount["source"]).groups()  # type: ignore[union-attr]
    assert named == setting
    assert (ROOT / default).exists()
    assert mount["read_only"] is True
    assert COMPOSE[service]["environment"][setting] == mount["target"]


def test_the_shipped_scoring_file_holds_the_defaults() -> None:
    """Starting with the file or without it is the same."""
    assert ScoringConfig.load(ROOT / "deploy" / "scoring.yaml") == ScoringConfig()
