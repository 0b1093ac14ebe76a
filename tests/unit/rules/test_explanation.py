"""Explanations: what stands, what is missing, and that the instants they name are those of the decisions."""

from contextlib import closing
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.calendar import to_ms
from services.contracts.decision import DecisionReason, Mode, Outcome
from services.contracts.profile import Happening, Window
from services.rules.book.rulebook import Rulebook
from services.rules.engine.state import BLOBS
from services.rules.language.scene import Scene
from services.rules.language.syntax import parse_expression
from services.rules.story.explanation import CampaignStanding, Explanation, LadderStanding, explain, standings
from services.rules.story.findings import Finding, Findings, later
from services.rules.story.wording import plain_text, said, shortfall, value_text
from services.runtime.problems import Place
from tests.unit.rules.customers import NOON, TODAY, VOCABULARY, Life, book, campaign, scene, windows

MIDNIGHT = datetime(2026, 3, 2, 16, tzinfo=NOON.tzinfo)
"""The first in Shanghai after NOON."""

CONDITIONS = (
    "recency_days >= 14",
    "recency_days < 12",
    "45 <= recency_days < 90",
    "recency_days == 21",
    "activity < 7.5",
    "activity >= 3",
    "overdue >= 2",
    "days_since_first_order - recency_days > 95",
    'since("view") > 36h',
    "not recency_days >= 30",
    "{any: [recency_days >= 60, activity < 12]}",
    "{not: [recency_days >= 20, activity < 15]}",
    "r <= 3",
    "f >= 4",
    'segment == "重要保持"',
    "late",
)
FACTS = "define:\n  late: [overdue >= 3, {not: [activity >= 9]}]\n"


def now(after: timedelta = timedelta()) -> int:
    return to_ms(NOON + after)


def explained(rules: Rulebook, life: Life, at: datetime = NOON) -> Explanation:
    assert life.state is not None
    return explain(rules, life.state, scene(at))


def of(explanation: Explanation, rule: str) -> Any:
    return next(each for each in standings(explanation) if each.name == rule)


def looked(text: str, *changes: dict[str, Any], at: datetime = NOON) -> Explanation:
    """What is said of somebody after these profiles."""
    rules = book(text)
    with closing(Life(rules)) as life:
        for change in changes or ({},):
            life.now(**change)
        life.until(at)
        assert life.state is not None
        before = BLOBS.dump(life.state)
        found = explained(rules, life, at)
        assert BLOBS.dump(life.state) == before, "an explanation changes nothing"
        return found


def finding(condition: str, **changes: Any) -> Finding:
    """What is found of one condition."""
    rules = book(campaign(condition) + "---\n" + FACTS)
    with closing(Life(rules)) as life:
        life.now(**changes)
        assert life.state is not None
        standing = of(explain(rules, life.state, scene(**changes)), "c")
    assert isinstance(standing, CampaignStanding)
    (found,) = standing.when.conditions
    return found


# --- what is missing


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("f >= 4", "f is 3, needs 4"),
        ("f == 4", "f is 3, needs 4"),
        ("f > 3", "f is 3, needs > 3"),
        ("4 <= f", "f is 3, needs 4"),
        ("f != 3", "f is 3, needs anything but 3"),
        ("45 <= recency_days < 90", "recency_days is 10, needs 45"),
        ("5 <= recency_days < 9", "recency_days is 10, needs < 9"),
        ("recency_days >= 45d", "recency_days is 10, needs 45"),
        ("net_minor >= 200 CNY", "net_minor is 12345 (123.45 CNY), needs 200.00 CNY"),
        ("net_minor >= 200 USD", "net_minor is in CNY, needs USD"),
        ('net_minor("30d") > 1', 'net_minor("30d") is 0 (0.00 CNY), needs > 1'),
        ("net_minor / orders >= 5000", "net_minor / orders is 3086, needs 5000"),
        ("f > m", "f is 3, needs > m, which is 3"),
        ('since("view") > 36h', 'since("view") is unknown, needs > 36h'),
        ('segment in ["重要价值", "重要发展"]', "segment is 重要保持, needs one of 重要价值, 重要发展"),
        ('segment not in ["重要保持"]', "segment is 重要保持, needs none of 重要保持"),
        ('tagged("vip")', 'tagged("vip") is no, needs yes'),
        ("super_user == true", "super_user is no, needs true"),
        ("not f >= 3", "f >= 3 holds, and must not"),
        ("r <= 2 and f >= 4", "r is 3, needs <= 2 and f is 3, needs 4"),
        ("{any: [f >= 4, m >= 5]}", "f is 3, needs 4, or m is 3, needs 5"),
        ("{not: [f >= 3, m >= 3]}", "f >= 3 and m >= 3 holds, and must not"),
        ('event.kind == "view"', 'needs an event with event.kind == "view"'),
        ("late", "overdue is 1.25, needs 3; activity >= 9 holds, and must not"),
    ],
)
def test_what_is_missing_is_a_sentence(condition: str, sentence: str) -> None:
    """With the value there is, and the one that is needed."""
    written = condition if condition.startswith("{") else f"'{condition}'"
    found = finding(written)
    assert (found.holds, found.needs) == (False, sentence)


