"""The grammar of one condition: a strict subset of Python expressions, read with `ast` and never evaluated by Python.

Allowed: comparison (chained too), `and` / `or` / `not`, `in [..]`, `+ - * /`, names of the catalogue, its functions with
quoted arguments, numbers, quoted text, `true` and `false`. Types are checked here; a tree that comes out is sound.
"""

import ast
import math
import re
import warnings

from services.rules.features import FEATURES
from services.rules.functions import FUNCTIONS
from services.rules.terms import BadArgumentError, Kind, Moves, Vocabulary
from services.rules.tree import (
    Arithmetic,
    Comparison,
    Constant,
    Logic,
    Membership,
    Not,
    Read,
    Tree,
    features_of,
    kind_of,
)
from services.runtime.problems import Place, Problem, suggestion

MAX_LENGTH = 500
MAX_DEPTH = 20
MAX_NUMBER = 10**15

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_WORDS = {"true": True, "false": False}
_LATER = frozenset({"event", "since", "tier_days"})
_BROKEN = Constant(None, Kind.ANY)
_HINTS = (
    (re.compile(r"(?<![<>=!])=(?!=)"), "write == to compare"),
    (re.compile(r"&&|&"), "write and"),
    (re.compile(r"\|\||\|"), "write or"),
    (re.compile(r"!(?!=)"), "write not"),
    (re.compile("[“”‘’「」]"), 'write plain quotes: "'),
    (re.compile("[（），＝＞＜！]"), "write ( ) , = > < ! in half width"),
)


def parse_expression(text: str, place: Place, vocabulary: Vocabulary) -> tuple[Tree, list[Problem]]:
    """The tree of one condition and everything wrong with it; the tree is of use only when nothing is."""
    return _Parser(text, place, vocabulary).parse()


