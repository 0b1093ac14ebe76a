"""durable-rules behind its fence: agrees with plain forward chaining, at the edges too, in flat memory."""

import random
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.rules.engine.inference import (
    MAX_SHARD_FACTS,
    MAX_SHARD_RULES,
    Deduction,
    DurableInference,
    Firing,
    InferenceError,
    InferenceRule,
)

FACTS = 14
Rules = Sequence[InferenceRule]
Deductions = Sequence[Deduction]


def bits(facts: Iterable[int]) -> int:
    return sum(1 << fact for fact in set(facts))


def chained(true: int, deductions: Deductions) -> int:
    """What is there in the end: everything observed, and whatever follows, again and again until nothing is new."""
    known = {fact for fact in range(true.bit_length()) if true >> fact & 1}
    while True:
        new = {d.gives for d in deductions if set(d.needs) <= known} - known
        if not new:
            return bits(known)
        known |= new


def plain(rules: Rules, true: int, deductions: Deductions = ()) -> list[str]:
    """What inference means: every rule whose facts are all there, by order."""
    known = chained(true, deductions)
    return [rule.name for rule in sorted(rules, key=lambda r: r.order) if all(known >> need & 1 for need in rule.needs)]


def named(firings: Sequence[Firing]) -> list[str]:
    return [firing.rule for firing in firings]


@st.composite
def rule_sets(draw: st.DrawFn) -> tuple[list[InferenceRule], list[Deduction]]:
    """Rules, and deductions that lead in no circle: each needs facts of a lower number only."""
    needs = draw(st.lists(st.lists(st.integers(0, FACTS - 1), min_size=1, max_size=6), min_size=1, max_size=40))
    orders = draw(st.permutations(range(len(needs))))
    rules = [
        InferenceRule(f"规则 {i}", tuple(n), order) for i, (n, order) in enumerate(zip(needs, orders, strict=True))
    ]
    deduced = draw(st.sets(st.integers(4, FACTS - 1), max_size=8))
    deductions = [
        Deduction(gives, tuple(draw(st.lists(st.integers(0, gives - 1), min_size=1, max_size=3))))
        for gives in sorted(deduced)
    ]
    return rules, draw(st.permutations(deductions))


@settings(max_examples=80, deadline=None)
@given(rule_sets(), st.lists(st.integers(0, 2**FACTS - 1), max_size=12))
def test_it_agrees_with_plain_forward_chaining(
    made: tuple[list[InferenceRule], list[Deduction]], rounds: list[int]
) -> None:
    """Any rules, any deductions, any facts, one after the other: the same rules in the same order."""
    rules, deductions = made
    deduced = bits(deduction.gives for deduction in deductions)
    inference = DurableInference(rules, deductions)
    try:
        # twice: what is remembered of a set of facts says the same as the engine
        for true in [*rounds, 0, 2**FACTS - 1] * 2:
            observed = true & ~deduced
            expected = plain(rules, observed, deductions)
            # a deduced fact may be left to the engine, or come with what was observed
            assert named(inference.fire(observed | chained(observed, deductions) & deduced)) == expected
    finally:
        inference.close()


@settings(max_examples=40, deadline=None)
@given(rule_sets(), st.integers(0, 2**FACTS - 1))
def test_what_fits_is_chained_by_the_engine_itself(
    made: tuple[list[InferenceRule], list[Deduction]], true: int
) -> None:
    """In a rule set of one shard the observed facts are enough: everything deduced comes out of the engine."""
    rules, deductions = made
    deduced = bits(deduction.gives for deduction in deductions)
    inference = DurableInference(rules[:8], deductions)
    try:
        if len(inference._shards) == 1:
            assert named(inference.fire(true & ~deduced)) == plain(rules[:8], true & ~deduced, deductions)
    finally:
        inference.close()


def many(count: int, facts: int, seed: int) -> list[InferenceRule]:
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    return [InferenceRule(f"r{i}", tuple(chance.sample(range(facts), chance.randint(1, 4))), i) for i in range(count)]


@pytest.fixture(scope="module")
def thousands() -> Iterator[tuple[list[InferenceRule], list[Deduction], DurableInference]]:
    """Two thousand rules over four thousand facts, of which a few hundred follow from others."""
    chance = random.Random(3)  # noqa: S311 - reproducible, not secret
    rules = many(2000, 4000, 1)
    deductions = [Deduction(gives, tuple(chance.sample(range(3600), 2))) for gives in range(3600, 4000)]
    inference = DurableInference(rules, deductions)
    yield rules, deductions, inference
    inference.close()


