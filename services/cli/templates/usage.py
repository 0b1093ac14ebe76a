"""Whether rules and templates go together: every message has its words, every word its value, every channel its form. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.contracts.channels import Category, ChannelName, Recipient
from services.contracts.parameters import JUMP_PARAMETERS, PARAMETERS, TIER_PREFIX
from services.notifier.message import NoText
from services.notifier.templates.card import CARD, CUSTOMER
from services.notifier.templates.collection import Templates, words_for
from services.notifier.templates.examples import examples
from services.notifier.templates.reading import Template
from services.notifier.templates.values import Value
from services.notifier.templates.wording import CATEGORY, Words
from services.rules.book.models import Notify
from services.rules.book.rulebook import Rulebook
from services.rules.book.values import EXPRESSION
from services.runtime.document import Document, KeyPath
from services.runtime.problems import Problem, suggestion

PASS_ON = frozenset({ChannelName.CONSOLE, ChannelName.WEBHOOK})
"""Channels that pass the message on as data, and need no words."""


@dataclass(frozen=True)
class Use:
    """One template as one message of a rule says it. `given` are the values of the rule's own params, as written."""

    document: Document
    path: KeyPath
    at: KeyPath
    notify: Notify
    template: str
    given: Mapping[str, Value]
    jump: bool

    def problem(self, code: str, message: str, *below: str | int) -> Problem:
        path = (*self.path, *below) if below else self.at
        return Problem(self.document.place(path), code, message)


def uses(book: Rulebook) -> Iterator[Use]:
    """Every template that a rule set names, where it does."""
    for document in book.documents.values():
        rule: Mapping[str, Any] = document.data
        for key in ("steps", "on_jump"):
            for i, item in enumerate(rule.get(key) or ()):
                if item.get("notify") is not None:
                    yield from _of_notify(document, (key, i, "notify"), item["notify"], jump=key == "on_jump")


def _of_notify(document: Document, path: KeyPath, written: Any, *, jump: bool) -> Iterator[Use]:
    notify = Notify.model_validate(written)
    if notify.template is not None:
        yield Use(document, path, (*path, "template"), notify, notify.template, notify.params, jump)
    for i, variant in enumerate(notify.variants or ()):
        at = (*path, "variants", i, "template")
        yield Use(document, path, at, notify, variant.template, {**notify.params, **variant.params}, jump)


def misuses(book: Rulebook, templates: Templates) -> Iterator[Problem]:
    """What would leave a message without its text."""
    ladders = frozenset(ladder.name for ladder in book.ladders)
    for use in uses(book):
        template = templates.by_name.get(use.template)
        if template is None:
            hint = suggestion(use.template, templates.by_name, 0.7)
            yield use.problem("unknown_template", f"there is no template {use.template}{hint}")
            continue
        found = [*_params(use, template), *_channels(use, template), *_values(use, template, ladders)]
        yield from found or _filled(use, template, templates, ladders)


def odd_uses(book: Rulebook, templates: Templates) -> Iterator[Problem]:
    """What is sent all the same, and probably not meant."""
    for use in uses(book):
        template = templates.by_name.get(use.template)
        if template is None:
            continue
        if use.notify.to is Recipient.OWNER:
            for words in _words(use, template):
                if not _asked(words) & {CARD, CUSTOMER}:
                    said = f"{use.template} goes to a colleague, and does not say who it is about ({words.language})"
                    yield use.problem("no_card", f"{said}; write {{{{ card }}}}")
        if not PASS_ON & {ChannelName(channel) for channel in use.notify.channels}:
            for name in use.given:
                if name not in template.params:
                    yield use.problem("unused", f"{use.template} does not ask for {name}")


def _params(use: Use, template: Template) -> Iterator[Problem]:
    for name, wanted in template.params.items():
        if name not in use.given:
            message = f"{use.template} asks for {name} ({wanted.zh}); write params: {{{name}: {wanted.example}}}"
            yield use.problem("missing_param", message)


def _channels(use: Use, template: Template) -> Iterator[Problem]:
    for i, name in enumerate(use.notify.channels):
        words = words_for(template, name)
        if words is None and name not in PASS_ON:
            yield use.problem("no_words", f"{use.template} has no words for {name}", "channels", i)
        elif words is not None and words.sms is not None and words.sms.code is None:
            message = f"{use.template} has no code yet, so no text message is sent; see docs/templates.md"
            yield use.problem("no_code", message, "channels", i)
        elif words is not None and words.sms is not None and _is_hidden_marketing(use, words):
            message = f"{use.template} is registered as a notice, and must not carry marketing"
            yield use.problem("bad_category", message, "category")


def _is_hidden_marketing(use: Use, words: Words) -> bool:
    return words.sms is not None and words.sms.kind == "notice" and use.notify.category is Category.MARKETING


def _values(use: Use, template: Template, ladders: frozenset[str]) -> Iterator[Problem]:
    asked = {name for words in _words(use, template) for name in _asked(words)}
    for name in sorted(asked):
        ladder = name.removeprefix(TIER_PREFIX) if name.startswith(TIER_PREFIX) else None
        if ladder is not None and ladder not in ladders:
            message = f"{use.template} asks for {name}, and there is no ladder {ladder}{suggestion(ladder, ladders)}"
            yield use.problem("unknown_value", message)
        elif ladder is not None and use.jump:
            message = f"{use.template} asks for {name}, which only campaigns tell; a jump tells tier and from_tier"
            yield use.problem("unknown_value", message)
        elif name in JUMP_PARAMETERS and not use.jump:
            message = f"{use.template} asks for {name}, which only a ladder's on_jump tells; a campaign tells tier.…"
            yield use.problem("unknown_value", message)
        elif name in {CARD, CUSTOMER} and use.notify.to is Recipient.CUSTOMER:
            message = f"{use.template} shows {name}, which is for colleagues only; this goes to the customer"
            yield use.problem("not_allowed", message)
        elif not use.notify.personalised and (name in PARAMETERS or ladder is not None or name in JUMP_PARAMETERS):
            message = f"this says personalised: false, but {use.template} asks for {name}"
            yield use.problem("not_allowed", message)


def _filled(use: Use, template: Template, templates: Templates, ladders: frozenset[str]) -> Iterator[Problem]:
    """Whether it can be filled in with what the rule gives, in every language, and fits every channel."""
    values = {**examples(template, ladders), **_literal(use.given), CATEGORY: use.notify.category.value}
    if use.notify.to is Recipient.CUSTOMER:
        values.pop(CUSTOMER, None)
    for i, channel in enumerate(use.notify.channels):
        for language in template.languages if words_for(template, channel) is not None else ():
            try:
                templates.content(use.template, channel, (language,), values)
            except NoText as why:
                yield use.problem("does_not_fit", str(why), "channels", i)


def _literal(given: Mapping[str, Value]) -> dict[str, Value]:
    return {
        name: value for name, value in given.items() if not (isinstance(value, str) and value.startswith(EXPRESSION))
    }


def _words(use: Use, template: Template) -> list[Words]:
    """Those that serve the message, in every language."""
    found = [
        words_for(template, channel, (language,)) for channel in use.notify.channels for language in template.languages
    ]
    return list({(words.language, words.channel): words for words in found if words is not None}.values())


def _asked(words: Words) -> set[str]:
    return {name for text in words.texts.values() for name in text.names}
