"""What is known of everybody at one instant: from the profiles, from the live states, and offline from the events alone."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from services.cli.scores import live
from services.cli.scores.buckets import Buckets
from services.cli.scores.files import EventFiles
from services.cli.scores.refusals import Refusals
from services.contracts import wire
from services.contracts.events import AnyEvent
from services.contracts.profile import Profile
from services.runtime.record import Record
from services.runtime.settings import Settings
from services.scoring.batch import Batch, Line
from services.scoring.config import ScoringConfig
from services.scoring.rfm import Scores
from tests.system.pipeline import Fact
from tests.unit.scoring.reference import activity_at

_PLAIN = (
    "window_days",
    "orders",
    "net_minor",
    "last_order_day",
    "first_order_day",
    "average_order_minor",
    "discount_share",
    "refund_share",
    "rhythm_days",
    "windows",
    "lifetime",
    "tags",
    "attributes",
)


class Answer(NamedTuple):
    """What one customer comes to."""

    plain: dict[str, Any]
    scores: dict[str, Any]
    activity: float


def of_line(line: Line, scores: Scores) -> Answer:
    plain = {name: getattr(line.profile, name) for name in _PLAIN}
    return Answer(plain, _scored(scores), line.activity)


def of_profile(profile: Profile, as_of: datetime) -> Answer:
    plain = {name: getattr(profile, name) for name in _PLAIN}
    scores = {name: getattr(profile, name) for name in ("r", "f", "m", "segment", "rf_segment", "super_user")}
    return Answer(plain, scores, activity_at(profile, as_of))


def _scored(scores: Scores) -> dict[str, Any]:
    return {
        "r": scores.r,
        "f": scores.f,
        "m": scores.m,
        "segment": scores.octant,
        "rf_segment": scores.rf_segment,
        "super_user": scores.super_user,
    }


# --- what was published


def told(records: Iterable[Record]) -> dict[str, list[Profile]]:
    """Customer → all that was said of them, without repeats; whoever ended with a tombstone has said nothing since."""
    said: dict[str, list[Profile]] = {}
    for record in records:
        customer = (record.key or b"").decode()
        if record.value is None:
            said[customer] = []
            continue
        message = wire.PROFILES.decode(record.value)
        if isinstance(message, Profile):
            assert message.customer_id == customer
            _hear(said.setdefault(customer, []), message)
    return said


def _hear(said: list[Profile], profile: Profile) -> None:
    """A repeat after a crash carries the same version and instant, and says the same; what follows it is heard again too."""
    known = {(each.version, each.as_of): each for each in said}
    earlier = known.get((profile.version, profile.as_of))
    if earlier is not None:
        assert earlier == profile
    else:
        said.append(profile)


def last(said: Mapping[str, Sequence[Profile]]) -> dict[str, Profile]:
    """By version and instant."""
    return {c: max(profiles, key=lambda p: (p.version, p.as_of)) for c, profiles in said.items() if profiles}


# --- what is stored


async def live_lines(settings: Settings, batch: Batch) -> dict[str, Line]:
    async with live.opened(settings, batch.config) as pond:
        return {state.customer_id: batch.line(state) async for _, state in pond.states(batch)}


# --- what the events say


class Offline:
    """The events of a file in which everything stands that was published, in any order and repeated."""

    def __init__(self, facts: Iterable[Fact], file: Path) -> None:
        file.write_bytes(b"\n".join(fact.value or b"" for fact in facts))
        self.refusals = Refusals()
        arrived_ms = int(file.stat().st_mtime * 1000)
        with Buckets(file.parent) as buckets:
            for event in EventFiles([file], arrived_ms=arrived_ms, refusals=self.refusals):
                buckets.add(event)
            self.buckets = list(buckets.read())

    def lines(self, batch: Batch) -> dict[str, Line]:
        lines: dict[str, Line] = {}
        for bucket in self.buckets:
            states = batch.states(bucket, self._refuse)
            lines |= {customer: batch.line(state) for customer, state in states.items()}
        return lines

    def _refuse(self, event: AnyEvent, error: Exception) -> None: ...
