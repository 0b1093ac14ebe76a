"""`koi rules test`: what it prints, writes, and ends with."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from services.cli.main import app
from tests.unit.cli.rules_testing.sheets import RULES, one, written

TESTS = """\
tests:
  - name: 沉睡45天收到一次唤醒
    at: 2026-03-01 09:00
    rule: 唤醒
    given: {profile: {recency_days: 44}}
    script:
      - expect: none
      - advance: 1d
        expect: [{outcome: fired, template: 好久不见}]
  - name: 勿扰的不打扰
    at: 2026-03-01 09:00
    given: {profile: {tags: [勿扰], recency_days: 44}}
    advance: 7d
    expect: none
"""

WRONG = """\
tests:
  - name: 勿扰也唤醒
    at: 2026-03-01 09:00
    given: {profile: {tags: [勿扰], recency_days: 44}}
    script:
      - expect: none
      - advance: 1d
        expect:
          - {rule: 唤醒, outcome: fired, template: 好久不见, at: 2026-03-02}
  - name: 进核心不说话
    at: 2026-03-01 09:00
    given: {profile: {f: 5, m: 3, recency_days: 3}}
    expect: [{rule: 社群, outcome: promoted, to: 核心}]
  - name: 外币
    at: 2026-03-01 09:00
    given: {events: []}
    script:
      - event: {type: order.paid, amount: 5 USD}
        expect: none
"""


def koi(*words: str) -> Result:
    return CliRunner().invoke(app, ["rules", "test", *words], terminal_width=80)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_all_is_well(tmp_path: Path) -> None:
    written(tmp_path, TESTS)
    result = koi("规则_test.yaml")
    assert result.exit_code == 0
    assert result.output == (
        "规则_test.yaml\n"
        "  ✓ 沉睡45天收到一次唤醒\n"
        "  ✓ 勿扰的不打扰\n"
        "not covered:\n"
        "  周一  no test in which it fires\n"
        "  弃购  no test in which it fires\n"
        "  社群  no test in which anybody comes into 影响, 核心\n"
        "2 tests, 2 passed, 0 failed; 1 of 4 rules have a firing and a non-firing case\n"
    )


def test_a_failure_says_what_came_and_why(tmp_path: Path) -> None:
    written(tmp_path, WRONG)
    result = koi("规则_test.yaml", "--filter", "不说话")
    assert result.exit_code == 1
    assert result.output == (
        "规则_test.yaml\n"
        "  ✗ 进核心不说话  规则_test.yaml:13\n"
        "      line 10: the first look; it is 2026-03-01 09:00\n"
        "        - 社群  promoted  → 核心\n"
        "        + 社群  promoted  外围 → 影响  at 2026-03-01 09:00\n"
        "              ✓ f >= 3    f = 5\n"
        "        社群: the customer is in 影响\n"
        "        核心 is entered when all of these hold:\n"
        "          ✓ f >= 5    f = 5\n"
        "          ✗ m >= 4    m = 3\n"
        "        and not all of these:\n"
        "          ✗ recency_days >= 60    recency_days = 3\n"
        "1 test, 0 passed, 1 failed\n"
    )


def test_every_failure_has_its_place(tmp_path: Path) -> None:
    written(tmp_path, WRONG)
    result = koi(".")
    assert result.exit_code == 1
    assert (
        "  ✗ 勿扰也唤醒  规则_test.yaml:9\n"
        "      line 7: advance 1d; it is 2026-03-02 09:00\n"
        "        - 唤醒  fired  template 好久不见  at 2026-03-02 00:00\n"
        "        唤醒 begins when all of these become true:\n"
        "          ✓ recency_days >= 45    recency_days = 45\n"
        '          ✗ not tagged("勿扰")    tagged("勿扰") = true\n'
    ) in result.output
    assert (
        "  ✗ 外币  规则_test.yaml:18\n"
        "      the event cannot be folded: the amount is in 'USD', scores are counted in CNY: "
    ) in result.output
    assert "3 tests, 0 passed, 3 failed; 0 of 4 rules have a firing and a non-firing case\n" in result.output


def test_verbose_shows_what_passed(tmp_path: Path) -> None:
    written(tmp_path, TESTS)
    output = koi("规则_test.yaml", "--verbose").output
    assert (
        "  ✓ 沉睡45天收到一次唤醒\n"
        "      line 7: the first look; it is 2026-03-01 09:00\n"
        "          nothing decided, as expected\n"
        "      line 8: advance 1d; it is 2026-03-02 09:00\n"
        "          唤醒  fired  template 好久不见  category marketing  channels webhook, console  to customer  "
        "at 2026-03-02 00:00\n"
    ) in output


def test_what_was_decided_before_the_test_is_shown_with_a_failure(tmp_path: Path) -> None:
    given = "{events: [{at: -47d, type: order.paid, amount: 9 CNY}]}"
    acts = """
