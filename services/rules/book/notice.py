"""Messages, compiled: what is passed on of every wording, and whether the channels may carry it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.contracts.channels import CHANNELS, ChannelName, Recipient
from services.rules.book.models import Notify
from services.rules.book.values import EXPRESSION, is_expression
from services.rules.language.expression import compile_value
from services.rules.language.scene import DAY_MS, Scene
from services.rules.language.syntax import parse_value
from services.rules.language.terms import Getter, Kind, Value, Vocabulary
from services.rules.language.tree import features_of, kind_of
from services.runtime.document import Document, KeyPath
from services.runtime.problems import Problem

_DECIMALS = 2
_LARGEST = 2**53
"""Beyond it a whole number is not what it was to every reader of JSON."""
_PEOPLE = {Recipient.CUSTOMER: "customer", Recipient.OWNER: "colleague"}


@dataclass(frozen=True)
class Wording:
    """One way to say a message: a template, and what it is told besides what every template is.

    `variant` is its name where there are several, and `share` of the customers get it.
    """

    template: str
    variant: str | None = None
    share: float = 1.0
    params: tuple[tuple[str, Getter], ...] = ()

    def told(self, scene: Scene) -> dict[str, Value]:
        """The parameters of its own, of one customer at one instant; None is unknown."""
        return {name: read(scene) for name, read in self.params}


@dataclass(frozen=True)
class Notice:
    """A message as it is written, and its wordings, of which every customer gets one. The shares make a whole."""

    notify: Notify
    wordings: tuple[Wording, ...]


def compile_notice(
    notify: Notify, document: Document, path: KeyPath, vocabulary: Vocabulary
) -> tuple[Notice, list[Problem]]:
    """The message that stands at `path` of a document, and everything wrong with it that its shape does not tell."""
    reader = _Reader(notify, document, vocabulary)
    params = reader.params(notify.params, (*path, "params"))
    if notify.variants is None:
        wordings: Sequence[Wording] = [Wording(str(notify.template), params=tuple(params.items()))]
    else:
        equal = 1 / len(notify.variants)
        wordings = [
            Wording(
                variant.template,
                variant.name,
                equal if variant.share is None else variant.share,
                tuple({**params, **reader.params(variant.params, (*path, "variants", i, "params"))}.items()),
            )
            for i, variant in enumerate(notify.variants)
        ]
    problems = [*reader.problems, *_unfit_channels(notify, document, (*path, "channels"))]
    return Notice(notify, tuple(wordings)), problems


class _Reader:
    def __init__(self, notify: Notify, document: Document, vocabulary: Vocabulary) -> None:
        self.problems: list[Problem] = []
        self._notify = notify
        self._document = document
        self._vocabulary = vocabulary

    def params(self, written: Mapping[str, Value], path: KeyPath) -> dict[str, Getter]:
        return {name: self._param(value, (*path, name)) for name, value in written.items()}

    def _param(self, value: Value, path: KeyPath) -> Getter:
        if not isinstance(value, str) or not is_expression(value):
            return lambda _: value
        place = self._document.text_place(path)
        asked = value.removeprefix(EXPRESSION)
        tree, problems = parse_value(asked, place.right(len(EXPRESSION)), self._vocabulary)
        self.problems += problems
        if not problems and not self._notify.personalised and features_of(tree):
            message = "personalised: false goes to everybody alike; this asks about the customer"
            self.problems.append(Problem(place, "not_allowed", message))
        read = compile_value(tree)
        in_days = kind_of(tree) is Kind.LENGTH
        return lambda scene: _passed_on(read(scene), in_days=in_days)


def _passed_on(value: Value, *, in_days: bool) -> Value:
    """As a template gets it: a length in days, and no more decimals than anybody wants to read."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    number = value / DAY_MS if in_days else value
    if abs(number) > _LARGEST:
        return None
    return round(number, _DECIMALS) if isinstance(number, float) else number


def _unfit_channels(notify: Notify, document: Document, path: KeyPath) -> Iterator[Problem]:
    """Channels that do not reach the recipient, or may not carry the category."""
    fit = [
        facts.name for facts in CHANNELS.values() if notify.to in facts.reaches and notify.category in facts.categories
    ]
    for i, name in enumerate(notify.channels):
        facts = CHANNELS[ChannelName(name)]
        if notify.to not in facts.reaches:
            way_out = "write to: owner, or " if notify.to is Recipient.CUSTOMER else "write "
            message = f"{name} does not reach a {_PEOPLE[notify.to]}; {way_out}one of {', '.join(fit)}"
        elif notify.category not in facts.categories:
            message = f"{name} carries no {notify.category} message; write one of {', '.join(fit)}"
        else:
            continue
        yield Problem(document.place((*path, i)), "bad_channel", message)
