"""The silences that somebody put up, followed on `koi.silences`: of each the last word counts."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import structlog

from services.contracts.errors import InvalidMessage
from services.contracts.silence import Silence
from services.contracts.topics import SILENCES
from services.contracts.wire import SILENCES as SILENCES_WIRE
from services.notifier.policy.silencing import Silences
from services.runtime.record import Record

log = structlog.get_logger()


class SilenceBook:
    """Every silence that is on the topic, those that are over too. A `Listener` of the runtime."""

    topics = (SILENCES.name,)

    def __init__(self) -> None:
        self._silences: dict[str, Silence] = {}
        self._in_force: Silences | None = None

    async def take(self, records: Sequence[Record]) -> None:
        """News for a follower to give."""
        self.note(records)

    def note(self, records: Iterable[Record]) -> None:
        """News from the topic, in order. A record without a value takes its silence away."""
        for record in records:
            self._read(record)
        self._in_force = None

    def in_force(self, now: datetime) -> Silences:
        """For the policy, which looks at when each begins and ends. Made anew only when there is news."""
        if self._in_force is None:
            self._in_force = Silences.of(self._silences.values(), now)
        return self._in_force

    def current(self, now: datetime) -> tuple[Silence, ...]:
        """Those in force, the one that ends first in front."""
        found = [silence for silence in self._silences.values() if silence.starts_at <= now < silence.ends_at]
        return tuple(sorted(found, key=lambda silence: (silence.ends_at, silence.id)))

    def all(self) -> tuple[Silence, ...]:
        """In the order in which they were put up."""
        return tuple(sorted(self._silences.values(), key=lambda silence: (silence.created_at, silence.id)))

    def _read(self, record: Record) -> None:
        if record.value is None:
            self._silences.pop((record.key or b"").decode("utf-8", "replace"), None)
            return
        try:
            silence = SILENCES_WIRE.decode(record.value)
        except InvalidMessage as error:
            # a silence that cannot be read silences nobody: better that than no message to anybody
            log.error("foreign_record", topic=record.topic, offset=record.offset, error=error.detail)  # noqa: TRY400
            return
        self._silences[silence.id] = silence
