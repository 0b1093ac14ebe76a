"""A customer out of event files: their events are replayed through scoring and rules, up to any instant."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from services.cli.explain.account import Account, NobodyThere, Source, distinct
from services.cli.explain.ahead import Standstill, coming, explained
from services.cli.replay.course import Said
from services.cli.replay.life import Life
from services.cli.replay.log import EventLog
from services.cli.replay.plan import Plan
from services.cli.replay.replay import Replay
from services.cli.scores.files import EventFiles
from services.cli.terminal import many
from services.contracts.calendar import to_ms
from services.contracts.decision import Decision
from services.contracts.events import AnyEvent, ClockTick, CustomerDeleted, CustomerMerged
from services.rules.book.rulebook import Rulebook
from services.rules.engine.state import RuleState, unpack_profile
from services.rules.language.terms import Feature
from services.rules.processor import RulesProcessor
from services.scoring.config import ScoringConfig

_DECODER = msgspec.msgpack.Decoder(AnyEvent)


@dataclass(frozen=True)
class Files:
    """What is replayed, through what. `texts` are the rule files, `book` what they say."""

    events: EventFiles
    texts: Mapping[str, str | bytes]
    book: Rulebook
    scoring: ScoringConfig
    zone: ZoneInfo

    def all_count(self, rule: str | None = None) -> bool:
        """Whether what is said of one customer, or by one rule of them, depends on the other customers."""
        book, asked = self.book, frozenset({rule}) if rule in self._names else self._names
        while (wider := asked | self._neighbours(asked)) != asked:
            asked = wider
        scored = self.scoring
        if all(feature.name != "super_user" for feature in self._features(asked)):
            # no copy: that would bring what was worked out of the original
            scored = ScoringConfig.model_construct(**{**dict(scored), "super_user": None})
        seats = any(tier.seats for ladder in book.ladders if ladder.name in asked for tier in ladder.tiers)
        return scored.counts_population or seats

    @property
    def _names(self) -> frozenset[str | None]:
        names = (*(ladder.name for ladder in self.book.ladders), *(each.name for each in self.book.campaigns))
        return frozenset(names)

    def _neighbours(self, names: frozenset[str | None]) -> frozenset[str | None]:
        """The rules that have a say in what these rules do: ladders they ask for, and campaigns of their groups."""
        read = {feature.name for feature in self._features(names) if feature.of_tier}
        groups = {each.exclusive for each in self.book.campaigns if each.name in names and each.exclusive is not None}
        ladders = (each.name for each in self.book.ladders if any(f'"{each.name}"' in name for name in read))
        return frozenset([*ladders, *(each.name for each in self.book.campaigns if each.exclusive in groups)])

    def _features(self, names: frozenset[str | None]) -> Iterator[Feature]:
        """All that the conditions of these rules read, in their steps too."""
        ladders = (each for each in self.book.ladders if each.name in names)
        clauses = [clause for ladder in ladders for tier in ladder.tiers for clause in (tier.enter, tier.leave)]
        for campaign in self.book.campaigns:
            if campaign.name in names:
                clauses += [campaign.when, campaign.until, *(step.when for step in campaign.steps)]
        indices = {i for clause in clauses if clause is not None for i in clause.predicates}
        return (feature for i in indices for feature in self.book.predicates[i].features)


class Trace:
    """What the files say of one customer's coming and going, until an instant."""

    def __init__(self, customer_id: str, zone: ZoneInfo) -> None:
        self._customer = customer_id
        self._zone = zone
        self.later: datetime | None = None
        """The first event after the instant."""
        self._last: AnyEvent | None = None

    def take(self, event: AnyEvent, *, later: bool) -> None:
        if event.customer_id != self._customer:
            return
        if not later:
            self._last = max(self._last or event, event, key=lambda each: each.occurred_at)
        elif self.later is None or event.occurred_at < self.later:
            self.later = event.occurred_at

    def absence(self) -> str:
        """Why there is nothing to explain."""
        customer, last = self._customer, self._last
        match last:
            case CustomerMerged():
                on = self._local(last.occurred_at)
                return f"{customer} was merged into {last.into_id} on {on}; koi explain {last.into_id} tells the rest"
            case CustomerDeleted():
                return f"{customer} was deleted on {self._local(last.occurred_at)}, and is forgotten"
            case None if self.later is not None:
                return f"{customer} was not seen by then: the first event is of {self._local(self.later)}"
            case None:
                return (
                    f"{customer} was never seen: no event in these files is of that customer (ids are case-sensitive)"
                )
        return f"none of the events of {customer} could be used"

    def _local(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%Y-%m-%d %H:%M}"


class _Asked(NamedTuple):
    files: Files
    log: EventLog
    trace: Trace
    rule: str | None
    progress: Callable[[int, int], None]


def offline_account(
    customer_id: str,
    files: Files,
    *,
    at: datetime | None = None,
    rule: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Account:
    """As of `at`, else of the newest event; what is foretold may be of one `rule`. Raise `NobodyThere`, `FileError`, `OSError` and `ReplayFailed`."""
    trace = Trace(customer_id, files.zone)
    with EventLog(until=at) as log:
        for event in files.events:
            log.add(event)
            if not isinstance(event, ClockTick):
                trace.take(event, later=at is not None and event.occurred_at > at)
        until = at or log.newest or datetime.now(UTC)
        account = Account(customer_id, until, files.zone, Source.EVENTS, files.book)
        replayed = _of_all if files.all_count(rule) else _of_one
        return replayed(account, _Asked(files, log, trace, rule, progress))


def _of_one(account: Account, asked: _Asked) -> Account:
    """By the events of the customer, and of those merged into them, alone."""
    files = asked.files
    rules = RulesProcessor(files.book)
    try:
        life = Life(rules, files.scoring, files.zone)
        group = asked.log.group(account.customer_id)
        for entry in asked.log:
            if entry.group == group:
                life.take(_DECODER.decode(entry.event))
        life.advance(account.at)
        state = life.state(account.customer_id)
        if state is None:
            raise NobodyThere(asked.trace.absence())
        account = _with(account, state, life.decisions)
        ahead = coming(life, account.customer_id, account.at, exact=True, rule=asked.rule)
    finally:
        rules.close()
    refused = life.refused
    notes = (f"{many(len(refused), 'event')} cannot be folded: {refused[0].error.detail}",) if refused else ()
    return replace(account, coming=ahead, notes=notes)


def _of_all(account: Account, asked: _Asked) -> Account:
    """By the events of everybody, for scores or seats are a matter of comparison."""
    told: list[Decision] = []
    files, log = asked.files, asked.log

    def observe(said: Said, _side: int) -> None:
        if isinstance(said, Decision) and said.customer_id == account.customer_id:
            told.append(said)

    ending = Replay(Plan(files.scoring, files.zone, [files.texts])).run(
        log,
        observe,
        until=account.at,
        progress=lambda done: asked.progress(done, log.events),
        keep=[account.customer_id],
    )
    (state,) = ending.kept.get(account.customer_id, (None,))
    if state is None:
        raise NobodyThere(asked.trace.absence())
    account = _with(account, state, told)
    with Standstill(files.book, state) as still:
        still.advance(account.at)
        return replace(account, coming=coming(still, account.customer_id, account.at, exact=False, rule=asked.rule))


def _with(account: Account, state: RuleState, decisions: Iterable[Decision]) -> Account:
    return replace(
        account,
        profile=unpack_profile(state.profile),
        explanation=explained(account.book, state, to_ms(account.at)),
        decisions=distinct(each for each in decisions if each.customer_id == account.customer_id),
    )
