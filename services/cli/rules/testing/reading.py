"""Test files from a disk: as models with their places, or everything that is wrong with them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from services.cli.rules.testing.models import Sheet
from services.cli.rules.testing.playing import World, world
from services.cli.rules.testing.references import check
from services.cli.rules.testing.sets import RuleSets, is_test, rule_paths
from services.cli.rules.testing.values import NOTHING
from services.rules.book.models import KINDS
from services.runtime.document import Document, KeyPath, parse_one
from services.runtime.files import read_file
from services.runtime.problems import FileError, Place, Problem
from services.runtime.validation import problems_of
from services.scoring.config import ScoringConfig

_SENTENCES = {
    "string_pattern_mismatch": "{input} is not a name here; use letters, digits, _ . and -, no blanks",
    NOTHING: "nothing stands behind this key; remove it, or write what is meant",
    "model_type": "{input} is no map of keys; write it such as {{name: …}}",
    "too_short": "a list here needs at least one",
    "expectation": "{input} is nothing to expect; write none, or a list of decisions such as {{rule: win-back, outcome: fired}}",
}


@dataclass(frozen=True)
class TestFile:
    """A test file that can be played."""

    __test__ = False  # for pytest, which takes it for a test of ours

    path: Path
    sheet: Sheet
    document: Document
    world: World


def find(path: Path) -> list[Path]:
    """The file itself, or all test files of a folder and below, in order; hidden ones are left out."""
    if path.is_file():
        return [path]
    return sorted(
        file
        for file in path.rglob("*")
        if is_test(file.name)
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and file.is_file()
    )


def read(path: Path, sets: RuleSets) -> TestFile | None:
    """A test file and what it is about; None for an empty one. Raise `FileError` with every problem of it and its rules."""
    document, problems = parse_one(str(path), read_file(path))
    if document is not None and _is_rule(document):
        said = f"this is a rule file; its tests stand in {path.stem.removesuffix('_test')}_test.yaml"
        raise FileError([Problem(document.place(()), "not_a_test", said)])
    if problems:
        raise FileError(problems)
    if document is None:
        return None
    sheet = _sheet(document)
    here = _world(path, sheet, document, sets)
    problems = list(check(sheet, document, here))
    if problems:
        raise FileError(problems)
    return TestFile(path, sheet, document, here)


def _is_rule(document: Document) -> bool:
    data = document.data
    return isinstance(data, dict) and "tests" not in data and ("define" in data or data.get("kind") in KINDS)


def _sheet(document: Document) -> Sheet:
    if not isinstance(document.data, dict):
        raise FileError(
            [Problem(document.place(()), "wrong_type", "a test file is a map with tests: and a list of them")]
        )
    try:
        return Sheet.model_validate(document.data)
    except ValidationError as error:
        problems = problems_of(error, document, Sheet, _SENTENCES)
        details = error.errors(include_url=False, include_input=False)
        raise FileError(_placed(*pair, document) for pair in zip(problems, details, strict=True)) from error


def _placed(problem: Problem, details: ErrorDetails, document: Document) -> Problem:
    """What is not there has no place: YAML says the beginning of what comes next."""
    return problem._replace(place=document.key_place(details["loc"])) if details["type"] == NOTHING else problem


def _world(path: Path, sheet: Sheet, document: Document, sets: RuleSets) -> World:
    paths = rule_paths(path, sheet.rules)
    problems = list(_missing(paths, sheet.rules, document))
    config = ScoringConfig()
    try:
        config = _scoring(path, sheet, document)
    except FileError as error:
        problems += error.problems
    if not problems:
        return world(sets.get(paths), sheet.zone, config)
    raise FileError(problems)


def _missing(paths: Sequence[Path], said: Sequence[str] | None, document: Document) -> Iterator[Problem]:
    for i, path in enumerate(paths if said is not None else ()):
        if not path.exists():
            where: KeyPath = ("rules", i) if isinstance(document.data["rules"], list) else ("rules",)
            yield Problem(document.place(where), "no_file", f"there is no file or folder {path}")


def _scoring(path: Path, sheet: Sheet, document: Document) -> ScoringConfig:
    if sheet.scoring is None:
        return ScoringConfig()
    file = Path(os.path.normpath(path.parent / sheet.scoring))
    if not file.is_file():
        raise FileError([Problem(document.place(("scoring",)), "no_file", f"there is no file {file}")])
    return ScoringConfig.load(file)


def no_tests(path: Path, others: int, text: str) -> FileError:
    """What is said where nothing is to be tested; `others` are tests without `text` in their name."""
    if others:
        said = f"none of {others:,} tests in {path} has {text!r} in its name"
    else:
        said = f"no tests found in {path}: a test file has a name such as winback_test.yaml, and a list of tests:"
    return FileError([Problem(Place(str(path)), "no_tests", said)])
