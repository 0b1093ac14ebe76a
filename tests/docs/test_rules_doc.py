"""docs/rules.md says what is so: its examples load, its table is that of the code."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from services.contracts.channels import CHANNELS, Category
from services.contracts.parameters import JUMP_PARAMETERS, PARAMETERS
from services.contracts.profile import RfSegment
from services.rules.book.compiler import compile_rulebook
from services.rules.book.models import Notify
from services.rules.language.catalogue import catalogue_table
from services.runtime.problems import FileError

DOC = Path(__file__).parents[2] / "docs" / "rules.md"
TEXT = DOC.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
REVIEW = DOC.parents[1] / "services" / "rules" / "review"
KNOWN_WARNINGS = {
    "never_true",
    "always_true",
    "only_at_events",
    "currency",
    "ends_at_once",
    "unused",
    "no_goal",
    "too_late",
    "never_meet",
    "no_cooldown",
    "over_by_morning",
    "shadowed",
    "alone",
    "unreachable",
    "flaps",
    "lost_event",
}
BEGIN, END = "<!-- catalogue: generated from services/rules/language/catalogue.py -->\n", "<!-- /catalogue -->"


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_loaded_by_the_real_loader(example: str) -> None:
    """What stands in the docs works as it stands."""
    assert compile_rulebook({"docs/rules.md": example}).predicates


def test_there_are_examples() -> None:
    """One for the first rule, for conditions, campaigns and ladders at least."""
    assert len(EXAMPLES) >= 4


def test_the_catalogue_is_that_of_the_code() -> None:
    """And that of the command: put what `koi features --markdown` prints between the marks when this fails."""
    assert TEXT.partition(BEGIN)[2].partition(END)[0] == catalogue_table()
    assert CliRunner().invoke(app, ["features", "--markdown"]).output == catalogue_table()


def test_the_map_is_that_of_the_code() -> None:
    """Every pair of scores is in one line, that of its segment."""
    rows = re.findall(r"^\| `(\w+)` \| (\d)(?:–(\d))? \| (\d)(?:–(\d))? \|$", TEXT, re.MULTILINE)
    shown = [
        ((r, f), name)
        for name, *limits in rows
        for low_r, high_r, low_f, high_f in [[int(n or limits[i - 1]) for i, n in enumerate(limits)]]
        for r in range(low_r, high_r + 1)
        for f in range(low_f, high_f + 1)
    ]
    assert sorted(shown) == [((r, f), RfSegment.of(r, f).value) for r in range(1, 6) for f in range(1, 6)]


def test_the_mistakes_shown_are_those_one_gets() -> None:
    """The sentences of the docs, from the first rule with three things wrong."""
    (shown,) = re.findall(r"^```text\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    wrong = (
        EXAMPLES[0]
        .replace("重要保持", "重要保")
        .replace("recency_days >=", "recency_days =")
        .replace("cooldown", "holdout")
    )
    with pytest.raises(FileError) as caught:
        compile_rulebook({"rules/silent.yaml": wrong})
    assert sorted(str(caught.value).splitlines()) == sorted(shown.splitlines())


def test_the_tests_shown_pass_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test file of the docs, beside the first rule."""
    (tested,) = re.findall(r"^```yaml test\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    (shown,) = re.findall(r"^```text output\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    Path("rules").mkdir()
    Path("rules/silent.yaml").write_text(EXAMPLES[0], encoding="utf-8")
    Path("rules/silent_test.yaml").write_text(tested, encoding="utf-8")
    result = CliRunner().invoke(app, ["rules", "test", "rules/"])
    assert (result.exit_code, result.output) == (0, shown)


def test_every_warning_is_explained() -> None:
    """The table of the docs has each code that the review can give."""
    codes = {code for path in REVIEW.glob("*.py") for code in re.findall(r'"([a-z]+(?:_[a-z]+)*)"', path.read_text())}
    shown = set(
        re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \| ", TEXT, re.MULTILINE)))
    )
    assert shown >= KNOWN_WARNINGS
    assert codes >= KNOWN_WARNINGS


def test_what_stands_elsewhere_is_said() -> None:
    """Every key that is refused by name stands in the docs."""
    assert "quiet_hours" in Notify.elsewhere
    assert all(f"`{key}`" in TEXT for key in Notify.elsewhere)


def test_the_channels_are_those_of_the_code() -> None:
    """The table says of each whom it reaches and what it carries."""
    rows = TEXT.partition("| channel | to | category |\n|---|---|---|\n")[2].partition("\n\n")[0].splitlines()
    told: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
    for row in rows:
        channels, reach, carry = ([*re.findall(r"`(\w+)`", cell)] for cell in row.split("|")[1:4])
        told |= dict.fromkeys(channels, (frozenset(reach), frozenset(carry or Category)))
    assert told == {name: (facts.reaches, facts.categories) for name, facts in CHANNELS.items()}


def test_every_parameter_is_told() -> None:
    """Whoever writes a text finds in the docs what a message tells it."""
    assert all(f"`{name}`" in TEXT for name in {*PARAMETERS, *JUMP_PARAMETERS})
