"""`koi rules check` and `koi rules schema`, as a person and as a machine read them."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from services.cli import problems
from services.cli.rules.checking import rules_check, rules_schema
from services.rules.book.schema import schema_text

APP = typer.Typer()
APP.command("check")(rules_check)
APP.command("schema")(rules_schema)

SOUND = """\
kind: campaign
name: a
when: [regular]
steps:
  - notify: {template: t, channels: [console], to: owner}
---
define:
  regular: [orders >= 3]
"""
ODD = SOUND.replace("[regular]", "[regular, r >= 1]")
BROKEN = SOUND.replace("orders", "ordrs").replace("channels", "chanels")


class _Coloured:
    """A terminal, wherever the words go to."""

    def print(self, *words: object, **options: Any) -> None:
        Console(force_terminal=True, soft_wrap=True, color_system="standard").print(*words, **options)


def koi(*words: str) -> Result:
    return CliRunner().invoke(APP, words, env={"COLUMNS": "40"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "规则.yaml"


def test_a_sound_set_is_counted(file: Path) -> None:
    """One line, and nothing on the side."""
    file.write_text(SOUND, encoding="utf-8")
    answer = koi("check", str(file), "--strict")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert answer.stdout == f"{file}: 0 ladders, 1 campaign and 1 fact are fine\n"


def test_warnings_are_told_and_do_not_fail_unless_asked_to(file: Path) -> None:
    """With their place, in one line each, however narrow the terminal."""
    file.write_text(ODD, encoding="utf-8")
    answer = koi("check", str(file))
    assert answer.exit_code == 0
    assert answer.stderr == f"{file}:3:17: warning: always_true: r >= 1 always holds; leave it out\n"
    assert answer.stdout == f"{file}: 0 ladders, 1 campaign and 1 fact are fine, 1 warning\n"
    assert koi("check", str(file), "--strict").exit_code == 1
    silent = koi("check", str(file), "--no-warnings")
    assert (silent.exit_code, silent.stderr, "1 warning" in silent.stdout) == (0, "", False)
    assert koi("check", str(file), "--strict", "--no-warnings").exit_code == 2


def test_mistakes_are_told_as_ever(file: Path) -> None:
    """All of them, and no warning beside them."""
    file.write_text(BROKEN, encoding="utf-8")
    answer = koi("check", str(file))
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr.splitlines() == [
        f"{file}:5:13: missing_key: channels is missing",
        f"{file}:5:27: unknown_key: there is no key chanels (did you mean channels?)",
        f"{file}:8:13: unknown_name: there is no feature ordrs (did you mean orders?)",
    ]


def test_a_machine_reads_one_object_a_line(file: Path) -> None:
    """On standard output, whatever it is; nothing for a set that is fine."""
    file.write_text(ODD, encoding="utf-8")
    answer = koi("check", str(file), "--json")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert [json.loads(line) for line in answer.stdout.splitlines()] == [
        {
            "file": str(file),
            "line": 3,
            "column": 17,
            "severity": "warning",
            "code": "always_true",
            "message": "r >= 1 always holds; leave it out",
        }
    ]
    file.write_text(BROKEN, encoding="utf-8")
    answer = koi("check", str(file), "--json")
    assert answer.exit_code == 1
    assert [json.loads(line)["severity"] for line in answer.stdout.splitlines()] == ["error"] * 3
    file.write_text(SOUND, encoding="utf-8")
    assert koi("check", str(file), "--json").output == ""


def test_colours_are_for_terminals_only(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what a machine reads has none even there."""
    file.write_text(ODD, encoding="utf-8")
    assert "\x1b" not in koi("check", str(file)).output
    monkeypatch.setattr(problems, "ERR", _Coloured())
    assert "\x1b" not in koi("check", str(file), "--json").output
    assert "\x1b[33mwarning: always_true\x1b[0m" in koi("check", str(file)).output


def test_what_looks_like_markup_is_text(tmp_path: Path) -> None:
    """Brackets in names and messages stay."""
    file = tmp_path / "[red].yaml"
    file.write_text(ODD.replace("r >= 1", "'r in [1, 2, 3, 4, 5]'"), encoding="utf-8")
    answer = koi("check", str(file))
    assert f"{file}:3:18: warning: always_true: r in [1, 2, 3, 4, 5] always holds" in answer.stderr
    assert str(file) in answer.stdout


def test_the_schema_is_printed_or_written(tmp_path: Path) -> None:
    """The same in both cases; where it cannot be written one line says why."""
    assert koi("schema").stdout == schema_text()
    target = tmp_path / "rules.schema.json"
    assert koi("schema", "--write", str(target)).exit_code == 0
    assert target.read_text(encoding="utf-8") == schema_text()
    answer = koi("schema", "--write", str(tmp_path))
    assert answer.exit_code == 1
    assert answer.stderr == f"cannot write {tmp_path}: Is a directory\n"
