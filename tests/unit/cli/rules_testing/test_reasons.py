"""What is said of an expected decision that did not come."""

from pathlib import Path

from tests.unit.cli.rules_testing.sheets import one, played, written


def reasons(folder: Path, tests: str) -> list[str]:
    (result,) = played(written(folder, tests))
    assert not result.passed
    return [why.sentence for why in result.parts[-1].reasons]


AWAKE = "{profile: {recency_days: 45}}"


def test_of_a_later_step(tmp_path: Path) -> None:
    acts = "- expect: [{outcome: fired}]\n- advance: 2d\n  expect: [{rule: 唤醒, outcome: continued}]"
    said = "唤醒: step 3 is due at 2026-03-04 09:00:00, if these hold then:"
    assert reasons(tmp_path, one(acts, given=AWAKE)) == [said]
    assert reasons(tmp_path, one("- expect: [{rule: 唤醒, outcome: continued}]")) == ["唤醒: no episode is under way"]


def test_of_a_goal(tmp_path: Path) -> None:
    acts = "- expect: [{outcome: fired}]\n- advance: 2d\n  expect: [{rule: 唤醒, outcome: reached}]"
    assert reasons(tmp_path, one(acts, given=AWAKE)) == ["唤醒: order.paid counts until 2026-03-15 09:00:00"]
    assert reasons(tmp_path, one("- expect: [{outcome: reached}]", rule="唤醒")) == [
        "唤醒: no episode waits for its goal order.paid"
    ]
    assert reasons(tmp_path, one("- expect: [{outcome: reached}]", rule="弃购")) == ["弃购 has no goal"]


def test_of_an_end(tmp_path: Path) -> None:
    acts = "- expect: [{outcome: fired}]\n- advance: 2d\n  expect: [{ended: until}]"
    assert reasons(tmp_path, one(acts, given=AWAKE, rule="唤醒")) == [
        "唤醒 is under way, and ends when all of these hold:"
    ]
    assert reasons(tmp_path, one("- expect: [{ended: until}]", rule="唤醒")) == ["唤醒: no episode is under way"]


def test_of_a_fall(tmp_path: Path) -> None:
    tests = one(
        "- expect: [{outcome: demoted}]",
        given="{profile: {f: 2, recency_days: 33}}",
        rule="社群",
        more="tiers: {社群: {tier: 影响, since: 10d}}",
    )
    assert reasons(tmp_path, tests) == [
        "社群: the customer is in 影响",
        "影响 is left when all of these hold:",
        "stay_at_least holds the fall back until 2026-03-05 09:00:00",
    ]
    assert reasons(tmp_path, one("- expect: [{outcome: demoted}]", rule="社群")) == [
        "社群: the customer is in 外围",
        "外围 is never left",
    ]


def test_of_a_rise_to_wherever(tmp_path: Path) -> None:
    assert reasons(tmp_path, one("- expect: [{outcome: promoted}]", rule="社群")) == [
        "社群: the customer is in 外围",
        "影响 is entered when all of these hold:",
        "and not all of these:",
        "核心 is entered when all of these hold:",
    ]


def test_of_a_schedule_that_lies_within_the_part_or_does_not(tmp_path: Path) -> None:
    for until, holds in (("2026-03-02 09:00", False), ("2026-03-02 10:00", True)):
        tests = one(f"- expect: none\n- until: {until}\n  expect: [{{at: 2026-03-02 11:00}}]", rule="周一")
        (result,) = played(written(tmp_path, tests))
        (why,) = result.parts[-1].reasons
        assert [verdict.holds for verdict in why.verdicts] == [False, holds]


def test_of_nobody(tmp_path: Path) -> None:
    assert reasons(tmp_path, one("- expect: [{rule: 唤醒}]", given="{events: []}")) == [
        "唤醒: the rules know nothing of the customer yet"
    ]
    assert reasons(tmp_path, one("- expect: [{outcome: fired}]")) == [
        "say of which rule it is, and the conditions of that are shown here"
    ]
