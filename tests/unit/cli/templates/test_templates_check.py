"""`koi templates check`, `values` and `schema`, as a person and as a machine read them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from services.cli.templates.catalogue import values_table
from services.cli.templates.command import templates_app
from services.contracts.parameters import PARAMETERS
from services.notifier.templates.schema import schema_text

ROOT = Path(__file__).parents[4]
SETS = [ROOT / "deploy" / "rules", *sorted((ROOT / "deploy" / "presets").iterdir())]

SOUND = "template: t\nzh: {any: {text: 好}}\nen: {any: {text: Hi}}\n"
ODD = SOUND.replace("en: {any: {text: Hi}}\n", "")
BROKEN = SOUND.replace("好", "'{{ segmnt }}'").replace("Hi", "'{{ x'")
RULE = """\
kind: campaign
name: a
when: [orders >= 3]
steps:
  - notify: {template: t, channels: [console], category: service}
"""


def koi(*words: object) -> Result:
    return CliRunner().invoke(templates_app, list(map(str, words)), env={"COLUMNS": "200"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "好.yaml"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.yaml").write_text(RULE, encoding="utf-8")
    return folder


def test_sound_templates_are_counted(file: Path) -> None:
    """One line, and nothing on the side."""
    file.write_text(SOUND, encoding="utf-8")
    answer = koi("check", file, "--strict")
    assert (answer.exit_code, answer.stdout, answer.stderr) == (0, f"{file}: 1 template is fine\n", "")


def test_mistakes_are_told_all_at_once(file: Path) -> None:
    """With their places, and the end is 1."""
    file.write_text(BROKEN, encoding="utf-8")
    answer = koi("check", file)
    assert answer.exit_code == 1
    assert answer.stderr == f"{file}:3:19: syntax: this {{{{ is never closed\n"
    file.write_text(BROKEN.replace("{{ x'", "{{ x }}'"), encoding="utf-8")
    assert [line.split(": ")[1] for line in koi("check", file).stderr.splitlines()] == ["unknown_value"] * 2


def test_warnings_do_not_fail_unless_asked_to(file: Path) -> None:
    """And can be left out."""
    file.write_text(ODD, encoding="utf-8")
    answer = koi("check", file)
    assert answer.exit_code == 0
    assert answer.stdout == f"{file}: 1 template is fine, 1 warning\n"
    assert answer.stderr == f"{file}:1:1: warning: no_language: there are no words in en; whoever reads it gets zh\n"
    assert koi("check", file, "--strict").exit_code == 1
    assert koi("check", file, "--no-warnings").stderr == ""
    assert koi("check", file, "--no-warnings", "--strict").exit_code == 2


def test_a_machine_gets_objects(file: Path) -> None:
    """One a line, and nothing else."""
    file.write_text(ODD, encoding="utf-8")
    answer = koi("check", file, "--json")
    assert json.loads(answer.stdout) == {
        "file": str(file),
        "line": 1,
        "column": 1,
        "severity": "warning",
        "code": "no_language",
        "message": "there are no words in en; whoever reads it gets zh",
    }


def test_with_rules_every_message_must_find_its_words(file: Path, rules: Path) -> None:
    """The problem stands in the rule file."""
    file.write_text(SOUND, encoding="utf-8")
    assert koi("check", file, "--rules", rules).exit_code == 0
    file.write_text(SOUND.replace("template: t", "template: tt"), encoding="utf-8")
    answer = koi("check", file, "--rules", rules)
    assert answer.exit_code == 1
    assert answer.stderr == f"{rules}/a.yaml:5:24: unknown_template: there is no template t\n"


def test_broken_rules_are_told_as_they_are(file: Path, rules: Path) -> None:
    """By the rules' own sentences."""
    file.write_text(SOUND, encoding="utf-8")
    (rules / "a.yaml").write_text(RULE.replace("orders", "ordrs"), encoding="utf-8")
    answer = koi("check", file, "--rules", rules)
    assert answer.exit_code == 1
    assert "did you mean orders?" in answer.stderr


def test_shipped_rules_and_presets_find_their_words() -> None:
    """All templates that they name are there, in both languages, and nothing is odd."""
    words = [word for folder in SETS for word in ("--rules", folder)]
    answer = koi("check", ROOT / "deploy" / "templates", "--strict", *words)
    assert (answer.exit_code, answer.stderr) == (0, "")


def test_the_catalogue_is_listed(tmp_path: Path) -> None:
    """Every name, and the table of the docs is the same."""
    shown = koi("values").stdout
    assert all(f"\n{name} " in shown for name in PARAMETERS)
    assert koi("values", "--markdown").stdout == values_table()
    assert values_table() in (ROOT / "docs" / "templates.md").read_text(encoding="utf-8")
    target = tmp_path / "schema.json"
    assert koi("schema").stdout == schema_text()
    assert koi("schema", "--write", target).exit_code == 0
    assert target.read_text(encoding="utf-8") == schema_text()
    assert koi("schema", "--write", tmp_path / "nowhere" / "x").exit_code == 1
