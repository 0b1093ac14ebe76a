"""The grammar of one condition, read by precedence climbing; nothing of it is ever given to Python to evaluate.

Loosest first: `or`, `and`, `not`, one comparison (chained, or `in [..]`), `+ -`, `* /`, a sign. Then come numbers with their
units, quoted text, `true` and `false`, the names of the catalogue, its functions with quoted arguments, names of defined
facts, and brackets. Types are checked here; a tree that comes out without a problem is sound.
"""

from collections.abc import Callable
from typing import NamedTuple

from services.rules.language.features import FEATURES, known_kind, unknown_kind
from services.rules.language.functions import FUNCTIONS
from services.rules.language.lexer import NotAWordError, Sort, Word, words
from services.rules.language.terms import CALENDAR_DAYS, BadArgumentError, Feature, Kind, Moves, Vocabulary
from services.rules.language.tree import (
    Arithmetic,
    Comparison,
    Constant,
    Logic,
    Membership,
    Money,
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

RESERVED = frozenset({"and", "or", "not", "in", "is", "true", "false", "event", "any", "none", "null"})
"""Names that a fact cannot have."""
_GRAMMAR = frozenset({"and", "or", "not", "in", "is"})
_MEANT = {
    **dict.fromkeys(("is", "是", "等于"), "=="),
    **dict.fromkeys(("AND", "And", "且", "并且", "和", "与"), "and"),
    **dict.fromkeys(("OR", "Or", "或", "或者"), "or"),
    **dict.fromkeys(("NOT", "Not", "非", "不"), "not"),
    **dict.fromkeys(("IN", "In"), "in"),
    **dict.fromkeys(("TRUE", "True"), "true"),
    **dict.fromkeys(("FALSE", "False"), "false"),
}
"""What somebody means who writes a word that only looks like one of the language; a fact may still have such a name."""
_NOTHING = frozenset({"null", "Null", "NULL", "none", "None", "nil", "unknown"})
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_TRUTHS = {"true": True, "false": False}
_BROKEN = Constant(None, Kind.ANY)
_DAY_MS = 86_400_000
_LONGEST_QUOTE = 40
_MISSPELT = 0.8
"""So like a feature must be what is probably a text."""
_EXAMPLES = {Kind.NUMBER: "3", Kind.TEXT: '"text"', Kind.BOOL: "true", Kind.LENGTH: "36h", Kind.ANY: '"text"'}
_NOUNS = {
    Kind.NUMBER: "a number",
    Kind.TEXT: "text",
    Kind.BOOL: "yes or no",
    Kind.LENGTH: "a length of time",
    Kind.ANY: "of any type",
}


def parse_expression(text: str, place: Place, vocabulary: Vocabulary) -> tuple[Tree, list[Problem]]:
    """The tree of one condition and everything wrong with it; the tree is of use only when nothing is."""
    return _Parser(text, place, vocabulary).parse()


class _Part(NamedTuple):
    """A tree and where it stands in the text, for messages."""

    tree: Tree
    start: int
    end: int

    @property
    def broken(self) -> bool:
        return self.tree is _BROKEN

    @property
    def kind(self) -> Kind:
        return kind_of(self.tree)

    @property
    def ticking(self) -> list[Feature]:
        return [feature for feature in features_of(self.tree) if feature.moves.ticking]

    @property
    def steady(self) -> list[Feature]:
        return [feature for feature in self.ticking if feature.moves is Moves.STEADILY]


class _Parser:
    def __init__(self, text: str, place: Place, vocabulary: Vocabulary) -> None:
        self.text = " ".join(text.splitlines()) if "\n" in text else text
        self.place = place
        self.vocabulary = vocabulary
        self.problems: list[Problem] = []
        # a text over several lines has lost its columns
        self._precise = "\n" not in text
        self._words: list[Word] = []
        self._at = 0
        self._depth = 0

    def parse(self) -> tuple[Tree, list[Problem]]:
        if len(self.text) > MAX_LENGTH:
            self._note(0, "too_long", f"a condition may have {MAX_LENGTH} characters; split it into several")
            return _BROKEN, self.problems
        try:
            self._words = list(words(self.text))
            whole = self._either()
            if self._word.sort is not Sort.END:
                self._unexpected()
            whole = self._truth(whole)
        except NotAWordError as error:
            self._note(error.start, error.code, str(error))
            return _BROKEN, self.problems
        if not self.problems and not whole.broken and not features_of(whole.tree):
            self._note(0, "constant", "this says nothing about a customer; name a feature")
        return whole.tree, self.problems

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
            raise NotAWordError(len(self.text.rstrip()), "this is not a condition: it ends too early")
        hint = f"; write {_MEANT[word.text]}" if word.text in _MEANT else ""
        raise NotAWordError(word.start, f"this is not a condition: {word.text} does not fit here{hint}")

    # --- grammar, loosest first

    def _either(self) -> _Part:
        return self._logic(self._both, "or")

    def _both(self) -> _Part:
        return self._logic(self._negation, "and")

    def _logic(self, tighter: Callable[[], _Part], word: str) -> _Part:
        first = tighter()
        parts = [first]
        while self._take(word):
            parts.append(tighter())
        if len(parts) == 1:
            return first
        trees = tuple(self._truth(part).tree for part in parts)
        return _Part(_BROKEN if _BROKEN in trees else Logic(word == "and", trees), first.start, parts[-1].end)

    def _negation(self) -> _Part:
        word = self._take("not")
        if word is None:
            return self._comparison()
        self._deeper(word)
        operand = self._truth(self._negation())
        self._depth -= 1
        return _Part(operand.tree if operand.broken else Not(operand.tree), word.start, operand.end)

    def _comparison(self) -> _Part:
        first = self._sum()
        negated = self._word.text == "not" and self._words[self._at + 1].text == "in"
        if negated:
            self._next()
        if self._take("in"):
            return self._membership(first, negated)
        if _MEANT.get(self._word.text) == "==":
            self._unexpected()
        rest: list[tuple[str, _Part]] = []
        left = first
        while self._word.sort is Sort.SIGN and self._word.text in _COMPARISONS:
            operator = self._next().text
            right = self._unknown(operator, left) if self._is_nothing(self._word) else self._sum()
            left, right = self._comparable(operator, left, right)
            if rest:
                rest[-1] = (rest[-1][0], left)
            else:
                first = left
            rest.append((operator, right))
            left = right
        if not rest:
            return first
        trees = (first.tree, *(part.tree for _, part in rest))
        if _BROKEN in trees:
            return _Part(_BROKEN, first.start, left.end)
        comparison = Comparison(first.tree, tuple((operator, part.tree) for operator, part in rest))
        return _Part(comparison, first.start, left.end)

    def _is_nothing(self, word: Word) -> bool:
        return word.sort is Sort.NAME and word.text in _NOTHING and word.text not in self.vocabulary.defined

    def _unknown(self, operator: str, left: _Part) -> _Part:
        """Compared with nothing; the way out is a comparison that holds for every known value."""
        written = self._written(left)
        known = {
            Kind.BOOL: written,
            Kind.NUMBER: f"{written} >= 0",
            Kind.LENGTH: f"{written} >= 0s",
            Kind.TEXT: f'{written} != ""',
            # whatever it is, it is like itself
            Kind.ANY: f"{written} == {written}",
        }[left.kind]
        way_out = f"{known} for those who have one" if operator == "!=" else f"not ({known}) for those who have none"
        return self._refuse(self._next(), "unknown_name", f"nothing equals unknown; write {way_out}")

    def _membership(self, item: _Part, negated: bool) -> _Part:
        if self._take("[", "(") is None:
            start = self._word.start
            message = f"after in stands a list, such as [{_EXAMPLES[item.kind]}]"
            raise NotAWordError(start, message, "type")
        options = [self._comparable("==", item, self._sum())]
        while self._take(","):
            options.append(self._comparable("==", item, self._sum()))
        end = self._take("]", ")") or self._expect("]", "behind the list")
        trees = tuple(option.tree for _, option in options)
        tree = options[0][0].tree
        return _Part(_BROKEN if _BROKEN in (tree, *trees) else Membership(tree, trees, negated), item.start, end.end)

    def _sum(self) -> _Part:
        return self._reckoning(self._product, "+", "-")

    def _product(self) -> _Part:
        return self._reckoning(self._signed, "*", "/")

    def _reckoning(self, tighter: Callable[[], _Part], *signs: str) -> _Part:
        left = tighter()
        while sign := self._take(*signs):
            right = tighter()
            left, right = self._number(left), self._number(right)
            if sign.text == "/" and _is_zero(right.tree):
                right = self._refuse(right, "constant", "nothing can be divided by 0")
            broken = left.broken or right.broken
            tree = _BROKEN if broken else Arithmetic(sign.text, left.tree, right.tree)
            left = _Part(tree, left.start, right.end)
        return left

    def _signed(self) -> _Part:
        sign = self._take("-")
        if sign is None:
            return self._primary()
        self._deeper(sign)
        operand = self._number(self._signed())
        self._depth -= 1
        match operand.tree:
            case Constant(int() | float() as value, Kind.NUMBER):
                tree: Tree = Constant(-value, Kind.NUMBER)
            case _:
                tree = _BROKEN if operand.broken else Arithmetic("-", Constant(0, Kind.NUMBER), operand.tree)
        return _Part(tree, sign.start, operand.end)

    def _primary(self) -> _Part:
        word = self._next()
        match word.sort:
            case Sort.NUMBER:
                return self._constant(word, Kind.NUMBER)
            case Sort.LENGTH:
                return self._constant(word, Kind.LENGTH)
            case Sort.TEXT:
                return self._constant(word, Kind.TEXT)
            case Sort.MONEY:
                return self._money(word)
            case Sort.NAME if word.text not in _GRAMMAR and self._may_name(word.text):
                return self._name(word)
        if word.text == "(":
            self._deeper(word)
            inside = self._either()
            end = self._expect(")", "behind the brackets")
            self._depth -= 1
            return _Part(inside.tree, word.start, end.end)
        self._at -= word.sort is not Sort.END
        self._unexpected()
        raise AssertionError  # pragma: no cover - the line above raises

    def _may_name(self, name: str) -> bool:
        return name not in _MEANT or name in self.vocabulary.defined

    def _deeper(self, word: Word) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotAWordError(word.start, f"more than {MAX_DEPTH} levels in one condition", "too_deep")

    # --- values

    def _constant(self, word: Word, kind: Kind) -> _Part:
        value = word.value
        if isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
            return self._refuse(word, "too_large", f"numbers reach up to {MAX_NUMBER:,}")
        return _Part(Constant(value, kind), word.start, word.end)

    def _money(self, word: Word) -> _Part:
        if not isinstance(word.value, int) or word.value > MAX_NUMBER:
            return self._refuse(word, "too_large", f"amounts reach up to {MAX_NUMBER:,} minor units")
        return _Part(Money(word.value, word.unit), word.start, word.end)

    def _name(self, word: Word) -> _Part:
        if word.text in _TRUTHS:
            return _Part(Constant(_TRUTHS[word.text], Kind.BOOL), word.start, word.end)
        if word.text == "event" and (dot := self._take(".")):
            part = self._word
            if part.sort is not Sort.NAME:
                raise NotAWordError(dot.end, "this is not a condition: behind event. stands what of it is meant")
            self._next()
            return self._feature(Word(Sort.NAME, f"event.{part.text}", word.start, part.end))
        if self._take("("):
            return self._call(word)
        if dot := self._take("."):
            hint = f"; write {self._word.text}" if self._word.text in FEATURES else ""
            message = f"this is not a condition: there is nothing behind a dot but for event.…{hint}"
            raise NotAWordError(dot.start, message)
        return self._feature(word)

    def _feature(self, word: Word) -> _Part:  # noqa: PLR0911 - one sentence for each way to be wrong
        name = word.text
        if name in FEATURES:
            return _Part(Read(FEATURES[name]), word.start, word.end)
        if name in self.vocabulary.defined:
            return self._fact(word)
        if name == "tier_days" and self.vocabulary.ladder is not None:
            return self._bound(word, "tier_days", [Word(Sort.TEXT, "", word.start, word.end, self.vocabulary.ladder)])
        if name in FUNCTIONS:
            return self._refuse(word, "bad_call", f"{name} needs an argument: {FUNCTIONS[name].signature}")
        if any(name in feature.choices for feature in FEATURES.values()):
            hint = suggestion(name, FEATURES, _MISSPELT)
            return self._refuse(
                word, "unknown_name", f'there is no feature {name}{hint}; a text stands in quotes: "{name}"'
            )
        if name in _NOTHING:
            return self._refuse(word, "unknown_name", "nothing equals unknown; write such as not (recency_days >= 0)")
        if name == "event":
            return self._refuse(word, "bad_call", "event is not a value; name a part of it, such as event.kind")
        hint = suggestion(name, [*FEATURES, *FUNCTIONS, *self.vocabulary.defined])
        return self._refuse(word, "unknown_name", f"there is no feature {name}{hint}")

    def _fact(self, word: Word) -> _Part:
        """A defined fact; a broken one is told about where it is defined."""
        tree, ladder = self.vocabulary.defined[word.text] or _BROKEN, self.vocabulary.ladder
        of_tier = (feature.name for feature in features_of(tree) if feature.of_tier)
        if ladder is not None and any(name != f'tier_days("{ladder}")' for name in of_tier):
            return self._refuse(word, "not_allowed", f"{word.text} asks for a tier; only campaigns can")
        return _Part(tree, word.start, word.end)

    def _call(self, name: Word) -> _Part:
        arguments: list[_Part] = []
        if not self._take(")"):
            arguments.append(self._sum())
            while self._take(","):
                arguments.append(self._sum())
            end = self._expect(")", f"behind the arguments of {name.text}").end
        else:
            end = self._words[self._at - 1].end
        whole = Word(Sort.NAME, name.text, name.start, end)
        function = FUNCTIONS.get(name.text)
        if function is None:
            if name.text in FEATURES:
                return self._refuse(whole, "bad_call", f"{name.text} takes no argument; write {name.text} alone")
            if name.text in self.vocabulary.defined:
                return self._refuse(whole, "bad_call", f"{name.text} is a fact; write it without brackets")
            hint = suggestion(name.text, FUNCTIONS)
            return self._refuse(whole, "unknown_name", f"there is no function {name.text}{hint}")
        texts = [
            Word(Sort.TEXT, "", part.start, part.end, part.tree.value)
            for part in arguments
            if isinstance(part.tree, Constant) and part.tree.kind is Kind.TEXT
        ]
        few, many = function.arguments
        if len(texts) != len(arguments) or not few <= len(texts) <= many:
            # what is wrong with an argument that is no text is not worth a sentence of its own
            self.problems = [p for p in self.problems if not self._within(p, name.end, end)]
            return self._refuse(whole, "bad_call", f"write {function.signature}, with quoted text in the brackets")
        if empty := next((text for text in texts if not str(text.value).strip()), None):
            return self._refuse(empty, "unknown_value", "nothing stands between the quotes")
        return self._bound(whole, name.text, texts)

    def _bound(self, whole: Word, name: str, arguments: list[Word]) -> _Part:
        try:
            feature = FUNCTIONS[name].bind(tuple(str(word.value) for word in arguments), self.vocabulary)
        except BadArgumentError as error:
            return self._refuse(arguments[error.position], "unknown_value", str(error))
        return _Part(Read(feature), whole.start, whole.end)

    # --- types

    def _truth(self, part: _Part) -> _Part:
        if part.broken or part.kind is Kind.BOOL:
            return part
        written = self._written(part)
        hint = f"; compare it, such as {written} == {_EXAMPLES[part.kind]}"
        return self._refuse(part, "type", f"{written} is {_NOUNS[part.kind]}, not yes or no{hint}")

    def _number(self, part: _Part) -> _Part:
        if part.broken:
            return part
        if part.steady:
            feature = part.steady[0]
            example = f"{feature.name} >= {'24h' if feature.kind is Kind.LENGTH else '40'}"
            message = f"{feature.name} cannot be reckoned with; compare it with a value, such as {example}"
            return self._refuse(part, "not_supported", message)
        if part.kind not in {Kind.NUMBER, Kind.ANY}:
            message = f"{self._written(part)} is {_NOUNS[part.kind]}; only numbers can be reckoned with"
            return self._refuse(part, "type", message)
        return part

    def _comparable(self, operator: str, left: _Part, right: _Part) -> tuple[_Part, _Part]:
        """Both sides, a length turned into days where the other side counts days."""
        if left.broken or right.broken:
            return left, right
        left, right = self._in_days(left, right), self._in_days(right, left)
        if left.broken or right.broken:
            return left, right
        kinds = left.kind, right.kind
        if Kind.ANY not in kinds and kinds[0] is not kinds[1]:
            hint = "; write a unit, such as 36h" if set(kinds) == {Kind.LENGTH, Kind.NUMBER} else "; they never compare"
            message = f"{self._written(left)} is {_NOUNS[kinds[0]]}, {self._written(right)} is {_NOUNS[kinds[1]]}{hint}"
            return left, self._refuse(right, "type", message)
        if operator not in {"==", "!="} and not set(kinds) <= {Kind.NUMBER, Kind.LENGTH, Kind.ANY}:
            message = f"{operator} compares numbers; write == or != for {_NOUNS[kinds[0]]}"
            return left, self._refuse(right, "type", message)
        if left.ticking and right.ticking and (left.steady or right.steady):
            name = (left.steady or right.steady)[0].name
            message = f"{name} compares only with a value that time does not change"
            return left, self._refuse(right, "not_supported", message)
        for one, other in ((left, right), (right, left)):
            self._check_choice(one, other)
        return left, right

    def _in_days(self, part: _Part, other: _Part) -> _Part:
        tree = part.tree
        counts_days = isinstance(other.tree, Read) and other.tree.feature.unit == CALENDAR_DAYS
        if not (
            counts_days and isinstance(tree, Constant) and tree.kind is Kind.LENGTH and isinstance(tree.value, int)
        ):
            return part
        if tree.value % _DAY_MS:
            message = f"{self._written(other)} counts whole days; write 2d or 2"
            return self._refuse(part, "type", message)
        return _Part(Constant(tree.value // _DAY_MS, Kind.NUMBER), part.start, part.end)

    def _check_choice(self, one: _Part, other: _Part) -> None:
        if not isinstance(one.tree, Read) or not isinstance(other.tree, Constant):
            return
        feature, value = one.tree.feature, str(other.tree.value)
        if feature.choices and value not in feature.choices:
            hint = suggestion(value, feature.choices) or f"; one of {', '.join(sorted(feature.choices))}"
            self._refuse(other, "unknown_value", f"{feature.name} is never {value}{hint}")
        elif feature is FEATURES["event.kind"] and not known_kind(value):
            self._refuse(other, "unknown_value", unknown_kind(value))

    # --- problems

    def _note(self, offset: int, code: str, message: str) -> None:
        self.problems.append(Problem(self.place.right(offset) if self._precise else self.place, code, message))

    def _refuse(self, at: _Part | Word, code: str, message: str) -> _Part:
        self._note(at.start, code, message)
        return _Part(_BROKEN, at.start, at.end)

    def _within(self, problem: Problem, start: int, end: int) -> bool:
        return self._precise and start <= problem.place.column - self.place.column < end

    def _written(self, part: _Part) -> str:
        text = self.text[part.start : part.end]
        return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 3]}…"


def _is_zero(tree: Tree) -> bool:
    match tree:
        case Constant(value, Kind.NUMBER):
            return value == 0
        case Money(minor, _):
            return minor == 0
        case _:
            return False
