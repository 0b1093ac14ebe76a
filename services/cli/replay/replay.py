"""A replay: a log of past events through scoring and the rules, on the event clock, by several processes.

    with EventLog() as log:
        for event in events: log.add(event)
        ending = Replay(Plan(scoring, zone, [rules])).run(log, observe)

The same decisions with the same ids as the services would make on the event clock, however many processes there are. Memory:
of each customer the states of scoring and rules, some 25 KiB for one with 65 events in a year, and nothing else that grows.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

from services.cli.replay.course import Observe, Refuse
from services.cli.replay.crew import MOST_WORKERS, Worker, workers
from services.cli.replay.gates import Keeper, Opening
from services.cli.replay.log import EventLog
from services.cli.replay.plan import Plan
from services.cli.replay.shard import SCORING, Answer, End, Fold, Order, Pass, Ring, Standing, Tell
from services.contracts.calendar import from_ms, to_ms
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent
from services.rules.book.compiler import compile_rulebook
from services.rules.engine.state import RuleState

AT_ONCE = 250
"""Events of one order."""
_WORTH_A_PROCESS = 5000
"""Events: fewer are done before another process has begun."""
_AHEAD = 8
"""Orders a worker may have waiting."""


@dataclass(frozen=True)
class Ending:
    """What a replay came to: how far time has come, and where everybody stands, by customer id.

    `kept` are the states of those asked for, one for each rule set.
    """

    until: datetime | None
    standings: list[Standing]
    kept: Mapping[str, tuple[RuleState | None, ...]]


def default_workers() -> int:
    """As many as there are processors for us, but no more than can be kept busy."""
    return max(1, min(MOST_WORKERS, len(os.sched_getaffinity(0))))


def _ignore(_event: AnyEvent, _error: InvalidMessage) -> None:
    return None


def _unwatched(_done: int) -> None:
    return None


class Replay:
    """`count` processes share the customers; 1 does all here, and without a number so does a replay of few events.

    A replay may be run again: it begins anew.

    Raise `FileError` for rules with mistakes.
    """

    def __init__(self, plan: Plan, count: int | None = None) -> None:
        self.books = tuple(compile_rulebook(texts) for texts in plan.rules)
        """The rule sets, compiled."""
        self._plan = plan
        self._count = count

    def run(
        self,
        log: EventLog,
        observe: Observe,
        *,
        until: datetime | None = None,
        refuse: Refuse = _ignore,
        progress: Callable[[int], None] = _unwatched,
        keep: Collection[str] = (),
    ) -> Ending:
        """Replay all of `log`, and what time alone brings until `until`: without it, until the newest event.

        `observe` is told every decision and command, those of one customer in the order of event time; `progress` how many
        events are done. Raise `ReplayFailed`.
        """
        with ExitStack() as stack:
            few = log.events < _WORTH_A_PROCESS
            crew = workers(self._count or (1 if few else default_workers()), self._plan)
            for worker in crew:
                stack.callback(worker.close)
            course = _Conductor(crew, self._plan, observe, refuse, progress)
            until_ms = course.play(log, until)
            answers = course.ask(End(frozenset(keep)))
        standings = sorted((s for a in answers for s in a.standings), key=lambda standing: standing.customer_id)
        kept = {customer: states for answer in answers for customer, states in answer.kept.items()}
        return Ending(None if until_ms is None else from_ms(until_ms), standings, kept)


class _Conductor:
    """Gives the orders, and hears the answers."""

    def __init__(
        self, crew: list[Worker], plan: Plan, observe: Observe, refuse: Refuse, progress: Callable[[int], None]
    ) -> None:
        self._crew = crew
        self._waiting = [0] * len(crew)
        # at one instant the rules come before scoring: what scoring says then is theirs to hear behind their gate
        rules = list(enumerate(plan.rules_keepers(), start=SCORING + 1))
        self._keepers: list[tuple[int, Keeper]] = [
            (stage, keeper) for stage, keeper in (*rules, (SCORING, plan.scoring_keeper())) if keeper is not None
        ]
        self._observe = observe
        self._refuse = refuse
        self._progress = progress
        self._done = 0

    def play(self, log: EventLog, until: datetime | None) -> int | None:
        """Everything until the end, which is returned (Unix ms); None if nothing ever happened."""
        first_ms: int | None = None
        gate_ms: int | None = None
        chunks: list[list[tuple[int, bytes]]] = [[] for _ in self._crew]
        group: Callable[[str], str] = log.group
        for number, (at_ms, customers, event) in enumerate(log):
            if first_ms is None:
                first_ms = at_ms
                gate_ms = self._next_gate(first_ms)
            while gate_ms is not None and at_ms >= gate_ms:
                self._flush(chunks)
                self._cross(gate_ms, first_ms, group)
                gate_ms = self._next_gate(first_ms)
            slot = self._slot(customers)
            chunks[slot].append((number, event))
            if len(chunks[slot]) >= AT_ONCE:
                self._post(slot, Fold(chunks[slot]))
                chunks[slot] = []
        self._flush(chunks)
        end = until or log.newest
        if end is None or first_ms is None:
            return None if end is None else to_ms(end)
        until_ms = to_ms(end)
        while gate_ms is not None and gate_ms <= until_ms:
            self._cross(gate_ms, first_ms, group)
            gate_ms = self._next_gate(first_ms)
        self.ask(Ring(until_ms, until_ms))
        return until_ms

    def ask(self, order: Order) -> list[Answer]:
        """The same of everybody; the answers, once all before are heard."""
        for slot in range(len(self._crew)):
            self._post(slot, order)
        return [self._settle(slot) for slot in range(len(self._crew))]

    def _next_gate(self, first_ms: int) -> int | None:
        return min((at for _, k in self._keepers if (at := k.next_ms(first_ms)) is not None), default=None)

    def _cross(self, at_ms: int, first_ms: int, group: Callable[[str], str]) -> None:
        """Everybody goes through all gates of an instant, once all before it has happened."""
        due = [(stage, keeper) for stage, keeper in self._keepers if keeper.next_ms(first_ms) == at_ms]
        for stage, keeper in due:
            # behind a gate of the rules lies what scoring says at that very instant
            self.ask(Ring(at_ms if stage == SCORING else at_ms - 1, at_ms))
            for answer in self.ask(Tell(stage)):
                keeper.learn(answer.digests)
            opening = keeper.cross(at_ms)
            wake: list[list[str]] = [[] for _ in self._crew]
            for customer in opening.wake:
                wake[self._slot(group(customer))].append(customer)
            for slot, customers in enumerate(wake):
                self._post(slot, Pass(stage, Opening(at_ms, opening.news, tuple(customers))))

    def _slot(self, group: str) -> int:
        crew = len(self._crew)
        return crc32(group.encode()) % crew if crew > 1 else 0

    def _flush(self, chunks: list[list[tuple[int, bytes]]]) -> None:
        for slot, chunk in enumerate(chunks):
            if chunk:
                self._post(slot, Fold(chunk))
                chunks[slot] = []

    def _post(self, slot: int, order: Order) -> None:
        while self._waiting[slot] >= _AHEAD:
            self._hear(slot)
        self._crew[slot].post(order)
        self._waiting[slot] += 1

    def _settle(self, slot: int) -> Answer:
        while self._waiting[slot] > 1:
            self._hear(slot)
        return self._hear(slot)

    def _hear(self, slot: int) -> Answer:
        answer = self._crew[slot].answer()
        self._waiting[slot] -= 1
        for side, said in answer.said:
            self._observe(said, side)
        for event, reason, detail in answer.refused:
            self._refuse(event, InvalidMessage(reason, detail))
        if answer.done:
            self._done += answer.done
            self._progress(self._done)
        return answer


def logged(events: Iterable[AnyEvent], log: EventLog) -> EventLog:
    """The log with all of these events."""
    for event in events:
        log.add(event)
    return log
