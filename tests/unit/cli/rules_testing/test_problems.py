"""Test files with mistakes: each is told with its place, all at once."""

from pathlib import Path

import pytest

from tests.unit.cli.rules_testing.sheets import mistakes, one, written

CASE = "- name: 一\n  at: 2026-03-01 09:00\n  given: {profile: {}}\n"


def cases(text: str) -> str:
    return f"tests:\n{text}"


def given(text: str) -> str:
    return f"tests:\n- name: 一\n  at: 2026-03-01 09:00\n  expect: none\n  given:\n    {text}\n"


def profile(text: str) -> str:
    return given(f"profile: {{{text}}}")


def event(text: str) -> str:
    return one(f"- event: {{{text}}}\n  expect: none")


def expect(text: str, rule: str = "") -> str:
    return one(f"- expect: [{{{text}}}]", rule=rule)


OUTCOMES = "write 'promoted', 'demoted', 'fired', 'continued', 'reached', 'ended' or 'suppressed'"
BROKEN: dict[str, tuple[str, list[str]]] = {
    "a list": ("- a\n", ["1:1: wrong_type: a test file is a map with tests: and a list of them"]),
    "a rule": (
        "kind: campaign\nname: a\n",
        ["1:1: not_a_test: this is a rule file; its tests stand in 规则_test.yaml"],
    ),
    "facts": ("define: {a: [r > 1]}\n", ["1:1: not_a_test: this is a rule file; its tests stand in 规则_test.yaml"]),
    "no YAML": ("tests: [\n", ["2:1: yaml: expected the node content, but found '<stream end>'"]),
    "two documents": (
        "tests: []\n---\ntests: []\n",
        ["3:1: too_many: a second document; write it into a file of its own"],
    ),
    "no list of tests": ("zone: UTC\n", ["1:1: missing_key: tests is missing"]),
    "an empty list of tests": ("tests: []\n", ["1:8: bad_value: a list here needs at least one"]),
    "tests that are text": (cases("- a\n"), ["2:3: bad_value: 'a' is no map of keys; write it such as {name: …}"]),
    "a key that there is not": (
        "test: []\ntests: []\n",
        [
            "1:1: unknown_key: there is no key test (did you mean tests?)",
            "2:8: bad_value: a list here needs at least one",
        ],
    ),
    "a zone": (
        f"zone: Asia/Shanghia\n{cases(CASE)}  expect: none\n",
        ["1:7: bad_value: unknown time zone 'Asia/Shanghia'; write a name such as Asia/Shanghai or UTC"],
    ),
    "a scoring file that is not there": (
        f"scoring: x.yaml\n{cases(CASE)}  expect: none\n",
        ["1:10: no_file: there is no file {folder}/x.yaml"],
    ),
    "rules that are not there": (
        f"rules: [规则.yaml, x]\n{cases(CASE)}  expect: none\n",
        ["1:18: no_file: there is no file or folder {folder}/x"],
    ),
    "one rule file that is not there": (
        f"rules: x\n{cases(CASE)}  expect: none\n",
        ["1:8: no_file: there is no file or folder {folder}/x"],
    ),
    # --- tests
    "all that a test needs": (
        cases("- rule: 唤醒\n"),
        [
            "2:3: missing_key: name is missing",
            "2:3: missing_key: at is missing",
            "2:3: missing_key: given is missing",
        ],
    ),
    "no expect": (cases(CASE), ["2:3: bad_value: expect is missing; write what is to be decided, or none"]),
    "an empty expect": (
        f"{cases(CASE)}  expect:\n",
        ["5:3: bad_value: nothing stands behind this key; remove it, or write what is meant"],
    ),
    "something else to expect": (
        f"{cases(CASE)}  expect: nothing\n",
        [
            "5:11: bad_value: 'nothing' is nothing to expect; write none, or a list of decisions such as {rule: win-back, outcome: fired}"
        ],
    ),
    "two tests of one name": (
        f"{cases(CASE)}  expect: none\n{CASE}  expect: none\n",
        ["2:1: bad_value: two tests are named 一; a name says which one failed"],
    ),
    "no instant": (
        cases(CASE.replace("2026-03-01 09:00", "1 March")),
        ["3:7: bad_value: '1 March' is no instant; write it such as 2026-03-01 09:00, or 2026-03-01T09:00+08:00"],
    ),
    "no such day": (
        cases(CASE.replace("03-01 09", "02-30 09")),
        ["3:7: bad_value: there is no instant 2026-02-30 09:00: day is out of range for month"],
    ),
    "a script and its short form": (
        f"{cases(CASE)}  script: [{{expect: none}}]\n  expect: none\n",
        ["2:3: bad_value: with a script, advance, until and expect stand in it"],
    ),
    "a script that asks nothing at its end": (
        one("- expect: none\n- advance: 1d"),
        ["2:5: bad_value: a script ends with expect: what comes last is to be compared too"],
    ),
    "an empty script": (f"{cases(CASE)}  script: []\n", ["5:11: bad_value: a list here needs at least one"]),
    "an act of nothing": (
        one("- {}\n- expect: none"),
        ["6:9: bad_value: a part of a script says advance, until, event, profile or expect"],
    ),
    "an act that there is not": (
        one("- advnace: 1d\n- expect: none"),
        ["6:9: unknown_key: there is no key advnace (did you mean advance?)"],
    ),
    "two ways of time": (
        one("- {advance: 1d, until: 2026-03-02}\n- expect: none"),
        ["6:9: bad_value: say advance or until, not both"],
    ),
    "no time": (one("- advance: 0d\n- expect: none"), ["6:18: bad_value: a length of 0 means nothing here"]),
    "no length": (
        one("- advance: 1 day\n- expect: none"),
        ["6:18: bad_value: '1 day' is not a duration; write a whole number and a unit, such as 45d, 36h or 30m"],
    ),
    "time that runs back": (
        one("- advance: 2d\n- until: 2026-03-02\n  expect: none"),
        ["7:16: bad_value: time does not run back: it is 2026-03-03 09:00:00 by then"],
    ),
    "the short form that runs back": (
        f"{cases(CASE)}  until: 2026-02-01\n  expect: none\n",
        ["5:10: bad_value: time does not run back: it is 2026-03-01 09:00:00 by then"],
    ),
    "time that nobody can reckon with": (
        one("- until: 8999-12-31\n- advance: 36500d\n- advance: 36500d\n  expect: none"),
        ["7:9: bad_value: time passes beyond the year 9000"],
    ),
    "time that overflows": (
        one("\n".join(["- advance: 36500d"] * 100 + ["  expect: none"])),
        ["75:9: bad_value: time passes beyond the year 9000"],
    ),
    "a rule that there is not": (
        one("- expect: none", rule="唤起"),
        ["4:11: unknown_rule: there is no rule 唤起 in these rules (did you mean 唤醒?)"],
    ),
    # --- who is given
    "nobody": (given("{}"), ["6:5: bad_value: say who is given: a profile, or events"]),
    "two at once": (given("{profile: {}, events: []}"), ["6:5: bad_value: say who is given: a profile, or events"]),
    "an empty profile": (
        given("profile:"),
        ["6:5: bad_value: nothing stands behind this key; remove it, or write what is meant"],
    ),
    "a feature that there is not": (
        profile("segmnt: 重要保持"),
        ["6:15: unknown_key: there is no key segmnt (did you mean segment?)"],
    ),
    "a value that there is not": (
        profile("segment: 重要保"),
        [
            (
                "6:24: bad_value: segment is never 重要保 (did you mean 重要保持?); write '重要价值', '重要发展', '重要保持', '重要挽留', "
                "'一般价值', '一般发展', '一般保持' or '一般挽留'"
            )
        ],
    ),
    "several at once": (
        profile('r: 6, f: null, recency_days: "44", orders: -1, tags: vip, half_life: 0d'),
        [
            "6:18: bad_value: r: input should be less than or equal to 5",
            "6:24: bad_value: f is never unknown; leave it out, and it follows from the rest",
            "6:44: bad_value: recency_days: input should be a valid integer",
            "6:58: bad_value: orders: input should be greater than or equal to 0",
            "6:68: bad_value: tags: input should be a valid list",
            "6:84: bad_value: a length of 0 means nothing here",
        ],
    ),
    "an attribute": (
        profile("attributes: {城市: [上海]}"),
        ["6:32: bad_value: an attribute is text, a number, true or false"],
    ),
    "a currency": (
        profile("currency: RMB"),
        ["6:25: unknown_value: there is no currency RMB; write a code such as CNY"],
    ),
    "a window": (
        profile("windows: {31d: {}}"),
        ["6:25: unknown_value: there is no window 31d (did you mean 30d?); write 7d, 30d, 90d, 365d, lifetime"],
    ),
    "in a window": (
        profile("windows: {30d: {order: 1, counts: {veiw: 2}}}"),
        [
            "6:31: unknown_key: there is no key order (did you mean orders?)",
            "6:50: unknown_value: there is no interaction kind veiw (did you mean view?)",
        ],
    ),
    "what never happens": (
        profile("since: {order.piad: 3d}"),
        ["6:23: unknown_value: there is no kind or type of event order.piad (did you mean order.paid?)"],
    ),
    "two rhythms": (
        profile("overdue: 2, rhythm_days: 8"),
        ["6:14: bad_value: say rhythm_days or overdue; with recency_days the one follows from the other"],
    ),
    "overdue today": (
        profile("overdue: 2, recency_days: 0"),
        ["6:14: bad_value: overdue needs recency_days of 1 or more"],
    ),
    "an order before the window": (
        profile("recency_days: 365"),
        [
            "6:29: contradiction: an order so long ago is not in the window of 365 days: recency_days is unknown then, write null"
        ],
    ),
    "orders without a last": (
        profile("recency_days: null, orders: 2"),
        ["6:29: contradiction: recency_days is unknown only without an order in the window; write orders: 0"],
    ),
    "a first order after the last": (
        profile("recency_days: 30, days_since_first_order: 3"),
        ["6:57: contradiction: the first order was 3 days ago, but the last 30"],
    ),
    "less in a longer window": (
        profile("windows: {30d: {orders: 9, counts: {view: 5}}, 90d: {orders: 3, counts: {view: 4}}}"),
        [
            "6:67: contradiction: orders are 3 in 90d, but 9 in 30d, which is a part of it",
            "6:67: contradiction: counts of view are 4 in 90d, but 5 in 30d, which is a part of it",
        ],
    ),
    "less in a window longer than the next": (
        profile("windows: {7d: {counts: {view: 2}}, 30d: {orders: 1}, 90d: {counts: {view: 1}}}"),
        ["6:73: contradiction: counts of view are 1 in 90d, but 2 in 7d, which is a part of it"],
    ),
    "less in a whole life": (
        profile("orders: 5, lifetime_orders: 3"),
        ["6:14: contradiction: orders are 3 in lifetime, but 5 in 365d, which is a part of it"],
    ),
    "orders said twice": (
        profile("orders: 5, windows: {365d: {orders: 6}}"),
        ["6:51: contradiction: orders is 5, but 6 in its window 365d"],
    ),
    "a ladder that there is not": (
        one("- expect: none", more="tiers: {社: 影响}"),
        ["4:13: unknown_ladder: there is no ladder 社 in these rules (did you mean 社群?)"],
    ),
    "a tier that there is not": (
        one("- expect: none", more="tiers: {社群: 影, 唤醒: {tier: 外围, since: 0d}}"),
        ["4:42: bad_value: a length of 0 means nothing here"],
    ),
    "a tier that there is not, alone": (
        one("- expect: none", more="tiers: {社群: {tier: 影}}"),
        ["4:24: unknown_tier: there is no tier 影 in these rules (did you mean 影响?)"],
    ),
    # --- events
    "an event of nothing": (
        event("at: -3d"),
        ["6:16: bad_value: an event says its kind, such as kind: view, or its type, such as type: order.paid"],
    ),
    "an event that is later": (
        event("at: -3d, kind: view"),
        ["6:21: bad_value: this event happens now; write advance or until for later"],
    ),
    "a kind": (event("kind: veiw"), ["6:23: unknown_value: there is no interaction kind veiw (did you mean view?)"]),
    "a type": (
        event("type: order.piad"),
        [
            (
                "6:23: unknown_value: in a test there is no event order.piad (did you mean order.paid?); write one of order.paid, "
                "order.refunded, order.cancelled, order.amended, interaction, customer.updated, customer.deleted"
            )
        ],
    ),
    "a merge": (
        event("type: customer.merged"),
        [
            (
                "6:23: unknown_value: in a test there is no event customer.merged (did you mean customer.deleted?); write one of "
                "order.paid, order.refunded, order.cancelled, order.amended, interaction, customer.updated, customer.deleted"
            )
        ],
    ),
    "an order without an amount": (
        event("type: order.paid"),
        ["6:16: missing_key: amount is missing; write it such as 120 CNY"],
    ),
    "an amount without a currency": (
        event("type: order.paid, amount: 12"),
        ["6:43: bad_value: 12 is no amount; write the currency behind it, such as 120 CNY"],
    ),
    "more digits than a currency has": (
        event("type: order.paid, amount: 1.234 CNY"),
        ["6:43: bad_value: CNY has 2 decimal digits; 1.234 has more"],
    ),
    "two amounts": (
        event("type: order.paid, amount: 1 CNY, amount_minor: 100"),
        ["6:16: bad_value: say amount or amount_minor, not both"],
    ),
    "two currencies": (
        event("type: order.paid, amount: 1 CNY, discount: 1 EUR"),
        ["6:16: bad_value: amount is in CNY, discount in EUR"],
    ),
    "what an event does not have": (
        event("type: order.paid, amount: 1 CNY, kind: view, tags_add: [a]"),
        [
            "6:50: unknown_key: an event order.paid has no kind",
            "6:62: unknown_key: an event order.paid has no tags_add",
        ],
    ),
    "what publishers may not send either": (
        event("kind: view, value: -1, touchpoint: shop"),
        [
            "6:36: bad_value: value: input should be greater than or equal to 0",
            "6:52: bad_value: touchpoint is never shop; write 'store_entry', 'consult', 'discount', 'order', 'logistics' or 'after_sale'",
        ],
    ),
    "a history after the beginning": (
        given("events: [{at: 2026-03-02, kind: view}]"),
        ["6:19: bad_value: this is later than the test begins; write it into the script"],
    ),
    "a history of ages": (
        given("events: [{at: -36500d, kind: view}]"),
        ["6:19: bad_value: the year must lie between 1970 and 9000"],
    ),
    "a history without a sign": (
        given("events: [{at: 44d, kind: view}]"),
        [
            (
                "6:19: bad_value: '44d' is no instant; write it such as 2026-03-01 09:00, or 2026-03-01T09:00+08:00, "
                "or -44d for so long before the test begins"
            )
        ],
    ),
    "a profile for somebody made by events": (
        one("- profile: {r: 3}\n  expect: none", given="{events: []}"),
        ["6:9: unknown_key: only a customer given as a profile has one; here events make it"],
    ),
    # --- expectations
    "an expectation of nothing": (
        expect(""),
        ["6:18: bad_value: say what is expected, such as {rule: win-back, outcome: fired}, or write expect: none"],
    ),
    "an outcome": (
        expect("outcome: fird"),
        [f"6:28: bad_value: outcome is never fird (did you mean fired?); {OUTCOMES}"],
    ),
    "a reason": (
        expect("suppressed: coldown"),
        [
            (
                "6:31: bad_value: suppressed is never coldown (did you mean cooldown?); write 'cooldown', 'holdout', 'exclusive', "
                "'running', 'condition', 'capacity', 'until', 'goal', 'inactive' or 'withdrawn'"
            )
        ],
    ),
    "two outcomes": (
        expect("outcome: fired, suppressed: cooldown"),
        ["6:18: bad_value: suppressed: and ended: say the outcome; write one of the three"],
    ),
    "two reasons": (
        expect("ended: goal, reason: until"),
        ["6:18: bad_value: suppressed: and ended: say the reason; leave out reason"],
    ),
    "template and templates": (
        expect("template: 好久不见, templates: [好久不见]"),
        ["6:18: bad_value: say template or templates, not both"],
    ),
    "a channel": (
        expect("channels: [emial]"),
        ["6:30: unknown_value: there is no channel emial (did you mean email?)"],
    ),
    "a variant that there is not": (
        expect("variant: A"),
        ["6:28: unknown_variant: there is no variant A in these rules"],
    ),
    "a reason of a recall": (
        expect("recalled: goal"),
        ["6:29: bad_value: recalled is never goal (did you mean goal_reached?); write 'goal_reached' or 'ended'"],
    ),
    "a decision of another rule": (
        expect("rule: 弃购", rule="唤醒"),
        ["7:25: contradiction: this test looks at 唤醒 only, and never sees a decision of 弃购"],
    ),
    "names that there are not": (
        expect("rule: 唤, from: 影, template: 好久"),
        [
            "6:25: unknown_rule: there is no rule 唤 in these rules (did you mean 唤醒?)",
            "6:34: unknown_tier: there is no tier 影 in these rules (did you mean 影响?)",
            "6:47: unknown_template: there is no template 好久 in these rules (did you mean 好久不见?)",
        ],
    ),
    "a template of another rule": (
        expect("rule: 唤醒, templates: [店员来电, 购物车]"),
        ["6:47: unknown_template: there is no template 购物车 in these rules"],
    ),
    "a ladder that fires": (
        expect("rule: 社群, outcome: fired"),
        ["6:18: contradiction: 社群 is a ladder: its outcome is promoted or demoted, never fired"],
    ),
    "a campaign that promotes": (
        expect("outcome: promoted", rule="唤醒"),
        ["7:18: contradiction: 唤醒 is a campaign: only a ladder has the outcome promoted"],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_mistake_is_told_with_its_place(name: str, tmp_path: Path) -> None:
    text, said = BROKEN[name]
    assert mistakes(written(tmp_path, text)) == [line.replace("{folder}", str(tmp_path)) for line in said]


def test_mistakes_of_rules_are_told_at_their_own_place(tmp_path: Path) -> None:
    path = written(
        tmp_path, f"{cases(CASE)}  expect: none\n", rules="kind: campaign\nname: a\nwhen: [r >]\nsteps: []\n"
    )
    (first, *_) = mistakes(path)
    assert first.startswith(f"{tmp_path}/规则.yaml:3:")


def test_mistakes_of_a_scoring_file_are_told_at_their_own_place(tmp_path: Path) -> None:
    (tmp_path / "scoring.yaml").write_text("currncy: CNY\n")
    path = written(tmp_path, f"scoring: scoring.yaml\n{cases(CASE)}  expect: none\n")
    assert mistakes(path) == [
        f"{tmp_path}/scoring.yaml:1:1: unknown_key: there is no key currncy (did you mean currency?)"
    ]


def test_an_empty_file_has_no_tests(tmp_path: Path) -> None:
    assert mistakes(written(tmp_path, "# nothing yet\n")) == []
