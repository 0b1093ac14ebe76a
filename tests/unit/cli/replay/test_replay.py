"""A replay says what the services on the event clock would have said, gates included, however many processes share the work."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from services.cli.replay.course import ReplayFailed, Said
from services.cli.replay.gates import Keeper
from services.cli.replay.log import EventLog
from services.cli.replay.plan import Gated, Plan, RulesStage
from services.cli.replay.replay import Ending, Replay, default_workers, logged
from services.contracts.calendar import from_ms, to_ms
from services.contracts.command import Command
from services.contracts.decision import Decision
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent, ClockTick, OrderPaid
from services.rules.book.compiler import compile_rulebook
from services.rules.engine.state import RuleState, unpack_profile
from services.rules.processor import RulesProcessor
from services.runtime.gate import Passage
from services.runtime.problems import FileError
from services.runtime.record import Output
from services.scoring.config import ScoringConfig
from tests.flow.histories import histories
from tests.flow.said import RULES, ZONE, after, deleted, did, merged, paid, refunded, tick, updated
from tests.unit.cli.replay.lived import by_customer, commands_of, decisions_of, events_of, lived

WEEKLY = ScoringConfig.model_validate({"method": "quantile", "high": {"by": "median"}, "epoch": "weekly"})
ALONE = ScoringConfig(super_user=None)
TEXTS = {"规则.yaml": RULES}


def crowd() -> list[dict[str, Any]]:
    """Thirty customers who come in all over three months, some of them back again; a tick a day."""
    said = [tick(after(day + 0.9)) for day in range(95)]
    for number in range(30):
        customer = f"会员{number}"
        for order in range(1 + number % 5):
            at = after(3 * number % 80 + 2 * order, number)
            said.append(paid(customer, f"{customer}/{order}", at, 5_000 + 1_700 * number))
        if number % 6 == 0:
            said.append(refunded(customer, f"{customer}/0", after(85, number), 5_000 + 1_700 * number))
    return sorted(said, key=lambda message: message["occurred_at"])


@dataclass
class Told:
    """What a replay said, and how it ended."""

    said: list[tuple[int, Said]]
    ending: Ending
    refused: list[tuple[AnyEvent, InvalidMessage]]
    progress: list[int]

    def of(self, kind: type[Decision] | type[Command], side: int = 0) -> dict[str, list[dict[str, Any]]]:
        return by_customer(each for number, each in self.said if number == side and isinstance(each, kind))


def replayed(events: Sequence[AnyEvent], plan: Plan, workers: int = 1, **options: Any) -> Told:
    said: list[tuple[int, Said]] = []
    refused: list[tuple[AnyEvent, InvalidMessage]] = []
    progress: list[int] = []
    with EventLog() as log:
        ending = Replay(plan, workers).run(
            logged(events, log),
            lambda each, side: said.append((side, each)),
            refuse=lambda event, error: refused.append((event, error)),
            progress=progress.append,
            **options,
        )
    return Told(said, ending, refused, progress)


@pytest.fixture(scope="module")
def crowded(rules: RulesProcessor) -> tuple[Any, list[AnyEvent]]:
    """The crowd in the pipeline with quantiles of the population, and the events it saw."""
    pond = asyncio.run(lived(rules, crowd(), WEEKLY))
    return pond, events_of(pond)


@given(histories())
@settings(max_examples=25, deadline=None)
def test_a_replay_is_what_the_pipeline_makes_of_it(rules: RulesProcessor, history: list[dict[str, Any]]) -> None:
    """Super users are counted by the month here: the gates are met as they are there."""
    scoring = ScoringConfig.model_validate({"epoch": "monthly"})
    pond = asyncio.run(lived(rules, [*history, tick(after(160))], scoring))
    told = replayed(events_of(pond), Plan(scoring, ZONE, [TEXTS]))
    assert told.of(Decision) == decisions_of(pond)
    assert told.of(Command) == commands_of(pond)
    assert told.ending.until == after(160)


def test_everybody_is_counted_at_every_epoch(crowded: tuple[Any, list[AnyEvent]]) -> None:
    """Scores by fifths of the population, hysteresis of super users, drift: all as in the pipeline."""
    pond, events = crowded
    told = replayed(events, Plan(WEEKLY, ZONE, [TEXTS]))
    assert told.of(Decision) == decisions_of(pond)
    assert told.of(Command) == commands_of(pond)
    assert sum(map(len, told.of(Decision).values())) > 60
    assert "drift" in {decision["cause"] for found in told.of(Decision).values() for decision in found}


def test_the_last_profiles_and_tiers_are_those_of_the_pipeline(crowded: tuple[Any, list[AnyEvent]]) -> None:
    """In the end, as on the way."""
    pond, events = crowded
    last = pond.last_profiles()
    told = replayed(events, Plan(WEEKLY, ZONE, [TEXTS]), keep=["会员4", "谁也不是"])
    tiers = {standing.customer_id: standing.tiers[0] for standing in told.ending.standings}
    assert {customer: found["社群"] for customer, found in tiers.items() if "社群" in found} == pond.tiers()
    assert set(tiers) == set(last)
    assert set(told.ending.kept) == {"会员4"}
    state = told.ending.kept["会员4"][0]
    assert state is not None
    known, expected = unpack_profile(state.profile), last["会员4"]
    offset, version = {"version": 0}, {"cutoffs": ""}
    assert msgspec.structs.replace(known, **offset, **version) == msgspec.structs.replace(expected, **offset, **version)


@pytest.mark.parametrize("workers", [2, 3])
def test_any_number_of_processes_says_the_same(workers: int) -> None:
    """Mergers across shards, deletions and gates included."""
    messages = [
        *crowd(),
        *(merged(f"会员{n}", f"会员{n + 1}", after(60, n)) for n in range(0, 20, 4)),
        merged("会员2", "会员0", after(61)),
        deleted("会员9", after(50)),
        paid("会员1", "late", after(70)),
        paid("外国人", "x", after(70), currency="USD"),
    ]
    events = _canonical(messages)
    plan = Plan(WEEKLY, ZONE, [TEXTS])
    alone, shared = replayed(events, plan), replayed(events, plan, workers)
    for kind in (Decision, Command):
        assert shared.of(kind) == alone.of(kind)
    assert shared.ending == alone.ending
    assert [(event.id, error.reason) for event, error in shared.refused] == [("paid-x", "foreign_currency")]
    assert shared.progress[-1] == alone.progress[-1] == sum(not isinstance(event, ClockTick) for event in events)


def _canonical(messages: Sequence[dict[str, Any]]) -> list[AnyEvent]:
    from tests.unit.cli.replay.test_life import canonical  # noqa: PLC0415 - the file beside this one

    return canonical(*messages)


def test_the_same_whatever_the_order_of_reading() -> None:
    """Only what happened at the very same instant depends on it."""
    events = _canonical(crowd())
    plan = Plan(WEEKLY, ZONE, [TEXTS])
    assert replayed(events[::-1], plan).of(Decision) == replayed(events, plan).of(Decision)


def test_several_rule_sets_see_the_same_customers(crowded: tuple[Any, list[AnyEvent]]) -> None:
    """Side by side, each as if it were alone."""
    _, events = crowded
    other = {"规则.yaml": RULES.replace("recency_days >= 45", "recency_days >= 20")}
    both = replayed(events, Plan(WEEKLY, ZONE, [TEXTS, other]))
    for side, texts in enumerate((TEXTS, other)):
        alone = replayed(events, Plan(WEEKLY, ZONE, [texts]))
        assert both.of(Decision, side) == alone.of(Decision)
        assert [s.tiers[side] for s in both.ending.standings] == [s.tiers[0] for s in alone.ending.standings]
    assert both.of(Decision, 0) != both.of(Decision, 1)


def test_time_goes_on_until_the_end_wanted() -> None:
    """Silence after the last event is part of the replay, if one asks for it; later events are not."""
    plan = Plan(ALONE, ZONE, [TEXTS])
    events = _canonical([paid("甲", "1", after()), paid("乙", "2", after(3))])
    short, long = replayed(events, plan), replayed(events, plan, until=after(46))
    assert short.ending.until == after(3)
    assert [each["template"] for each in long.of(Command)["甲"]] == ["欢迎光临", "好久不见"]
    assert [each["template"] for each in long.of(Command)["乙"]] == ["欢迎光临"]
    with EventLog(until=after(1)) as log:
        logged(events, log)
        assert (log.events, log.later, log.newest) == (1, 1, after())


def test_nothing_comes_of_nothing() -> None:
    """No event, no instant, no customer; with an end wanted, that end."""
    told = replayed([], Plan(WEEKLY, ZONE, [TEXTS]))
    assert (told.said, told.ending) == ([], Ending(None, [], {}))
    assert replayed([], Plan(WEEKLY, ZONE, [TEXTS]), until=after()).ending.until == after()


def test_rules_with_mistakes_are_refused_before_anything_runs() -> None:
    """Whatever the number of processes."""
    with pytest.raises(FileError):
        Replay(Plan(ALONE, ZONE, [{"规则.yaml": "kind: nothing"}]), 2)


def test_there_is_always_a_worker() -> None:
    """And not more than can be fed."""
    assert 1 <= default_workers() <= 4


SEATED = """\
kind: ladder
name: 圈子
per: 城市
tiers:
  - name: 外圈
  - name: 中圈
    enter: [orders >= 1]
    leave: [recency_days >= 30]
    capacity: {max: 3, rank_by: net_minor, review: weekly}
  - name: 内圈
    enter: [orders >= 2]
    leave: [recency_days >= 30]
    stay_at_least: 10d
    capacity: {max: 2, rank_by: activity, review: daily}
