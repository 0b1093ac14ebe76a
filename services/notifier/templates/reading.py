"""From a file to a template, or to everything that is wrong with how it is written, each mistake with its place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from services.contracts.parameters import Parameter, ParameterKind
from services.notifier.templates.grammar import Text, compiled
from services.notifier.templates.models import LANGUAGES, AnyWords, Param, SmsWords, TemplateFile
from services.notifier.templates.tokens import Slip, unseen
from services.notifier.templates.wording import PLACEHOLDER, Sms, Words, form_of
from services.runtime.document import Document, KeyPath, parse_one
from services.runtime.problems import Place, Problem, suggestion
from services.runtime.validation import problems_of

_SENTENCES = {
    "string_pattern_mismatch": "{input} is not a name here; use letters, digits and _, and begin with a letter",
}
_MONEY_SUFFIX = "_minor"
"""How the names of money end, of the catalogue and of one's own."""


@dataclass(frozen=True)
class Template:
    """What a message says. `params` are the values that a rule must give; `words` by language and channel."""

    name: str
    params: Mapping[str, Parameter]
    words: Mapping[tuple[str, str], Words]
    source: "Source" = field(repr=False, compare=False)

    @property
    def languages(self) -> tuple[str, ...]:
        written = {language for language, _ in self.words}
        return tuple(language for language in LANGUAGES if language in written)


class Source:
    """The file of a template, to tell where things stand in it."""

    def __init__(self, document: Document, content: bytes | str) -> None:
        self.document = document
        text = content.decode("utf-8-sig", "replace") if isinstance(content, bytes) else content
        self._rows: Sequence[str] = text.splitlines()

    def key(self, *path: str) -> Place:
        return self.document.key_place(path)

    def within(self, path: KeyPath, line: int, column: int) -> Place:
        """The place of a line and column of a text; where the text begins if its lines are not those of the file."""
        place, begin = self.document.place(path), self.document.text_place(path)
        if self._rows[place.line - 1][place.column - 1 :].startswith("|"):
            indent = next(len(row) - len(row.lstrip()) for row in self._rows[place.line :] if row.strip())
            return Place(place.file, place.line + line, indent + column)
        here = begin.right(column - 1)
        on_one_row = line == 1 and here.column <= len(self._rows[begin.line - 1]) + 1
        return here if on_one_row else begin


def read_template(file: str, content: bytes | str) -> tuple[Template | None, list[Problem]]:
    """The template of one file, and all that is wrong with how it is written."""
    document, problems = parse_one(file, content)
    if document is None:
        return None, problems or [Problem(Place(file), "empty", "this file is empty; begin with template: its name")]
    if not isinstance(document.data, dict):
        return None, [*problems, Problem(document.place(()), "wrong_type", "write a map that begins with template:")]
    try:
        written = TemplateFile.model_validate(document.data)
    except ValidationError as error:
        return None, problems + problems_of(error, document, TemplateFile, _SENTENCES)
    source = Source(document, content)
    reader = _Reader(source)
    words = {(each.language, each.channel): each for each in reader.words(written)}
    problems += reader.problems
    if problems:
        return None, problems
    params = {name: _parameter(name, param) for name, param in written.params.items()}
    return Template(written.template, params, words, source), []


def _parameter(name: str, param: Param) -> Parameter:
    match param.example:
        case bool():
            kind = ParameterKind.FLAG
        case int() if name.endswith(_MONEY_SUFFIX):
            kind = ParameterKind.MONEY
        case int() | float():
            kind = ParameterKind.NUMBER
        case _:
            kind = ParameterKind.TEXT
    return Parameter(name, kind, "", param.about, param.about, param.example)


class _Reader:
    """Makes texts of what is written, and notes what is wrong with them on the way."""

    def __init__(self, source: Source) -> None:
        self.problems: list[Problem] = []
        self._source = source

    def words(self, written: TemplateFile) -> Iterator[Words]:
        for language in LANGUAGES:
            wordings = getattr(written, language)
            for channel in type(wordings).model_fields if wordings is not None else ():
                said = getattr(wordings, channel)
                if isinstance(said, SmsWords):
                    yield Words(language, channel, sms=self._sms((language, channel), said))
                elif said is not None:
                    yield self._texts((language, channel), said)

    def _texts(self, path: tuple[str, str], said: AnyWords) -> Words:
        forms = {key: getattr(said, key, None) for key in ("text", "markdown", "title", "html")}
        texts = {key: self._text((*path, key), key, text) for key, text in forms.items() if text is not None}
        return Words(*path, **texts)  # type: ignore[arg-type] # mypy cannot see which keys there are

    def _text(self, path: KeyPath, key: str, source: str) -> Text | None:
        text, slips = compiled(source, form_of(key))
        self._note(path, slips)
        return text

    def _sms(self, path: tuple[str, str], said: SmsWords) -> Sms:
        fields = {name: self._text((*path, "fields", name), name, text) for name, text in said.fields.items()}
        self._note((*path, "text"), [*unseen(said.text), *_misplaced(said)])
        named = {found[1] for found in PLACEHOLDER.finditer(said.text)}
        for name in said.fields:
            if name not in named:
                place = self._source.key(*path, "fields", name)
                self.problems.append(Problem(place, "unused_field", f"the text has no ${{{name}}}"))
        filled = {name: text for name, text in fields.items() if text is not None}
        return Sms(said.kind, said.text, said.code, filled)

    def _note(self, path: KeyPath, slips: Sequence[Slip]) -> None:
        for line, column, code, message in slips:
            self.problems.append(Problem(self._source.within(path, line, column), code, message))


def _misplaced(said: SmsWords) -> Iterator[Slip]:
    """What the wording of a text message must not have.

    The brackets of a signature, and how to refuse notices: https://help.aliyun.com/document_detail/463270.htm
    """

    def slip(at: int, code: str, message: str) -> Slip:
        before = said.text[:at]
        return Slip(before.count("\n") + 1, at - before.rfind("\n"), code, message)

    for found in PLACEHOLDER.finditer(said.text):
        if found[1] not in said.fields:
            hint = suggestion(found[1], said.fields) or f"; write fields: {{{found[1] or 'name'}: '{{{{ … }}}}'}}"
            yield slip(found.start(), "unknown_field", f"there is no field {found[1]}{hint}")
    for sign, code, message in (
        ("{{", "not_allowed", "the wording is the provider's: write ${name}, and under fields what stands for it"),
        ("{%", "not_allowed", "the wording is the provider's: write ${name}, and under fields what stands for it"),
        ("【", "not_allowed", "the signature 【…】 is added by the provider; leave it out"),
        ("】", "not_allowed", "the signature 【…】 is added by the provider; leave it out"),
    ):
        at = said.text.find(sign)
        if at >= 0:
            yield slip(at, code, message)
            break
    at = said.text.find("拒收请回复")
    if said.kind == "notice" and at >= 0:
        yield slip(
            at, "not_allowed", "a notice (短信通知) must not say how to refuse it; register it as kind: marketing"
        )
