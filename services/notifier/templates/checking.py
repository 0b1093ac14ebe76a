"""What is wrong with a template that can be read, and what is odd about it."""

from collections.abc import Iterator, Mapping

from services.contracts.channels import CHANNELS, ChannelFacts, ChannelName
from services.contracts.parameters import PARAMETERS, ParameterKind
from services.notifier.channels.fitting import fits
from services.notifier.templates.examples import examples, long, names, parameter
from services.notifier.templates.grammar import Text
from services.notifier.templates.models import ANY, LANGUAGES
from services.notifier.templates.reading import Template
from services.notifier.templates.tokens import Token
from services.notifier.templates.values import Unspeakable, Value
from services.notifier.templates.wording import Words, channels_of
from services.runtime.document import KeyPath
from services.runtime.problems import Problem, suggestion

_SHAPED: Mapping[ParameterKind, tuple[str, str]] = {
    ParameterKind.MONEY: ("raw_money", "{name} is in minor units; write {{{{ {name} | money }}}}"),
    ParameterKind.SHARE: ("raw_share", "{name} is a share from 0 to 1; write {{{{ {name} | percent }}}}"),
    ParameterKind.FLAG: ("raw_flag", "{name} is true or false; write {{{{ '…' if {name} else '…' }}}}"),
}
_OPTIONAL = frozenset(name for name, parameter in PARAMETERS.items() if parameter.optional)
_UNSUPPORTED = frozenset("『』「」〖〗²•●★※→￥¥①②③④⑤⑥⑦⑧⑨")
"""Signs that a provider of text messages refuses (https://help.aliyun.com/document_detail/463270.htm), and that of the yuan."""
_WAYS_OUT = ("拒收", "退订")


def mistakes(template: Template) -> Iterator[Problem]:
    """Why it cannot be used."""
    for words in template.words.values():
        found = [problem for at, text in words.texts.items() for problem in _of_text(template, words, text, at)]
        yield from found or _of_words(template, words)


def oddities(template: Template) -> Iterator[Problem]:
    """Why it may not do what it seems to; only of a template without mistakes."""
    yield from _missing(template)
    yield from _unused(template)
    for words in template.words.values():
        yield from _unknown(template, words)
        yield from _long(template, words)
        if words.sms is not None:
            yield from _sms(template, words)


def _path(words: Words, *below: str) -> tuple[str, ...]:
    return (words.language, words.channel, *below)


def _of_text(template: Template, words: Words, text: Text, at: tuple[str, ...]) -> Iterator[Problem]:
    path, wrong = _path(words, *at), False
    for name in sorted(text.names):
        known = parameter(template, name)
        if known is None:
            yield _at(template, path, text.first.get(name), "unknown_value", _no_such(template, name))
        elif name in text.shown and known.kind in _SHAPED:
            code, message = _SHAPED[known.kind]
            yield _at(template, path, text.first.get(name), code, message.format(name=name))
        else:
            continue
        wrong = True
    said = None if wrong else _trouble(words, text, examples(template))
    if said is not None:
        yield Problem(template.source.within(path, 1, 1), "cannot_fill", said)


def _trouble(words: Words, text: Text, values: Mapping[str, Value]) -> str | None:
    """Why a text cannot be filled in; None if it can."""
    try:
        words.say(text, values)
    except Unspeakable as why:
        return str(why)
    return None


def _no_such(template: Template, name: str) -> str:
    hint = suggestion(name, names(template), 0.6) or "; koi templates values lists what there is, params: adds to it"
    return f"there is no value {name}{hint}"


def _of_words(template: Template, words: Words) -> Iterator[Problem]:
    """Whether they can be filled in at all, and fit: those of a channel there, those for any somewhere."""
    values = examples(template)
    wrong = [_refusal(words, facts, values) for facts in channels_of(words.channel)]
    if all(wrong):
        yield Problem(template.source.key(*_path(words)), "does_not_fit", str(wrong[0]))


def _refusal(words: Words, facts: ChannelFacts, values: Mapping[str, Value]) -> str | None:
    try:
        words.content(facts, values)
    except Unspeakable as why:
        return str(why)
    return None


def _missing(template: Template) -> Iterator[Problem]:
    for language in LANGUAGES:
        if language not in template.languages:
            message = f"there are no words in {language}; whoever reads it gets {template.languages[0]}"
            yield Problem(template.source.key("template"), "no_language", message)


def _unused(template: Template) -> Iterator[Problem]:
    asked = {name for words in template.words.values() for text in words.texts.values() for name in text.names}
    for name in template.params:
        if name not in asked:
            yield Problem(template.source.key("params", name), "unused", f"no text asks for {name}")


def _unknown(template: Template, words: Words) -> Iterator[Problem]:
    """Values that are printed though they may be unknown: then the message is not sent."""
    usual = examples(template)
    for at, text in words.texts.items():
        for name in sorted(text.names & _OPTIONAL):
            if _trouble(words, text, {**usual, name: None}) is not None:
                message = (
                    f"{name} may be unknown, and then this is not sent; "
                    f"write | default('…'), or ask {{% if {name} is known %}}"
                )
                yield _at(template, _path(words, *at), text.first.get(name), "may_be_unknown", message)


def _long(template: Template, words: Words) -> Iterator[Problem]:
    """Channels that words for any are too long for, or that a text is too long for with longer values than usual."""
    usual, longest = examples(template), long(template)
    for facts in channels_of(words.channel):
        if words.channel == ANY and (words.language, facts.name.value) in template.words:
            continue
        wrong = _excess(words, facts, usual)
        longer = None if wrong is not None else _excess(words, facts, longest)
        if longer is not None:
            wrong = f"with long values, {longer}"
        if wrong is not None:
            yield Problem(template.source.key(*_path(words)), "may_not_fit", wrong)


def _excess(words: Words, facts: ChannelFacts, values: Mapping[str, Value]) -> str | None:
    """How it is too long for a channel; None also of what cannot be sent there at all, which is another matter."""
    try:
        return fits(facts, words.filled(facts, values))
    except Unspeakable:
        return None


def _sms(template: Template, words: Words) -> Iterator[Problem]:
    assert words.sms is not None  # noqa: S101 - the caller knows
    place = template.source.key(*_path(words, "text"))
    refusable = words.language != "zh" or any(way in words.sms.wording for way in _WAYS_OUT)
    if words.sms.kind == "marketing" and not refusable:
        yield Problem(place, "no_way_out", "marketing by text message says how to refuse it: end with 拒收请回复R")
    said = words.content(CHANNELS[ChannelName.SMS], examples(template)).text
    odd = sorted(_UNSUPPORTED & set(said))
    if odd:
        yield Problem(place, "odd_sign", f"providers refuse {' '.join(odd)} in a text message; write it in words")


def _at(template: Template, path: KeyPath, token: Token | None, code: str, message: str) -> Problem:
    line, column = (1, 1) if token is None else (token.line, token.column)
    return Problem(template.source.within(path, line, column), code, message)
