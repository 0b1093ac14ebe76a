"""Playing tests: time, events, profiles, tiers, and what is compared."""

from pathlib import Path

import pytest

from services.cli.rules.testing.sets import RuleSets, rule_paths
from services.contracts.decision import Outcome
from tests.unit.cli.rules_testing.sheets import RULES, one, played, written


def passes(folder: Path, tests: str) -> bool:
    (result,) = played(written(folder, tests))
    return result.passed


PASSING = {
    "a campaign fires at the midnight that begins the 45th day": one(
        """
- expect: none
- advance: 1d
  expect: [{rule: 唤醒, outcome: fired, template: 好久不见, at: 2026-03-02}]
""",
        given="{profile: {recency_days: 44}}",
    ),
    "what holds at the first look has become true then": one(
        "- expect: [{outcome: fired, at: 2026-03-01 09:00}]", given="{profile: {recency_days: 45}}"
    ),
    "later steps, and where they go": one(
        """
- expect: [{outcome: fired, category: marketing, channels: [webhook, console], recipient: customer}]
- advance: 10d
  expect: [{outcome: continued, step: 3, templates: [店员来电], recipient: owner, at: 2026-03-04 09:00}]
""",
        given="{profile: {recency_days: 45}}",
    ),
    "a step whose condition does not hold": one(
        """
- expect: [{outcome: fired}]
- advance: 3d
  expect: [{suppressed: condition, step: 3}]
""",
        given="{profile: {recency_days: 45, activity: 500}}",
    ),
    "what is not asked for is compared with what comes next": one(
        """
- advance: 1d
- advance: 3d
  expect: [{outcome: fired, at: 2026-03-02}, {outcome: continued, at: 2026-03-05}]
""",
        given="{profile: {recency_days: 44}}",
    ),
    "a profile that is different later": one(
        """
- expect: [{outcome: fired}]
- advance: 1d
  profile: {recency_days: 0}
  expect: [{ended: until}]
- advance: 5d
  profile: {recency_days: 44}
- until: 2026-03-08 00:00
  expect: [{suppressed: cooldown, at: 2026-03-08T00:00+08:00}]
""",
        given="{profile: {recency_days: 45}}",
    ),
    "an order is the goal": one(
        """
- expect: [{outcome: fired}]
- advance: 1d
  event: {type: order.paid, amount: 99 CNY}
  expect: [{outcome: reached}, {ended: goal}]
""",
        given="{profile: {recency_days: 45}}",
    ),
    "a sequence that stays without its end": one(
        """
- event: {kind: cart_add}
  expect: none
- advance: 23h
  expect: none
- advance: 1h
  expect: [{rule: 弃购, outcome: fired, template: 购物车}]
"""
    ),
    "a sequence that is ended": one(
        """
- event: {kind: cart_add}
- advance: 1h
- event: {type: order.paid, amount_minor: 100}
- advance: 3d
  expect: none
"""
    ),
    "a schedule, for somebody of no control group": one(
        """
- expect: none
- until: 2026-03-02 10:00
  expect: {rule: 周一, outcome: fired, at: 2026-03-02 10:00}
- advance: 7d
  expect: {rule: 周一, outcome: fired}
""",
        given="{profile: {tags: [vip]}}",
    ),
    "somebody of the control group": one(
        """
- until: 2026-03-02 10:00
  expect: [{suppressed: holdout}]
""",
        given="{profile: {tags: [vip]}}",
        more="customer: 客户-3",
    ),
    "up a ladder": one(
        "- expect: [{rule: 社群, outcome: promoted, from: 外围, to: 核心, template: 升级祝贺}]",
        given="{profile: {f: 5, m: 5, recency_days: 3}}",
    ),
    "down a ladder, after the time that is said": one(
        """
- expect: none
- advance: 27d
  expect: [{outcome: demoted, from: 影响, to: 外围, at: 2026-03-28}]
""",
        given="{profile: {f: 3, recency_days: 3}}",
        more="tiers: {社群: 影响}",
    ),
    "a fall that is held back": one(
        """
- expect: none
- advance: 4d
  expect: [{outcome: demoted, at: 2026-03-05 09:00}]
""",
        given="{profile: {f: 2, recency_days: 33}}",
        more="tiers: {社群: {tier: 影响, since: 10d}}",
    ),
    "only one rule is looked at": one("- expect: none", given="{profile: {f: 5, m: 5, recency_days: 50}}", rule="弃购"),
    "a customer who is deleted begins anew": one(
        """
- expect: [{outcome: fired}]
- event: {type: customer.deleted}
  expect: none
- advance: 1d
  profile: {recency_days: 45}
  expect: [{outcome: fired, at: 2026-03-02 09:00}]
""",
        given="{profile: {recency_days: 45}}",
    ),
    "tags by an event": one(
        """
- event: {tags_add: [勿扰]}
- advance: 3d
  expect: none
""",
        given="{profile: {recency_days: 44}}",
    ),
    "events make a customer, and what was decided before the test is history": one(
        """
- expect: none
- advance: 1d
  event: {type: order.paid, amount: 99 CNY}
  expect: [{outcome: reached, at: 2026-03-02 09:00}, {ended: goal}]
""",
        given="{events: [{at: -60d, type: order.paid, amount: 120 CNY}, {at: -45d, type: order.paid, amount: 120 元}]}",
        rule="唤醒",
    ),
    "an event at the very beginning is no history": one(
        "- expect: [{outcome: promoted, to: 影响, at: 2026-03-01 09:00}]",
        given="{events: [{at: -2d, type: order.paid, amount: 9 CNY}, {at: -1d, type: order.paid, amount: 9 CNY}, "
        "{type: order.paid, amount: 9 CNY}]}",
    ),
    "events in any order": one(
        """
- advance: 1d
  expect: [{outcome: fired, at: 2026-03-02}]
""",
        given="{events: [{at: 2026-01-16 12:00, type: order.paid, amount: 9 CNY}, {at: -90d, type: order.paid, amount: 9 CNY}]}",
        rule="唤醒",
    ),
    "somebody of whom nothing was ever heard": one(
        """
- expect: none
- advance: 400d
  expect: none
- event: {kind: cart_add}
- advance: 1d
  expect: [{rule: 弃购, outcome: fired}]
""",
        given="{events: []}",
    ),
    "a customer with a history is brought into a tier": one(
        """
- expect: none
- advance: 26d
  expect: [{outcome: demoted, from: 影响, at: 2026-03-27}]
""",
        given="{events: [{at: -4d, type: order.paid, amount: 9 CNY}]}",
        more="tiers: {社群: 影响}",
    ),
    "a customer without one too": one(
        """
- event: {type: order.paid, amount: 9 CNY}
- advance: 30d
  expect: [{rule: 社群, outcome: demoted, at: 2026-03-31}]
""",
        given="{events: []}",
        more="tiers: {社群: 影响}",
    ),
    "orders that are taken back": one(
        """
- event: {type: order.paid, amount: 900 CNY}
- event: {type: order.amended, amount: 800 CNY}
- event: {type: order.refunded, amount: 100 CNY}
- event: {type: order.cancelled}
- advance: 50d
  expect: none
""",
        given="{events: []}",
    ),
    "orders of a ready-made customer that are taken back": one(
        """
- event: {type: order.cancelled}
- event: {type: order.amended, amount: 1 CNY}
- event: {type: order.refunded, amount: 1 CNY}
- event: {type: order.paid, amount: 0 CNY}
- event: {type: customer.deleted}
  profile: {recency_days: 45}
  expect: [{rule: 唤醒, outcome: fired}, {rule: 唤醒, outcome: fired}]
- event: {type: customer.deleted}
- event: {kind: cart_add}
- advance: 1d
  expect: [{rule: 弃购, outcome: fired}]
""",
        given="{profile: {recency_days: 45}}",
    ),
    "the short form": "tests:\n- {name: 一, at: 2026-03-01 09:00, given: {profile: {recency_days: 44}}, "
    "until: 2026-03-02, expect: [{outcome: fired}]}\n",
    "an offset, and a day of 24 hours though clocks jump": "zone: Europe/Berlin\ntests:\n- {name: 一, at: 2026-03-28T12:00+01:00, "
    "given: {profile: {recency_days: 43}}, advance: 2d, expect: [{outcome: fired, at: 2026-03-30 00:00}]}\n",
}