Thousands = tuple[list[InferenceRule], list[Deduction], DurableInference]


def test_two_thousand_rules_and_twenty_thousand_customers(thousands: Thousands) -> None:
    """No crash, no missed rule, no growth."""
    rules, deductions, inference = thousands
    chance = random.Random(2)  # noqa: S311 - reproducible, not secret
    behind = {deduction.gives: deduction.needs for deduction in deductions}
    high_water = 0
    for i in range(20_000):
        # what one customer changes touches a few rules
        wanted = {need for rule in chance.sample(rules, 2) for need in rule.needs}
        true = bits(fact for need in wanted for fact in behind.get(need, (need,)))
        fired = named(inference.fire(chained(true, deductions) if i % 200 == 0 else true))
        if i % 200 == 0:
            assert fired == plain(rules, true, deductions)
        if i == 4000:
            high_water = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - high_water
    assert grown_kib < 16 * 1024


def test_everything_at_once(thousands: Thousands) -> None:
    """All facts true: two thousand rules fire, in order, in every shard."""
    rules, _, inference = thousands
    true = 2**4000 - 1
    assert named(inference.fire(true)) == [f"r{i}" for i in range(2000)] == plain(rules, true)


def test_facts_nobody_asks_for_are_no_harm() -> None:
    """A first evaluation without any match once deleted a session that was never made, and crashed the process."""
    rules = [InferenceRule("a", (0, 1), 0)]
    inference = DurableInference(rules, [Deduction(7, (5, 6))])
    for facts in ((), (0,), (9, 200, 4000), (1,), (0, 1), (0,), (5, 6), (5, 6, 0, 1)):
        assert named(inference.fire(bits(facts))) == plain(rules, bits(facts))
    inference.close()


def test_shards_stay_below_the_limits() -> None:
    """As many facts as a shard may have, in one rule; as many rules on one fact as there are."""
    widest = InferenceRule("wide", tuple(range(MAX_SHARD_FACTS)), 0)
    crowd = [InferenceRule(f"r{i}", (0,), i + 1) for i in range(3 * MAX_SHARD_RULES)]
    inference = DurableInference([widest, *crowd])
    assert named(inference.fire(2**MAX_SHARD_FACTS - 1)) == ["wide", *(rule.name for rule in crowd)]
    inference.close()
    with pytest.raises(InferenceError, match="wider needs 49 facts; 1 to 48 are possible"):
        DurableInference([InferenceRule("wider", tuple(range(MAX_SHARD_FACTS + 1)), 0)])
    with pytest.raises(InferenceError, match="nothing needs 0 facts; 1 to 48 are possible"):
        DurableInference([InferenceRule("nothing", (), 0)])


@pytest.mark.parametrize("length", [1, 2, MAX_SHARD_RULES - 2, MAX_SHARD_RULES - 1, MAX_SHARD_RULES, 60])
def test_a_chain_of_any_length_is_followed(length: int) -> None:
    """The last fact of a chain follows from the first: within the engine as far as a shard has room, observed beyond that."""
    deductions = [Deduction(i + 1, (i,)) for i in range(length)]
    rules = [InferenceRule("last", (length,), 0), InferenceRule("first", (0,), 1)]
    inference = DurableInference(rules, deductions)
    observed = 1 if length < MAX_SHARD_RULES else chained(1, deductions)
    assert named(inference.fire(observed)) == ["last", "first"]
    assert named(inference.fire(0)) == []
    inference.close()


@pytest.mark.parametrize("width", [2, MAX_SHARD_FACTS - 2, MAX_SHARD_FACTS - 1, MAX_SHARD_FACTS, 80])
def test_a_fact_of_many_parts_is_followed(width: int) -> None:
    """A deduction too wide for a shard is taken as observed by its rule, and by every other that needs it."""
    fact, other = width, width + 1
    deductions = [Deduction(fact, tuple(range(width)))]
    rules = [InferenceRule("alone", (fact,), 0), InferenceRule("both", (fact, other), 1)]
    inference = DurableInference(rules, deductions)
    parts = bits(range(width))
    assert named(inference.fire(parts | 1 << fact | 1 << other)) == ["alone", "both"]
    assert named(inference.fire(parts | 1 << fact)) == ["alone"]
    assert named(inference.fire(parts & ~2 | 1 << other)) == []
    inference.close()


