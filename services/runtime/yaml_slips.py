"""What is wrong with a text that is no YAML, for whoever wrote it: the slip where it was made, not where YAML stumbled."""

import re
from collections.abc import Sequence

from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError

from services.runtime.problems import Place, Problem

_BRACKETS = {"while parsing a flow sequence": "[", "while parsing a flow mapping": "{"}
_ENDS = ("'<stream end>'", "']'", "'}'")
_BEGINS_A_LINE = re.compile(r"\s*(-\s|[\w.-]+\s*:(\s|$))")
_KEY_ALONE = re.compile(r"\s*[\w.-]+")
_NO_TOKEN = re.compile(r"found character '(.+)' that cannot start any token")
_NO_END = ("expected <block end>", "expected '<document start>'")
_COLON = "："
_INDENT = "this line is indented otherwise than those above it"


def yaml_problem(file: str, text: str, error: YAMLError) -> Problem:
    """One sentence, and its place."""
    if isinstance(error, MarkedYAMLError):
        return _marked(file, text.splitlines(), error)
    said = str(error).splitlines()[0]
    position = getattr(error, "position", None)
    if not isinstance(position, int):
        return Problem(Place(file), "yaml", said)
    line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
    return Problem(Place(file, line, column), "yaml", said)


def _marked(file: str, lines: Sequence[str], error: MarkedYAMLError) -> Problem:
    said = _said(error)
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Problem(Place(file), "yaml", said)
    here = _place(file, mark)
    begin = here if error.context_mark is None else _place(file, error.context_mark)
    place, message = (
        _opened(begin, here, lines, error.context or "", said) or _misread(here, lines, said) or (here, _plainly(said))
    )
    return Problem(place, "yaml", message)


def _opened(begin: Place, here: Place, lines: Sequence[str], context: str, said: str) -> tuple[Place, str] | None:
    """About something that began earlier and does not end as it should."""
    if context == "while scanning a quoted scalar":
        return begin, "the quote is never closed"
    if said == "could not find expected ':'":
        return _full_width(begin, lines) or (begin, "there is no colon in this line; write key: value")
    bracket = _BRACKETS.get(context)
    next_begins = here.line > begin.line and _BEGINS_A_LINE.match(_line(lines, here))
    if bracket and (said.endswith(_ENDS) or next_begins):
        return begin, f"this {bracket} is never closed"
    return None


def _misread(here: Place, lines: Sequence[str], said: str) -> tuple[Place, str] | None:
    """About a line that was read together with those above it."""
    before = _line(lines, here)[: here.column - 1]
    if said == "mapping values are not allowed here":
        if not _KEY_ALONE.fullmatch(before):
            return here, "quote the whole text: it has a colon and a blank in it"
        indent = len(before) - len(before.lstrip())
        return _full_width(here._replace(line=here.line - 1), lines) or (here._replace(column=indent + 1), _INDENT)
    if said.startswith(_NO_END):
        if before.rstrip().endswith(('"', "'")):
            return here, "what begins with a quote must be quoted as a whole"
        if not before.strip() and "'-'" not in said:
            return here, _INDENT
    return None


def _plainly(said: str) -> str:
    if said == "sequence entries are not allowed here":
        return "a - begins a line of its own"
    if no_token := _NO_TOKEN.fullmatch(said):
        sign = no_token[1]
        return "this is a tab; write blanks" if sign == r"\t" else f"no text begins with {sign}; quote it"
    return said


def _full_width(place: Place, lines: Sequence[str]) -> tuple[Place, str] | None:
    column = _line(lines, place).find(_COLON) + 1
    return (place._replace(column=column), f"{_COLON} is full width; write : and a blank") if column else None


def _said(error: MarkedYAMLError) -> str:
    said = str(error.problem or error.context).splitlines()[0].split("   in ")[0].strip()
    return said.removesuffix(' in "<unicode string>"')


def _line(lines: Sequence[str], place: Place) -> str:
    return lines[place.line - 1] if 1 <= place.line <= len(lines) else ""


def _place(file: str, mark: StringMark) -> Place:
    return Place(file, mark.line + 1, mark.column + 1)
