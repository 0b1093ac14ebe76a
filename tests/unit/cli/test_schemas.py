"""The schemas in docs/contracts are those of the code."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from services.cli import schemas
from services.contracts.topics import TOPICS, Topic

_ROOT = Path(__file__).parents[3]
_CONTRACTS = _ROOT / "docs" / "contracts"


def test_the_committed_schemas_are_fresh() -> None:
    """What is committed is what the code generates."""
    wrong = [path.name for path in schemas.stale(_CONTRACTS)]
    assert not wrong, f"{', '.join(wrong)} in docs/contracts differ from the code; run: {schemas.COMMAND}"


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_schema_is_a_schema(topic: Topic) -> None:
    """Every schema is a valid draft 2020-12 schema with an id, a title and a description of its topic."""
    schema = schemas.schema(topic)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == schemas.DIALECT
    assert schema["$id"] == f"urn:koipond:topic:{topic.name}"
    assert schema["title"] == topic.name
    assert topic.about in schema["description"]


def test_the_readme_names_every_topic_and_its_files() -> None:
    """The topic table has a row for every topic, and its links lead somewhere."""
    readme = schemas.files()["README.md"]
    for topic in TOPICS:
        assert f"| `{topic.name}` | {topic.about} |" in readme
        for link in (f"{topic.name}.schema.json", f"{topic.name}.examples.json"):
            assert f"]({link})" in readme
            assert (_CONTRACTS / link).is_file()


def test_writing_makes_fresh_and_says_what_changed(tmp_path: Path) -> None:
    """Writing mends what is missing, altered or left over, and nothing else."""
    folder = tmp_path / "docs" / "contracts"
    assert {path.name for path in schemas.write(folder)} == {*schemas.files(), *schemas.for_editors()}
    assert schemas.stale(folder) == []
    altered, left_over, example = folder / "README.md", folder / "koi.old.schema.json", folder / "koi.x.examples.json"
    altered.write_text("old")
    left_over.write_text("{}")
    example.write_text("{}")
    assert schemas.stale(folder) == [altered, left_over]
    assert schemas.write(folder) == [altered, left_over]
    assert schemas.stale(folder) == []
    assert not left_over.exists()
    assert example.exists()


def test_generating_is_repeatable() -> None:
    """The same code gives the same files."""
    assert schemas.files() == schemas.files()