def test_a_tag_that_must_not_be_there() -> None:
    """Of a yes/no that is denied, the answer is said."""
    assert finding('not tagged("vip")', tags=("vip",)).needs == 'tagged("vip") is yes, needs no'


def test_digits_are_added_where_the_short_form_would_lie() -> None:
    """Almost 5 is not told as 5."""
    assert finding("activity >= 5", activity=4.99996).needs == "activity is 4.99996, needs 5"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("net_minor", 12345, "12345 (123.45 CNY)"),
        ('net_minor("30d")', 5, "5 (0.05 CNY)"),
        ('since("view")', 2 * 86_400_000 + 3 * 3_600_000, "2d 3h"),
        ("activity", 12.34567, "12.35"),
        ("activity", 0.000012345, "1.2e-05"),
        ("activity", 0.0, "0"),
        ("recency_days", 41, "41"),
        ("recency_days", None, "unknown"),
        ("super_user", True, "yes"),
        ('attr("城市")', "上海", "上海"),
        ("goal", 12345, "12345"),
    ],
)
def test_values_are_as_people_write_them(name: str, value: Any, text: str) -> None:
    """Amounts with their currency, lengths with their units, fractions short."""
    assert value_text(name, value, "CNY") == text


def test_amounts_of_currencies_without_cents() -> None:
    """A yen has no smaller unit; without a currency there is only the number."""
    assert value_text("net_minor", 500, "JPY") == "500 (500 JPY)"
    assert value_text("net_minor", 500) == "500"
    assert plain_text(123456.7) == "123457"


def test_the_parts_of_a_block_are_told_as_written() -> None:
    """And those of an expression, a nested block, and a fact within a block."""
    found = finding("{any: ['r <= 2 and f >= 4', {not: 'activity >= 9'}, late, 'segment == \"重要价值\"']}")
    assert [part.text for part in found.parts] == ["r <= 2 and f >= 4", "not:", "late", 'segment == "重要价值"']
    assert [[part.text for part in each.parts] for each in found.parts] == [
        ["r <= 2", "f >= 4"],
        ["activity >= 9"],
        ["overdue >= 3", "not (activity >= 9)"],
        [],
    ]
    assert [part.holds for part in found.parts] == [False] * 4
    assert found.parts[3].actual == {"segment": "重要保持"}


def _trees() -> st.SearchStrategy[str]:
    leaves = st.sampled_from([text for text in CONDITIONS if not text.startswith("{") and text != "late"])
    joined = st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda p: f"({p[0]}) {p[1]} ({p[2]})"),
            inner.map(lambda text: f"not ({text})"),
        ),
        max_leaves=6,
    )
    return joined.filter(lambda text: len(text) < 400)


@given(_trees())
@settings(max_examples=150, deadline=None)
def test_a_condition_written_anew_means_the_same(text: str) -> None:
    """What is read from it is the same tree, up to brackets."""
    tree, problems = parse_expression(text, Place("f"), VOCABULARY)
    assert tree is not None, problems
    again, problems = parse_expression(said(tree), Place("f"), VOCABULARY)
    assert again is not None, problems
    assert said(again) == said(tree)
    shortfall(tree, scene())


# --- when it changes


@given(
    st.sampled_from(CONDITIONS),
    st.floats(0, 40),
    st.integers(0, 100),
    st.one_of(st.none(), st.floats(1, 40)),
    st.integers(0, 200),
)
@settings(max_examples=120, deadline=None)
def test_a_flip_is_when_the_truth_changes(
    condition: str, activity: float, silent: int, rhythm: float | None, hours: int
) -> None:
    """Not a millisecond earlier or later; in between it stays as it is, and where there is none, for ever."""
    changes: dict[str, Any] = {
        "activity": activity,
        "last_order_day": TODAY - timedelta(days=silent),
        "rhythm_days": rhythm,
        "last_at": {"view": NOON - timedelta(hours=hours)},
    }
    written = condition if condition.startswith("{") else f"'{condition}'"
    rules = book(campaign(written) + "---\n" + FACTS)
    bare = scene(**changes)
    found = finding(written, **changes)
    (index,) = rules.campaigns[0].when.predicates
    test = rules.predicates[index].test
    end = found.flip_ms or now(timedelta(days=900))
    assert test(bare) is found.holds
    for share in (0.0001, 0.2, 0.5, 0.9, 0.9999):
        assert test(later(bare, bare.now_ms + int((end - bare.now_ms) * share))) is found.holds
    if found.flip_ms is not None:
        assert test(later(bare, end - 1)) is found.holds
        assert test(later(bare, end)) is not found.holds


