"""What the words of a condition stand for: values, features, functions and facts; or what was probably meant."""

from services.rules.language.features import FEATURES
from services.rules.language.functions import FUNCTIONS
from services.rules.language.lexer import Sort, Word
from services.rules.language.parts import BROKEN, Part, Remarks
from services.rules.language.terms import BadArgumentError, Kind, Vocabulary
from services.rules.language.tree import Constant, Money, Read, features_of
from services.runtime.problems import suggestion

MAX_NUMBER = 10**15
MEANT = {
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
_MISSPELT = 0.8
"""So like a feature must be what is probably a text."""


class Names:
    """Reads words by the catalogue and the vocabulary of the rule set, and remarks on those that mean nothing."""

    def __init__(self, remarks: Remarks, vocabulary: Vocabulary) -> None:
        self._remarks = remarks
        self._vocabulary = vocabulary

    def constant(self, word: Word, kind: Kind) -> Part:
        value = word.value
        if isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
            return self._remarks.refuse(word, "too_large", f"numbers reach up to {MAX_NUMBER:,}")
        return Part(Constant(value, kind), word.start, word.end)

    def money(self, word: Word) -> Part:
        if not isinstance(word.value, int) or word.value > MAX_NUMBER:
            return self._remarks.refuse(word, "too_large", f"amounts reach up to {MAX_NUMBER:,} minor units")
        return Part(Money(word.value, word.unit), word.start, word.end)

    def feature(self, word: Word) -> Part:  # noqa: PLR0911 - one sentence for each way to be wrong
        name = word.text
        if name in FEATURES:
            return Part(Read(FEATURES[name]), word.start, word.end)
        if name in self._vocabulary.defined:
            return self._fact(word)
        if name == "tier_days" and self._vocabulary.ladder is not None:
            return self._bound(word, "tier_days", [Word(Sort.TEXT, "", word.start, word.end, self._vocabulary.ladder)])
        if name in FUNCTIONS:
            return self._remarks.refuse(word, "bad_call", f"{name} needs an argument: {FUNCTIONS[name].signature}")
        if any(name in feature.choices for feature in FEATURES.values()):
            hint = suggestion(name, FEATURES, _MISSPELT)
            return self._remarks.refuse(
                word, "unknown_name", f'there is no feature {name}{hint}; a text stands in quotes: "{name}"'
            )
        if name in _NOTHING:
            return self._remarks.refuse(
                word, "unknown_name", "nothing equals unknown; write such as not (recency_days >= 0)"
            )
        if name == "event":
            return self._remarks.refuse(word, "bad_call", "event is not a value; name a part of it, such as event.kind")
        hint = suggestion(name, [*FEATURES, *FUNCTIONS, *self._vocabulary.defined])
        return self._remarks.refuse(word, "unknown_name", f"there is no feature {name}{hint}")

    def _fact(self, word: Word) -> Part:
        """A defined fact; a broken one is told about where it is defined."""
        tree, ladder = self._vocabulary.defined[word.text] or BROKEN, self._vocabulary.ladder
        of_tier = (feature.name for feature in features_of(tree) if feature.of_tier)
        if ladder is not None and any(name != f'tier_days("{ladder}")' for name in of_tier):
            return self._remarks.refuse(word, "not_allowed", f"{word.text} asks for a tier; only campaigns can")
        return Part(tree, word.start, word.end)

    def _bound(self, whole: Word, name: str, arguments: list[Word]) -> Part:
        try:
            feature = FUNCTIONS[name].bind(tuple(str(word.value) for word in arguments), self._vocabulary)
        except BadArgumentError as error:
            return self._remarks.refuse(arguments[error.position], "unknown_value", str(error))
        return Part(Read(feature), whole.start, whole.end)

    def is_nothing(self, word: Word) -> bool:
        return word.sort is Sort.NAME and word.text in _NOTHING and word.text not in self._vocabulary.defined

    def may_name(self, name: str) -> bool:
        return name not in MEANT or name in self._vocabulary.defined

    def call(self, name: Word, end: int, arguments: list[Part]) -> Part:
        """A function with its arguments; `end` is where its brackets close."""
        whole = Word(Sort.NAME, name.text, name.start, end)
        function = FUNCTIONS.get(name.text)
        if function is None:
            if name.text in FEATURES:
                return self._remarks.refuse(
                    whole, "bad_call", f"{name.text} takes no argument; write {name.text} alone"
                )
            if name.text in self._vocabulary.defined:
                return self._remarks.refuse(whole, "bad_call", f"{name.text} is a fact; write it without brackets")
            hint = suggestion(name.text, FUNCTIONS)
            return self._remarks.refuse(whole, "unknown_name", f"there is no function {name.text}{hint}")
        texts = [
            Word(Sort.TEXT, "", part.start, part.end, part.tree.value)
            for part in arguments
            if isinstance(part.tree, Constant) and part.tree.kind is Kind.TEXT
        ]
        few, many = function.arguments
        if len(texts) != len(arguments) or not few <= len(texts) <= many:
            # what is wrong with an argument that is no text is not worth a sentence of its own
            self._remarks.take_back(name.end, end)
            return self._remarks.refuse(
                whole, "bad_call", f"write {function.signature}, with quoted text in the brackets"
            )
        if empty := next((text for text in texts if not str(text.value).strip()), None):
            return self._remarks.refuse(empty, "unknown_value", "nothing stands between the quotes")
        return self._bound(whole, name.text, texts)
