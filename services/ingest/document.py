"""YAML 1.2 with the place of every key and value, so that each fault can say where it is.

Only what a configuration file needs: plain scalars, lists and mappings. Anchors, aliases, tags of one's own and deep
nesting are refused, so a file cannot grow while it is read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from services.contracts.errors import KoipondError

MAX_FILE_BYTES = 64 * 1024
MAX_FILE_DEPTH = 8

_TAG = "tag:yaml.org,2002:"


class Place(NamedTuple):
    """Line and column, both counted from 1."""

    line: int
    column: int


START = Place(1, 1)


class Problem(NamedTuple):
    """One fault in a file; `code` is stable, `message` a sentence for the author."""

    file: str
    place: Place
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.place.line}:{self.place.column}: {self.code}: {self.message}"


class MappingError(KoipondError):
    """Everything wrong with one or more mapping files; its text has one line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Faults:
    """Collects the problems of one file, so that the author sees all of them at once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def add(self, place: Place, code: str, message: str) -> None:
        self.problems.append(Problem(self.file, place, code, message))


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar: as written (whole numbers and booleans in their JSON spelling), and its value."""

    place: Place
    text: str
    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Listing:
    place: Place
    items: tuple["Tree", ...]


class Entry(NamedTuple):
    """A value and the place of its key."""

    place: Place
    value: "Tree"


@dataclass(frozen=True, slots=True)
class Block:
    place: Place
    entries: dict[str, Entry]


Tree: TypeAlias = Leaf | Listing | Block


def parse(content: bytes, faults: Faults) -> Tree | None:
    """The only document of a file, or None after a fault that leaves nothing to look at."""
    if len(content) > MAX_FILE_BYTES:
        faults.add(START, "too_large", f"the file has {len(content):,} bytes; at most {MAX_FILE_BYTES:,} are read")
        return None
    try:
        text = content.decode("utf-8-sig")
        node = _reader().compose(text) if _shallow(text, faults) else None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        faults.add(Place(line, 1), "not_utf8", "the file is not UTF-8")
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else START
        faults.add(place, "yaml", str(error.problem or error.context))
    except (YAMLError, ValueError) as error:
        faults.add(START, "yaml", str(error).splitlines()[0])
    else:
        if node is not None:
            return _tree(node, faults)
        if not faults.problems:
            faults.add(START, "empty", "the file is empty; write kind: mapping")
    return None


def _reader() -> YAML:
    return YAML(typ="safe", pure=True)


def _shallow(text: str, faults: Faults) -> bool:
    """Look at the stream of events first: composing a tree recurses, this does not."""
    depth = 0
    for event in _reader().parse(text):
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1) if event.start_mark else START
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor is not None):
            faults.add(place, "alias", "anchors and aliases (& and *) are not allowed here; write it out")
            return False
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        if depth > MAX_FILE_DEPTH:
            faults.add(place, "too_deep", f"more than {MAX_FILE_DEPTH} levels of nesting")
            return False
    return True


def _tree(node: Node, faults: Faults) -> Tree:
    place = Place(node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, MappingNode):
        entries: dict[str, Entry] = {}
        for key_node, value_node in node.value:
            key = _tree(key_node, faults)
            value = _tree(value_node, faults)
            if not isinstance(key, Leaf):
                faults.add(key.place, "wrong_type", "a key must be plain text")
            elif key.text in entries:
                first = entries[key.text].place.line
                faults.add(key.place, "duplicate_key", f"{key.text} is already written in line {first}")
            else:
                entries[key.text] = Entry(key.place, value)
        return Block(place, entries)
    if isinstance(node, SequenceNode):
        return Listing(place, tuple(_tree(item, faults) for item in node.value))
    if isinstance(node, ScalarNode):
        return _leaf(node, place, faults)
    raise TypeError(type(node))  # pragma: no cover - YAML has no other nodes


def _leaf(node: ScalarNode, place: Place, faults: Faults) -> Leaf:
    text = str(node.value)
    match str(node.tag).removeprefix(_TAG):
        case "null":
            return Leaf(place, text, None)
        case "bool":
            return Leaf(place, text.lower(), text.lower() == "true")
        case "int" | "float" as kind:
            try:
                number = int(text) if kind == "int" else float(text)
            except ValueError:
                # hexadecimal, octal and endless ones: read as they are written
                return Leaf(place, text, text)
            return Leaf(place, str(number) if kind == "int" else text, number)
        case "str" | "timestamp":
            return Leaf(place, text, text)
        case other:
            faults.add(place, "tag", f"the tag {other} is not allowed here; write plain text")
            return Leaf(place, text, text)
