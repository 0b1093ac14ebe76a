"""The words of a text's expressions with their places, and what can be told wrong from them alone.

A text shows values, and chooses by `if`. It does not loop, call, set, include or calculate, so it ends, and its length is
bounded by that of its source and of the values. What this list of words lets through, `grammar` checks once more as a tree.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from jinja2 import TemplateSyntaxError
from jinja2.environment import Environment

from services.notifier.templates.filters import FILTERS, TESTS
from services.notifier.templates.values import Form, invisible
from services.runtime.problems import suggestion

MAX_SOURCE = 32_768
"""Characters of one text."""
MAX_WORDS = 60
"""Words of one expression."""
MAX_NESTING = 6
"""Brackets within brackets, and ifs within ifs."""

BLOCKS = frozenset({"if", "elif", "else", "endif"})
_OPERATORS = frozenset({".", "[", "]", "(", ")", ",", "|", "==", "!=", ">", ">=", "<", "<="})
KEYWORDS = frozenset({"and", "or", "not", "in", "is", "if", "else", "elif", "endif", "true", "false", "none"}) | {
    "True",
    "False",
    "None",
}
_BEGINS = {"variable_begin": "{{", "block_begin": "{%", "comment_begin": "{#"}
_ENDS = frozenset({"variable_end", "block_end", "comment_end", "raw_end"})
_SILENT = frozenset({"whitespace", "comment"})
_LIKENESS = 0.7
"""How much like a known word another must be to be taken for a slip: these are short."""
_IN_BRACKETS = "a name with a - in it stands in brackets, such as tier['coupon-hunters']"
_NO_SUMS = "a text shows values and does not calculate; let the rule's params do it"


class Slip(NamedTuple):
    """Something wrong in a text; line and column count from 1 within it."""

    line: int
    column: int
    code: str
    message: str


class Token(NamedTuple):
    kind: str
    text: str
    line: int
    column: int

    def slip(self, code: str, message: str) -> Slip:
        return Slip(self.line, self.column, code, message)


def unseen(source: str) -> Iterator[Slip]:
    """Characters that nobody sees, and that may make a text read otherwise than it is written."""
    for row, line in enumerate(source.split("\n"), 1):
        for column, character in enumerate(line, 1):
            if character != "\t" and invisible(character):
                message = f"an invisible character (U+{ord(character):04X}) stands here; delete it"
                yield Slip(row, column, "invisible", message)


def tokens(environment: Environment, source: str) -> tuple[list[Token], list[Slip]]:
    """All words of a source as far as they can be told apart, and what is wrong where they cannot."""
    found: list[Token] = []
    at = 0
    try:
        for _, kind, text in environment.lex(source):
            # the lexer leaves out blanks that the template does not want
            at = max(source.find(text, at), at)
            line, column = source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at)
            found.append(Token(kind, text, line, column))
            at += len(text)
    except TemplateSyntaxError as error:
        return found, [_unreadable(found, error, source, at)]
    begin = _open(found)
    if begin is not None:
        return found, [begin.slip("syntax", f"this {_BEGINS.get(begin.kind, begin.text)} is never closed")]
    return found, []


def _open(found: Sequence[Token]) -> Token | None:
    """What begins last and does not end."""
    for token in reversed(found):
        if token.kind in _ENDS:
            return None
        if token.kind in _BEGINS:
            return token
    return None


def _unreadable(found: Sequence[Token], error: TemplateSyntaxError, source: str, at: int) -> Slip:
    begin = _open(found)
    at += len(source[at:]) - len(source[at:].lstrip())
    line, column = source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at)
    sign = source[at : at + 1]
    if begin is not None and (not sign or sign in "}%\"'"):
        return begin.slip("syntax", f"this {_BEGINS[begin.kind]} is never closed")
    said = (error.message or "it cannot be read").splitlines()[0]
    return Slip(line, column, "syntax", said[:1].lower() + said[1:])


def strays(found: Sequence[Token], form: Form) -> Iterator[Slip]:
    """Placeholders as others write them, which would be sent as they stand. In HTML, `}}` may be the end of a style."""
    signs = ("${", "｛｛", "{｛") if form is Form.HTML else ("${", "｛｛", "{｛", "}}", "%}", "｝｝")
    for token in found:
        if token.kind != "data":
            continue
        for sign in signs:
            at = token.text.find(sign)
            if at >= 0:
                line = token.line + token.text.count("\n", 0, at)
                before = token.text.rfind("\n", 0, at)
                column = at - before if before >= 0 else token.column + at
                yield Slip(line, column, "stray", f"{sign} would be sent as it stands; write {{{{ name }}}}")
                break


def forbidden(found: Sequence[Token]) -> Iterator[Slip]:
    """Words that no text may have, and expressions that are too long or too deep."""
    words = [token for token in found if token.kind not in _SILENT]
    ifs: list[Token] = []
    depth = length = 0
    for i, token in enumerate(words):
        if token.kind in _BEGINS:
            depth = length = 0
        length += 1
        depth += token.kind == "operator" and token.text in "(["
        depth -= token.kind == "operator" and token.text in ")]"
        if length == MAX_WORDS or depth > MAX_NESTING:
            yield token.slip("too_long", "this expression is too long; let the rule's params do the work")
            return
        match token.kind:
            case "raw_begin":
                yield token.slip("not_allowed", "{% raw %} is not allowed here")
            case "operator" if token.text not in _OPERATORS:
                in_a_name = token.text == "-" and i > 1 and words[i - 2].text == "."
                said = _IN_BRACKETS if in_a_name else f"{token.text} is not allowed here; {_NO_SUMS}"
                yield token.slip("not_allowed", said)
            case "name" if i and words[i - 1].kind == "block_begin":
                yield from _block(token, ifs)
            case "name":
                yield from _name(words, i)
    for token in ifs:
        yield token.slip("syntax", "this if never ends; write {% endif %} behind what it is about")


def _block(token: Token, ifs: list[Token]) -> Iterator[Slip]:
    if token.text not in BLOCKS:
        hint = suggestion(token.text, BLOCKS, _LIKENESS) or "; a text knows if, elif, else and endif"
        yield token.slip("not_allowed", f"{{% {token.text} %}} is not allowed here{hint}")
    elif token.text == "if":
        ifs.append(token)
        if len(ifs) == MAX_NESTING + 1:
            yield token.slip("too_long", f"more than {MAX_NESTING} ifs within each other")
    elif not ifs:
        yield token.slip("syntax", f"there is no {{% if %}} before this {token.text}")
    elif token.text == "endif":
        ifs.pop()


def _name(words: Sequence[Token], i: int) -> Iterator[Slip]:
    token, role = words[i], _role(words, i)
    if token.text.startswith("_"):
        yield token.slip("not_allowed", f"{token.text} is not for texts: no name in them begins with _")
    elif role == "filter" and token.text not in FILTERS:
        hint = suggestion(token.text, FILTERS, _LIKENESS) or f"; there are {', '.join(FILTERS)}"
        yield token.slip("unknown_filter", f"there is no filter {token.text}{hint}")
    elif role == "test" and token.text not in TESTS:
        yield token.slip("unknown_test", f"nothing can be asked by is {token.text}; there are {', '.join(TESTS)}")
    elif role in {"value", "part"} and i + 1 < len(words) and words[i + 1].text == "(":
        yield token.slip("not_allowed", f"{token.text}( ) is a call; a text calls nothing")


def _role(words: Sequence[Token], i: int) -> str:
    """What a name is within its expression."""
    before = [word.text if word.kind in {"name", "operator"} else "" for word in words[max(i - 2, 0) : i]]
    if words[i].text in KEYWORDS:
        return "keyword"
    if before[-1:] == ["is"] or before == ["is", "not"]:
        return "test"
    return {"|": "filter", ".": "part"}.get(before[-1] if before else "", "value")


def names(found: Sequence[Token]) -> dict[str, Token]:
    """Every value that is named, such as `recency_days` or `tier.community`, and where it is named first."""
    words = [token for token in found if token.kind not in _SILENT]
    first: dict[str, Token] = {}
    for i, token in enumerate(words):
        if token.kind == "name" and _role(words, i) == "value":
            first.setdefault(_dotted(words, i), token)
    return first


def _dotted(words: Sequence[Token], i: int) -> str:
    name, i = words[i].text, i + 1
    while i + 1 < len(words):
        if words[i].text == "." and words[i + 1].kind == "name":
            name, i = f"{name}.{words[i + 1].text}", i + 2
        elif words[i].text == "[" and words[i + 1].kind == "string":
            name, i = f"{name}.{words[i + 1].text[1:-1]}", i + 3
        else:
            break
    return name
