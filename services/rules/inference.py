"""The fence around durable-rules: which rules hold, given the facts, and in which order.

durable-rules is a Rete engine in C. It joins facts, chains and orders by priority well, and is weak at types, sizes and
errors, so it never sees raw data: only small integers that typed code of ours has computed, one session at a time, always
deleted. Its known edges (64 conditions matched by one message at one level, 255 properties, 512 conditions at the top,
1,024 live sessions, a leak on reload) are kept far away by sharding.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import count
from typing import Any, Protocol

import durable_rules_engine
from durable.engine import MessageNotHandledException, Ruleset

MAX_SHARD_RULES = 32
MAX_SHARD_FACTS = 48
REMEMBERED = 10_000
"""Answers kept: which rules fire depends on the set of true facts alone, and customers have few different ones."""
_SESSION = "customer"
_names = count()


class InferenceError(RuntimeError):
    """The engine failed, or an action inside it; a mistake of ours, never of a rule or a customer."""


@dataclass(frozen=True)
class InferenceRule:
    """Fires when every fact of `needs` is 1. Lower `order` fires first; orders are distinct."""

    name: str
    needs: tuple[str, ...]
    order: int


@dataclass(frozen=True, order=True)
class Firing:
    """A rule that holds."""

    order: int
    rule: str


class Inference(Protocol):
    """Decides which rules hold."""

    def fire(self, facts: Mapping[str, int]) -> Sequence[Firing]:
        """Every rule whose facts are all there, by rising order. A fact not given is 0. Raise `InferenceError`."""
        ...

    def close(self) -> None:
        """Give the memory back; `fire` must not be called again."""
        ...


class DurableInference:
    """`Inference` by durable-rules."""

    def __init__(self, rules: Iterable[InferenceRule]) -> None:
        self._shards = [_Shard(group) for group in _grouped(sorted(rules, key=lambda rule: rule.order))]
        self._known: dict[frozenset[str], Sequence[Firing]] = {}

    def fire(self, facts: Mapping[str, int]) -> Sequence[Firing]:
        true = frozenset(name for name, value in facts.items() if value)
        firings = self._known.get(true)
        if firings is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            firings = self._known[true] = self._ask(true)
        return firings

    def _ask(self, true: frozenset[str]) -> Sequence[Firing]:
        return tuple(merge(*(shard.fire(true) for shard in self._shards if not shard.smallest.isdisjoint(true))))

    def close(self) -> None:
        for shard in self._shards:
            shard.close()
        self._shards = []


def _grouped(rules: Sequence[InferenceRule]) -> Iterable[list[InferenceRule]]:
    group: list[InferenceRule] = []
    facts: set[str] = set()
    for rule in rules:
        needs = set(rule.needs)
        if not 1 <= len(needs) <= MAX_SHARD_FACTS:
            raise InferenceError(f"{rule.name} needs {len(needs)} facts; 1 to {MAX_SHARD_FACTS} are possible")
        if group and (len(group) >= MAX_SHARD_RULES or len(facts | needs) > MAX_SHARD_FACTS):
            yield group
            group, facts = [], set()
        group.append(rule)
        facts |= needs
    if group:
        yield group


class _NoHost:
    """What `Ruleset` wants of a host. The real one starts timer threads; time is ours."""

    def get_action(self, name: str) -> Any:
        raise InferenceError(f"no action {name}")


class _Shard:
    """A few rules in one durable-rules rule set. `smallest` holds one fact of each rule: without any, none can fire."""

    def __init__(self, rules: Sequence[InferenceRule]) -> None:
        self.facts = frozenset(fact for rule in rules for fact in rule.needs)
        self.smallest = frozenset(min(rule.needs) for rule in rules)
        self._empty: Callable[[], list[Firing]] = list
        self._fired: list[Firing] = self._empty()
        definition = {
            f"r{i}": {
                "all": [{"m": {"$and": [{fact: 1} for fact in sorted(set(rule.needs))]}}],
                "pri": i,
                "run": self._action(Firing(rule.order, rule.name)),
            }
            for i, rule in enumerate(rules)
        }
        self._ruleset = Ruleset(f"koipond-{next(_names)}", _NoHost(), definition)

    def _action(self, firing: Firing) -> Callable[[Any], None]:
        # exactly one parameter: a second one would make the action asynchronous, and it would never complete
        def run(_: Any) -> None:
            self._fired.append(firing)

        return run

    def fire(self, true: frozenset[str]) -> list[Firing]:
        self._fired = self._empty()
        failures: list[object] = []

        def complete(error: object, state: Any) -> None:
            if error is not None:
                failures.append(error)
            elif isinstance(state, dict) and "exception" in state:
                failures.append(state["exception"])

        fact = {"sid": _SESSION, **dict.fromkeys(sorted(true & self.facts), 1)}
        try:
            handle = self._ruleset.assert_fact(fact)
        except MessageNotHandledException:
            # no rule wants these facts: no session was made, and deleting one that never was crashes the process
            return []
        except Exception as error:
            raise InferenceError(f"durable-rules refused {len(fact) - 1} facts: {error}") from error
        try:
            self._ruleset.do_actions(handle, complete)
        finally:
            self._ruleset.delete_state(_SESSION)
        if failures:
            raise InferenceError(f"durable-rules failed: {failures[0]}")
        return self._fired

    def close(self) -> None:
        durable_rules_engine.delete_ruleset(self._ruleset._handle)  # noqa: SLF001 - there is no public way
