"""What a template says, as it would be sent: one box per channel and language. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from services.contracts.channels import CHANNELS, ChannelFacts, ChannelName, Limit
from services.notifier.channels.segments import segments
from services.notifier.message import Content
from services.notifier.templates.card import CARD
from services.notifier.templates.collection import words_for
from services.notifier.templates.models import ANY
from services.notifier.templates.reading import Template
from services.notifier.templates.values import Unspeakable, Value
from services.notifier.templates.wording import Words

_SIGNATURE = "【签名】"
"""Stands for the one that the provider puts before a text message."""
_BOUNDLESS = 1_000_000
"""A limit from here on is none that a person could reach."""


def boxes(
    template: Template, variables: Mapping[str, Value], languages: Sequence[str], channel: str | None
) -> Iterator[RenderableType]:
    """All words of a template, or those that serve one channel, in some languages."""
    for words, facts in _chosen(template, languages, channel):
        title = f"{words.language} · {facts.name}"
        if words.channel == ANY:
            title += f" ({ANY})"
        try:
            content = words.content(facts, variables)
        except Unspeakable as why:
            yield Panel(Text(f"not sent: {why}", "red"), title=title, title_align="left", border_style="red")
            continue
        measures = Text(" · ".join(_measures(content, facts)))
        yield Panel(_body(content, words), title=title, title_align="left", subtitle=measures, subtitle_align="right")


def values(template: Template, variables: Mapping[str, Value]) -> Text:
    """The values that its texts ask for, and which of them are unknown."""
    asked = {name for words in template.words.values() for text in words.texts.values() for name in text.names}
    line = Text()
    for name in sorted(asked - {CARD}):
        value = variables.get(name)
        line.append(", " if line else "").append(f"{name} = ", "dim")
        line.append("unknown", "yellow") if value is None else line.append(str(value))
    return line


def _chosen(template: Template, languages: Sequence[str], channel: str | None) -> Iterator[tuple[Words, ChannelFacts]]:
    for language in languages:
        if channel is not None:
            words = words_for(template, channel, (language,))
            if words is not None and words.language == language:
                yield words, CHANNELS[ChannelName(channel)]
            continue
        for (spoken, name), words in template.words.items():
            if spoken != language:
                continue
            if name != ANY:
                yield words, CHANNELS[ChannelName(name)]
                continue
            for facts in _representatives(template, words):
                yield words, facts


def _representatives(template: Template, words: Words) -> Iterator[ChannelFacts]:
    """Of words for any channel: one that takes them as text, one as Markdown, and e-mail where there is HTML."""
    free = [facts for name, facts in CHANNELS.items() if (words.language, name.value) not in template.words]
    if words.text is not None:
        yield from [facts for facts in free if facts.markdown is None and facts.name is not ChannelName.SMS][:1]
    if words.markdown is not None:
        yield from [facts for facts in free if facts.markdown is not None][:1]
    if words.html is not None:
        yield from [facts for facts in free if facts.name is ChannelName.EMAIL]


def _body(content: Content, words: Words) -> RenderableType:
    parts: list[RenderableType] = []
    if content.title is not None:
        parts.append(Text(content.title, "bold"))
    parts.append(Text(content.text))
    if content.html is not None:
        parts.append(Text(f"\n{content.html}", "dim"))
    if words.sms is not None:
        filled = ", ".join(f"{name} = {value}" for name, value in content.fields.items())
        parts.append(
            Text(f"\n{content.code or 'no code yet'} ({words.sms.kind}){': ' if filled else ''}{filled}", "dim")
        )
    return Group(*parts)


def _measures(content: Content, facts: ChannelFacts) -> Iterator[str]:
    """How long it is, in the unit in which the channel counts, and how much it takes."""
    if content.title is not None and facts.title is not None:
        yield f"title {_length(content.title, facts.title)}"
    limit = facts.markdown if content.markdown else facts.text
    if limit is not None:
        yield f"{'Markdown' if content.markdown else 'text'} {_length(content.text, limit)}"
    if facts.name is ChannelName.SMS:
        count = segments(_SIGNATURE + content.text)
        yield f"sent as {count} with {_SIGNATURE}"


def _length(text: str, limit: Limit) -> str:
    most = f" / {limit.most:,}" if limit.most < _BOUNDLESS else ""
    return f"{limit.length(text):,}{most} {limit.unit}"
