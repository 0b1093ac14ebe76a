"""docs/rules.md says what is so: its examples load, its table is that of the code."""

import re
from pathlib import Path

import pytest

from services.rules.features import catalogue_table
from services.rules.models import PLANNED_KINDS, Action, Campaign, Ladder, Tier
from services.rules.rulebook import compile_rulebook
from services.runtime.problems import FileError

DOC = Path(__file__).parents[2] / "docs" / "rules.md"
TEXT = DOC.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
BEGIN, END = "<!-- catalogue: generated from services/rules/features.py -->\n", "<!-- /catalogue -->"


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_loaded_by_the_real_loader(example: str) -> None:
    """What stands in the docs works as it stands."""
    assert compile_rulebook({"docs/rules.md": example}).predicates


def test_there_are_examples() -> None:
    """One for the first rule, for conditions, campaigns and ladders at least."""
    assert len(EXAMPLES) >= 4


def test_the_catalogue_is_that_of_the_code() -> None:
    """Copy `catalogue_table()` between the marks when this fails."""
    assert TEXT.partition(BEGIN)[2].partition(END)[0] == catalogue_table()


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


def test_what_is_planned_is_said() -> None:
    """Every key that is refused by name stands in the docs."""
    planned = Campaign.planned | Tier.planned | Ladder.planned | Action.planned
    assert all(f"`{key}`" in TEXT for key in planned - {"when"})
    assert {"define"} == PLANNED_KINDS
