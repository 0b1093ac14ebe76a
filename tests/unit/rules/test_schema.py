"""The schema of rule files: that of the models, true to what the loader takes, and of help where it is read."""

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from services.rules.book.compiler import compile_rulebook
from services.rules.book.meanings import MEANINGS
from services.rules.book.models import KINDS, Action, Capacity, Goal, Jump, Link, Notify, Period, Tier, Timing, Variant
from services.rules.book.schema import schema, schema_text
from services.runtime.document import parse
from services.runtime.files import read_files
from services.runtime.problems import FileError
from tests.unit.rules.broken_files import FILES, said_about

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / "docs" / "rules.schema.json"
SHIPPED = read_files(ROOT / "deploy" / "rules")
TEXT = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
MODELS = [*KINDS.values(), Tier, Capacity, Jump, Action, Notify, Variant, Goal, Period, Timing, Link]

OF_SHAPE = frozenset(
    {"unknown_key", "unknown_kind", "missing_key", "bad_value", "wrong_type", "not_supported", "bad_condition", "empty"}
)
BEYOND = frozenset(
    {
        "active-backwards",  # two dates that are compared
        "active-day",  # the thirtieth of February
        "conditions-types",  # what stands in a condition
        "duration-too-long",
        "ladder-without-enter",  # the lowest tier has none
        "params-expressions",  # what stands in an expression
        "priority-fraction",  # 50.0 is an integer to a schema
        "sequence-no-first",  # the order of a list
        "sequence-no-in-the-middle",
        "sequence-within-first",
        "sequence-without-within",
        "variants-many-params",  # two maps that are put together
        "variants-same-name",
        "variants-shares",  # numbers that are added up
        "variants-some-shares",
    }
)
"""Broken files whose mistake a schema cannot see."""

VALID = Draft202012Validator(schema())


def documents(name: str, content: bytes | str) -> list[Any]:
    found, problems = parse(name, content)
    assert not problems
    return [document.data for document in found]


def complaints(data: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALID.iter_errors(data)]


def test_it_is_a_schema_and_the_one_that_is_published() -> None:
    """When this fails: koi rules schema --write docs/rules.schema.json."""
    Draft202012Validator.check_schema(schema())
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: Path(file).name)
def test_shipped_rules_are_valid(file: str) -> None:
    """Every document of every file."""
    assert [complaints(data) for data in documents(file, SHIPPED[file]) if complaints(data)] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_loads_of_the_docs_is_valid(example: str) -> None:
    """What is shown there works in an editor, too."""
    try:
        compile_rulebook({"docs/rules.md": example})
    except FileError:
        pytest.skip("no rule set of its own")
    assert [complaints(data) for data in documents("docs/rules.md", example) if complaints(data)] == []


def readable(file: Path) -> bool:
    found, problems = parse(file.name, file.read_bytes())
    return bool(found) and not problems


@pytest.mark.parametrize("file", [file for file in FILES if readable(file)], ids=lambda file: file.stem)
def test_mistakes_of_shape_are_seen_while_one_writes(file: Path) -> None:
    """A file that an editor refuses is refused by the loader, and the other way round for mistakes of shape."""
    codes = {line.split(": ")[1] for line in said_about(file)}
    refused = any(complaints(data) for data in documents(file.name, file.read_bytes()))
    if refused:
        assert codes
    if codes & OF_SHAPE:
        assert refused is (file.stem not in BEYOND)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_is_explained(model: Any) -> None:
    """Whoever points at a key reads what it means; no key is explained that there is not."""
    keys = {field.alias or name for name, field in model.model_fields.items()}
    assert set(MEANINGS[model.__name__]) == keys
    properties = schema()["$defs"][model.__name__]
    properties = properties["anyOf"][1]["properties"] if model is Link else properties["properties"]
    assert {key: value["description"] for key, value in properties.items()} == MEANINGS[model.__name__]


def test_definitions_are_all_used_and_closed() -> None:
    """No reference leads nowhere, and no map takes unknown keys."""
    text, defined = schema_text(), schema()["$defs"]
    assert set(re.findall(r'"#/\$defs/(\w+)"', text)) == set(defined)
    maps = [part for part in defined.values() if part.get("type") == "object"]
    assert all("additionalProperties" in part for part in maps)
    assert "PT0S" not in text


@pytest.mark.parametrize(
    ("definition", "good", "bad"),
    [
        ("Duration", ["45d", "0s", "2w"], ["45", "1.5d", "30 d", "３０d", "45天"]),
        ("Length", ["45d", "10m"], ["0d", "00s"]),
        ("Percentage", ["10%", "0.5%", "99.9%", "5 %", ".5%"], ["0%", "100%", "10", "10％", "0.0%"]),
        ("Day", ["2026-11-11"], ["2026-13-01", "11.11.2026", "2026-1-1"]),
        ("Clock", ["10:00", "9:30", "23:59"], ["24:00", "10", "10:60"]),
        ("Name", ["win-back", "核心", "a.b_c", "7", "n" * 64], ["", "a b", "-a", ".a", "a,b", "你，好", "n" * 65]),
        (
            "Params",
            [{"coupon": "WB20", "优惠": 8.5, "vip": True, "n": "= orders"}, {}, {"long": "=" + " " * 300}],
            [
                {"r": 1},
                {"tier": "a"},
                {"a b": 1},
                {"in": 1},
                {"a": []},
                {"a": None},
                {"a": "x" * 257},
                {"a": 10**15},
                {"a": "＝ r"},
            ],
        ),
        ("EventName", ["order.paid", "cart_add", "custom:tasting"], ["interaction", "order.payed", "tasting"]),
        (
            "Condition",
            ["r > 1", {"any": ["r > 1", {"not": "f > 2"}]}],
            ["", 3, True, None, {}, {"all": ["r > 1"]}, {"any": []}, {"any": ["r > 1"], "not": ["f > 2"]}],
        ),
    ],
)
def test_values_are_written_as_the_loader_wants_them(definition: str, good: list[Any], bad: list[Any]) -> None:
    """The patterns take what is right in any script, and refuse the usual slips."""
    valid = VALID.evolve(schema={"$ref": f"#/$defs/{definition}", "$defs": schema()["$defs"]})
    assert [value for value in good if not valid.is_valid(value)] == []
    assert [value for value in bad if valid.is_valid(value)] == []