class _Parser:
    def __init__(self, text: str, place: Place, vocabulary: Vocabulary) -> None:
        self.text = " ".join(text.splitlines()) if "\n" in text else text
        self.place = place
        self.vocabulary = vocabulary
        self.problems: list[Problem] = []
        # a text over several lines has lost its columns
        self._precise = "\n" not in text
        self._bytes = self.text.encode("utf-8", "surrogatepass")

    def parse(self) -> tuple[Tree, list[Problem]]:
        if len(self.text) > MAX_LENGTH:
            self._note(0, "too_long", f"a condition may have {MAX_LENGTH} characters; split it into several")
            return _BROKEN, self.problems
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = ast.parse(self.text.strip(), mode="eval").body
        except SyntaxError as error:
            hint = next((f"; {hint}" for shape, hint in _HINTS if shape.search(self.text)), "")
            self._note((error.offset or 1) - 1, "syntax", f"this is not a condition: {error.msg}{hint}")
            return _BROKEN, self.problems
        except (ValueError, RecursionError, MemoryError):
            self._note(0, "syntax", "this is not a condition")
            return _BROKEN, self.problems
        tree = self._truth(body, 0)
        if not self.problems and not features_of(tree):
            self._note(0, "constant", "this says nothing about a customer; name a feature")
        return tree, self.problems

    def _note(self, offset: int, code: str, message: str) -> None:
        self.problems.append(Problem(self.place.right(offset) if self._precise else self.place, code, message))

    def _refuse(self, node: ast.expr, code: str, message: str) -> Tree:
        # ast counts UTF-8 bytes, people count characters; leading blanks were stripped
        lead = len(self.text) - len(self.text.lstrip())
        before = self._bytes.lstrip()[: node.col_offset]
        self._note(lead + len(before.decode("utf-8", "replace")), code, message)
        return _BROKEN

    def _truth(self, node: ast.expr, depth: int) -> Tree:
        tree = self._tree(node, depth)
        if tree is not _BROKEN and kind_of(tree) is not Kind.BOOL:
            hint = f"; compare it, such as {ast.unparse(node)} == {_EXAMPLES[kind_of(tree)]}"
            return self._refuse(node, "type", f"{_said(node)} is {_a(kind_of(tree))}, not yes or no{hint}")
        return tree

    def _tree(self, node: ast.expr, depth: int) -> Tree:  # noqa: C901, PLR0911 - one case per kind of node
        if depth > MAX_DEPTH:
            return self._refuse(node, "too_deep", f"more than {MAX_DEPTH} levels in one condition")
        match node:
            case ast.BoolOp(op, values):
                return Logic(isinstance(op, ast.And), tuple(self._truth(v, depth + 1) for v in values))
            case ast.UnaryOp(ast.Not(), operand):
                return Not(self._truth(operand, depth + 1))
            case ast.UnaryOp(ast.USub(), operand):
                return self._arithmetic("-", Constant(0, Kind.NUMBER), self._number(operand, depth))
            case ast.BinOp(left, op, right) if type(op) in _OPERATORS:
                return self._arithmetic(_OPERATORS[type(op)], self._number(left, depth), self._number(right, depth))
            case ast.Compare():
                return self._compare(node, depth)
            case ast.Constant(value):
                return self._constant(node, value)
            case ast.Name(name):
                return self._name(node, name)
            case ast.Call():
                return self._call(node)
            case ast.Attribute(ast.Name(name), _) if name in _LATER:
                return self._refuse(node, "not_supported", f"{name}.… is not supported yet")
        return self._refuse(node, "not_allowed", f"{_said(node)} is not allowed in a condition")

    def _arithmetic(self, operator: str, left: Tree, right: Tree) -> Tree:
        return _BROKEN if _BROKEN in {left, right} else Arithmetic(operator, left, right)

    def _number(self, node: ast.expr, depth: int) -> Tree:
        tree = self._tree(node, depth + 1)
        if kind_of(tree) not in {Kind.NUMBER, Kind.ANY}:
            return self._refuse(
                node, "type", f"{_said(node)} is {_a(kind_of(tree))}; only numbers can be reckoned with"
            )
        if any(f.moves is Moves.STEADILY for f in features_of(tree)):
            names = ", ".join(f.name for f in features_of(tree) if f.moves is Moves.STEADILY)
            message = f"{names} cannot be reckoned with; compare it with a value, such as {names} >= 40"
            return self._refuse(node, "not_supported", message)
        return tree

    def _compare(self, node: ast.Compare, depth: int) -> Tree:
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
            return self._membership(node, isinstance(node.ops[0], ast.NotIn), depth)
        nodes = [node.left, *node.comparators]
        trees = [self._tree(n, depth + 1) for n in nodes]
        rest = []
        for i, op in enumerate(node.ops):
            operator = _COMPARISONS.get(type(op))
            if operator is None:
                return self._refuse(nodes[i + 1], "not_allowed", "only == != < <= > >= and in [..] compare")
            self._comparable(operator, (nodes[i], trees[i]), (nodes[i + 1], trees[i + 1]))
            rest.append((operator, trees[i + 1]))
        return _BROKEN if _BROKEN in trees else Comparison(trees[0], tuple(rest))

    def _membership(self, node: ast.Compare, negated: bool, depth: int) -> Tree:
        item = self._tree(node.left, depth + 1)
        (options,) = node.comparators
        if not isinstance(options, ast.List | ast.Tuple) or not options.elts:
            return self._refuse(options, "type", f"after in stands a list, such as [{_EXAMPLES[kind_of(item)]}]")
        trees = [self._tree(option, depth + 1) for option in options.elts]
        for option, tree in zip(options.elts, trees, strict=True):
            self._comparable("==", (node.left, item), (option, tree))
        return _BROKEN if _BROKEN in (item, *trees) else Membership(item, tuple(trees), negated)

    def _comparable(self, operator: str, left: tuple[ast.expr, Tree], right: tuple[ast.expr, Tree]) -> None:
        kinds = kind_of(left[1]), kind_of(right[1])
        if _BROKEN in {left[1], right[1]}:
            return
        if Kind.ANY not in kinds and kinds[0] is not kinds[1]:
            message = f"{_said(left[0])} is {_a(kinds[0])}, {_said(right[0])} is {_a(kinds[1])}; they never compare"
            self._refuse(right[0], "type", message)
        elif operator not in {"==", "!="} and not set(kinds) <= {Kind.NUMBER, Kind.ANY}:
            self._refuse(right[0], "type", f"{operator} compares numbers; write == or != for {_a(kinds[0])}")
        elif len([t for _, t in (left, right) if any(f.moves.ticking for f in features_of(t))]) > 1:
            steady = [f.name for _, t in (left, right) for f in features_of(t) if f.moves is Moves.STEADILY]
            if steady:
                message = f"{steady[0]} compares only with a value that time does not change"
                self._refuse(right[0], "not_supported", message)
        for one, (place, other) in ((left[1], right), (right[1], left)):
            if isinstance(one, Read) and one.feature.choices and isinstance(other, Constant):
                choices = one.feature.choices
                if other.value not in choices:
                    hint = suggestion(str(other.value), choices) or f"; one of {', '.join(sorted(choices))}"
                    self._refuse(place, "unknown_value", f"{one.feature.name} is never {other.value}{hint}")

    def _constant(self, node: ast.expr, value: object) -> Tree:
        if isinstance(value, bool):
            return Constant(value, Kind.BOOL)
        if isinstance(value, str):
            return Constant(value, Kind.TEXT)
        if isinstance(value, int | float):
            if not math.isfinite(value) or abs(value) > MAX_NUMBER:
                return self._refuse(node, "too_large", f"numbers reach up to {MAX_NUMBER:,}")
            return Constant(value, Kind.NUMBER)
        return self._refuse(node, "not_allowed", f"{_said(node)} is not allowed in a condition")

    def _name(self, node: ast.expr, name: str) -> Tree:
        if name in FEATURES:
            return Read(FEATURES[name])
        if name in _WORDS:
            return Constant(_WORDS[name], Kind.BOOL)
        if name in FUNCTIONS:
            return self._refuse(node, "bad_call", f"{name} needs an argument: {FUNCTIONS[name].signature}")
        if name in _LATER:
            return self._refuse(node, "not_supported", f"{name} is not supported yet")
        if any(name in feature.choices for feature in FEATURES.values()):
            return self._refuse(node, "unknown_name", f'there is no feature {name}; a text stands in quotes: "{name}"')
        hint = suggestion(name, {**FEATURES, **FUNCTIONS})
        return self._refuse(node, "unknown_name", f"there is no feature {name}{hint}")

    def _call(self, node: ast.Call) -> Tree:
        name = ast.unparse(node.func)
        function = FUNCTIONS.get(name)
        if function is None:
            if name in FEATURES:
                return self._refuse(node, "bad_call", f"{name} takes no argument; write {name} alone")
            if name in _LATER:
                return self._refuse(node, "not_supported", f"{name}(…) is not supported yet")
            return self._refuse(node, "unknown_name", f"there is no function {name}{suggestion(name, FUNCTIONS)}")
        arguments = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        few, many = function.arguments
        if node.keywords or len(arguments) != len(node.args) or not few <= len(arguments) <= many:
            return self._refuse(node, "bad_call", f"write {function.signature}, with quoted text in the brackets")
        try:
            return Read(function.bind(tuple(arguments), self.vocabulary))
        except BadArgumentError as error:
            return self._refuse(node.args[error.position], "unknown_value", str(error))


_EXAMPLES = {Kind.NUMBER: "3", Kind.TEXT: '"text"', Kind.BOOL: "true", Kind.ANY: '"text"'}


def _a(kind: Kind) -> str:
    return {Kind.NUMBER: "a number", Kind.TEXT: "text", Kind.BOOL: "yes or no", Kind.ANY: "of any type"}[kind]


def _said(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else f"{text[:37]}…"  # noqa: PLR2004 - what fits into a sentence
