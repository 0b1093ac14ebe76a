"""Whether a text fits a channel. Pure; what checks templates and what sends messages ask the same."""

import msgspec

from services.contracts.channels import ChannelFacts, Limit
from services.notifier.channels.base import Refused
from services.notifier.message import Content, Parcel


def fits(facts: ChannelFacts, content: Content) -> str | None:
    """What is wrong with a content for a channel, by its facts; None if nothing is."""
    if content.markdown and facts.markdown is None:
        return f"{facts.name} takes no Markdown"
    if not content.text.strip():
        return "the text is empty"
    if content.title is not None and facts.title is None:
        return f"{facts.name} takes no title"
    return (
        _too_long("text", content.text, facts.markdown if content.markdown else facts.text, facts)
        or (content.title and _too_long("title", content.title, facts.title, facts))
        or None
    )


def content_for(facts: ChannelFacts, parcel: Parcel) -> Content | Refused:
    """What a channel that sends texts is to send, or why it cannot send this parcel."""
    if facts.addressed and not parcel.address:
        return Refused(f"{facts.name} needs an address, and there is none")
    if parcel.content is None:
        return Refused(f"{facts.name} needs a text, and there is no template for it")
    wrong = fits(facts, parcel.content)
    return parcel.content if wrong is None else Refused(wrong)


def encoded(facts: ChannelFacts, request: object, most: int) -> bytes | Refused:
    """A request in JSON, or why it is too long; line breaks and quotation marks make it longer than its text is."""
    body = msgspec.json.encode(request)
    if len(body) <= most:
        return body
    return Refused(f"the request has {len(body):,} bytes, and {facts.name} takes {most:,} at most")


def _too_long(part: str, text: str, limit: Limit | None, facts: ChannelFacts) -> str | None:
    if limit is None:
        return f"{facts.name} takes no plain text"
    length = limit.length(text)
    if length <= limit.most:
        return None
    return f"the {part} has {length:,} {limit.unit}, and {facts.name} takes {limit.most:,} at most"
