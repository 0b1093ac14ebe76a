"""Several events in order and in time: `cart_add`, and no `order.paid` within 24 hours."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.contracts.calendar import to_ms
from services.rules.language.scene import Past, Scene

MOST_REMEMBERED = 64
"""Of a customer's recent events."""
_GRACE_MS = 60_000


class Link(NamedTuple):
    """An interaction kind or a type of event, at most `within_ms` after the one before."""

    name: str
    within_ms: int


@dataclass(frozen=True)
class EventSequence:
    """`links` one after the other; then, if there is an `absence`, nothing of its name for as long as it says.

    Without an absence it is complete with its last event, at the look which that event causes. With one it is complete when
    the time is over; a newer last event starts the wait anew.
    """

    links: tuple[Link, ...]
    absence: Link | None

    @property
    def names(self) -> frozenset[str]:
        return frozenset(link.name for link in self.links) | ({self.absence.name} if self.absence else set())

    @property
    def horizon_ms(self) -> int:
        """How long ago an event may lie and still matter."""
        return sum(link.within_ms for link in self.links) + (self.absence.within_ms if self.absence else 0)

    def completes(self, scene: Scene) -> bool:
        """Whether it is complete at this look, and was not at the last."""
        if not scene.recent:
            return False
        ends = self._ends(scene.recent)
        if self.absence is None:
            happened = scene.happened
            return happened is not None and happened.name == self.links[-1].name and happened.at_ms in ends
        ripe = (
            (end, end + self.absence.within_ms)
            for i, end in enumerate(ends)
            if i + 1 == len(ends) or ends[i + 1] > end + self.absence.within_ms
        )
        return any(passed(until, scene) and not self._spoiled(scene, end, until) for end, until in ripe)

    def flip(self, scene: Scene) -> int | None:
        """The instant (Unix ms, after now) at which the wait that is on ends."""
        ends = self._ends(scene.recent) if scene.recent else []
        if self.absence is None or not ends:
            return None
        until = ends[-1] + self.absence.within_ms
        return until if until > scene.now_ms and not self._spoiled(scene, ends[-1], until) else None

    def seen(self, scene: Scene) -> dict[str, int]:
        """When each of its names last happened (Unix ms)."""
        return {past.name: past.at_ms for past in scene.recent if past.name in self.names}

    def _ends(self, recent: Iterable[Past]) -> list[int]:
        """Every instant at which all links had come, oldest first.

        Of each beginning of the sequence the latest is kept: if any reaches far enough, that one does.
        """
        reached: list[int | None] = [None] * len(self.links)
        ends: list[int] = []
        for at_ms, name in recent:
            # from the last link on, so that one event is not two of them
            for i in range(len(self.links) - 1, -1, -1):
                before = at_ms if i == 0 else reached[i - 1]
                link = self.links[i]
                if link.name == name and before is not None and (i == 0 or at_ms - before <= link.within_ms):
                    reached[i] = at_ms
                    if i + 1 == len(self.links):
                        ends.append(at_ms)
        return ends

    def _spoiled(self, scene: Scene, end: int, until: int) -> bool:
        absence = self.absence
        return absence is not None and any(
            past.name == absence.name and end < past.at_ms <= until for past in scene.recent
        )


def passed(at_ms: int, scene: Scene) -> bool:
    """Whether an instant has come since the last look. A newer profile says nothing about the customer as of then.

    What time alone changes about a profile may come a little late.
    """
    if scene.previous_ms is None or not scene.previous_ms < at_ms <= scene.now_ms:
        return False
    grace_ms = _GRACE_MS if scene.profile.event is None else 0
    return to_ms(scene.profile.as_of) <= at_ms + grace_ms


def remembered(recent: Sequence[tuple[int, str]], new: Past, horizon_ms: int) -> list[tuple[int, str]]:
    """The recent events with a new one in its place, without those that do not matter any more."""
    # of one instant, in the order of arrival
    known = sorted([*(Past(*past) for past in recent), new], key=lambda past: past.at_ms)
    limit = known[-1].at_ms - horizon_ms
    return [(past.at_ms, past.name) for past in known if past.at_ms >= limit][-MOST_REMEMBERED:]
