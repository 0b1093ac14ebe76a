"""Dead letters: what goes in, and at which rate at most."""

from collections.abc import Sequence
from datetime import datetime

from services.contracts.deadletter import MAX_ORIGINAL_BYTES, DeadLetter
from services.contracts.errors import KoipondError
from services.contracts.topics import DEAD_LETTER, DEAD_LETTER_PARTITIONS
from services.contracts.wire import DEAD_LETTERS
from services.runtime.fold import Rejected
from services.runtime.record import Output

MAX_HEADER_BYTES = 16 * 1024
MAX_KEY_BYTES = 4 * 1024


class Flooded(KoipondError):  # noqa: N818
    """More records fail than the dead letter's rate allows: something is wrong upstream, so the service stops."""


class Budget:
    """A token bucket over the dead letters of one process: `burst` at once, `rate` a second after that.

    Time is passed in as seconds of any monotonic clock.
    """

    def __init__(self, burst: int, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._tokens = float(burst)
        self._at: float | None = None

    def available(self, now: float) -> int:
        if self._at is not None:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        return int(self._tokens)

    def spend(self, count: int) -> None:
        self._tokens -= count


def letters(service: str, rejected: Sequence[Rejected], now: datetime) -> list[Output]:
    """Dead letters for rejected records, each with the original bytes and headers as far as they fit."""
    return [_letter(service, item, now) for item in rejected]


def _letter(service: str, item: Rejected, now: datetime) -> Output:
    record = item.record
    value = record.value
    size = len(value or b"")
    headers = []
    room = MAX_HEADER_BYTES
    for name, content in record.headers:
        room -= len(name.encode("utf-8", "replace")) + len(content or b"")
        if room < 0:
            break
        headers.append((name.encode("utf-8", "replace").decode(), content or b""))
    key = record.key[:MAX_KEY_BYTES] if record.key is not None else None
    cut = size > MAX_ORIGINAL_BYTES or len(headers) < len(record.headers) or len(key or b"") < len(record.key or b"")
    letter = DeadLetter(
        service=service,
        reason=item.reason,
        detail=item.detail,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        failed_at=now,
        key=key,
        value=value[:MAX_ORIGINAL_BYTES] if value is not None else None,
        headers=tuple(headers),
        size=size,
        truncated=cut,
    )
    return Output(DEAD_LETTER.name, record.partition % DEAD_LETTER_PARTITIONS, key, DEAD_LETTERS.encode(letter))