on_jump:
  - {to_higher: true, notify: {template: 升级, channels: [webhook], category: service}}
"""


def test_seats_are_given_as_in_the_pipeline() -> None:
    """At every review, by all customers together; epochs of scoring fall on the midnights before them."""
    texts = {"座位.yaml": SEATED}
    cities = [
        updated(f"会员{n}", after(1, n), n, attributes={"城市": ("上海", "北京")[n % 2]}) for n in range(0, 30, 3)
    ]
    views = [did(f"会员{n}", "view", after(2 * n + 1), n) for n in range(30)]
    history = sorted([*crowd(), *cities, *views], key=lambda message: message["occurred_at"])
    pond = asyncio.run(lived(compile_rulebook(texts), history, WEEKLY))
    expected = decisions_of(pond)
    pond.rules.close()
    events = events_of(pond)
    alone, shared = (replayed(events, Plan(WEEKLY, ZONE, [texts]), workers) for workers in (1, 2))
    assert alone.of(Decision) == expected
    assert shared.of(Decision) == expected
    full = [d for found in expected.values() for d in found if d["reason"] == "capacity"]
    assert {d["outcome"] for d in full} == {"demoted", "suppressed"}


# --- a gate of the rules


class Review:
    """A `Gate` at every tenth noon: whoever looked last before it is woken. Remembers what it was told."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, dict[str, bytes]]] = []

    def claimed(self, partition: int, marks: Mapping[str, str]) -> bool:  # noqa: ARG002
        return False

    def look_anew(self, partition: int, digests: Mapping[str, bytes]) -> Passage:  # noqa: ARG002
        return Passage({}, ())

    def released(self, partition: int) -> None:
        """Nobody asks."""

    def next_ms(self, marks: Mapping[str, str], first_ms: int) -> int | None:  # noqa: ARG002
        passed = marks.get("review")
        return to_ms(after(10)) if passed is None else int(passed) + 10 * 86_400_000

    def latest_ms(self, marks: Mapping[str, str], now_ms: int) -> int | None:  # noqa: ARG002
        return None

    def begun(self, marks: Mapping[str, str]) -> bool:
        return bool(marks)

    def said(self, marks: Mapping[str, str], at_ms: int) -> bool:
        return marks.get("review") == str(at_ms)

    def say(
        self,
        partition: int,  # noqa: ARG002
        at_ms: int,
        digests: Mapping[str, bytes],
    ) -> tuple[Sequence[Output], Mapping[str, str]]:
        self.seen.append((at_ms, dict(digests)))
        return [Output("review", 0, None, str(len(digests)).encode())], {}

    def is_open(self, at_ms: int) -> bool:  # noqa: ARG002
        return True

    def passage(self, partition: int, at_ms: int, digests: Mapping[str, bytes]) -> Passage:  # noqa: ARG002
        return Passage({"review": str(at_ms)}, sorted(digests)[:1])


