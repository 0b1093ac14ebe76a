"""What providers tell later, as they write it to `/callbacks/<channel>`, and what becomes of it for `koi.feedback`. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from services.contracts.channels import Category, ChannelName
from services.contracts.errors import InvalidMessage
from services.contracts.feedback import Feedback, News
from services.contracts.inbound import Id, Instant
from services.notifier.redaction import redacted
from services.runtime.problems import suggestion

MAX_NEWS = 500
_MAX_FAULTS = 3
_ID_BYTES = 16
_FUTURE_TOLERANCE = timedelta(minutes=5)
_NO_INSTANT = "is no instant with an offset; write e.g. 2026-01-31T08:00:00+08:00"
_SENTENCES = {
    "missing": "is required",
    "string_type": "must be text, in quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "is longer than {max_length} characters",
    "too_long": "has more than {max_length} entries; send them in several calls",
    "model_type": "must be an object",
    "list_type": "must be a list",
    "timezone_aware": _NO_INSTANT,
    "datetime_parsing": _NO_INSTANT,
    "datetime_from_date_parsing": _NO_INSTANT,
}
"""None of them shows what was found: it may be an address."""


class ProviderNews(BaseModel):
    """One piece of news about one command. Fields that are not known are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    command_id: Id
    customer_id: Id
    news: News
    at: Instant
    category: Category | None = None
    detail: str = ""
    id: Id | None = None


_SEVERAL: TypeAdapter[list[ProviderNews]] = TypeAdapter(Annotated[list[ProviderNews], Field(max_length=MAX_NEWS)])


def read_news(body: bytes, channel: ChannelName, now: datetime) -> tuple[Feedback, ...]:
    """One object, or a list of them. Raise `InvalidMessage` (`malformed`) with the places of the first faults.

    What claims to be of the future is taken as of now. `detail` is cut to a line without addresses.
    """
    try:
        said = from_json(body)
    except ValueError as error:
        raise InvalidMessage("malformed", f"the body is not JSON: {error}") from None
    several = isinstance(said, list)
    if not several and not isinstance(said, dict):
        raise InvalidMessage("malformed", "the body is one JSON object, or a list of them")
    try:
        found = _SEVERAL.validate_python(said if several else [said])
    except ValidationError as error:
        raise InvalidMessage("malformed", _faults(error, several=several)) from None
    return tuple(_feedback(one, channel, now) for one in found)


def identity(command_id: str, channel: str, news: News, at: datetime) -> str:
    """The id of news without one of their own: the same whenever the same is told."""
    told = "\0".join((command_id, channel, news.value, repr(at.timestamp())))
    return blake2b(told.encode(), digest_size=_ID_BYTES).hexdigest()


def _feedback(one: ProviderNews, channel: ChannelName, now: datetime) -> Feedback:
    return Feedback(
        id=one.id or identity(one.command_id, channel, one.news, one.at),
        customer_id=one.customer_id,
        command_id=one.command_id,
        channel=channel.value,
        news=one.news,
        occurred_at=now if one.at - now > _FUTURE_TOLERANCE else one.at,
        category=one.category,
        detail=redacted(one.detail),
    )


def _faults(error: ValidationError, *, several: bool) -> str:
    found = error.errors(include_url=False)
    worded = [_fault(fault["loc"] if several else fault["loc"][1:], fault) for fault in found[:_MAX_FAULTS]]
    more = len(found) - len(worded)
    return " | ".join(worded) + (f" | and {more} more" if more else "")


def _fault(place: Sequence[int | str], fault: Mapping[str, Any]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")
    return f"{path or 'the body'}: {_sentence(fault)}"


def _sentence(fault: Mapping[str, Any]) -> str:
    context = fault.get("ctx", {})
    kind = fault["type"]
    if kind == "enum":
        words = context["expected"].replace("'", "")
        return f"must be {words}{suggestion(fault['input'], re.split(', | or ', words))}"
    if kind == "value_error":
        return str(context["error"])
    known = _SENTENCES.get(kind)
    return known.format(**context) if known else str(fault["msg"])
