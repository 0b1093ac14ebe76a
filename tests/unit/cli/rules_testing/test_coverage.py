"""Which rules are seen to act and to stay silent."""

from pathlib import Path

import pytest

from services.cli.rules.testing.coverage import Coverage
from services.cli.rules.testing.playing import play
from services.cli.rules.testing.reading import read
from services.cli.rules.testing.sets import RuleSets
from tests.unit.cli.rules_testing.sheets import one, written


def lacks(folder: Path, *tests: str) -> dict[str, str]:
    coverage, sets = Coverage(), RuleSets()
    for text in tests:
        file = read(written(folder, text), sets)
        assert file is not None
        coverage.expect(file.world.rules)
        for case in file.sheet.tests:
            coverage.add(play(case, file.world), file.world.rules)
    sets.close()
    assert coverage.covered == coverage.rules - len(coverage.lacks())
    return {lack.rule: lack.what for lack in coverage.lacks()}


NEITHER = "it fires, and none in which it stays silent"
FIRED = one("- expect: [{outcome: fired}]", given="{profile: {recency_days: 45}}")
SILENT = "it fires"


def test_a_part_with_a_firing_says_nothing_of_the_others(tmp_path: Path) -> None:
    assert lacks(tmp_path, FIRED) == {
        "唤醒": "it stays silent",
        "弃购": NEITHER,
        "周一": NEITHER,
        "社群": "anybody comes into 影响, 核心, and none in which it stays silent",
    }


def test_none_is_said_of_all_rules_or_of_the_one(tmp_path: Path) -> None:
    everything = lacks(tmp_path, one("- expect: none"))
    assert everything == {"唤醒": SILENT, "弃购": SILENT, "周一": SILENT, "社群": "anybody comes into 影响, 核心"}
    about = lacks(tmp_path, one("- expect: none", rule="弃购"))
    assert about["弃购"] == SILENT
    assert about["唤醒"] == NEITHER


def test_a_suppression_that_is_expected_is_a_silence(tmp_path: Path) -> None:
    acts = "- until: 2026-03-02 10:00\n  expect: [{rule: 周一, suppressed: holdout}]"
    found = lacks(tmp_path, one(acts, given="{profile: {tags: [vip]}}", more="customer: 客户-3"))
    assert found["周一"] == SILENT
    assert found["弃购"] == NEITHER


@pytest.mark.parametrize("sketch", ["{f: 5, m: 5, recency_days: 3}", "{f: 3, m: 1, recency_days: 3}"])
def test_every_tier_is_to_be_entered(sketch: str, tmp_path: Path) -> None:
    tier, other = ("核心", "影响") if "f: 5" in sketch else ("影响", "核心")
    found = lacks(tmp_path, one(f"- expect: [{{to: {tier}}}]\n- expect: none", given=f"{{profile: {sketch}}}"))
    assert found["社群"] == f"anybody comes into {other}"


def test_a_part_that_failed_shows_nothing(tmp_path: Path) -> None:
    assert lacks(tmp_path, FIRED.replace("fired", "ended"))["唤醒"] == NEITHER
    assert lacks(tmp_path, one("- expect: none", given="{profile: {recency_days: 45}}"))["弃购"] == NEITHER


def test_tests_of_several_files_add_up(tmp_path: Path) -> None:
    assert "唤醒" not in lacks(tmp_path, FIRED, one("- expect: none"))
