"""The fence around durable-rules: which rules hold, given the facts, and in which order.

durable-rules is a Rete engine in C. It joins facts, chains forward and orders by priority well, and is weak at types, sizes and
errors, so it never sees raw data: only small integers that typed code of ours has computed, one session at a time, always
deleted. Its known edges (64 conditions matched by one message at one level, 255 properties, 512 conditions at the top,
1,024 live sessions, a leak on reload) are kept far away by sharding.

Nothing is joined over several messages: deleting a session in which such a join waits for its other half crashes the process.
A deduced fact is asserted together with all that were known before, so that one message holds all that any rule needs.

Facts are numbered, and a set of them is an integer with a bit for each.
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
REMEMBERED = 20_000
"""Answers kept by all shards together: which rules fire depends on the set of true facts alone, and customers have few different ones."""
_SESSION = "customer"
_names = count()


class InferenceError(RuntimeError):
    """The engine failed, or an action inside it; a mistake of ours, never of a rule or a customer."""


@dataclass(frozen=True)
class InferenceRule:
    """Fires when every fact of `needs` is there. Lower `order` fires first; orders are distinct."""

    name: str
    needs: tuple[int, ...]
    order: int


@dataclass(frozen=True)
class Deduction:
    """The fact `gives` is there when every one of `needs` is, deduced ones among them; never in a circle."""

    gives: int
    needs: tuple[int, ...]


@dataclass(frozen=True, order=True)
class Firing:
    """A rule that holds."""

    order: int
    rule: str


class Inference(Protocol):
    """Decides which rules hold."""

    def fire(self, true: int) -> Sequence[Firing]:
        """Every rule whose facts are all there, by rising order. Raise `InferenceError`.

        `true` holds the facts observed. Deduced ones among them must be those that follow from the others.
        """
        ...

    def close(self) -> None:
        """Give the memory back; `fire` must not be called again."""
        ...


class DurableInference:
    """`Inference` by durable-rules.

    Deduced facts are left to it, and chained from the observed ones, as far as a shard has room for their chains; beyond that
    they are taken as observed.
    """

    def __init__(self, rules: Iterable[InferenceRule], deductions: Iterable[Deduction] = ()) -> None:
        known = {deduction.gives: deduction for deduction in deductions}
        groups = list(_grouped(sorted(rules, key=lambda rule: rule.order), known))
        self._shards = [_Shard(*group, remembered=REMEMBERED // len(groups)) for group in groups]

    def fire(self, true: int) -> Sequence[Firing]:
        found = [firings for shard in self._shards if true & shard.mask and (firings := shard.fire(true & shard.mask))]
        return found[0] if len(found) == 1 else tuple(merge(*found))

    def close(self) -> None:
        for shard in self._shards:
            shard.close()
        self._shards = []


_Group = tuple[list[InferenceRule], list[Deduction]]


def _grouped(rules: Sequence[InferenceRule], known: Mapping[int, Deduction]) -> Iterable[_Group]:
    group: list[InferenceRule] = []
    facts: set[int] = set()
    chain: dict[int, Deduction] = {}
    for rule in rules:
        if not 1 <= len(set(rule.needs)) <= MAX_SHARD_FACTS:
            raise InferenceError(f"{rule.name} needs {len(set(rule.needs))} facts; 1 to {MAX_SHARD_FACTS} are possible")
        links = _chain(rule.needs, known)
        needs = {*rule.needs, *(need for link in links.values() for need in link.needs)}
        if len(needs) > MAX_SHARD_FACTS or len(links) >= MAX_SHARD_RULES:
            links, needs = {}, set(rule.needs)
        # within one shard a fact is either deduced by all that need it, or by none
        mixed = any((fact in chain) is not (fact in links) for fact in needs & facts & known.keys())
        full = len(group) + len(chain | links) >= MAX_SHARD_RULES or len(facts | needs) > MAX_SHARD_FACTS
        if group and (full or mixed):
            yield group, list(chain.values())
            group, facts, chain = [], set(), {}
        group.append(rule)
        facts |= needs
        chain |= links
    if group:
        yield group, list(chain.values())


def _chain(needs: Iterable[int], known: Mapping[int, Deduction]) -> dict[int, Deduction]:
    """Every deduction behind these facts."""
    links: dict[int, Deduction] = {}
    rest = [need for need in needs if need in known]
    while rest:
        fact = rest.pop()
        if fact not in links:
            links[fact] = known[fact]
            rest += [need for need in known[fact].needs if need in known]
    return links


class _NoHost:
    """What `Ruleset` wants of a host. The real one starts timer threads; time is ours."""

    def get_action(self, name: str) -> Any:
        raise InferenceError(f"no action {name}")


class _Shard:
    """A few rules in one durable-rules rule set, and the deductions that they need. `mask` holds the facts it looks at."""

    def __init__(self, rules: Sequence[InferenceRule], chain: Sequence[Deduction], *, remembered: int) -> None:
        every_need = [*(link.needs for link in chain), *(rule.needs for rule in rules)]
        observed = {need for needs in every_need for need in needs} - {link.gives for link in chain}
        self.mask = sum(1 << fact for fact in observed)
        # of thousands of facts a shard knows a few
        self._bits = [(1 << fact, _name(fact)) for fact in sorted(observed)]
        deduced = {link.gives: link.needs for link in chain}
        # what of the observed each rule needs, by way of deductions too: where no rule has it all, there is nothing to ask
        self._least = [sum(1 << fact for fact in _observed(rule.needs, deduced)) for rule in rules]
        self._known: dict[int, Sequence[Firing]] = {}
        self._remembered = remembered
        self._message: dict[str, int | str] = {}
        self._empty: Callable[[], dict[Firing, None]] = dict
        self._fired: dict[Firing, None] = self._empty()
        actions = [
            *((link.needs, self._deduce(_name(link.gives))) for link in chain),
            *((rule.needs, self._note(Firing(rule.order, rule.name))) for rule in rules),
        ]
        definition = {
            f"r{i}": {
                "all": [{"m": {"$and": [{_name(fact): 1} for fact in sorted(set(needs))]}}],
                "pri": i,
                "run": action,
            }
            for i, (needs, action) in enumerate(actions)
        }
        self._ruleset = Ruleset(f"koipond-{next(_names)}", _NoHost(), definition)

    # an action has exactly one parameter: a second one would make it asynchronous, and it would never complete

    def _note(self, firing: Firing) -> Callable[[Any], None]:
        def run(_: Any) -> None:
            # a rule is matched by every message of a chain that holds its facts
            self._fired[firing] = None

        return run

    def _deduce(self, fact: str) -> Callable[[Any], None]:
        def run(closure: Any) -> None:
            if fact not in self._message:
                self._message[fact] = 1
                closure.assert_fact(dict(self._message))

        return run

    def fire(self, true: int) -> Sequence[Firing]:
        firings = self._known.get(true)
        if firings is None:
            if len(self._known) >= self._remembered:
                self._known.clear()
            possible = any(true & least == least for least in self._least)
            firings = self._known[true] = tuple(sorted(self._ask(true))) if possible else ()
        return firings

    def _ask(self, true: int) -> Iterable[Firing]:
        self._fired = self._empty()
        failures: list[object] = []

        def complete(error: object, state: Any) -> None:
            if error is not None:
                failures.append(error)
            elif isinstance(state, dict) and "exception" in state:
                failures.append(state["exception"])

        facts = [name for bit, name in self._bits if true & bit]
        self._message = {"sid": _SESSION, **dict.fromkeys(facts, 1)}
        try:
            handle = self._ruleset.assert_fact(dict(self._message))
        except MessageNotHandledException:
            # no rule wants these facts: no session was made, and deleting one that never was crashes the process
            return []
        except Exception as error:
            raise InferenceError(f"durable-rules refused {len(facts)} facts: {error}") from error
        try:
            self._ruleset.do_actions(handle, complete)
        finally:
            self._ruleset.delete_state(_SESSION)
        if failures:
            raise InferenceError(f"durable-rules failed: {failures[0]}")
        return self._fired

    def close(self) -> None:
        durable_rules_engine.delete_ruleset(self._ruleset._handle)  # noqa: SLF001 - there is no public way


def _observed(needs: Iterable[int], deduced: Mapping[int, tuple[int, ...]]) -> set[int]:
    """The observed facts behind these."""
    found: set[int] = set()
    rest, seen = list(needs), set[int]()
    while rest:
        fact = rest.pop()
        if fact not in seen:
            seen.add(fact)
            if fact in deduced:
                rest += deduced[fact]
            else:
                found.add(fact)
    return found


def _name(fact: int) -> str:
    return f"p{fact}"
