"""The schema of template files: that of the models, and of help where it is read."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from services.notifier.templates.reading import read_template
from services.notifier.templates.schema import schema, schema_text
from services.runtime.document import parse_one
from services.runtime.files import read_files
from tests.unit.notifier.templates.test_template_reading import BROKEN

ROOT = Path(__file__).parents[4]
SHIPPED = read_files(ROOT / "deploy" / "templates")
VALID = Draft202012Validator(schema())
OF_SHAPE = frozenset({"unknown_key", "missing_key", "wrong_type"})


def data(content: bytes | str) -> Any:
    document, _ = parse_one("t.yaml", content)
    return None if document is None else document.data


def test_it_is_a_schema_and_the_one_that_is_published() -> None:
    """When this fails: koi schemas --write docs/contracts."""
    Draft202012Validator.check_schema(schema())
    assert (ROOT / "docs" / "templates.schema.json").read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: Path(file).stem)
def test_shipped_templates_are_valid_and_name_it(file: str) -> None:
    """An editor that follows the first line finds the schema, and nothing to mark."""
    assert VALID.is_valid(data(SHIPPED[file]))
    first, _, _ = SHIPPED[file].decode().partition("\n")
    assert (Path(file).parent / first.rpartition("$schema=")[2]).resolve() == ROOT / "docs" / "templates.schema.json"


@pytest.mark.parametrize("content", BROKEN, ids=lambda content: content[:60].replace("\n", "⏎"))
def test_mistakes_of_shape_are_seen_while_one_writes(content: str) -> None:
    """What an editor refuses the loader refuses too, and unknown or missing keys are seen by both."""
    _, problems = read_template("t.yaml", content)
    refused = not VALID.is_valid(data(content))
    if refused:
        assert problems
    if {problem.code for problem in problems} & OF_SHAPE:
        assert refused


def test_every_key_is_explained() -> None:
    """Whoever points at a key reads what it means; no map takes unknown keys."""
    for part in (schema(), *schema()["$defs"].values()):
        assert part["additionalProperties"] is False
        assert part["description"]
        assert all(value.get("description") for value in part["properties"].values())