class Watchful(RulesProcessor):
    """Counts its timers."""

    woken: list[tuple[str, datetime]]

    def wake(self, state: RuleState, now: datetime) -> Any:
        self.woken.append((unpack_profile(state.profile).customer_id, now))
        return super().wake(state, now)


@dataclass(frozen=True)
class Reviewed(Plan):
    """A plan whose rules have a gate."""

    gate: Any = None
    woken: Any = None
    heard: Any = None

    def rules_stages(self) -> list[RulesStage]:
        found = []
        for stage in super().rules_stages():
            processor = Watchful.__new__(Watchful)
            processor.__dict__.update(stage.processor.__dict__)
            processor.woken = self.woken
            found.append(RulesStage(processor, Gated(lambda state: str(state.version).encode(), self.heard.append)))
        return found

    def rules_keepers(self) -> list[Keeper | None]:
        return [Keeper(self.gate, lambda outputs: [output.value or b"" for output in outputs])]


def test_the_rules_may_have_a_gate_of_their_own() -> None:
    """Everything before its instant has happened, nothing at it: who is woken is so a millisecond later."""
    plan = Reviewed(ALONE, ZONE, [TEXTS], Review(), [], [])
    events = _canonical([paid(f"客{n}", f"o{n}", after(n * 5)) for n in range(5)] + [tick(after(21))])
    replayed(events, plan)
    assert [(from_ms(at), sorted(seen)) for at, seen in plan.gate.seen] == [
        (after(10), ["客0", "客1"]),
        (after(20), ["客0", "客1", "客2", "客3"]),
    ]
    assert [(opening.at_ms, opening.news) for opening in plan.heard] == [
        (to_ms(after(10)), (b"2",)),
        (to_ms(after(20)), (b"4",)),
    ]
    millisecond = timedelta(milliseconds=1)
    assert {("客0", after(10) + millisecond), ("客0", after(20) + millisecond)} <= set(plan.woken)


