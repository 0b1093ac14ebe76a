"""The scoring configuration file and its errors."""

from datetime import timedelta
from pathlib import Path

import pytest

from services.contracts.events import STANDARD_KINDS
from services.scoring import config as module
from services.scoring.config import DEFAULT_WEIGHTS, ConfigError, ScoringConfig


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
        ("half_live: 30d", "1:1: unknown setting half_live (did you mean half_life?)"),
        ("high:\n  q: 3", "2:3: unknown setting high.q"),
        ("currency: CNY\nthresholds:\n  rr: [1, 2, 3, 4]", "3:3: unknown setting thresholds.rr (did you mean r?)"),
        ("currency: rmb", "1:1: currency: String should match pattern '^[A-Z]{3}$'"),
        ("half_life: 30", "1:1: half_life: 30 is not a duration; write a number and a unit such as 48h or 30d"),
        ("half_life: 0d", "1:1: half_life: '0d' must be more than nothing and at most 36500d"),
        ("half_life: 99999999999w", "1:1: half_life: '99999999999w' must be more than nothing and at most 36500d"),
        ("thresholds:\n  f: [2, 3, 3, 9]", "2:3: thresholds.f: [2, 3, 3, 9] must rise"),
        ("thresholds:\n  f: [2, x, 3, 9]", "2:10: thresholds.f.1: Input should be a valid integer"),
        ("thresholds:\n  f: [2, 3]", "2:3: thresholds.f: [2, 3] must be four numbers"),
        ("high: {f: 7}", "1:8: high.f: Input should be less than or equal to 6"),
        ("window_days: 1.5", "1:1: window_days: Input should be a valid integer"),
        ("weights: {veiw: 1}", "1:1: weights: unknown kind 'veiw' (did you mean view?); your own are custom:<name>"),
        ("weights: {'custom:': 1}", "1:1: weights: unknown kind 'custom:'; your own are custom:<name>"),
        ("weights: {view: .nan}", "1:11: weights.view: Input should be a finite number"),
        ("weights: {view: -1}", "1:11: weights.view: Input should be greater than or equal to 0"),
        ("half_life: 99999d", "1:1: half_life: '99999d' must be more than nothing and at most 36500d"),
        ("weights: {1: 2}", "1:11: weights.1.[key]: Input should be a valid string"),
        ("1: 2", "1:1: 1: Keys should be strings"),
        ("high:\n  <<: {f: 9}\n  r: 3", "1:1: high.f: Input should be less than or equal to 6"),
        ("- a", "1:1: must be a mapping of settings such as `currency: CNY`"),
        ("a: [", "1:5: expected the node content, but found '<stream end>'"),
        (
            "currency: CNY\ncurrency: USD",
            '2:1: found duplicate key "currency" with value "USD" (original value: "CNY")',
        ),
    ],
)
def test_errors_name_the_place_and_the_way_out(tmp_path: Path, text: str, message: str) -> None:
    """Each is one line: file, line, column, what is wrong."""
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path, text)
    assert str(error.value) == f"{tmp_path / 'scoring.yaml'}:{message}"


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    """Nobody wants to fix a file one error at a time."""
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path, "currency: x\nwindow_days: 0")
    assert len(str(error.value).splitlines()) == 2


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, and not UTF-8, and with characters YAML forbids."""
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file"):
        ScoringConfig.load(tmp_path / "none.yaml")
    path = tmp_path / "gbk.yaml"
    path.write_bytes("currency: 中".encode("gbk"))
    with pytest.raises(ConfigError, match=r"gbk\.yaml: is not UTF-8"):
        ScoringConfig.load(path)
    with pytest.raises(ConfigError, match=r"scoring\.yaml: .*special characters"):
        loaded(tmp_path, "currency: \x01")