@pytest.mark.parametrize("name", PASSING)
def test_it_passes(name: str, tmp_path: Path) -> None:
    assert passes(tmp_path, PASSING[name])


FAILING = {
    "nothing came": one("- expect: [{outcome: fired}]", given="{profile: {recency_days: 44}}"),
    "something came": one("- expect: none", given="{profile: {recency_days: 45}}"),
    "another came": one("- expect: [{template: 购物车}]", given="{profile: {recency_days: 45}}"),
    "too many came": one("- expect: [{rule: 社群}]", given="{profile: {f: 5, m: 5, recency_days: 50}}"),
    "in another order": one(
        "- expect: [{rule: 唤醒}, {rule: 社群}]", given="{profile: {f: 5, m: 5, recency_days: 50}}"
    ),
    "too late": one("- advance: 86399s\n- expect: [{at: 2026-03-02 00:01}]", given="{profile: {recency_days: 44}}"),
}


@pytest.mark.parametrize("name", FAILING)
def test_it_fails(name: str, tmp_path: Path) -> None:
    assert not passes(tmp_path, FAILING[name])


def test_nothing_is_played_after_what_went_wrong(tmp_path: Path) -> None:
    tests = one(
        "- expect: none\n- advance: 1d\n  expect: none\n- advance: 9d\n  expect: none",
        given="{profile: {recency_days: 44}}",
    )
    (result,) = played(written(tmp_path, tests))
    assert [part.agreed for part in result.parts] == [True, False]
    assert result.failed_act == 1


