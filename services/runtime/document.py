"""YAML 1.2 files with the place of every key and value, so that each mistake can be told where it is.

Only what JSON can say is read: maps with text keys, lists, text, numbers, true, false and null (the core schema of YAML
1.2). Anchors, aliases and tags are refused, and so is a second equal key in one map. Size and depth are bounded, so a file
cannot grow while it is read.
"""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from services.runtime.problems import Place, Problem
from services.runtime.yaml_slips import yaml_problem

MAX_FILE_BYTES = 256 * 1024
MAX_DEPTH = 12

KeyPath: TypeAlias = tuple[str | int, ...]

_UTF16 = (BOM_UTF16_LE, BOM_UTF16_BE)
_INTEGER = re.compile(r"[-+]?[0-9]{1,19}|0x[0-9a-fA-F]{1,15}|0o[0-7]{1,18}")
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar: as written (whole numbers and booleans in their JSON spelling), and its value."""

    place: Place
    text: str
    value: str | int | float | bool | None
    quoted: bool = False

    @property
    def begin(self) -> Place:
        """Where its text begins: after the quote, if there is one."""
        return self.place.right(1) if self.quoted else self.place


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


@dataclass(frozen=True)
class Document:
    """One YAML document: `root` with all places, and the same as plain `data`.

    At the places `refused` stands a value that is not known, for it has a tag or is an alias; that is a problem already.
    """

    root: Tree
    refused: frozenset[Place] = frozenset()

    @cached_property
    def data(self) -> Any:
        return plain(self.root)

    def place(self, path: KeyPath) -> Place:
        """The place of a value; of its nearest parent when the value itself is missing."""
        return self._nearest(path)[0].place

    def text_place(self, path: KeyPath) -> Place:
        """The same, but within its quotes for a quoted text."""
        tree, _ = self._nearest(path)
        return tree.begin if isinstance(tree, Leaf) else tree.place

    def key_place(self, path: KeyPath) -> Place:
        """The place of the key that a path ends with; of the nearest parent when there is none."""
        tree, rest = self._nearest(path[:-1])
        if path and not rest and isinstance(tree, Block) and path[-1] in tree.entries:
            return tree.entries[str(path[-1])].place
        return self.place(path)

    def _nearest(self, path: KeyPath) -> tuple[Tree, KeyPath]:
        tree = self.root
        for at, key in enumerate(path):
            if isinstance(tree, Block) and isinstance(key, str) and key in tree.entries:
                tree = tree.entries[key].value
            elif isinstance(tree, Listing) and isinstance(key, int) and key < len(tree.items):
                tree = tree.items[key]
            else:
                return tree, path[at:]
        return tree, ()


def plain(tree: Tree) -> Any:
    """A tree without its places."""
    match tree:
        case Leaf():
            return tree.value
        case Listing():
            return [plain(item) for item in tree.items]
        case Block():
            return {key: plain(entry.value) for key, entry in tree.entries.items()}


def parse(file: str, content: bytes | str) -> tuple[list[Document], list[Problem]]:
    """All documents of one file, as far as they can be read, and everything that cannot; an empty document is none."""
    size = len(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    if size > MAX_FILE_BYTES:
        return [], [Problem(Place(file), "too_large", f"a file may have {MAX_FILE_BYTES // 1024} KiB; split it")]
    documents: list[Document] = []
    builder = _Builder(file)
    text = ""
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        builder.lines = text.splitlines()
        events = YAML(typ="safe", pure=True).parse(text)
        documents.extend(builder.documents(events))
    except _Refused as refusal:
        builder.problems.append(refusal.problem)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        utf16 = error.object.startswith(_UTF16)
        said = (
            "this is UTF-16; save it as UTF-8" if utf16 else f"byte {error.start} is not UTF-8; save the file as UTF-8"
        )
        builder.refuse(Place(file, line), "not_utf8", said)
    except YAMLError as error:
        builder.problems.append(yaml_problem(file, text, error))
    except ValueError as error:
        builder.refuse(Place(file), "yaml", str(error).splitlines()[0])
    return documents, builder.problems


def parse_one(file: str, content: bytes | str) -> tuple[Document | None, list[Problem]]:
    """The only document of a file, None if there is none, and everything that cannot be read."""
    documents, problems = parse(file, content)
    if len(documents) > 1:
        place = documents[1].root.place
        problems.append(Problem(place, "too_many", "a second document; write it into a file of its own"))
    return documents[0] if documents else None, problems


class _Refused(Exception):  # noqa: N818 - ends the reading of a file, and never leaves this module
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


class _Builder:
    """Turns the events of a file into trees, noting problems on the way. Its recursion is bounded by `MAX_DEPTH`."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self.lines: list[str] = []
        """As they are written."""
        self._file = file
        self._refused: set[Place] = set()

    def refuse(self, place: Place, code: str, message: str) -> None:
        self.problems.append(Problem(place, code, message))

    def documents(self, events: Iterator[Event]) -> Iterator[Document]:
        for event in events:
            if isinstance(event, DocumentStartEvent):
                tree = self._tree(next(events), events, 0)
                if not isinstance(tree, Leaf) or tree.value is not None:
                    yield Document(tree, frozenset(self._refused))

    def _place(self, event: Event) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1)

    def _tree(self, event: Event, events: Iterator[Event], depth: int) -> Tree:
        place = self._place(event)
        if depth > MAX_DEPTH:
            raise _Refused(Problem(place, "too_deep", f"more than {MAX_DEPTH} levels"))
        self._check_plainness(event, place)
        match event:
            case MappingStartEvent():
                return Block(place, self._entries(events, depth))
            case SequenceStartEvent():
                items = []
                while not isinstance(item := next(events), CollectionEndEvent):
                    items.append(self._tree(item, events, depth + 1))
                return Listing(place, tuple(items))
            case ScalarEvent():
                self._check_glue(event)
                return _leaf(place, str(event.value), event.style)
            case _:
                return Leaf(place, "", None)

    def _check_plainness(self, event: Event, place: Place) -> None:
        tag = event.tag if isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent) else None
        if tag is not None or isinstance(event, AliasEvent):
            self._refused.add(place)
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor is not None):
            self.refuse(place, "not_allowed", "anchors and aliases (& and *) are not read; write the value out")
        elif tag is not None:
            self.refuse(place, "not_allowed", f"the tag {tag} is not read; write plain text")

    def _check_glue(self, event: ScalarEvent) -> None:
        """YAML takes a list item that stands too far to the right for more of the text above it."""
        first, last = event.start_mark.line, event.end_mark.line
        if event.style is not None or last <= first:
            return
        for number in range(first + 1, min(last + 1, len(self.lines))):
            line = self.lines[number]
            if line.lstrip().startswith("- "):
                place = Place(self._file, number + 1, len(line) - len(line.lstrip()) + 1)
                self.refuse(
                    place, "indent", "this line goes on with the one above it; put its - right under the - there"
                )

    def _entries(self, events: Iterator[Event], depth: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(events), CollectionEndEvent):
            key = self._tree(event, events, depth + 1)
            value = self._tree(next(events), events, depth + 1)
            if not isinstance(key, Leaf):
                self.refuse(key.place, "not_allowed", "a key must be text")
            elif key.text in entries:
                first = entries[key.text].place.line
                self.refuse(key.place, "duplicate_key", f"{key.text} is already written in line {first}")
            else:
                entries[key.text] = Entry(key.place, value)
        return entries


def _leaf(place: Place, text: str, style: str | None) -> Leaf:
    if style is not None:
        return Leaf(place, text, text, quoted=style in {'"', "'"})
    if text in _WORDS:
        word = _WORDS[text]
        return Leaf(place, text if word is None else text.lower(), word)
    if text.startswith(("0x", "0o")) and _INTEGER.fullmatch(text):
        return Leaf(place, text, int(text, 0))
    if _INTEGER.fullmatch(text):
        return Leaf(place, str(int(text)), int(text))
    return Leaf(place, text, float(text) if _NUMBER.fullmatch(text) else text)