@given(st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=4, unique=True), st.floats(0, 40), st.integers(0, 60))
@settings(max_examples=80, deadline=None)
def test_the_turn_of_a_campaign_is_the_instant_of_its_decision(
    conditions: list[str], activity: float, silent: int
) -> None:
    """Time alone decides at exactly the instant that was foretold, and where none was, never."""
    changes: dict[str, Any] = {
        "activity": activity,
        "last_order_day": TODAY - timedelta(days=silent),
        "last_at": {"view": NOON - timedelta(hours=5)},
    }
    written = [text if text.startswith("{") else f"'{text}'" for text in conditions]
    rules = book(campaign(*written) + "---\n" + FACTS)
    with closing(Life(rules)) as life:
        fired = life.now(**changes)
        assert life.state is not None
        found = explain(rules, life.state, scene(**changes))
        standing = of(found, "c")
        assert (standing.when.holds, standing.active, standing.spoke) == (bool(fired),) * 3
        assert (found.next_ms is None) is (life.due is None)
        if life.due is not None:
            assert found.next_ms == to_ms(life.due)
        if standing.when.holds:
            return
        made = life.until(NOON + timedelta(days=800))
        turns = [to_ms(decision.decided_at) for decision in made[:1]]
        assert turns == [standing.when.turn_ms] if standing.when.turn_ms is not None else turns == []


def test_a_schedule_is_met_by_what_else_is_missing() -> None:
    """The turn is the first Tuesday on which the days have come; so is the decision."""
    text = campaign("recency_days >= 14", schedule="{every: tuesday, at: '10:00'}")
    rules = book(text)
    with closing(Life(rules)) as life:
        life.now()
        standing = of(explained(rules, life), "c")
        (decision,) = life.until(NOON + timedelta(days=12))
        assert standing.when.turn_ms == to_ms(decision.decided_at)
        schedule = next(each for each in standing.when.conditions if each.pulse)
        # the very next Tuesday, which comes too early
        assert schedule.flip_ms == to_ms(datetime(2026, 3, 3, 2, tzinfo=NOON.tzinfo))


def test_what_only_an_event_changes_has_no_flip() -> None:
    """Neither a score nor an event comes of time alone."""
    assert finding("f >= 4").flip_ms is None
    assert finding('event.kind == "view"').flip_ms is None
    assert finding("recency_days >= 45", last_order_day=None).flip_ms is None


def test_what_never_changes_is_not_sought_for_ever() -> None:
    """A condition that is looked at every midnight may never change; the search ends."""
    found = finding("days_since_first_order - recency_days > 5000")
    assert (found.holds, found.flip_ms) == (False, None)


# --- campaigns

STEPS = """\
kind: campaign
name: long
when: [recency_days >= 12]
cooldown: 20d
exclusive: attention
until: [f >= 5]
goal: {event: order.paid, within: 9d}
steps:
  - notify: {template: one, channels: [console], category: marketing}
  - wait: 3d
  - notify: {template: two, channels: [console], category: marketing}
    when: [m >= 3]
---
kind: campaign
name: rival
when: [recency_days >= 13]
exclusive: attention
priority: 10
steps:
  - notify: {template: three, channels: [console], category: marketing}
"""
BEGUN = datetime(2026, 3, 3, 16, tzinfo=NOON.tzinfo)


def test_an_episode_on_its_way() -> None:
    """Which step comes when, what may end it, what is waited for, and whom it keeps silent."""
    found = looked(STEPS, at=BEGUN)
    long, rival = of(found, "long"), of(found, "rival")
    assert (long.running, long.next_step, long.due_ms) == (True, 2, to_ms(BEGUN + timedelta(days=3)))
    assert (long.goal, long.goal_ms) == ("order.paid", to_ms(BEGUN + timedelta(days=9)))
    assert long.obstacle is DecisionReason.RUNNING
    assert [finding.needs for finding in long.until.missing] == ["f is 3, needs 5"]
    assert [(step.wait_ms, step.when and step.when.holds) for step in long.steps] == [
        (0, None),
        (3 * 86_400_000, None),
        (0, True),
    ]
    assert (rival.obstacle, rival.rival, rival.active) == (DecisionReason.EXCLUSIVE, "long", False)
    assert rival.when.turn_ms == to_ms(BEGUN + timedelta(days=1))
    assert found.next_ms == rival.when.turn_ms


