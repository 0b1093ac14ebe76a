"""A rule set with one rule of every sort, and test files about it."""

from pathlib import Path

from services.cli.rules.testing.playing import Played, play
from services.cli.rules.testing.reading import read
from services.cli.rules.testing.sets import RuleSets
from services.runtime.problems import FileError

RULES = """\
kind: ladder
name: 社群
tiers:
  - name: 外围
  - name: 影响
    enter: [f >= 3]
    leave: [recency_days >= 30]
    stay_at_least: 14d
  - name: 核心
    enter: [f >= 5, m >= 4]
    leave: [recency_days >= 60]
on_jump:
  - {to: 核心, notify: {template: 升级祝贺, channels: [webhook], category: service}}
---
kind: campaign
name: 唤醒
when: [recency_days >= 45, not tagged("勿扰")]
until: [recency_days < 45]
cooldown: 30d
goal: {event: order.paid, within: 14d}
steps:
  - notify: {template: 好久不见, channels: [webhook, console], category: marketing}
  - wait: 3d
  - when: [activity < 20]
    notify: {template: 店员来电, channels: [console], to: owner}
---
kind: campaign
name: 弃购
sequence: [cart_add, {no: order.paid, within: 24h}]
steps:
  - notify: {template: 购物车, channels: [webhook], category: marketing}
---
kind: campaign
name: 周一
when: [tagged("vip")]
schedule: {every: monday, at: "10:00"}
holdout: 50%
steps:
  - notify: {template: 周一好, channels: [webhook], category: marketing}
"""

NAMES = ["弃购", "周一", "唤醒", "社群"]


def written(folder: Path, tests: str, *, rules: str = RULES) -> Path:
    """A test file beside its rules."""
    (folder / "规则.yaml").write_text(rules, encoding="utf-8")
    path = folder / "规则_test.yaml"
    path.write_text(tests, encoding="utf-8")
    return path


def one(acts: str, *, given: str = "{profile: {}}", rule: str = "", more: str = "") -> str:
    """A file with one test that begins on a Sunday at nine; `acts` is its script, indented as it likes."""
    script = "\n".join(f"      {line}" for line in acts.strip("\n").splitlines())
    about = f"    rule: {rule}\n" if rule else ""
    return (
        f"tests:\n  - name: 一\n    at: 2026-03-01 09:00\n{about}"
        f"{''.join(f'    {line}' + chr(10) for line in more.splitlines())}"
        f"    given: {given}\n    script:\n{script}\n"
    )


def played(path: Path) -> list[Played]:
    """What becomes of all its tests. Raise `FileError`."""
    sets = RuleSets()
    try:
        file = read(path, sets)
        return [] if file is None else [play(case, file.world) for case in file.sheet.tests]
    finally:
        sets.close()


def mistakes(path: Path) -> list[str]:
    """Everything wrong with a file, each beginning with its line and column."""
    try:
        played(path)
    except FileError as error:
        return [str(problem).removeprefix(f"{path}:") for problem in error.problems]
    return []