def test_one_fact_may_be_deduced_here_and_observed_there() -> None:
    """Rules that have no room for its chain are kept apart from those that have."""
    long = [Deduction(i + 1, (i,)) for i in range(30)]
    rules = [
        InferenceRule("short", (5,), 0),
        InferenceRule("crowded", (5, 30, *range(100, 130)), 1),
        InferenceRule("again", (5, 6), 2),
    ]
    inference = DurableInference(rules, long)
    true = chained(1 | bits(range(100, 130)), long)
    assert named(inference.fire(true)) == ["short", "crowded", "again"]
    assert named(inference.fire(chained(1, long))) == ["short", "again"]
    inference.close()


def test_rules_that_share_a_chain_share_a_shard() -> None:
    """A few facts that many rules ask for cost each shard once."""
    deductions = [Deduction(10, (0, 1)), Deduction(11, (10, 2)), Deduction(12, (11, 3))]
    rules = [InferenceRule(f"r{i}", (12, 20 + i % 9), i) for i in range(28)]
    inference = DurableInference(rules, deductions)
    assert len(inference._shards) == 1
    assert named(inference.fire(bits([0, 1, 2, 3, 20]))) == [f"r{i}" for i in range(28) if i % 9 == 0]
    inference.close()


def test_loading_again_and_again_does_not_leak() -> None:
    """A closed rule set gives its memory back, its chains included."""
    high_water = 0
    for i in range(90):
        inference = DurableInference(many(100, 60, i), [Deduction(n, (n - 1, n - 2)) for n in range(50, 60)])
        inference.fire(2**60 - 1)
        inference.close()
        if i == 30:
            high_water = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - high_water < 16 * 1024


def test_an_error_in_an_action_surfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """durable-rules swallows what an action raises; the fence does not."""

    class Broken(dict[Any, Any]):
        def __setitem__(self, _: Any, __: Any) -> None:
            raise ValueError("no more room")

    inference = DurableInference([InferenceRule("a", (1,), 0)], [Deduction(1, (0,))])
    (shard,) = inference._shards
    monkeypatch.setattr(shard, "_empty", Broken)
    with pytest.raises(InferenceError, match="no more room"):
        inference.fire(1)
    monkeypatch.undo()
    assert named(inference.fire(1)) == ["a"]
    inference.close()


def test_a_refusal_of_the_engine_surfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the engine refuses is an error of ours, said as such."""
    inference = DurableInference([InferenceRule("a", (0,), 0)])
    (shard,) = inference._shards

    def refuse(_: object) -> int:
        raise RuntimeError("303")

    monkeypatch.setattr(shard._ruleset, "assert_fact", refuse)
    with pytest.raises(InferenceError, match="durable-rules refused 1 facts: 303"):
        inference.fire(1)
    inference.close()


_HALVES = """
from services.rules.engine.inference import Deduction, DurableInference, InferenceRule

deductions = [Deduction(8, (0, 1)), Deduction(9, (8, 2)), Deduction(10, (9, 3)), Deduction(11, (4, 5))]
rules = [InferenceRule("a", (10,), 0), InferenceRule("b", (10, 11), 1), InferenceRule("c", (8, 6), 2), InferenceRule("d", (0, 7), 3)]
inference = DurableInference(rules, deductions)
fired = 0
for true in [*range(256), *range(255, -1, -1)]:
    fired += len(inference.fire(true))
    inference._shards[0]._known.clear()
inference.close()
print(fired)
"""


def test_half_of_what_a_rule_needs_does_not_crash_the_process() -> None:
    """A join that waits for its other half in a session that is deleted does; so nothing is ever joined over messages."""
    done = subprocess.run([sys.executable, "-c", _HALVES], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    deductions = [Deduction(8, (0, 1)), Deduction(9, (8, 2)), Deduction(10, (9, 3)), Deduction(11, (4, 5))]
    rules = [
        InferenceRule("a", (10,), 0),
        InferenceRule("b", (10, 11), 1),
        InferenceRule("c", (8, 6), 2),
        InferenceRule("d", (0, 7), 3),
    ]
    assert int(done.stdout) == 2 * sum(len(plain(rules, true, deductions)) for true in range(256))