def test_after_an_episode() -> None:
    """The cooldown has an end, and what was suppressed did not speak."""
    found = looked(STEPS, at=BEGUN + timedelta(days=4))
    long, rival = of(found, "long"), of(found, "rival")
    assert (long.running, long.active, long.spoke) == (False, True, True)
    assert (long.obstacle, long.cooldown_ms) == (DecisionReason.COOLDOWN, to_ms(BEGUN + timedelta(days=20)))
    assert (rival.active, rival.spoke, rival.obstacle) == (True, False, None)
    assert rival.since_ms == to_ms(BEGUN + timedelta(days=1))


def test_the_obstacle_is_what_a_beginning_meets() -> None:
    """Shadow campaigns take nobody's attention; the control group is told."""
    text = STEPS.replace("name: long", "name: long\nmode: shadow").replace(
        "priority: 10", "priority: 10\nholdout: 99.99%"
    )
    rival = of(looked(text, at=BEGUN), "rival")
    assert (rival.obstacle, rival.rival, rival.held_out) == (DecisionReason.HOLDOUT, None, True)
    assert of(looked(text, at=BEGUN), "long").mode is Mode.SHADOW


# --- ladders

LADDER = """\
kind: ladder
name: pond
tiers:
  - name: 外围
  - name: 影响
    enter: [activity >= 10]
    leave: [activity < 8]
    stay_at_least: 40d
  - name: 核心
    enter: [f >= 4]
"""


def test_a_ladder_says_how_up_and_how_down() -> None:
    """A fall that is due is held back until the stay is over; that is when it is decided."""
    rules = book(LADDER)
    with closing(Life(rules)) as life:
        life.now()
        at = NOON + timedelta(days=35)
        life.until(at)
        standing = of(explained(rules, life, at), "pond")
        assert isinstance(standing, LadderStanding)
        assert (standing.tier.name, standing.since_ms, standing.stay_ms) == (
            "影响",
            now(),
            now(timedelta(days=40)),
        )
        assert isinstance(standing.tier.leave, Findings)
        assert standing.tier.leave.holds
        above = standing.tiers[2]
        assert (above.open, above.enter and [f.needs for f in above.enter.missing]) == (False, ["f is 3, needs 4"])
        (fall,) = life.until(NOON + timedelta(days=50))
        assert (fall.outcome, to_ms(fall.decided_at)) == (Outcome.DEMOTED, standing.stay_ms)


def test_one_who_never_moved() -> None:
    """There is no since, and nothing to fall from."""
    standing = of(looked(LADDER, {"activity": 1.0}), "pond")
    assert (standing.level, standing.since_ms, standing.stay_ms, standing.jumps) == (0, None, None, 0)
    assert standing.tier.enter is None


# --- other rule sets


def test_a_state_of_another_rule_set_is_told() -> None:
    """What is remembered of rules that are gone has their names; nothing is decided by looking."""
    rules = book(STEPS)
    other = book(campaign("recency_days >= 10", name="new"))
    with closing(Life(rules)) as life:
        life.now()
        life.until(BEGUN)
        assert life.state is not None
        found = explain(other, life.state, scene(BEGUN))
    assert (found.strange, found.withdrawn) == (True, ("long",))
    standing = of(found, "new")
    assert (standing.when.holds, standing.active) == (True, False)


def test_an_event_is_remembered_by_the_look_not_by_the_explanation() -> None:
    """A sequence under way is seen as the state has it."""
    text = campaign("f >= 1", sequence="[cart_add, {no: order.paid, within: 24h}]")
    rules = book(text)
    at = NOON - timedelta(seconds=2)
    with closing(Life(rules)) as life:
        life.now(event=Happening(type="interaction", kind="cart_add"), windows=windows(), lifetime=Window())
        standing = of(explained(rules, life), "c")
        sequence = next(each for each in standing.when.conditions if each.pulse)
        assert sequence.flip_ms == to_ms(at + timedelta(hours=24)) == standing.when.turn_ms
        (decision,) = life.until(NOON + timedelta(days=2))
        assert to_ms(decision.decided_at) == standing.when.turn_ms


def test_a_scene_moved_on_knows_what_it_knew() -> None:
    """All but the event and the instant."""
    first = Scene(
        scene().profile,
        now(),
        scene().days,
        {"pond": "影响"},
        entered={"pond": 5},
        began_ms=3,
        event=Happening(type="order.paid"),
        previous_ms=4,
    )
    moved = later(first, to_ms(MIDNIGHT))
    assert (moved.tiers, moved.entered, moved.began_ms, moved.previous_ms) == ({"pond": "影响"}, {"pond": 5}, 3, 4)
    assert (moved.event, moved.today - first.today) == (None, 1)
    assert date(2026, 3, 2) == TODAY
