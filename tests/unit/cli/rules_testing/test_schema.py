"""The JSON Schema of test files: what it takes is what the reader takes, as far as shapes go."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from services.cli.rules.testing.schema import schema
from services.runtime.document import parse_one
from tests.unit.cli.rules_testing.test_command import TESTS, WRONG
from tests.unit.cli.rules_testing.test_playing import FAILING, PASSING
from tests.unit.cli.rules_testing.test_problems import BROKEN

SCHEMA = schema()
VALIDATOR = Draft202012Validator(SCHEMA)

SHAPES = (
    "a list", "no list of tests", "an empty list of tests", "a key that there is not", "all that a test needs",
    "something else to expect", "an empty expect", "an empty script", "an act that there is not", "no length", "several at once",
    "a feature that there is not", "a value that there is not", "a window", "in a window", "an empty profile", "a kind", "a type",
    "an outcome", "a reason",
)  # fmt: skip


def data(text: str) -> Any:
    document, problems = parse_one("x", text)
    assert document is not None
    assert not problems
    return document.data


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert "$ref" not in SCHEMA
    assert SCHEMA["$defs"]["Expectation"]["properties"].keys() >= {"from", "to", "suppressed"}


@pytest.mark.parametrize("text", [TESTS, WRONG, *PASSING.values(), *FAILING.values()])
def test_it_takes_what_can_be_played(text: str) -> None:
    assert list(VALIDATOR.iter_errors(data(text))) == []


@pytest.mark.parametrize("name", SHAPES)
def test_it_refuses_shapes_that_the_reader_refuses(name: str) -> None:
    assert list(VALIDATOR.iter_errors(data(BROKEN[name][0])))


def test_every_reference_leads_somewhere() -> None:
    text = str(SCHEMA)
    names = {part.split("'")[0] for part in text.split("#/$defs/")[1:]}
    assert names <= SCHEMA["$defs"].keys()
