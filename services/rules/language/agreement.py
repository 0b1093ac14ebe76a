"""Whether the parts of a condition agree with each other: what is compared with what, and reckoned with."""

from services.rules.language.features import FEATURES, known_kind, unknown_kind
from services.rules.language.lexer import Word
from services.rules.language.parts import Part, Remarks
from services.rules.language.terms import CALENDAR_DAYS, Kind
from services.rules.language.tree import Constant, Read
from services.runtime.problems import suggestion

EXAMPLES = {Kind.NUMBER: "3", Kind.TEXT: '"text"', Kind.BOOL: "true", Kind.LENGTH: "36h", Kind.ANY: '"text"'}
_NOUNS = {
    Kind.NUMBER: "a number",
    Kind.TEXT: "text",
    Kind.BOOL: "yes or no",
    Kind.LENGTH: "a length of time",
    Kind.ANY: "of any type",
}
_DAY_MS = 86_400_000


class Agreement:
    """Judges parts, and remarks on those that do not fit."""

    def __init__(self, remarks: Remarks) -> None:
        self._remarks = remarks

    def unknown(self, operator: str, left: Part, nothing: Word) -> Part:
        """Compared with nothing; the way out is a comparison that holds for every known value."""
        written = self._remarks.written(left)
        known = {
            Kind.BOOL: written,
            Kind.NUMBER: f"{written} >= 0",
            Kind.LENGTH: f"{written} >= 0s",
            Kind.TEXT: f'{written} != ""',
            # whatever it is, it is like itself
            Kind.ANY: f"{written} == {written}",
        }[left.kind]
        way_out = f"{known} for those who have one" if operator == "!=" else f"not ({known}) for those who have none"
        return self._remarks.refuse(nothing, "unknown_name", f"nothing equals unknown; write {way_out}")

    def truth(self, part: Part) -> Part:
        if part.broken or part.kind is Kind.BOOL:
            return part
        written = self._remarks.written(part)
        hint = f"; compare it, such as {written} == {EXAMPLES[part.kind]}"
        return self._remarks.refuse(part, "type", f"{written} is {_NOUNS[part.kind]}, not yes or no{hint}")

    def number(self, part: Part) -> Part:
        if part.broken:
            return part
        if part.steady:
            feature = part.steady[0]
            example = f"{feature.name} >= {'24h' if feature.kind is Kind.LENGTH else '40'}"
            message = f"{feature.name} cannot be reckoned with; compare it with a value, such as {example}"
            return self._remarks.refuse(part, "not_supported", message)
        if part.kind not in {Kind.NUMBER, Kind.ANY}:
            message = f"{self._remarks.written(part)} is {_NOUNS[part.kind]}; only numbers can be reckoned with"
            return self._remarks.refuse(part, "type", message)
        return part

    def comparable(self, operator: str, left: Part, right: Part) -> tuple[Part, Part]:
        """Both sides, a length turned into days where the other side counts days."""
        if left.broken or right.broken:
            return left, right
        left, right = self._in_days(left, right), self._in_days(right, left)
        if left.broken or right.broken:
            return left, right
        kinds = left.kind, right.kind
        if Kind.ANY not in kinds and kinds[0] is not kinds[1]:
            hint = "; write a unit, such as 36h" if set(kinds) == {Kind.LENGTH, Kind.NUMBER} else "; they never compare"
            sides = [f"{self._remarks.written(part)} is {_NOUNS[part.kind]}" for part in (left, right)]
            return left, self._remarks.refuse(right, "type", f"{sides[0]}, {sides[1]}{hint}")
        if operator not in {"==", "!="} and not set(kinds) <= {Kind.NUMBER, Kind.LENGTH, Kind.ANY}:
            message = f"{operator} compares numbers; write == or != for {_NOUNS[kinds[0]]}"
            return left, self._remarks.refuse(right, "type", message)
        if left.ticking and right.ticking and (left.steady or right.steady):
            name = (left.steady or right.steady)[0].name
            message = f"{name} compares only with a value that time does not change"
            return left, self._remarks.refuse(right, "not_supported", message)
        for one, other in ((left, right), (right, left)):
            self._check_choice(one, other)
        return left, right

    def _in_days(self, part: Part, other: Part) -> Part:
        tree = part.tree
        counts_days = isinstance(other.tree, Read) and other.tree.feature.unit == CALENDAR_DAYS
        if not (
            counts_days and isinstance(tree, Constant) and tree.kind is Kind.LENGTH and isinstance(tree.value, int)
        ):
            return part
        if tree.value % _DAY_MS:
            message = f"{self._remarks.written(other)} counts whole days; write 2d or 2"
            return self._remarks.refuse(part, "type", message)
        return Part(Constant(tree.value // _DAY_MS, Kind.NUMBER), part.start, part.end)

    def _check_choice(self, one: Part, other: Part) -> None:
        if not isinstance(one.tree, Read) or not isinstance(other.tree, Constant):
            return
        feature, value = one.tree.feature, str(other.tree.value)
        if feature.choices and value not in feature.choices:
            hint = suggestion(value, feature.choices) or f"; one of {', '.join(sorted(feature.choices))}"
            self._remarks.refuse(other, "unknown_value", f"{feature.name} is never {value}{hint}")
        elif feature is FEATURES["event.kind"] and not known_kind(value):
            self._remarks.refuse(other, "unknown_value", unknown_kind(value))
