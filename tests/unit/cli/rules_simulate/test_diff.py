"""What is otherwise between two versions of rules."""

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.cli.replay.course import Said
from services.cli.rules.forecasting.diff import HEADER, NEW, OLD, Difference, Fate, Notes, rows
from services.contracts.decision import Outcome
from services.rules.book.compiler import compile_rulebook
from tests.unit.cli.rules_simulate.said import BOOK, RULES, ZONE, decided, fired, forecast, jumped
from tests.unit.cli.rules_simulate.test_forecast import histories

ADDED = """\
---
kind: campaign
name: 新来
when: [lifetime_orders == 1]
steps:
  - notify: {template: 欢迎, channels: [webhook], category: service}
"""
OTHER = compile_rulebook({"规则.yaml": RULES.replace("recency_days >= 30", "recency_days >= 21") + ADDED})
EVERYBODY = ("甲", "乙", "=1+1", "客户丁")


def between(old: Sequence[Said], new: Sequence[Said]) -> Difference:
    forecasts, notes = (forecast(), forecast(OTHER)), Notes()
    for side, said in ((OLD, old), (NEW, new)):
        for each in said:
            forecasts[side].hear(each)
            notes.hear(each, side)
        tiers: dict[str, dict[str, str]] = {customer: {} for customer in EVERYBODY}
        for each in said:
            target = getattr(each, "to_tier", None)
            if target is not None:
                tiers[each.customer_id] = {"池塘": target}
        forecasts[side].end(tiers.items())
    return Difference.of(*forecasts, notes)


@given(histories())
def test_the_same_differs_in_nothing(said: list[Said]) -> None:
    """Whatever was said."""
    found = between(said, said)
    assert (found.more, found.fewer) == (0, 0)
    assert all(rule.quiet and not rule.examples for rule in found.rules)
    assert {row[-1] for row in rows(found)} <= {0}


@given(histories(), histories())
def test_the_other_way_round_all_is_the_other_way_round(old: list[Said], new: list[Said]) -> None:
    """Sums of rows, customers with more and with fewer, tiers."""
    there, back = between(old, new), between(new, old)
    assert there.messages == back.messages[::-1]
    assert (there.more, there.fewer) == (back.fewer, back.more)
    ladders = [next(rule for rule in found.rules if rule.name == "池塘") for found in (there, back)]
    assert ladders[0].moved == {(origin, target): n for (target, origin), n in ladders[1].moved.items()}
    assert sum(ladders[0].moved.values()) == sum(
        there.forecasts[OLD].ended["池塘"][c] != there.forecasts[NEW].ended["池塘"][c] for c in EVERYBODY
    )
    assert {row[:-3]: -row[-1] for row in rows(there) if isinstance(row[-1], int)} == {
        row[:-3]: row[-1] for row in rows(back)
    }
    assert all(len(row) == len(HEADER) for row in rows(there))


def test_rules_are_told_apart_by_what_they_say() -> None:
    """A rule of the same name with another hash has changed."""
    there = Difference.of(forecast(), forecast(OTHER), Notes())
    back = Difference.of(forecast(OTHER), forecast(), Notes())
    assert {rule.name: (rule.kind, rule.fate) for rule in there.rules} == {
        "池塘": ("ladder", Fate.SAME),
        "唤醒": ("campaign", Fate.CHANGED),
        "影子": ("campaign", Fate.SAME),
        "新来": ("campaign", Fate.ADDED),
    }
    assert next(rule for rule in back.rules if rule.name == "新来").fate is Fate.REMOVED


def test_examples_say_why() -> None:
    """The decision of each side at the first message that only one of them sent."""
    both = fired("甲", day=1)
    held = decided("甲", "唤醒", Outcome.SUPPRESSED, day=39, episode=2)
    found = between([*both, held, jumped("乙", "外围", "影响", day=3)], [*both, *fired("甲", day=40, episode=2)])
    changed = next(rule for rule in found.rules if rule.name == "唤醒")
    assert [(e.customer_id, e.what) for e in changed.examples] == [("甲", "1 → 2 messages")]
    example = changed.examples[0]
    assert example.old == "2026-04-10 12:00 suppressed, because recency_days >= 30 [recency_days 31]"
    assert example.new == "2026-04-11 12:00 fired: 好久不见, because recency_days >= 30 [recency_days 31]"
    ladder = next(rule for rule in found.rules if rule.name == "池塘")
    assert ladder.moved == {("影响", "外围"): 1}
    assert ladder.examples[0].what == "影响 → 外围"
    assert ladder.examples[0].new == "nothing by then"
    assert (found.more, found.fewer) == (1, 0)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(1, 10), st.randoms(use_true_random=False))
def test_who_is_remembered_does_not_depend_on_who_came_first(people: list[int], most: int, rng: random.Random) -> None:
    """And all of what is said of them is."""
    said = [decided(f"客{n}", "唤醒", Outcome.FIRED, day=day) for day, n in enumerate(people)]
    customers = sorted({each.customer_id for each in said})
    rng.shuffle(customers)
    one, other = Notes(most), Notes(most)
    for each in said:
        one.hear(each, OLD)
    for each in sorted(said, key=lambda each: (customers.index(each.customer_id), each.decided_at)):
        other.hear(each, OLD)
    span = forecast().span
    known = {f"客{n}": one.of(f"客{n}", span) for n in people}
    assert known == {f"客{n}": other.of(f"客{n}", span) for n in people}
    kept = [customer for customer, notes in known.items() if notes is not None]
    assert len(kept) == min(most, len(set(people)))
    assert all(len((known[c] or ([], []))[OLD]) == [f"客{n}" for n in people].count(c) for c in kept)


def test_zone_is_that_of_the_business() -> None:
    """Noon in Shanghai is noon in what is told."""
    found = between([], fired("甲"))
    assert ZONE.key == "Asia/Shanghai"
    assert next(r for r in found.rules if r.name == "唤醒").examples[0].new.startswith("2026-03-02 12:00 fired")
    assert BOOK.hash != OTHER.hash
