"""Rule files as documents, with hints for what goes wrong when a condition is written in YAML."""

import re

from services.runtime.document import Document, parse
from services.runtime.problems import Problem


def parse_rules(file: str, content: bytes | str) -> tuple[list[Document], list[Problem]]:
    """All documents of one file that can be read, and everything that cannot."""
    documents, problems = parse(file, content)
    text = content if isinstance(content, str) else content.decode("utf-8-sig", "replace")
    return documents, [_hinted(problem, text.splitlines()) for problem in problems]


def _hinted(problem: Problem, lines: list[str]) -> Problem:
    if problem.code != "yaml":
        return problem
    line = problem.place.line
    written = lines[line - 1] if line <= len(lines) else ""
    if "[" in written and "(" in written:
        hint = "a condition with a comma does not fit into [ ], write the list with one - item a line"
    elif re.match(r'\s*-\s*["\']', written):
        hint = "a condition that begins with a quote must be quoted as a whole"
    else:
        return problem
    return problem._replace(message=f"{problem.message}; {hint}")
