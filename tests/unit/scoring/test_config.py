"""The scoring configuration file and its errors."""

from datetime import timedelta
from pathlib import Path

import pytest

from services.contracts.events import STANDARD_KINDS
from services.runtime.problems import FileError
from services.scoring import config as module
from services.scoring.config import DEFAULT_WEIGHTS, ScoringConfig


def loaded(folder: Path, text: str) -> ScoringConfig:
    path = folder / "scoring.yaml"
    path.write_text(text, encoding="utf-8")
    return ScoringConfig.load(path)


def test_every_standard_kind_has_a_default_weight() -> None:
    """None is forgotten, and none is made up."""
    assert set(DEFAULT_WEIGHTS) == STANDARD_KINDS | {"custom:*"}


def test_the_example_in_the_documentation_loads(tmp_path: Path) -> None:
    """The file shown in the module's docstring is the defaults, with two weights changed."""
    doc = module.__doc__ or ""
    lines = [line[4:] for line in doc.splitlines() if line.startswith("    ")]
    example = loaded(tmp_path, "\n".join(lines))
    assert example.weight("custom:tasting") == 8
    assert example.weight("message") == 3
    assert example.model_copy(update={"weights": ScoringConfig().weights}) == ScoringConfig()


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n"])
def test_an_empty_file_means_the_defaults(tmp_path: Path, text: str) -> None:
    """Everything may be left out."""
    assert loaded(tmp_path, text) == ScoringConfig()


def test_weights_are_laid_over_the_defaults(tmp_path: Path) -> None:
    """One's own kinds fall back to custom:*, which may be set as well."""
    config = loaded(tmp_path, "weights: {view: 0.5, 'custom:*': 2, custom:tasting: 8}")
    kinds = ("view", "share", "custom:tasting", "custom:x")
    assert [config.weight(kind) for kind in kinds] == [0.5, 6, 8, 2]


def test_durations_are_numbers_with_a_unit(tmp_path: Path) -> None:
    """As in rules."""
    config = loaded(tmp_path, "half_life: 2w\nlateness: 90m")
    assert (config.half_life, config.lateness) == (timedelta(days=14), timedelta(minutes=90))
    assert (config.half_life_seconds, config.lateness_seconds) == (14 * 86_400.0, 5400)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("half_live: 30d", "1:1: unknown_key: there is no key half_live (did you mean half_life?)"),
        ("high:\n  q: 3", "2:3: unknown_key: there is no key q; here stand r, f, m"),
        ("currency: CNY\nthresholds:\n  rr: [1, 2, 3, 4]", "3:3: unknown_key: there is no key rr (did you mean r?)"),
        ("currency: rmb", "1:11: bad_value: 'rmb' is no currency; write three capital letters such as CNY"),
        ("half_life: 30", "1:12: bad_value: 30 is not a duration; write a unit, such as 45d, 36h or 30m"),
        ("half_life: 0d", "1:12: bad_value: a duration here must be more than nothing"),
        ("half_life: 99999999999w", "1:12: bad_value: '99999999999w' is not a duration; write a whole number and a unit, such as 45d, 36h or 30m"),
        ("thresholds:\n  f: [2, 3, 3, 9]", "2:6: bad_value: [2, 3, 3, 9] must rise"),
        ("thresholds:\n  f: [2, x, 3, 9]", "2:10: bad_value: f: input should be a valid integer"),
        ("thresholds:\n  f: [2, 3]", "2:6: bad_value: [2, 3] must be four numbers"),
        ("high: {f: 7}", "1:11: bad_value: f: input should be less than or equal to 6"),
        ("window_days: 1.5", "1:14: bad_value: window_days: input should be a valid integer"),
        ("weights: {veiw: 1}", "1:10: bad_value: unknown kind 'veiw' (did you mean view?); your own are custom:<name>"),
        ("weights: {'custom:': 1}", "1:10: bad_value: unknown kind 'custom:'; your own are custom:<name>"),
        ("weights: {view: .nan}", "1:17: bad_value: view: input should be a valid number, unable to parse string as a number"),
        ("weights: {view: -1}", "1:17: bad_value: view: input should be greater than or equal to 0"),
        ("half_life: 99999d", "1:12: bad_value: '99999d' is too long; write at most 36500d"),
        ("weights: {1: 2}", "1:10: bad_value: unknown kind '1'; your own are custom:<name>"),
        ("1: 2", "1:1: unknown_key: there is no key 1; here stand currency, window_days, thresholds, high, half_life, weights, lateness, free_orders"),
        ("high:\n  <<: {f: 9}\n  r: 3", "2:3: unknown_key: there is no key <<; here stand r, f, m"),
        ("- a", "1:1: wrong_type: write settings such as currency: CNY"),
        ("a: [", "1:5: yaml: expected the node content, but found '<stream end>'"),
        ("currency: CNY\ncurrency: USD", "2:1: duplicate_key: currency is already written in line 1"),
    ],
)  # fmt: skip
def test_errors_name_the_place_and_the_way_out(tmp_path: Path, text: str, message: str) -> None:
    """Each is one line: file, line, column, what is wrong."""
    with pytest.raises(FileError) as error:
        loaded(tmp_path, text)
    assert str(error.value) == f"{tmp_path / 'scoring.yaml'}:{message}"


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    """Nobody wants to fix a file one error at a time."""
    with pytest.raises(FileError) as error:
        loaded(tmp_path, "currency: x\nwindow_days: 0")
    assert len(str(error.value).splitlines()) == 2


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Like any other problem."""
    with pytest.raises(FileError, match=r"none\.yaml:1:1: no_file: there is no such file or folder"):
        ScoringConfig.load(tmp_path / "none.yaml")
