"""durable-rules behind its fence: agrees with a plain evaluation, at the edges too, in flat memory."""

import random
import resource
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.rules.inference import (
    MAX_SHARD_FACTS,
    MAX_SHARD_RULES,
    DurableInference,
    Firing,
    InferenceError,
    InferenceRule,
)

FACTS = [f"p{i}" for i in range(12)]


def plain(rules: Sequence[InferenceRule], facts: Mapping[str, int]) -> list[str]:
    """What inference means: every rule whose facts are all there, by order."""
    return [
        rule.name for rule in sorted(rules, key=lambda r: r.order) if all(facts.get(need) == 1 for need in rule.needs)
    ]


def named(firings: Sequence[Firing]) -> list[str]:
    return [firing.rule for firing in firings]


@st.composite
def rule_sets(draw: st.DrawFn) -> list[InferenceRule]:
    needs = draw(st.lists(st.lists(st.sampled_from(FACTS), min_size=1, max_size=6), min_size=1, max_size=40))
    orders = draw(st.permutations(range(len(needs))))
    return [InferenceRule(f"规则 {i}", tuple(n), order) for i, (n, order) in enumerate(zip(needs, orders, strict=True))]


@settings(max_examples=60)
@given(rule_sets(), st.lists(st.dictionaries(st.sampled_from(FACTS), st.integers(0, 1)), max_size=12))
def test_it_agrees_with_a_plain_evaluation(rules: list[InferenceRule], rounds: list[dict[str, int]]) -> None:
    """Any rules, any facts, one after the other: the same rules in the same order."""
    inference = DurableInference(rules)
    try:
        for facts in [*rounds, {}, dict.fromkeys(FACTS, 1)]:
            assert named(inference.fire(facts)) == plain(rules, facts)
    finally:
        inference.close()


def many(count: int, facts: int, seed: int) -> list[InferenceRule]:
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    return [
        InferenceRule(f"r{i}", tuple(f"p{n}" for n in chance.sample(range(facts), chance.randint(1, 4))), i)
        for i in range(count)
    ]


@pytest.fixture(scope="module")
def thousand() -> Iterator[tuple[list[InferenceRule], DurableInference]]:
    rules = many(1000, 2000, 1)
    inference = DurableInference(rules)
    yield rules, inference
    inference.close()


def test_a_thousand_rules_and_twenty_thousand_evaluations(
    thousand: tuple[list[InferenceRule], DurableInference],
) -> None:
    """No crash, no missed rule, no growth."""
    rules, inference = thousand
    chance = random.Random(2)  # noqa: S311 - reproducible, not secret
    high_water = 0
    for i in range(20_000):
        # what one customer changes touches a few rules
        facts = dict.fromkeys((need for rule in chance.sample(rules, 2) for need in rule.needs), 1)
        fired = named(inference.fire(facts))
        if i % 200 == 0:
            assert fired == plain(rules, facts)
        if i == 4000:
            high_water = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - high_water
    assert grown_kib < 8 * 1024


def test_everything_at_once(thousand: tuple[list[InferenceRule], DurableInference]) -> None:
    """All facts true: a thousand rules fire, in order, in every shard."""
    rules, inference = thousand
    facts = {f"p{i}": 1 for i in range(2000)}
    assert named(inference.fire(facts)) == [f"r{i}" for i in range(1000)] == plain(rules, facts)


def test_facts_nobody_asks_for_are_no_harm() -> None:
    """A first evaluation without any match once deleted a session that was never made, and crashed the process."""
    inference = DurableInference([InferenceRule("a", ("p0", "p1"), 0)])
    for facts in ({}, {"p0": 1}, {"other": 1}, {"p0": 0, "p1": 1}, {"p0": 1, "p1": 1}, {"p0": 1}):
        assert named(inference.fire(facts)) == plain([InferenceRule("a", ("p0", "p1"), 0)], facts)
    inference.close()


def test_shards_stay_below_the_limits() -> None:
    """As many facts as a shard may have, in one rule; as many rules on one fact as there are."""
    widest = InferenceRule("wide", tuple(f"p{i}" for i in range(MAX_SHARD_FACTS)), 0)
    crowd = [InferenceRule(f"r{i}", ("p0",), i + 1) for i in range(3 * MAX_SHARD_RULES)]
    inference = DurableInference([widest, *crowd])
    facts = {f"p{i}": 1 for i in range(MAX_SHARD_FACTS)}
    assert named(inference.fire(facts)) == ["wide", *(rule.name for rule in crowd)]
    inference.close()
    with pytest.raises(InferenceError, match="wider needs 49 facts; 1 to 48 are possible"):
        DurableInference([InferenceRule("wider", tuple(f"p{i}" for i in range(MAX_SHARD_FACTS + 1)), 0)])


def test_loading_again_and_again_does_not_leak() -> None:
    """A closed rule set gives its memory back."""
    high_water = 0
    for i in range(120):
        inference = DurableInference(many(100, 60, i))
        inference.fire({f"p{n}": 1 for n in range(60)})
        inference.close()
        if i == 30:
            high_water = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - high_water < 16 * 1024


def test_an_error_in_an_action_surfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """durable-rules swallows what an action raises; the fence does not."""

    class Broken(list[Any]):
        def append(self, _: Any) -> None:
            raise ValueError("no more room")

    inference = DurableInference([InferenceRule("a", ("p0",), 0)])
    (shard,) = inference._shards
    monkeypatch.setattr(shard, "_empty", Broken)
    with pytest.raises(InferenceError, match="no more room"):
        inference.fire({"p0": 1})
    monkeypatch.undo()
    assert named(inference.fire({"p0": 1})) == ["a"]
    inference.close()


def test_a_refusal_of_the_engine_surfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the engine refuses is an error of ours, said as such."""
    inference = DurableInference([InferenceRule("a", ("p0",), 0)])
    (shard,) = inference._shards

    def refuse(_: object) -> int:
        raise RuntimeError("303")

    monkeypatch.setattr(shard._ruleset, "assert_fact", refuse)
    with pytest.raises(InferenceError, match="durable-rules refused 1 facts: 303"):
        inference.fire({"p0": 1})
    inference.close()