- event: {tags_add: [vip]}
- until: 2026-03-02 10:00:30
- expect:
    - {rule: 周一, mode: shadow, category: service, channels: [console], recipient: owner, templates: [周一好], reason: until}
    - {rule: 唤醒, outcome: continued, step: 3, templates: [], at: 2026-03-02 10:00:30}
    - {rule: 社群, from: 外围, to: 核心}
"""
    written(tmp_path, one(acts, given=given))
    assert koi(".").output.startswith(
        "规则_test.yaml\n"
        "  ✗ 一  规则_test.yaml:9\n"
        "      line 8: nothing new; it is 2026-03-02 10:00:30\n"
        "        - 周一  reason until  template 周一好  category service  channels console  to owner  mode shadow\n"
        "        - 唤醒  continued  step 3  no template  at 2026-03-02 10:00:30\n"
        "        - 社群  外围 → 核心\n"
        "        + 唤醒  continued  step 3  template 店员来电  category service  channels console  to owner  "
        "at 2026-03-02 00:00\n"
        "        + 周一  fired  template 周一好  category marketing  channels webhook  to customer  at 2026-03-02 10:00\n"
        '              ✓ tagged("vip")    tagged("vip") = true\n'
        '              ✓ schedule: every monday at 10:00    now = "2026-03-02T10:00:00+08:00"\n'
        "        周一 fired: it came, but differs in reason, mode, category, channels, recipient\n"
        "        唤醒 continued: it came, but differs in at, templates\n"
        "        社群: the customer is in 外围\n"
        "        核心 is entered when all of these hold:\n"
        "          ✗ f >= 5    f = 1\n"
        "          ✗ m >= 4    m = 1\n"
        "        and not all of these:\n"
        "          ✗ recency_days >= 60    recency_days = 48\n"
        "      before the test began:\n"
        "          唤醒  fired  template 好久不见  category marketing  channels webhook, console  to customer  "
        "at 2026-02-27 00:00\n"
        "not covered:\n"
    )


def test_only_some(tmp_path: Path) -> None:
    written(tmp_path, TESTS)
    result = koi(".", "--filter", "勿扰")
    assert result.exit_code == 0
    assert result.output == "规则_test.yaml\n  ✓ 勿扰的不打扰\n1 test, 1 passed, 0 failed\n"
    nothing = koi(".", "--filter", "没有")
    assert nothing.exit_code == 1
    assert nothing.output == ".:1:1: no_tests: none of 2 tests in . has '没有' in its name\n"


def test_strict_asks_for_a_test_of_every_rule(tmp_path: Path) -> None:
    written(tmp_path, TESTS)
    assert koi(".", "--strict").exit_code == 1
    written(tmp_path, TESTS, rules=RULES.split("---\n")[1])
    result = koi(".", "--strict")
    assert result.output.endswith("2 tests, 2 passed, 0 failed; 1 of 1 rule has a firing and a non-firing case\n")
    assert result.exit_code == 0
    assert koi(".", "--strict", "--filter", "勿扰").exit_code == 0


@pytest.mark.parametrize("path", [".", "规则_test.yaml"])
def test_nothing_to_be_tested(path: str, tmp_path: Path) -> None:
    written(tmp_path, "# later\n")
    result = koi(path)
    assert result.exit_code == 1
    assert result.output == (
        f"{path}:1:1: no_tests: no tests found in {path}: a test file has a name such as winback_test.yaml, "
        "and a list of tests:\n"
    )


def test_mistakes_of_all_files_are_told_at_once_and_nothing_is_played(tmp_path: Path) -> None:
    written(tmp_path, TESTS)
    (tmp_path / "下").mkdir()
    written(tmp_path / "下", TESTS.replace("fired", "fird").replace("profile: {recency", "profile: {recncy"))
    (tmp_path / "a_test.yml").write_text("[]", encoding="utf-8")
    result = koi(".")
    assert result.exit_code == 1
    assert result.output == (
        "a_test.yml:1:1: wrong_type: a test file is a map with tests: and a list of them\n"
        "下/规则_test.yaml:5:23: unknown_key: there is no key recncy_days (did you mean recency_days?)\n"
        "下/规则_test.yaml:9:28: bad_value: outcome is never fird (did you mean fired?); write 'promoted', 'demoted', "
        "'fired', 'continued', 'reached', 'ended' or 'suppressed'\n"
    )


def test_files_below_are_found_and_hidden_ones_are_not(tmp_path: Path) -> None:
    for folder in (tmp_path / "乙" / "丙", tmp_path / "甲", tmp_path / ".hidden"):
        folder.mkdir(parents=True)
        written(folder, TESTS)
    result = koi(".")
    assert [line for line in result.output.splitlines() if line.endswith(".yaml")] == [
        "乙/丙/规则_test.yaml",
        "甲/规则_test.yaml",
    ]
    assert "4 tests, 4 passed, 0 failed; 1 of 4 rules have" in result.output


def test_a_rule_that_stands_in_two_sets_is_covered_by_either(tmp_path: Path) -> None:
    for folder, kept in (("甲", 0), ("乙", 1)):
        (tmp_path / folder).mkdir()
        head, *cases = TESTS.split("  - name")
        written(tmp_path / folder, f"{head}  - name{cases[kept]}", rules=RULES.split("---\n")[1])
    assert "; 1 of 1 rule has a firing and a non-firing case\n" in koi(".", "--strict").output


# --- JUnit


def junit(*words: str) -> tuple[int, ET.Element]:
    result = koi(*words, "--junit", "out.xml")
    return result.exit_code, ET.fromstring(Path("out.xml").read_bytes())  # noqa: S314 - our own


def check(root: ET.Element) -> None:
    """What the JUnit schema of Jenkins and of GitLab ask for: elements in their places, counts that are right."""
    assert root.tag == "testsuites"
    totals = {"tests": 0, "failures": 0, "errors": 0}
    for suite in root:
        assert suite.tag == "testsuite"
        assert suite.attrib.keys() == {"name", "tests", "failures", "errors", "skipped", "time"}
        cases = list(suite)
        assert all(case.tag == "testcase" and {"name", "classname", "time"} == case.attrib.keys() for case in cases)
        assert all(float(each.attrib["time"]) >= 0 for each in (suite, *cases))
        for case in cases:
            assert [child.tag for child in case] in ([], ["failure"], ["error"])
            assert all({"message", "type"} == child.attrib.keys() and child.text for child in case)
        found = {
            "tests": len(cases),
            "failures": sum(case.find("failure") is not None for case in cases),
            "errors": sum(case.find("error") is not None for case in cases),
        }
        assert {key: int(suite.attrib[key]) for key in found} == found
        totals = {key: totals[key] + found[key] for key in totals}
    assert {key: int(root.attrib[key]) for key in totals} == totals


def test_junit_has_a_suite_for_every_file(tmp_path: Path) -> None:
    written(tmp_path, WRONG)
    (tmp_path / "甲").mkdir()
    written(tmp_path / "甲", TESTS)
    code, root = junit(".")
    check(root)
    assert code == 1
    assert [suite.attrib["name"] for suite in root] == ["甲/规则_test.yaml", "规则_test.yaml"]
    assert root.attrib["tests"] == "5"
    assert [case.attrib["name"] for case in root[0]] == ["沉睡45天收到一次唤醒", "勿扰的不打扰"]
    assert root[0][0].attrib["classname"] == "甲.规则_test"
    failure = root[1][0].find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "规则_test.yaml:9"
    assert "        - 唤醒  fired  template 好久不见  at 2026-03-02 00:00" in str(failure.text).splitlines()


def test_junit_tells_of_a_broken_file(tmp_path: Path) -> None:
    written(tmp_path, TESTS.replace("fired", "fird"))
    code, root = junit(".")
    check(root)
    assert (code, root.attrib["errors"], root.attrib["tests"]) == (1, "1", "1")


def test_junit_of_nothing(tmp_path: Path) -> None:
    written(tmp_path, "")
    code, root = junit(".")
    check(root)
    assert (code, root.attrib["tests"]) == (1, "0")


def test_junit_holds_what_xml_cannot(tmp_path: Path) -> None:
    # a control character that YAML takes, in a template of nobody: it stands in the place of an error
    written(tmp_path, 'tests: [{name: "a\\x08b", at: 1}]')
    code, root = junit(".")
    check(root)
    assert code == 1


def test_a_junit_file_that_cannot_be_written(tmp_path: Path) -> None:
    written(tmp_path, TESTS)
    result = koi(".", "--junit", "no/such/folder.xml")
    assert result.exit_code == 1
    assert "cannot write no/such/folder.xml: No such file or directory\n" in result.output
