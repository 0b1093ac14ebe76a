"""The contracts as files: a JSON Schema per topic and the topic table, generated from the code.

Examples (`<topic>.examples.json`) live in the same folder and are written by hand. One folder above lie the schemas of files
that people write for the notifier, made for editors.
"""

import inspect
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from services.contracts.topics import INBOUND, TOPICS, Topic
from services.notifier.policy.schema import KINDS, schema_text
from services.notifier.templates import schema as templates

DIALECT = "https://json-schema.org/draft/2020-12/schema"
COMMAND = "koi schemas --write docs/contracts"

_SUFFIX = ".schema.json"
_EXAMPLES_SUFFIX = ".examples.json"
_README = "README.md"
_KIB = 1024

_HEAD = f"""\
# What crosses the topics

Generated from `services/contracts` by `{COMMAND}`; a test fails when it is stale.
The examples are written by hand, and every one is checked against the schema and against the code.

Values are JSON (UTF-8); instants are RFC 3339 with an offset; money is an integer of minor units. The key is the UTF-8
customer id and the partition is the one Kafka's default partitioner (murmur2) chooses for it. All topics marked *common*
have the same number of partitions (`KOI_PARTITIONS`), so one customer is always with one worker.

"""
_COLUMNS = (
    "topic",
    "what it carries",
    "key",
    "partitions",
    "kept",
    "largest message",
    "written by",
    "read by",
    "schema",
    "examples",
)


class _Untitled(GenerateJsonSchema):
    """Fields are titled by their names already."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def schema(topic: Topic) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one value on `topic`.

    What is on an inbound topic must pass this and a few checks that a schema cannot express; `examples` show them.
    """
    if topic in INBOUND:
        body = TypeAdapter(topic.message).json_schema(schema_generator=_Untitled)
    else:
        body = msgspec.json.schema(topic.message)
    head = {
        "$schema": DIALECT,
        "$id": f"urn:koipond:topic:{topic.name}",
        "title": topic.name,
        "description": f"{topic.about} Key: {topic.key}.",
    }
    return head | {name: _clean(part) for name, part in body.items()}


def kept(topic: Topic) -> str:
    """How long records stay, for a person."""
    if topic.retention is None:
        return "compacted: the last value of every key, for ever"
    return f"{topic.retention / timedelta(days=1):g} days"


def files() -> dict[str, str]:
    """Every generated file: name to content."""
    generated = {topic.name + _SUFFIX: _text(schema(topic)) for topic in TOPICS}
    return generated | {_README: _HEAD + _table()}


def for_editors() -> dict[str, str]:
    """The schemas of files that people write, which lie one folder above: name to content."""
    return {name + _SUFFIX: schema_text(name) for name in KINDS} | {"templates" + _SUFFIX: templates.schema_text()}


def write(directory: Path) -> list[Path]:
    """Write every generated file into `directory` and above, remove schemas of topics that are no more; return what changed."""
    changed = stale(directory)
    directory.mkdir(parents=True, exist_ok=True)
    generated = _placed(directory)
    for path in changed:
        if path in generated:
            path.write_text(generated[path], encoding="utf-8")
        else:
            path.unlink()
    return changed


def stale(directory: Path) -> list[Path]:
    """Files that are missing, differ from the code, or describe a topic that is no more."""
    generated = _placed(directory)
    wrong = [path for path, content in generated.items() if _content(path) != content]
    return sorted(wrong + [path for path in directory.glob("*" + _SUFFIX) if path not in generated])


def _placed(directory: Path) -> dict[Path, str]:
    within = {directory / name: content for name, content in files().items()}
    return within | {directory.parent / name: content for name, content in for_editors().items()}


def _table() -> str:
    rows = [_COLUMNS, ("---",) * len(_COLUMNS)]
    rows += [_row(topic) for topic in TOPICS]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(topic: Topic) -> tuple[str, ...]:
    return (
        f"`{topic.name}`",
        topic.about,
        topic.key,
        "common" if topic.partitions is None else str(topic.partitions),
        kept(topic),
        f"{topic.max_message_bytes // _KIB} KiB",
        topic.owner,
        ", ".join(topic.readers),
        f"[schema]({topic.name}{_SUFFIX})",
        f"[examples]({topic.name}{_EXAMPLES_SUFFIX})",
    )


def _clean(part: Any) -> Any:
    """The same, with docstrings freed of their indentation."""
    if isinstance(part, dict):
        return {
            name: inspect.cleandoc(value) if name == "description" and isinstance(value, str) else _clean(value)
            for name, value in part.items()
        }
    if isinstance(part, list):
        return [_clean(item) for item in part]
    return part


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
