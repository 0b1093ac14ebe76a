"""What everybody comes to, and what was said of them: by the topics, by the live states, and offline by the events alone."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from services.cli.replay import course
from services.cli.replay.log import EventLog
from services.cli.replay.plan import Plan
from services.cli.replay.replay import Replay
from services.cli.rules.forecasting.history import Intaking
from services.cli.scores import live
from services.cli.scores.buckets import Buckets
from services.cli.scores.files import EventFiles
from services.cli.scores.refusals import Refusals
from services.contracts import wire
from services.contracts.command import Command
from services.contracts.decision import Decision
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent
from services.contracts.population import Cutoffs
from services.contracts.profile import Profile
from services.runtime.partitioning import partition_of
from services.runtime.record import Record
from services.runtime.settings import Settings
from services.scoring.batch import Batch, Line
from services.scoring.census import Counts, cutoffs
from services.scoring.config import ScoringConfig
from tests.system.pipeline import PARTITIONS, Fact
from tests.unit.scoring.reference import activity_at

S = TypeVar("S", Decision, Command)

_SCORES = ("r", "f", "m", "segment", "rf_segment", "super_user")
_COUNTED = (
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

    counted: dict[str, Any]
    scores: dict[str, Any]
    activity: float


def of_profiles(histories: Mapping[str, Sequence[Profile]], as_of: datetime) -> dict[str, Answer]:
    """By the last profile of each, by version and instant."""
    last = {c: max(said, key=lambda p: (p.version, p.as_of)) for c, said in histories.items() if said}
    return {
        customer: Answer(_read(profile, _COUNTED), _read(profile, _SCORES), activity_at(profile, as_of))
        for customer, profile in last.items()
    }


def of_lines(lines: Mapping[str, Line], batch: Batch, version: Cutoffs | None) -> dict[str, Answer]:
    answers = {}
    for customer, line in lines.items():
        s = line.forgetful().scores(batch.config, version)
        scores = dict(zip(_SCORES, (s.r, s.f, s.m, s.octant, s.rf_segment, s.super_user), strict=True))
        answers[customer] = Answer(_read(line.profile, _COUNTED), scores, line.activity)
    return answers


def _read(profile: Profile, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(profile, name) for name in names}


def histories(records: Iterable[Record]) -> dict[str, list[Profile]]:
    """Customer → all profiles since the last tombstone, in order. What was said again after a crash is left out."""
    said: dict[str, dict[tuple[int, datetime], Profile]] = {}
    for record in records:
        customer = (record.key or b"").decode()
        if record.value is None:
            said[customer] = {}
            continue
        profile = wire.PROFILES.decode(record.value)
        if isinstance(profile, Profile):
            assert profile.customer_id == customer, record.key
            first = said.setdefault(customer, {}).setdefault((profile.version, profile.as_of), profile)
            assert first == profile, f"a repeat says something else: {profile}"
    return {customer: list(profiles.values()) for customer, profiles in said.items()}


class Said(NamedTuple):
    """Decisions and commands about everybody, each once and in the order in which they were made, without offsets."""

    decisions: dict[str, list[Decision]]
    commands: dict[str, list[Command]]


def said_in(decisions: Iterable[Record], commands: Iterable[Record]) -> Said:
    """What topics hold; asserts that repeats repeat."""
    told = [m for m in (wire.COMMANDS.decode(r.value or b"") for r in commands) if isinstance(m, Command)]
    return Said(_by_customer(wire.DECISIONS.decode(r.value or b"") for r in decisions), _by_customer(told))


def simulated(plan: Plan, workers: int, read: Callable[[Intaking], object], until: datetime | None = None) -> Said:
    """What the replay says; `read` adds the events to its log."""
    said: list[course.Said] = []
    refusals = Refusals()
    with EventLog(until=until) as log:
        read(Intaking(log, refusals, lambda _done, _total: None))
        Replay(plan, workers).run(log, lambda each, _side: said.append(each), until=until)
    assert not refusals.total
    return Said(
        _by_customer(each for each in said if isinstance(each, Decision)),
        _by_customer(each for each in said if isinstance(each, Command)),
    )


def _by_customer(said: Iterable[S]) -> dict[str, list[S]]:
    known: dict[str, S] = {}
    for each in said:
        plain = msgspec.structs.replace(each, profile_version=0) if isinstance(each, Decision) else each
        assert known.setdefault(each.id, plain) == plain, f"a repeat says something else: {each}"
    found: dict[str, list[S]] = {}
    for each in known.values():
        found.setdefault(each.customer_id, []).append(each)
    return found


async def live_lines(settings: Settings, batch: Batch) -> dict[str, Line]:
    """From the states in Redis."""
    async with live.opened(settings, batch.config) as pond:
        return {state.customer_id: batch.line(state) async for _, state in pond.states(batch)}


async def in_force(settings: Settings, batch: Batch) -> list[Cutoffs | None]:
    """The version that each partition is scored with."""
    async with live.opened(settings, batch.config) as pond:
        population = await live.versions(settings, batch.config, await pond.cursors())
    return [population.in_force(partition) for partition in range(PARTITIONS)]


class Offline:
    """All that was published, in whatever order and however often, read from a file as `koi score` reads it."""

    def __init__(self, facts: Iterable[Fact], file: Path) -> None:
        self.refused: Counter[str] = Counter()
        """What cannot be used, by reason."""
        file.write_bytes(b"\n".join(fact.value or b"" for fact in facts))
        refusals = Refusals()
        with Buckets(file.parent) as buckets:
            arrived_ms = int(file.stat().st_mtime * 1000)
            for event in EventFiles([file], arrived_ms=arrived_ms, refusals=refusals):
                buckets.add(event)
            self._buckets = list(buckets.read())
        self.refused += refusals.reasons

    def lines(self, batch: Batch) -> dict[str, Line]:
        found: dict[str, Line] = {}
        for bucket in self._buckets:
            found |= {customer: batch.line(state) for customer, state in batch.states(bucket, self._refuse).items()}
        return found

    def version(self, config: ScoringConfig, zone: ZoneInfo, epoch: datetime) -> Cutoffs:
        """The cut-offs of the population as of an epoch, counted in each partition."""
        counts = [Counts() for _ in range(PARTITIONS)]
        for customer, line in self.lines(Batch(config, zone, epoch)).items():
            counts[partition_of(customer, PARTITIONS)].add(line.measures)
        censuses = [count.census(epoch, zone, partition, PARTITIONS) for partition, count in enumerate(counts)]
        return cutoffs(censuses, epoch, PARTITIONS, config, zone)

    def _refuse(self, _event: AnyEvent, error: InvalidMessage) -> None:
        self.refused[error.reason] += 1
