"""`koi notify test` with everything it needs: the channel of the settings, and a template where one is named."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from services.cli.notify.trial import pairs, parcel, text_of_code, value_of
from services.contracts.channels import CHANNELS, ChannelName
from services.notifier.channels.base import Channel, SendResult
from services.notifier.channels.registry import BUILDERS, AllChannelSettings, Channels
from services.notifier.message import Content, Parcel
from services.notifier.templates.collection import Templates
from services.notifier.templates.examples import examples


@dataclass(frozen=True)
class Wish:
    """What was typed."""

    channel: ChannelName
    to: str | None
    text: str | None
    title: str | None
    template: str | None
    templates: Path | None
    language: str
    params: tuple[str, ...] = field(default=())
    code: str | None = None
    fields: tuple[str, ...] = field(default=())


def prepare(wish: Wish) -> Parcel:
    """The message that is wished for. Raise `ValueError` (`FileError` too) for what does not go together."""
    facts = CHANNELS[wish.channel]
    if wish.to is not None and not facts.addressed:
        raise ValueError(f"{wish.channel} has no address but its own; leave --to out")
    if wish.template is not None and (wish.text or wish.title or wish.code or wish.fields):
        raise ValueError("a template has its own words; leave --text, --title, --code and --field out")
    if wish.params and wish.template is None:
        raise ValueError("--param fills in a template; name it with --template")
    if wish.fields and wish.code is None:
        raise ValueError("--field fills in a template at the provider; name it with --code")
    now = datetime.now(UTC)
    command_id = f"test-{token_hex(8)}"
    return parcel(wish.channel, _content(wish), wish.to, command_id=command_id, now=now, template=wish.template)


def build(channel: ChannelName) -> Channel:
    """The channel as the notifier would make it. Raise `ValidationError` or `KoipondError` for settings that do not do."""
    return BUILDERS[channel](AllChannelSettings(channels=(channel,)))


async def send(channel: Channel, parcel: Parcel) -> tuple[SendResult, float]:
    """What comes of one send, and the seconds it took."""
    async with Channels([channel]):
        began = time.perf_counter()
        result = await channel.send(parcel)
        return result, time.perf_counter() - began


def _content(wish: Wish) -> Content:
    if wish.template is not None:
        return _of_template(wish.template, wish)
    fields = pairs("--field", wish.fields)
    if wish.code is not None:
        text = wish.text or text_of_code(wish.code, fields)
        return Content(wish.language, text, title=wish.title, code=wish.code, fields=fields)
    if wish.text is None:
        raise ValueError("what shall it say? --text TEXT, --template NAME, or --code CODE for sms")
    return Content(wish.language, wish.text, title=wish.title)


def _of_template(name: str, wish: Wish) -> Content:
    if wish.templates is None:
        raise ValueError("name the folder of the templates: --templates FOLDER, or KOI_TEMPLATES")
    templates = Templates.load(wish.templates)
    template = templates.by_name.get(name)
    given = {key: value_of(value) for key, value in pairs("--param", wish.params).items()}
    variables = given if template is None else examples(template) | given
    return templates.content(name, wish.channel, (wish.language,), variables)
