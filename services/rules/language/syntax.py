"""The grammar of one condition, read by precedence climbing; nothing of it is ever given to Python to evaluate.

Loosest first: `or`, `and`, `not`, one comparison (chained, or `in [..]`), `+ -`, `* /`, a sign. Then come numbers with their
units, quoted text, `true` and `false`, the names of the catalogue, its functions with quoted arguments, names of defined
facts, and brackets. Types are checked as it goes (`agreement`); a tree that comes out without a problem is sound.
"""

from collections.abc import Callable

from services.rules.language.agreement import EXAMPLES, Agreement
from services.rules.language.features import FEATURES
from services.rules.language.lexer import NotAWordError, Sort, Word, words
from services.rules.language.names import MEANT, Names
from services.rules.language.parts import BROKEN, Part, Remarks
from services.rules.language.terms import Kind, Vocabulary
from services.rules.language.tree import (
    Arithmetic,
    Comparison,
    Constant,
    Logic,
    Membership,
    Money,
    Not,
    Tree,
    features_of,
)
from services.runtime.problems import Place, Problem

MAX_LENGTH = 500
MAX_DEPTH = 20

RESERVED = frozenset({"and", "or", "not", "in", "is", "true", "false", "event", "any", "none", "null"})
"""Names that a fact cannot have."""
_GRAMMAR = frozenset({"and", "or", "not", "in", "is"})
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_TRUTHS = {"true": True, "false": False}


def parse_expression(text: str, place: Place, vocabulary: Vocabulary) -> tuple[Tree, list[Problem]]:
    """The tree of one condition and everything wrong with it; the tree is of use only when nothing is."""
    return _Parser(text, place, vocabulary).truth()


def parse_value(text: str, place: Place, vocabulary: Vocabulary) -> tuple[Tree, list[Problem]]:
    """The same of an expression that may have a value of any kind."""
    tree, problems = _Parser(text, place, vocabulary).value()
    return tree, [_of_expression(problem) for problem in problems]