def test_a_gate_that_stays_closed_is_a_mistake_of_ours() -> None:
    """Everybody has spoken."""
    gate = Review()
    gate.is_open = lambda at_ms: False  # type: ignore[method-assign]  # noqa: ARG005
    plan = replace(Reviewed(ALONE, ZONE, [TEXTS], gate, [], []))
    with pytest.raises(RuntimeError, match="is closed"):
        replayed(_canonical([paid("甲", "1", after()), tick(after(30))]), plan)


class Broken(Plan):
    """A plan whose scoring fails."""

    def scoring_stage(self) -> Any:
        stage = super().scoring_stage()
        stage.processor.apply = None  # type: ignore[method-assign, assignment]
        return stage


@pytest.mark.parametrize("workers", [1, 2])
def test_a_mistake_of_ours_names_the_event(workers: int) -> None:
    """Here or in another process."""
    with pytest.raises(ReplayFailed, match="event paid-1 of customer 甲: TypeError"):
        replayed(_canonical([paid("甲", "1", after())]), Broken(ALONE, ZONE, [TEXTS]), workers)


class Dying(Plan):
    """A plan at which a process ends."""

    def scoring_stage(self) -> Any:
        raise SystemExit(3)


def test_a_process_that_ends_is_told() -> None:
    """Nobody waits for it for ever."""
    with pytest.raises(ReplayFailed, match="a process of the replay ended"):
        replayed(_canonical([paid("甲", "1", after())]), Dying(ALONE, ZONE, [TEXTS]), 2)


def test_a_log_on_the_disk_is_the_log(tmp_path: Any) -> None:
    """Events that do not fit into memory come back in the same order."""
    events = [event for event in _canonical(crowd()) if isinstance(event, OrderPaid)]
    with EventLog(directory=tmp_path, most_bytes=1000) as small, EventLog() as large:
        assert list(logged(events[::-1], small)) == list(logged(events[::-1], large))
        assert any(tmp_path.iterdir())
    assert not any(tmp_path.iterdir())
