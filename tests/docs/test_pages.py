"""What the README and the pages show is true: it parses, it is accepted, it exists."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from services.contracts.inbound import INBOUND
from services.ingest.app import IngestSettings
from services.notifier.settings import NotifierSettings
from services.rules.app import RulesSettings
from services.rules.rulebook import compile_rulebook
from services.scoring.app import ScoringSettings

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(?:#([^)\s]+))?\)")


def blocks(page: str, language: str) -> list[str]:
    return [body for kind, body in _BLOCK.findall(TEXTS[page]) if kind == language]


def test_the_rules_in_the_readme_are_accepted() -> None:
    """Every YAML block of the README is a rule file that the loader takes."""
    texts = blocks("README.md", "yaml")
    assert texts
    for text in texts:
        assert compile_rulebook({"README.md": text}).campaigns


def test_the_events_in_the_readme_are_accepted() -> None:
    """Every JSON block of the README passes the gate of ingest."""
    texts = blocks("README.md", "json")
    assert texts
    for text in texts:
        assert INBOUND.validate_json(text)


@pytest.mark.parametrize("page", TEXTS)
def test_settings_named_on_a_page_exist(page: str) -> None:
    """Each KOI_… variable that a page names is a setting of some service."""
    known = {
        f"KOI_{name.upper()}"
        for settings in (IngestSettings, ScoringSettings, RulesSettings, NotifierSettings)
        for name in settings.model_fields
    }
    assert set(re.findall(r"KOI_[A-Z_]*[A-Z]", TEXTS[page])) <= known


@pytest.mark.parametrize("page", TEXTS)
def test_commands_named_on_a_page_exist(page: str) -> None:
    """Each koi command in a console block is one that koi knows."""
    runner = CliRunner()
    for block in blocks(page, "console"):
        for line in block.splitlines():
            if line.startswith("koi "):
                words = [word for word in line.split("#")[0].split()[1:] if re.fullmatch(r"[a-z]+", word)]
                known = words[:1] if words[0] in {"run", "settings"} else words[:2]
                answer = runner.invoke(app, [*known, "--help"])
                assert answer.exit_code == 0, line


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_somewhere(page: str) -> None:
    """Each relative link of a page leads to a file, and to a heading of it where it names one."""
    for target, heading in _LINK.findall(TEXTS[page]):
        file = (ROOT / page).parent / target
        assert file.exists(), f"{page}: {target}"
        if heading:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
            assert heading in anchors, f"{page}: {target}#{heading}"
