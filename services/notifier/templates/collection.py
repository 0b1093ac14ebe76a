"""All templates of a folder, as the courier asks for them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from services.contracts.channels import CHANNELS, ChannelFacts, ChannelName, Recipient
from services.contracts.command import Command
from services.notifier.message import Content, Message, NoText
from services.notifier.templates.card import CARD, CUSTOMER
from services.notifier.templates.checking import mistakes
from services.notifier.templates.models import ANY, LANGUAGES
from services.notifier.templates.reading import Template, read_template
from services.notifier.templates.values import Unspeakable, Value
from services.notifier.templates.wording import CATEGORY, Words
from services.runtime.files import read_files
from services.runtime.problems import FileError, Problem

_HASH_BYTES = 4
_FACTS: Mapping[str, ChannelFacts] = {name.value: facts for name, facts in CHANNELS.items()}
_RESERVED = frozenset({CARD, CATEGORY, CUSTOMER})


@dataclass(frozen=True)
class Templates:
    """Templates by name; `hash` is of what they say, not of how it is written. Immutable: to change them, load anew."""

    by_name: Mapping[str, Template] = field(default_factory=dict)
    hash: str = ""

    @classmethod
    def load(cls, folder: Path | None) -> "Templates":
        """All templates of a folder (or of a file), none without one. Raise `FileError` with everything that is wrong."""
        return cls() if folder is None else cls.of(read_files(folder))

    @classmethod
    def of(cls, files: Mapping[str, bytes | str]) -> "Templates":
        """The same of contents by file name; their order makes no difference."""
        found: dict[str, Template] = {}
        problems: list[Problem] = []
        for file in sorted(files):
            template, wrong = read_template(file, files[file])
            problems += wrong if template is None else mistakes(template)
            if template is not None and template.name in found:
                place, first = template.source.key("template"), found[template.name].source.key("template")
                message = f"there is a template {template.name} already, in {first.file}:{first.line}"
                problems.append(Problem(place, "duplicate", message))
            elif template is not None:
                found[template.name] = template
        if problems:
            raise FileError(problems)
        return cls(found, _hash(found))

    def content(self, template: str, channel: str, languages: Sequence[str], variables: Mapping[str, Value]) -> Content:
        """The template in words, in the first of `languages` that it has for the channel, else in any that it has.

        `languages` are tags such as `zh-CN`, dearest first. `variables`: see `variables_of`. Raise `NoText`.
        """
        found, facts = self.by_name.get(template), _FACTS.get(channel)
        if found is None:
            raise NoText(f"there is no template {template}")
        if facts is None:
            raise NoText(f"there is no channel {channel}")
        words = words_for(found, channel, languages)
        if words is None:
            raise NoText(f"template {template} has no words for {channel}")
        said = f"template {template} ({words.language}, {channel})"
        if words.sms is not None and words.sms.code is None:
            raise NoText(f"{said}: it has no code, for it is not registered with the provider yet")
        try:
            return words.content(facts, variables)
        except Unspeakable as why:
            raise NoText(f"{said}: {why}") from None


def words_for(template: Template, channel: str, languages: Sequence[str] = ()) -> Words | None:
    """What a template says over a channel: its own words, else those for any; None if there are none in any language."""
    wanted = [tag.partition("-")[0].lower() for tag in languages]
    for language in dict.fromkeys((*wanted, *LANGUAGES)):
        words = template.words.get((language, channel))
        if words is None and channel != ChannelName.SMS:
            words = template.words.get((language, ANY))
        if words is not None:
            return words
    return None


def variables_of(message: Command | Message) -> dict[str, Value]:
    """What a message's texts can ask for. Only the clerk reads who the customer is, so only there is a card."""
    variables: dict[str, Value] = {name: value for name, value in message.params.items() if name not in _RESERVED}
    variables[CATEGORY] = message.category.value
    if message.recipient is Recipient.OWNER:
        variables[CUSTOMER] = message.customer_id
    return variables


def _hash(templates: Mapping[str, Template]) -> str:
    said = [templates[name].source.document.data for name in sorted(templates)]
    canonical = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return blake2b(canonical.encode(), digest_size=_HASH_BYTES).hexdigest()
