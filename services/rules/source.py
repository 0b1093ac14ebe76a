"""Rule files as text: YAML 1.2 with the place of every value, bounded in size and depth.

Only what JSON can say is read: maps with text keys, lists, text, numbers, true, false, null. Anchors, aliases and tags
are refused; two equal keys in one map are refused.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from services.rules.problems import Place, Problem, RuleError

__all__ = ["Document", "KeyPath", "Place", "Problem", "RuleError", "parse", "read_sources"]

MAX_FILE_BYTES = 256 * 1024
MAX_FILES = 2000
MAX_DEPTH = 12
TEST_SUFFIX = "_test.yaml"

_TOO_LARGE = f"a rule file may have {MAX_FILE_BYTES // 1024} KiB; split it"

KeyPath = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_SCALARS = frozenset(_TAG + kind for kind in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value"))
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}|0x[0-9a-fA-F]{1,15}|0o[0-7]{1,18}")
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")


@dataclass(frozen=True)
class Document:
    """One YAML document: plain data, and where each of its values and keys stands."""

    file: str
    data: Any
    values: Mapping[KeyPath, Place]
    keys: Mapping[KeyPath, Place]

    def place(self, path: KeyPath) -> Place:
        """The place of a value; of its nearest parent when the value itself is missing."""
        while path not in self.values and path:
            path = path[:-1]
        return self.values.get(path, Place(self.file, 1, 1))


def read_sources(path: Path) -> dict[str, str]:
    """Texts by file name: `path` itself, or all `*.yaml` and `*.yml` below it in sorted order, tests left out.

    Raise `RuleError` when nothing can be read.
    """
    if not path.exists():
        raise RuleError([Problem(Place(str(path), 1, 1), "no-file", "there is no such file or folder")])
    files = [path] if path.is_file() else sorted(_rule_files(path))
    if not files:
        raise RuleError([Problem(Place(str(path), 1, 1), "no-rules", "no *.yaml file in this folder")])
    if len(files) > MAX_FILES:
        message = f"{len(files)} files; at most {MAX_FILES} are read"
        raise RuleError([Problem(Place(str(path), 1, 1), "too-large", message)])
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for file in files:
        try:
            texts[str(file)] = _read(file)
        except (OSError, ValueError) as error:
            problems.append(Problem(Place(str(file), 1, 1), "unreadable", str(error)))
    if problems:
        raise RuleError(problems)
    return texts


def _rule_files(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.suffix in {".yaml", ".yml"} and not hidden and not file.name.endswith(TEST_SUFFIX) and file.is_file():
            yield file


def _read(file: Path) -> str:
    with file.open("rb") as stream:
        raw = stream.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise ValueError(_TOO_LARGE)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text (byte {error.start})") from error


def parse(file: str, text: str) -> tuple[list[Document], list[Problem]]:
    """All documents of one text that can be read, and everything that cannot."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_FILE_BYTES:
        return [], [Problem(Place(file, 1, 1), "too-large", _TOO_LARGE)]
    documents: list[Document] = []
    problems: list[Problem] = []
    try:
        for root in YAML(typ="safe", pure=True).compose_all(text):
            if root is not None:
                builder = _Builder(file)
                data = builder.build(root, (), 0)
                problems += builder.problems
                if data is not None:
                    documents.append(Document(file, data, builder.values, builder.keys))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        problems.append(Problem(place, "yaml", _hinted(str(error.problem or error.context), text, place.line)))
    except (YAMLError, ValueError) as error:
        problems.append(Problem(Place(file, 1, 1), "yaml", str(error).splitlines()[0]))
    except RecursionError:
        problems.append(_too_deep(Place(file, 1, 1)))
    return documents, problems


def _hinted(problem: str, text: str, line: int) -> str:
    problem = problem.splitlines()[0].strip().removesuffix(' in "<unicode string>"').split("   in ")[0]
    lines = text.splitlines()
    written = lines[line - 1] if line <= len(lines) else ""
    if "[" in written and "(" in written:
        return f"{problem}; a condition with a comma does not fit into [ ], write the list with one - item a line"
    if re.match(r'\s*-\s*["\']', written):
        return f"{problem}; a condition that begins with a quote must be quoted as a whole"
    return problem


def _too_deep(place: Place) -> Problem:
    return Problem(place, "too-deep", f"more than {MAX_DEPTH} levels")


class _Builder:
    """Turns the nodes of one document into plain data; notes places and problems on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.values: dict[KeyPath, Place] = {}
        self.keys: dict[KeyPath, Place] = {}
        self.problems: list[Problem] = []
        self._seen: set[int] = set()

    def build(self, node: Node, path: KeyPath, depth: int) -> Any:
        place = Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)
        self.values[path] = place
        if depth > MAX_DEPTH:
            self.problems.append(_too_deep(place))
            return None
        if id(node) in self._seen or node.anchor is not None:
            self._refuse(place, "not-allowed", "anchors and aliases (& and *) are not read; write the value out")
            return None
        self._seen.add(id(node))
        if isinstance(node, MappingNode) and node.tag == f"{_TAG}map":
            return self._map(node, path, depth)
        if isinstance(node, SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.build(item, (*path, i), depth + 1) for i, item in enumerate(node.value)]
        if isinstance(node, ScalarNode) and node.tag in _SCALARS:
            if node.style in {'"', "'"}:
                self.values[path] = place.right(1)
            return _scalar(node)
        self._refuse(place, "not-allowed", f"the tag {node.tag} is not read")
        return None

    def _map(self, node: MappingNode, path: KeyPath, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = Place(self.file, key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if not isinstance(key_node, ScalarNode):
                self._refuse(place, "not-allowed", "a key must be text")
                continue
            key = str(key_node.value)
            if key in result:
                self._refuse(place, "duplicate-key", f"the key {key} stands here a second time")
                continue
            self.keys[*path, key] = place
            result[key] = self.build(value_node, (*path, key), depth + 1)
        return result

    def _refuse(self, place: Place, code: str, message: str) -> None:
        self.problems.append(Problem(place, code, message))


def _scalar(node: ScalarNode) -> str | int | float | bool | None:
    text = str(node.value)
    if node.style is not None:
        return text
    kind = str(node.tag).removeprefix(_TAG)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int" and _INTEGER.fullmatch(text):
        return int(text, 16 if text.startswith("0x") else 8) if text.startswith(("0x", "0o")) else int(text)
    if kind == "float" and _NUMBER.fullmatch(text):
        return float(text)
    return text