def test_an_event_that_scoring_does_not_take(tmp_path: Path) -> None:
    for given, said in (("{events: []}", "scores are counted in CNY"), ("{profile: {}}", "the profile in CNY")):
        acts = "- expect: none\n- event: {type: order.paid, amount: 5 USD}\n- advance: 1d\n  expect: none"
        (result,) = played(written(tmp_path, one(acts, given=given)))
        assert (result.passed, result.failed_act) == (False, 1)
        assert said in str(result.refused)


def test_history_is_remembered_for_what_is_said_of_a_failure(tmp_path: Path) -> None:
    tests = one(
        "- expect: [{outcome: fired}]", given="{events: [{at: -45d, type: order.paid, amount: 9 CNY}]}", rule="唤醒"
    )
    (result,) = played(written(tmp_path, tests))
    assert [each.decision.outcome for each in result.history] == [Outcome.FIRED]
    assert result.parts[0].reasons[0].sentence.startswith("唤醒: these have been true since 2026-03-01 00:00:00")


def test_tests_do_not_see_each_other(tmp_path: Path) -> None:
    case = "- {name: 第%d, at: 2026-03-01 09:00, given: {profile: {recency_days: 45}}, expect: [{outcome: fired}]}\n"
    results = played(written(tmp_path, "tests:\n" + "".join(case % n for n in range(20))))
    assert [result.passed for result in results] == [True] * 20


def test_a_customer_is_scored_by_the_scoring_file(tmp_path: Path) -> None:
    (tmp_path / "scoring.yaml").write_text("thresholds: {f: [1, 2, 3, 4], m: [1, 2, 3, 400]}\ncurrency: EUR\n")
    (tmp_path / "tests").mkdir()
    past = ", ".join(f"{{at: -{n}d, type: order.paid, amount: 0.01 EUR}}" for n in (2, 3, 4))
    acts = "- event: {type: order.paid, amount: 0.01 EUR}\n  expect: [{rule: 社群, to: 核心}]"
    for given in (f"{{events: [{past}]}}", "{profile: {orders: 3, net_minor: 3, recency_days: 2}}"):
        tests = "scoring: ../scoring.yaml\n" + one(acts, given=given, more="tiers: {社群: 影响}")
        (result,) = played(written(tmp_path / "tests", tests))
        assert result.passed


# --- which rules


def test_rules_are_those_said_or_of_the_same_name_or_of_the_folder(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    assert rule_paths(path, None) == [tmp_path / "规则.yaml"]
    assert rule_paths(tmp_path / "其他_test.yaml", None) == [tmp_path]
    assert rule_paths(tmp_path / "一.yaml", None) == [tmp_path]
    assert rule_paths(path, ["../a.yaml", "b"]) == [tmp_path.parent / "a.yaml", tmp_path / "b"]


def test_a_folder_of_rules_has_no_tests_in_it(tmp_path: Path) -> None:
    written(tmp_path, "tests: nonsense")
    (tmp_path / "另_test.yml").write_text("nonsense: too", encoding="utf-8")
    sets = RuleSets()
    assert sorted(sets.get([tmp_path]).rules) == ["周一", "唤醒", "弃购", "社群"]
    assert sets.get([tmp_path]) is sets.get([tmp_path])
    sets.close()


def test_several_files_are_one_rule_set(tmp_path: Path) -> None:
    documents = RULES.split("---\n")
    for i, document in enumerate(documents):
        (tmp_path / f"{i}.yaml").write_text(document, encoding="utf-8")
    tests = one("- expect: [{rule: 唤醒, outcome: fired}]", given="{profile: {recency_days: 45}}")
    path = tmp_path / "x_test.yaml"
    path.write_text("rules: [0.yaml, 1.yaml]\n" + tests, encoding="utf-8")
    (result,) = played(path)
    assert result.passed


def test_the_customer_of_a_test_is_of_no_control_group(tmp_path: Path) -> None:
    written(tmp_path, "")
    sets = RuleSets()
    assert sets.get([tmp_path / "规则.yaml"]).customer == "customer-1"
    rules = RULES.replace("50%", "99%")
    (tmp_path / "规则.yaml").write_text(rules, encoding="utf-8")
    assert passes(tmp_path, PASSING["a schedule, for somebody of no control group"])
    sets.close()