class _Parser:
    def __init__(self, text: str, place: Place, vocabulary: Vocabulary) -> None:
        self._remarks = Remarks(text, place)
        self._agreement = Agreement(self._remarks)
        self._names = Names(self._remarks, vocabulary)
        self._words: list[Word] = []
        self._at = 0
        self._depth = 0

    def truth(self) -> tuple[Tree, list[Problem]]:
        whole = self._agreement.truth(self._whole())
        if not self._remarks.problems and not whole.broken and not features_of(whole.tree):
            self._remarks.note(0, "constant", "this says nothing about a customer; name a feature")
        return whole.tree, self._remarks.problems

    def value(self) -> tuple[Tree, list[Problem]]:
        return self._whole().tree, self._remarks.problems

    def _whole(self) -> Part:
        nothing = Part(BROKEN, 0, 0)
        if len(self._remarks.text) > MAX_LENGTH:
            self._remarks.note(0, "too_long", f"a condition may have {MAX_LENGTH} characters; split it into several")
            return nothing
        try:
            self._words = list(words(self._remarks.text))
            whole = self._either()
            if self._word.sort is not Sort.END:
                self._unexpected()
        except NotAWordError as error:
            self._remarks.note(error.start, error.code, str(error))
            return nothing
        return whole

    # --- words

    @property
    def _word(self) -> Word:
        return self._words[self._at]

    def _next(self) -> Word:
        word = self._word
        self._at += word.sort is not Sort.END
        return word

    def _take(self, *texts: str) -> Word | None:
        """The next word, if it is one of these signs or names."""
        word = self._word
        return self._next() if word.text in texts and word.sort in {Sort.SIGN, Sort.NAME} else None

    def _expect(self, sign: str, after: str) -> Word:
        word = self._take(sign)
        if word is None:
            found = f"{self._word.text} stands there" if self._word.text else "the condition ends"
            message = f"this is not a condition: {sign} is missing {after}; {found}"
            raise NotAWordError(self._word.start, message)
        return word

    def _unexpected(self) -> None:
        word = self._word
        if word.sort is Sort.END:
            raise NotAWordError(len(self._remarks.text.rstrip()), "this is not a condition: it ends too early")
        hint = f"; write {MEANT[word.text]}" if word.text in MEANT else ""
        raise NotAWordError(word.start, f"this is not a condition: {word.text} does not fit here{hint}")

    # --- grammar, loosest first

    def _either(self) -> Part:
        return self._logic(self._both, "or")

    def _both(self) -> Part:
        return self._logic(self._negation, "and")

    def _logic(self, tighter: Callable[[], Part], word: str) -> Part:
        first = tighter()
        parts = [first]
        while self._take(word):
            parts.append(tighter())
        if len(parts) == 1:
            return first
        trees = tuple(self._agreement.truth(part).tree for part in parts)
        return Part(BROKEN if BROKEN in trees else Logic(word == "and", trees), first.start, parts[-1].end)

    def _negation(self) -> Part:
        word = self._take("not")
        if word is None:
            return self._comparison()
        self._deeper(word)
        operand = self._agreement.truth(self._negation())
        self._depth -= 1
        return Part(operand.tree if operand.broken else Not(operand.tree), word.start, operand.end)

    def _comparison(self) -> Part:
        first = self._sum()
        negated = self._word.text == "not" and self._words[self._at + 1].text == "in"
        if negated:
            self._next()
        if self._take("in"):
            return self._membership(first, negated)
        if MEANT.get(self._word.text) == "==":
            self._unexpected()
        rest: list[tuple[str, Part]] = []
        left = first
        while self._word.sort is Sort.SIGN and self._word.text in _COMPARISONS:
            operator = self._next().text
            right = (
                self._agreement.unknown(operator, left, self._next())
                if self._names.is_nothing(self._word)
                else self._sum()
            )
            left, right = self._agreement.comparable(operator, left, right)
            if rest:
                rest[-1] = (rest[-1][0], left)
            else:
                first = left
            rest.append((operator, right))
            left = right
        if not rest:
            return first
        trees = (first.tree, *(part.tree for _, part in rest))
        if BROKEN in trees:
            return Part(BROKEN, first.start, left.end)
        comparison = Comparison(first.tree, tuple((operator, part.tree) for operator, part in rest))
        return Part(comparison, first.start, left.end)

    def _membership(self, item: Part, negated: bool) -> Part:
        if self._take("[", "(") is None:
            start = self._word.start
            message = f"after in stands a list, such as [{EXAMPLES[item.kind]}]"
            raise NotAWordError(start, message, "type")
        options = [self._agreement.comparable("==", item, self._sum())]
        while self._take(","):
            options.append(self._agreement.comparable("==", item, self._sum()))
        end = self._take("]", ")") or self._expect("]", "behind the list")
        trees = tuple(option.tree for _, option in options)
        tree = options[0][0].tree
        return Part(BROKEN if BROKEN in (tree, *trees) else Membership(tree, trees, negated), item.start, end.end)

    def _sum(self) -> Part:
        return self._reckoning(self._product, "+", "-")

    def _product(self) -> Part:
        return self._reckoning(self._signed, "*", "/")

    def _reckoning(self, tighter: Callable[[], Part], *signs: str) -> Part:
        left = tighter()
        while sign := self._take(*signs):
            right = tighter()
            left, right = self._agreement.number(left), self._agreement.number(right)
            if sign.text == "/" and _is_zero(right.tree):
                right = self._remarks.refuse(right, "constant", "nothing can be divided by 0")
            broken = left.broken or right.broken
            tree = BROKEN if broken else Arithmetic(sign.text, left.tree, right.tree)
            left = Part(tree, left.start, right.end)
        return left

    def _signed(self) -> Part:
        sign = self._take("-")
        if sign is None:
            return self._primary()
        self._deeper(sign)
        operand = self._agreement.number(self._signed())
        self._depth -= 1
        match operand.tree:
            case Constant(int() | float() as value, Kind.NUMBER):
                tree: Tree = Constant(-value, Kind.NUMBER)
            case _:
                tree = BROKEN if operand.broken else Arithmetic("-", Constant(0, Kind.NUMBER), operand.tree)
        return Part(tree, sign.start, operand.end)

    def _primary(self) -> Part:
        word = self._next()
        match word.sort:
            case Sort.NUMBER:
                return self._names.constant(word, Kind.NUMBER)
            case Sort.LENGTH:
                return self._names.constant(word, Kind.LENGTH)
            case Sort.TEXT:
                return self._names.constant(word, Kind.TEXT)
            case Sort.MONEY:
                return self._names.money(word)
            case Sort.NAME if word.text not in _GRAMMAR and self._names.may_name(word.text):
                return self._name(word)
        if word.text == "(":
            self._deeper(word)
            inside = self._either()
            end = self._expect(")", "behind the brackets")
            self._depth -= 1
            return Part(inside.tree, word.start, end.end)
        self._at -= word.sort is not Sort.END
        self._unexpected()
        raise AssertionError  # pragma: no cover - the line above raises

    def _deeper(self, word: Word) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotAWordError(word.start, f"more than {MAX_DEPTH} levels in one condition", "too_deep")

    # --- values

    def _name(self, word: Word) -> Part:
        if word.text in _TRUTHS:
            return Part(Constant(_TRUTHS[word.text], Kind.BOOL), word.start, word.end)
        if word.text == "event" and (dot := self._take(".")):
            part = self._word
            if part.sort is not Sort.NAME:
                raise NotAWordError(dot.end, "this is not a condition: behind event. stands what of it is meant")
            self._next()
            return self._names.feature(Word(Sort.NAME, f"event.{part.text}", word.start, part.end))
        if self._take("("):
            return self._call(word)
        if dot := self._take("."):
            hint = f"; write {self._word.text}" if self._word.text in FEATURES else ""
            message = f"this is not a condition: there is nothing behind a dot but for event.…{hint}"
            raise NotAWordError(dot.start, message)
        return self._names.feature(word)

    def _call(self, name: Word) -> Part:
        arguments: list[Part] = []
        if not self._take(")"):
            arguments.append(self._sum())
            while self._take(","):
                arguments.append(self._sum())
            end = self._expect(")", f"behind the arguments of {name.text}").end
        else:
            end = self._words[self._at - 1].end
        return self._names.call(name, end, arguments)


def _of_expression(problem: Problem) -> Problem:
    """What is said of conditions, said of an expression."""
    if problem.code not in {"syntax", "too_long"}:
        return problem
    said = problem.message.replace("a condition", "an expression").replace("the condition", "the expression")
    return problem._replace(message=said)


def _is_zero(tree: Tree) -> bool:
    match tree:
        case Constant(value, Kind.NUMBER):
            return value == 0
        case Money(minor, _):
            return minor == 0
        case _:
            return False
