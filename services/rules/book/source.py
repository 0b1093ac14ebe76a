"""Rule files as documents, with hints for what goes wrong when a condition is written in YAML."""

import re

from services.runtime.document import Document, parse
from services.runtime.problems import Problem

_NOT_THE_END = re.compile(r"expected ',' or '([\]}])', but got (.+)")
_QUOTES = ('"', "'")


def parse_rules(file: str, content: bytes | str) -> tuple[list[Document], list[Problem]]:
    """All documents of one file that can be read, and everything that cannot."""
    documents, problems = parse(file, content)
    text = content if isinstance(content, str) else content.decode("utf-8-sig", "replace")
    return documents, [_hinted(problem, text.splitlines()) for problem in problems]


def _hinted(problem: Problem, lines: list[str]) -> Problem:
    stumbled = _NOT_THE_END.fullmatch(problem.message)
    if problem.code != "yaml" or stumbled is None:
        return problem
    closing, found = stumbled.groups()
    line = "".join(lines[problem.place.line - 1 : problem.place.line])
    before, behind = line[: problem.place.column - 1], line[problem.place.column - 1 :]
    if found == "'['":
        return problem._replace(message=f"a condition with [ ] {_misfit(closing)}")
    if found == "'<scalar>'" and before.rstrip().endswith(_QUOTES) and not behind.startswith(_QUOTES):
        if "(" in before:
            return problem._replace(message=f"a condition with a comma {_misfit(closing)}")
        return problem._replace(message="a condition that begins with a quote must be quoted as a whole")
    return problem


def _misfit(closing: str) -> str:
    if closing == "]":
        return "does not fit into [ ]; write the list with one - item a line"
    return "does not fit into { }; quote it"
