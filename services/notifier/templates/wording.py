"""A template's words over one channel in one language, and how they become what is sent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.contracts.channels import CHANNELS, Category, ChannelFacts, ChannelName
from services.notifier.channels.fitting import fits
from services.notifier.message import Content
from services.notifier.templates.card import CARD, CUSTOMER, card
from services.notifier.templates.grammar import Text
from services.notifier.templates.models import ANY
from services.notifier.templates.values import Form, Unspeakable, Value

CATEGORY = "category"
"""What a message is for, among the variables; no text can ask for it."""

PLACEHOLDER = re.compile(r"\$\{\s*(\w*)\s*\}")
"""`${name}` in the wording of a text message."""

_SUBJECT = frozenset({ChannelName.EMAIL})
"""Channels that send nothing without a title."""


@dataclass(frozen=True)
class Sms:
    """A text message as it is registered with the provider: `wording` with its `${name}`, and what fills them."""

    kind: str
    wording: str
    code: str | None = None
    fields: Mapping[str, Text] = field(default_factory=dict)


@dataclass(frozen=True)
class Words:
    """What is said over `channel`, or over any."""

    language: str
    channel: str
    text: Text | None = None
    markdown: Text | None = None
    title: Text | None = None
    html: Text | None = None
    sms: Sms | None = None

    @property
    def texts(self) -> Mapping[tuple[str, ...], Text]:
        """All that has to be filled in, by where it stands below the channel."""
        forms = {"text": self.text, "markdown": self.markdown, "title": self.title, "html": self.html}
        found: dict[tuple[str, ...], Text] = {(key,): text for key, text in forms.items() if text is not None}
        if self.sms is not None:
            found |= {("fields", name): text for name, text in self.sms.fields.items()}
        return found

    def content(self, facts: ChannelFacts, variables: Mapping[str, Value]) -> Content:
        """What goes out over a channel. Raise `Unspeakable` if it cannot be filled in, or does not fit."""
        content = self.filled(facts, variables)
        wrong = fits(facts, content)
        if wrong is not None:
            raise Unspeakable(wrong)
        return content

    def filled(self, facts: ChannelFacts, variables: Mapping[str, Value]) -> Content:
        """The same, whether it fits or not."""
        return self._of_sms(self.sms, variables) if self.sms is not None else self._of_text(facts, variables)

    def _of_text(self, facts: ChannelFacts, variables: Mapping[str, Value]) -> Content:
        marked = self.markdown if facts.markdown is not None else None
        text = marked or self.text
        if text is None:
            raise Unspeakable(f"it is in Markdown, and {facts.name} shows plain text only")
        title = html = None
        if self.title is not None and facts.title is not None:
            title = _one_line("title", self.say(self.title, variables))
        if not title and facts.name in _SUBJECT:
            raise Unspeakable(f"{facts.name} needs a title")
        if self.html is not None and facts.name is ChannelName.EMAIL:
            html = self.say(self.html, variables)
        words = self.say(text, variables)
        return Content(self.language, words, markdown=marked is not None, title=title or None, html=html)

    def _of_sms(self, sms: Sms, variables: Mapping[str, Value]) -> Content:
        if sms.kind == "notice" and variables.get(CATEGORY) == Category.MARKETING:
            raise Unspeakable("it is registered as a notice, and must not carry marketing")
        filled = {name: _one_line(name, self.say(text, variables)) for name, text in sms.fields.items()}
        for name, value in filled.items():
            if not value:
                raise Unspeakable(f"the field {name} is empty, which the provider refuses")
        text = PLACEHOLDER.sub(lambda found: filled[found[1]], sms.wording)
        return Content(self.language, text, code=sms.code, fields=filled)

    def say(self, text: Text, variables: Mapping[str, Value]) -> str:
        """One of its texts, filled in; the card is made of the other values. Raise `Unspeakable`."""
        if CARD in text.names and variables.get(CUSTOMER):
            variables = {**variables, CARD: card(variables, self.language, text.form)}
        return text.render(variables, self.language)


def channels_of(channel: str) -> list[ChannelFacts]:
    """The channels that words of that name may serve: all but sms, which has its own, if it is `any`."""
    if channel == ANY:
        return [facts for name, facts in CHANNELS.items() if name is not ChannelName.SMS]
    return [CHANNELS[ChannelName(channel)]]


def form_of(key: str) -> Form:
    """The form of what stands under a key."""
    return {"markdown": Form.MARKDOWN, "html": Form.HTML}.get(key, Form.PLAIN)


def _one_line(what: str, words: str) -> str:
    if len(words.splitlines()) > 1:
        raise Unspeakable(f"the {what} is more than one line")
    return words
