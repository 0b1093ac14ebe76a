"""What an answer over HTTP means for a message. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import msgspec

from services.notifier.channels.base import Accepted, Refused, SendResult, Unavailable

_TRANSIENT = frozenset({408, 425, 429})
_NOT_TAKEN = frozenset({501, 503, 505})
"""Server errors that say that the request was not carried out (RFC 9110 §15.6); of the others nobody knows."""
_DIGITS_OF_30_YEARS = 9
_MAX_WORDING = 200


@dataclass(slots=True, frozen=True)
class Answer:
    """What came back over HTTP. `body` may be cut, `whole` says whether it is all of it."""

    status: int
    retry_after: str | None
    body: bytes
    whole: bool

    def fields(self) -> Mapping[str, Any]:
        """The body as a JSON object; empty if it is none, or not whole."""
        try:
            found = msgspec.json.decode(self.body) if self.whole else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = None
        return found if isinstance(found, dict) else {}


@dataclass(slots=True, frozen=True)
class Dialect:
    """How a provider says in JSON what became of a request, mostly with HTTP 200 whatever it was.

    `code`, `wording` and `message_id`: fields of its answer. `accepted`: the code of a message it took. `later`: codes that
    will pass -> seconds after which, None if it does not say; a message with one of them was not taken.
    """

    code: str
    wording: str
    accepted: int | str = 0
    later: Mapping[int | str, float | None] = field(default_factory=dict)
    message_id: str | None = None


def judge(answer: Answer, dialect: Dialect, now: datetime, hidden: Iterable[str] = ()) -> SendResult:
    """What an answer in JSON means: the code decides, unless the status says that the server is in trouble.

    A 2xx that is not in the provider's words came from somebody in between, or was cut: the message may have been taken.
    `hidden`: texts that must not show in the result, should the provider repeat them.
    """
    by_status = judge_status(answer.status, answer.retry_after, now)
    said = answer.fields()
    code = said.get(dialect.code)
    if isinstance(by_status, Unavailable):
        return by_status
    if type(code) is not type(dialect.accepted):
        if isinstance(by_status, Accepted):
            return Unavailable(f"HTTP {answer.status}, but no {dialect.code} in the answer", ambiguous=True)
        return by_status
    if code == dialect.accepted:
        message_id = said.get(dialect.message_id) if dialect.message_id else None
        return (
            by_status if message_id is None or isinstance(by_status, Refused) else Accepted(quoted(message_id, hidden))
        )
    detail = f"{dialect.code} {quoted(code, hidden)}: {quoted(said.get(dialect.wording, ''), hidden)}"
    if code in dialect.later:
        return Unavailable(detail, retry_after_s=dialect.later[code])
    return Refused(detail)


def quoted(said: object, hidden: Iterable[str] = ()) -> str:
    """Words of a provider as part of a detail: one line, short, and without what must not show."""
    text = "".join(mark if mark.isprintable() else " " for mark in str(said))
    for secret in filter(None, hidden):
        text = re.sub(re.escape(secret), "…", text, flags=re.IGNORECASE)
    return " ".join(text.split())[:_MAX_WORDING]


def judge_status(status: int, retry_after: str | None, now: datetime) -> SendResult:
    """What a status alone means: 2xx is accepted; what may pass is unavailable; everything else is refused."""
    if httpx.codes.is_success(status):
        return Accepted()
    if status in _TRANSIENT or httpx.codes.is_server_error(status):
        return Unavailable(
            f"HTTP {status}",
            retry_after_s=parse_retry_after(retry_after, now),
            ambiguous=httpx.codes.is_server_error(status) and status not in _NOT_TAKEN,
        )
    if httpx.codes.is_redirect(status):
        return Refused(f"HTTP {status}: redirects are not followed")
    return Refused(f"HTTP {status}")


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds asked for by a `Retry-After` header, delay or date (RFC 9110 §10.2.3); None if absent or unreadable."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:_DIGITS_OF_30_YEARS]) if len(text) <= _DIGITS_OF_30_YEARS else float("inf")
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
