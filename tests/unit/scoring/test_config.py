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


def test_shares_are_percentages_or_numbers(tmp_path: Path) -> None:
    """Exactly the decimal number that was written."""
    config = loaded(tmp_path, "super_user: {enter: 12.5%, leave: 0.3}\nquantile: {hysteresis: 2%}")
    assert config.super_user is not None
    assert (config.super_user.enter, config.super_user.leave, config.quantile.hysteresis) == (0.125, 0.3, 0.02)


def test_a_whole_life_is_a_window_too(tmp_path: Path) -> None:
    """Then days are kept for the trailing windows only."""
    config = loaded(tmp_path, "window_days: lifetime")
    assert (config.window_days, config.history_days) == (None, 365)
    assert loaded(tmp_path, "window_days: 730").history_days == 730


def test_the_population_is_counted_only_where_it_matters(tmp_path: Path) -> None:
    """Fixed scores, high by score and no super users depend on nobody else."""
    assert ScoringConfig().counts_population
    assert not loaded(tmp_path, "super_user: null").counts_population
    assert loaded(tmp_path, "super_user: null\nmethod: quantile").counts_population
    assert loaded(tmp_path, "super_user: null\nhigh: {by: median}").counts_population


def test_the_digest_tells_configurations_apart(tmp_path: Path) -> None:
    """Equal ones have the same, however they are written."""
    assert loaded(tmp_path, "window_days: 365").digest == ScoringConfig().digest
    assert loaded(tmp_path, "window_days: 364").digest != ScoringConfig().digest


def test_durations_are_numbers_with_a_unit(tmp_path: Path) -> None:
    """As in rules."""
    config = loaded(tmp_path, "half_life: 2w\nlateness: 90m")
    assert (config.half_life, config.lateness) == (timedelta(days=14), timedelta(minutes=90))
    assert (config.half_life_seconds, config.lateness_seconds) == (14 * 86_400.0, 5400)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("half_live: 30d", "1:1: unknown_key: there is no key half_live (did you mean half_life?)"),
        ("high:\n  q: 3", "2:3: unknown_key: there is no key q; here stand by, r, f, m"),
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
        ("window_days: life", "1:14: bad_value: 'life' is no window; write a number of days, or lifetime"),
        ("method: quantiles", "1:9: bad_value: method is never quantiles (did you mean quantile?); write 'fixed' or 'quantile'"),
        ("quantile: {hysteresis: 20%}", "1:24: bad_value: hysteresis: input should be less than or equal to 0.09"),
        ("super_user: {enter: a lot}", "1:21: bad_value: 'a lot' is no share; write a percentage such as 20%"),
        ("super_user: {enter: 30%, leave: 20%}", "1:13: bad_value: leave must not be less than enter: who enters would be out again at once"),
        ("weights: {veiw: 1}", "1:10: bad_value: unknown kind 'veiw' (did you mean view?); your own are custom:<name>"),
        ("weights: {'custom:': 1}", "1:10: bad_value: unknown kind 'custom:'; your own are custom:<name>"),
        ("weights: {view: .nan}", "1:17: bad_value: view: input should be a valid number, unable to parse string as a number"),
        ("weights: {view: -1}", "1:17: bad_value: view: input should be greater than or equal to 0"),
        ("half_life: 99999d", "1:12: bad_value: '99999d' is too long; write at most 36500d"),
        ("weights: {1: 2}", "1:10: bad_value: unknown kind '1'; your own are custom:<name>"),
        ("1: 2", "1:1: unknown_key: there is no key 1; here stand currency, window_days, method, quantile, thresholds, high, epoch, super_user, rhythm, half_life, weights, lateness, free_orders"),
        ("high:\n  <<: {f: 9}\n  r: 3", "2:3: unknown_key: there is no key <<; here stand by, r, f, m"),
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
