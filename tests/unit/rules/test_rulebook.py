"""From texts to a rule set: sentences for the main mistakes, hashes, independence of order."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rules.book.compiler import compile_rulebook
from services.runtime.problems import FileError
from tests.unit.rules.customers import book, campaign

LADDER = """\
kind: ladder
name: community
tiers:
  - name: 外围
  - name: 核心
    enter: [f >= 4]
    leave: [r <= 2]
    stay_at_least: 7d
on_jump:
  - {to: 核心, notify: {template: hi, channels: [console], category: service}}
"""


def said(text: str) -> list[str]:
    with pytest.raises(FileError) as caught:
        compile_rulebook({"f.yaml": text})
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("wrong", "right", "sentence"),
    [
        ("entr:", "enter:", "f.yaml:6:5: unknown_key: there is no key entr (did you mean enter?)"),
        ("kind: lader", "kind: ladder", "f.yaml:1:7: unknown_kind: there is no kind lader (did you mean ladder?); only ladder, campaign, define"),
        ("stay_at_least: 7", "stay_at_least: 7d", "f.yaml:8:20: bad_value: 7 is not a duration; write a unit, such as 45d, 36h or 30m"),
        ("stay_at_least: 7 days", "stay_at_least: 7d", "f.yaml:8:20: bad_value: '7 days' is not a duration; write a whole number and a unit, such as 45d, 36h or 30m"),
        ("capacity: {max: 5, review: daily}", "stay_at_least: 7d", "f.yaml:8:15: missing_key: rank_by is missing"),
        ("capacity: {max: 5, rank_by: recency_days, review: daily}", "stay_at_least: 7d", "f.yaml:8:33: unknown_value: recency_days ranks nobody (did you mean rhythm_days?); write a number such as activity, m or net_minor"),
        ("per: shop\ntiers:", "tiers:", "f.yaml:3:6: unused: per says how a capacity is counted; no tier has one"),
        ("{to: 核, ", "{to: 核心, ", "f.yaml:10:10: unknown_tier: there is no tier 核 (did you mean 核心?)"),
        ("{notify", "{to: 核心, notify", "f.yaml:10:5: bad_value: say which jumps: from, to, to_lower: true or to_higher: true"),
        ("category: servic", "category: service", "f.yaml:10:68: bad_value: category is never servic (did you mean service?); write 'transactional', 'service' or 'marketing'"),
        (", category: service", "", "f.yaml:10:22: missing_key: category is missing"),
        ("name: 核 心", "name: 核心", "f.yaml:5:11: bad_value: '核 心' is not a name here; use letters, digits, _ . and -, no blanks"),
        ("enter: []", "enter: [f >= 4]", "f.yaml:6:12: empty: a list of conditions needs at least one"),
        ('enter: [tier("community") == "外围"]', "enter: [f >= 4]", "f.yaml:6:18: unknown_value: a ladder cannot ask for a tier; only campaigns can"),
    ],
)  # fmt: skip
def test_mistakes_are_said_with_place_and_hint(wrong: str, right: str, sentence: str) -> None:
    """One sentence for each, exactly this one."""
    text = LADDER.replace(right, wrong, 1) if right else LADDER.replace(wrong, right)
    assert text != LADDER
    assert sentence in said(text)


def test_all_problems_come_at_once() -> None:
    """A wrong key does not hide a wrong condition, nor one file another."""
    texts = {"a.yaml": campaign("segmet == 3", holdot="10%"), "b.yaml": "kind: x", "c.yaml": LADDER + "---\n" + LADDER}
    with pytest.raises(FileError) as caught:
        compile_rulebook(texts)
    assert [(p.place.file, p.code) for p in caught.value.problems] == [
        ("a.yaml", "unknown_name"),
        ("a.yaml", "unknown_key"),
        ("b.yaml", "unknown_kind"),
        ("c.yaml", "duplicate_name"),
    ]


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("until", "[r >]", "f.yaml:5:12: syntax: this is not a condition: it ends too early"),
        ("until", "[]", "f.yaml:5:8: empty: a list of conditions needs at least one"),
        ("until", "x", "f.yaml:5:8: bad_value: until is a list; write - before each, or [ ]"),
        ("holdout", "10", "f.yaml:5:10: bad_value: 10 is no share; write a percentage such as 10%"),
        ("holdout", "100%", "f.yaml:5:10: bad_value: '100%' is no share; write more than 0% and less than 100%"),
        ("goal", "{event: order.payed, within: 7d}", "f.yaml:5:15: unknown_value: there is no kind or type of event order.payed (did you mean order.paid?)"),
        ("goal", "{event: order.paid}", "f.yaml:5:7: missing_key: within is missing"),
        ("exclusive", "a b", "f.yaml:5:12: bad_value: 'a b' is not a name here; use letters, digits, _ . and -, no blanks"),
        ("mode", "shadw", "f.yaml:5:7: bad_value: mode is never shadw (did you mean shadow?); write 'live' or 'shadow'"),
        ("active", "{from: 2026-13-01}", "f.yaml:5:16: bad_value: '2026-13-01' is no day; write it such as 2026-11-11"),
        ("active", "{from: 2026-11-12, to: 2026-11-11}", "f.yaml:5:9: bad_value: it ends before it begins"),
        ("active", "{}", "f.yaml:5:9: bad_value: say from when or to when: from, to, or both"),
        ("schedule", "{every: month, at: 10:00}", "f.yaml:5:11: bad_value: every: month needs on, the day of the month; the others have none"),
        ("schedule", "{every: day, at: 10:00, on: 3}", "f.yaml:5:11: bad_value: every: month needs on, the day of the month; the others have none"),
        ("schedule", "{every: day, at: 25:00}", "f.yaml:5:28: bad_value: '25:00' is no time of the day; write it such as 10:00"),
        ("sequence", "[cart_add, checkout]", "f.yaml:5:11: bad_value: say within which time checkout follows; write cart_add, {event: checkout, within: 1h}"),
        ("sequence", "[cart_add, {no: order.paid}]", "f.yaml:5:22: bad_value: say how long there is to be no order.paid: within"),
        ("sequence", "[cart_add, {no: order.paid, within: 1h}, {event: view, within: 1h}]", "f.yaml:5:11: bad_value: no order.paid can only stand at the end of a sequence"),
        ("sequence", "[{event: cart_add, within: 1h}, {event: view, within: 1h}]", "f.yaml:5:11: bad_value: nothing comes before cart_add; write cart_add, {event: checkout, within: 1h}"),
        *[(key, value, f"f.yaml:5:1: bad_value: {key} has no value; write one or remove the key")
          for key in ("until", "active", "cooldown", "exclusive", "holdout", "goal", "mode", "priority") for value in ("", "null")],
        ("holdout", "7.5", "f.yaml:5:10: bad_value: 7.5 is no share; write a percentage such as 10%"),
        ("holdout", "0.0", "f.yaml:5:10: bad_value: 0.0 is no share; write a percentage such as 10%"),
        ("holdout", "１0%", "f.yaml:5:10: bad_value: '１0%' is no share; write a percentage such as 10%"),
        ("active", "{from: 2026-W46-3}", "f.yaml:5:16: bad_value: '2026-W46-3' is no day; write it such as 2026-11-11"),
        ("active", "{from: 20261111}", "f.yaml:5:16: bad_value: 20261111 is no day; write it such as 2026-11-11"),
        ("schedule", "{every: day, at: '1_0:+5'}", "f.yaml:5:28: bad_value: '1_0:+5' is no time of the day; write it such as 10:00"),
        ("schedule", "{every: day, at: １０:00}", "f.yaml:5:28: bad_value: '１０:00' is no time of the day; write it such as 10:00"),
        ("schedule", "daily", "f.yaml:5:11: bad_value: schedule is a map; write key: value"),
        ("goal", "{event: 'custom:', within: 7d}", "f.yaml:5:15: unknown_value: custom: needs a name, such as custom:tasting"),
        ("sequence", "['custom:', {no: 'custom:', within: 1h}]", "f.yaml:5:12: unknown_value: custom: needs a name, such as custom:tasting"),
        ("sequence", "[3, view]", "f.yaml:5:12: bad_value: a part of a sequence is text or a map, such as cart_add or {no: order.paid, within: 24h}"),
        ("exclusive", "true", 'f.yaml:5:12: bad_value: true is no text; write "true" to make it text'),
        ("exclusive", "[a]", "f.yaml:5:12: bad_value: exclusive is text, not a list"),
        ("priority", "101", "f.yaml:5:11: bad_value: priority is a whole number from 0 to 100"),
        ("cooldown", "5", "f.yaml:5:11: bad_value: 5 is not a duration; write a unit, such as 45d, 36h or 30m"),
    ],
)  # fmt: skip
def test_every_key_of_a_campaign_is_checked(key: str, value: str, sentence: str) -> None:
    """Nobody believes in a hold-out that is not there."""
    assert said(campaign("r > 1", **{key: value}))[0] == sentence


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ("{wait: 5d, when: [r > 1]}", "f.yaml:6:5: bad_value: a wait is a step of its own; write - before it, and before what follows"),
        ("{wait: 0d}", "f.yaml:6:12: bad_value: a length of 0 means nothing here"),
        ("{}", "f.yaml:6:5: bad_value: a step says notify, wait or when"),
        ("{when: [s > 1]}", "f.yaml:6:13: unknown_name: there is no feature s"),
    ],
)  # fmt: skip
def test_steps_are_checked(step: str, sentence: str) -> None:
    """A step says one thing, and says it rightly; the last one says something to somebody."""
    assert said(campaign("r > 1").replace("steps:", f"steps:\n  - {step}")) == [sentence]
    text = campaign("r > 1") + "  - wait: 5d\n"
    assert said(text) == ["f.yaml:7:5: bad_step: nothing comes after this step; end with a notify"]
    sound = campaign("r > 1").replace("steps:", "steps:\n  - wait: 5d\n  - when: [f > 1]")
    assert len(book(sound).campaigns[0].steps) == 3


def test_a_campaign_says_when() -> None:
    """By a condition or by a sequence; a schedule alone would write to everyone."""
    text = campaign("r > 1", schedule="{every: day, at: 10:00}").replace("when:\n  - r > 1\n", "")
    assert said(text) == ["f.yaml:1:1: bad_value: a campaign needs a when or a sequence"]


@pytest.mark.parametrize(
    ("facts", "sentences"),
    [
        ("{a: [q]}", ["f.yaml:1:14: unknown_name: there is no feature q"]),
        ("{a: [b], b: [a]}", ["f.yaml:1:10: circle: a fact cannot follow from itself: a → b → a"]),
        ("{a: [r > 1], r: [f > 1]}", ["f.yaml:1:22: bad_value: r cannot name a fact; use letters, digits and _, and no word that means something else"]),
        ("{a: [r > 1]}\n---\ndefine: {a: [r > 2]}", ["f.yaml:3:10: duplicate_name: a fact a is already defined in f.yaml, line 1"]),
        ("{a: []}", ["f.yaml:1:13: empty: a list of conditions needs at least one"]),
        ("{a: }", ["f.yaml:1:10: bad_value: a has no value; write one or remove the key"]),
        ("", ["f.yaml:1:1: bad_value: define has no value; write one", "f.yaml:6:5: unknown_name: there is no feature a"]),
        ("{a: [r + 1]}", ["f.yaml:1:14: type: r + 1 is a number, not yes or no; compare it, such as r + 1 == 3"]),
    ],
)  # fmt: skip
def test_facts_are_checked(facts: str, sentences: list[str]) -> None:
    """A mistake in a fact is told once, where it stands, and not again where the fact is asked for."""
    assert said(f"define: {facts}\n---\n{campaign('a')}") == sentences


def test_a_fact_may_ask_for_a_tier_and_only_campaigns_for_it() -> None:
    """What a ladder cannot ask for it cannot ask for by another name."""
    fact = (
        'define:\n  core: [r > 1, \'tier("community") == "核心"\']\n  older: [\'tier_days("community") >= 3\']\n---\n'
    )
    assert len(book(fact + LADDER + "---\n" + campaign("core", "not older")).facts) == 1
    assert said(fact + LADDER.replace("f >= 4", "core")) == [
        "f.yaml:10:13: not_allowed: core asks for a tier; only campaigns can"
    ]
    assert len(book(fact + LADDER.replace("f >= 4", "older")).facts) == 1
    other = LADDER.replace("community", "other")
    assert "f.yaml:21:13: not_allowed: older asks for a tier; only campaigns can" in said(
        fact + LADDER + "---\n" + other.replace("f >= 4", "older")
    )


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("3", "f.yaml:4:5: bad_condition: a condition is text such as recency_days >= 45, or a block any: or not:"),
        ("{any: []}", "f.yaml:4:11: empty: any: takes 1 to 32 conditions"),
        ("{nott: r > 1}", "f.yaml:4:6: unknown_key: there is no block nott (did you mean not?); only any: and not:"),
        ("{any: [r > 1, f >]}", "f.yaml:4:22: syntax: this is not a condition: it ends too early"),
        ("{not: {not: {not: {not: {not: {not: {not: r > 1}}}}}}}", "f.yaml:4:47: too_deep: any: and not: nest 6 deep at most"),
    ],
)  # fmt: skip
def test_blocks_are_checked_inside(condition: str, sentence: str) -> None:
    """A mistake in a block is told where it stands."""
    assert said(campaign(condition)) == [sentence]


def test_lists_are_bounded() -> None:
    """Thirty-two conditions are enough for one list."""
    assert said(campaign(*(f"r > {i}" for i in range(33)))) == [
        "f.yaml:4:3: too_many: a list of conditions may have 32 items"
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- a", "f.yaml:1:1: wrong_type: a rule is a map that begins with kind: ladder, kind: campaign or kind: define"),
        ("name: a", "f.yaml:1:1: missing_key: kind is missing; write kind: ladder, kind: campaign or kind: define"),
        ("kind: define", "f.yaml:1:1: missing_key: define is missing"),
        (LADDER.replace("核心\n    enter", "外围\n    enter"), "f.yaml:5:11: duplicate_name: a tier 外围 stands already above"),
        (LADDER.replace("{to: 核心", "{to_lower: true, to_higher: true"), "f.yaml:10:5: bad_value: a jump goes to_lower or to_higher, not both"),
        (LADDER.replace("[console]", "[console, console]"), "f.yaml:10:47: bad_value: a channel stands here twice"),
        (LADDER.replace("[console]", "[webhook, sns]"), "f.yaml:10:57: unknown_value: there is no channel sns (did you mean sms?)"),
        (LADDER.replace("[console]", "[Console!]"), "f.yaml:10:48: unknown_value: there is no channel Console! (did you mean console?)"),
    ],
)  # fmt: skip
def test_shapes_are_checked(text: str, sentence: str) -> None:
    """What is no rule, and what contradicts itself."""
    assert sentence in said(text)


def test_a_broken_ladder_does_not_make_its_tiers_unknown() -> None:
    """A campaign that asks for one of them is not blamed for the ladder's mistake; the ladder's conditions are checked too."""
    text = LADDER.replace("7d", "7").replace("r <= 2", "s <= 2") + "---\n" + campaign('tier("community") == "核心"')
    assert [line.split(": ")[1] for line in said(text)] == ["unknown_name", "bad_value"]


def test_the_lowest_tier_takes_everyone() -> None:
    """It can be neither entered nor left; a tier above must be enterable."""
    wrong = LADDER.replace("name: 外围", "name: 外围\n    leave: [r < 2]").replace("    enter: [f >= 4]\n", "")
    assert said(wrong) == [
        "f.yaml:5:12: bad_tier: the lowest tier takes everyone; remove leave",
        "f.yaml:6:5: missing_key: enter is missing; nobody could reach 核心",
    ]


def test_a_rule_set_needs_a_rule() -> None:
    """An empty file is a mistake, not an empty rule set."""
    assert said("# nothing") == ["f.yaml:1:1: no_rules: no rule in these files"]


def test_a_colleague_gets_service_a_customer_must_be_told_what() -> None:
    """`category` may be left out only for `to: owner`."""
    rules = book(LADDER.replace("category: service", "to: owner"))
    assert rules.ladders[0].on_jump[0].notify.category == "service"


def test_the_hash_is_of_content_not_of_writing() -> None:
    """Comments, order of keys and defaults written out change nothing; a threshold does."""
    plain = book(campaign("r > 1", "f > 2"))
    same = book("# a comment\n" + campaign('"r > 1"', "f > 2", priority=50))
    other = book(campaign("r > 1", "f > 3"))
    assert plain.hash == same.hash
    assert plain.campaigns[0].id == same.campaigns[0].id
    assert plain.campaigns[0].id.startswith("c@")
    assert plain.hash != other.hash


@given(st.permutations(["a", "b", "c", "d"]), st.permutations(range(4)))
def test_the_order_of_files_does_not_matter(files: list[str], rules: list[int]) -> None:
    """Whichever file holds which rule, the rule set is the same."""
    texts = [campaign(f"r > {i}", f"f > {i % 2}", name=f"rule{i}", priority=i % 2) for i in range(4)]
    made = compile_rulebook({f"{file}.yaml": texts[i] for file, i in zip(files, rules, strict=True)})
    usual = compile_rulebook({"all.yaml": "---\n".join(texts)})
    assert made.hash == usual.hash
    assert [c.name for c in made.campaigns] == ["rule1", "rule3", "rule0", "rule2"]
    assert [p.key for p in made.predicates] == [p.key for p in usual.predicates]


@given(st.text(max_size=120))
def test_any_condition_is_compiled_or_refused(text: str) -> None:
    """No text in a condition makes the loader fail otherwise."""
    with suppress(FileError):
        compile_rulebook({"f.yaml": campaign(text)})
