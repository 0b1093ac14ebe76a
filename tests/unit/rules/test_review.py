"""A second look at a sound rule set: every warning where it belongs, and none where all is well."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.rules.book.compiler import compile_rulebook
from services.rules.book.rulebook import Clause, LadderRule, Rulebook
from services.rules.engine.ladder import Sight, stand
from services.rules.engine.state import TierState
from services.rules.language.scene import Scene
from services.rules.review import definitions, fact_names, warnings
from services.runtime.files import read_files
from tests.unit.rules.questions import CUSTOMERS, EXPRESSIONS

DEPLOYED = Path(__file__).parents[3] / "deploy" / "rules"
STEPS = "steps:\n  - notify: {template: t, channels: [console], category: service}\n"
DRIP = (
    "steps:\n  - notify: {template: t, channels: [console], category: service}\n  - wait: 3d\n"
    "  - notify: {template: u, channels: [console], category: service}\n"
)


def warned(text: str) -> list[str]:
    """All warnings about a rule set that is one file."""
    texts = {"f": text}
    return [str(problem) for problem in warnings(compile_rulebook(texts), definitions(texts))]


def campaign(*when: str, name: str = "c", keys: str = "", steps: str = STEPS) -> str:
    conditions = "".join(f"  - {condition}\n" for condition in when)
    return f"kind: campaign\nname: {name}\n" + (f"when:\n{conditions}" if when else "") + keys + steps


def ladder(*tiers: str, jumps: str = "") -> str:
    return "kind: ladder\nname: l\ntiers:\n  - name: low\n" + "".join(tiers) + jumps


def tier(name: str, enter: str, leave: str | None = None, more: str = "") -> str:
    said = f"  - name: {name}\n    enter: [{enter}]\n"
    if leave is not None:
        said += f"    leave:\n      - {leave}\n" if leave.startswith("any:") else f"    leave: [{leave}]\n"
    return said + (f"    {more}\n" if more else "")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            campaign("recency_days >= 45", "f >= 4", "recency_days < 30"),
            ["f:6:5: never_true: recency_days < 30 never holds together with recency_days >= 45"],
        ),
        (
            campaign("r >= 4 or f >= 4", "r < 4", "f < 4"),
            ["f:6:5: never_true: f < 4 never holds together with all that stands before it"],
        ),
        (campaign("r > 5"), ["f:4:5: never_true: r > 5 can never hold"]),
        (
            campaign("net_minor >= 500 CNY and net_minor >= 90 USD"),
            ["f:4:5: never_true: net_minor >= 500 CNY and net_minor >= 90 USD can never hold"],
        ),
        (campaign("r >= 1", "f > 2"), ["f:4:5: always_true: r >= 1 always holds; leave it out"]),
        (campaign("any: [r > 5, f > 2]"), ["f:4:11: never_true: this part of any: can never hold"]),
        (campaign("f > 2", keys="until: [r > 5]\n", steps=DRIP), ["f:5:9: never_true: r > 5 can never hold"]),
        (
            campaign(
                "f > 2", steps=STEPS.replace("category", "category").replace("- notify", "- when: [f < 2]\n    notify")
            ),
            ["f:6:12: never_true: f < 2 never holds together with the when of the campaign"],
        ),
        (
            campaign('event.kind == "view"', keys="sequence: [cart_add, {event: checkout, within: 1h}]\n"),
            ['f:4:5: never_true: event.kind == "view" never holds together with its schedule, sequence or period'],
        ),
        (
            ladder(tier("high", "f >= 4, f < 2", "r < 2")),
            ["f:6:21: never_true: f < 2 never holds together with f >= 4"],
        ),
        (
            campaign("known_buyer") + "---\ndefine:\n  known_buyer: [orders >= 1]\n  odd: [orders > 3, orders < 4]\n",
            [
                "f:10:3: unused: no condition of this rule set asks for odd",
                "f:10:21: never_true: orders < 4 never holds together with orders > 3",
            ],
        ),
    ],
)
def test_conditions_that_never_or_always_hold(text: str, lines: list[str]) -> None:
    """With the item that makes it so, and what it does not go with."""
    assert warned(text) == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            campaign("f > 2", keys="until: [recency_days <= 0]\n"),
            ["f:5:8: unused: until ends a campaign while it waits, and no step here waits"],
        ),
        (
            campaign("f > 2", "r < 3", keys="until: [f >= 3]\n", steps=DRIP),
            [
                "f:6:8: ends_at_once: until holds already whenever the campaign begins: it ends while it waits, unless that changes first"
            ],
        ),
        (campaign("f > 2", keys="until: [f <= 3]\n", steps=DRIP), []),
        (
            campaign("f > 2", keys='until: [event.type == "order.paid"]\n', steps=DRIP),
            [],
        ),
        (
            campaign('event.type == "order.paid"', keys='until: [event.type == "order.paid"]\n', steps=DRIP),
            [],
        ),
        (
            campaign("f > 2", keys="holdout: 10%\n"),
            ["f:5:10: no_goal: without a goal nothing says what the control group is compared by"],
        ),
        (campaign("f > 2", keys="holdout: 10%\ngoal: {event: order.paid, within: 7d}\n"), []),
        (
            campaign("f > 2", keys="active: {from: 2026-11-09, to: 2026-11-10}\n", steps=DRIP),
            [
                "f:8:5: too_late: nothing from here on is ever sent: that is 3d after the beginning, and active has 2 days"
            ],
        ),
        (campaign("f > 2", keys="active: {from: 2026-11-09, to: 2026-11-12}\n", steps=DRIP), []),
        (campaign("f > 2", keys="active: {to: 2026-11-12}\n", steps=DRIP), []),
        (
            campaign('event.kind == "view"', keys="schedule: {every: day, at: 10:00}\n"),
            [
                "f:5:11: never_meet: a schedule and a condition on the event are each true for one instant, and hardly ever the same one"
            ],
        ),
        (
            campaign(keys="schedule: {every: day, at: 10:00}\nsequence: [view, {event: share, within: 1h}]\n"),
            [
                "f:3:11: never_meet: a schedule and a sequence are each true for one instant, and hardly ever the same one"
            ],
        ),
        (
            campaign("event.value > 2", keys="sequence: [cart_add, {no: order.paid, within: 1h}]\n"),
            ["f:5:11: never_meet: when the wait for no event is over, no event is there that event.… could ask about"],
        ),
        (campaign("event.value > 2", keys="sequence: [view, {event: share, within: 1h}]\n"), []),
    ],
)
def test_campaigns_that_cannot_do_what_they_say(text: str, lines: list[str]) -> None:
    """When they speak, how long, and what they are measured by."""
    assert warned(text) == lines


def test_marketing_that_is_over_before_the_night_is() -> None:
    """Unless it goes to a colleague, or comes at an hour that a schedule says."""
    steps = STEPS.replace("service", "marketing, expires: 11h")
    line = "over_by_morning: marketing waits while it is night (12h), and this is over after 11h; write expires: 1d"
    cool = "cooldown: 30d\n"
    assert warned(campaign("f > 2", keys=cool, steps=steps)) == [f"f:7:78: {line}"]
    assert not warned(campaign("f > 2", keys=cool, steps=steps.replace("11h", "12h")))
    assert not warned(campaign("f > 2", keys=cool, steps=steps.replace("11h", "11h, to: owner")))
    assert not warned(campaign("f > 2", keys=cool + "schedule: {every: day, at: 10:00}\n", steps=steps))
    assert not warned(campaign("f > 2", keys=cool, steps=steps.replace("marketing", "service")))
    jumps = "on_jump:\n  - {to: a, notify: {template: t, channels: [console], category: marketing, expires: 2h}}\n"
    (said,) = warned(ladder(tier("a", "f > 3"), jumps=jumps))
    assert said == "f:8:86: " + line.replace("11h", "2h")


def test_a_fact_that_a_parameter_asks_for_is_used() -> None:
    """As if a condition asked for it."""
    fact = "define: {good: [f >= 4]}\n---\n"
    asked = STEPS.replace("template: t", "template: t, params: {p: = good}")
    assert not warned(fact + campaign("r > 2", steps=asked))
    assert len(warned(fact + campaign("r > 2"))) == 1


def test_marketing_needs_a_cooldown() -> None:
    """Unless it goes to a colleague, or on a schedule that is rare anyhow."""
    steps = STEPS.replace("service", "marketing")
    line = "no_cooldown: marketing without a cooldown: it is sent every time the campaign begins; write cooldown: 30d"
    assert warned(campaign("f > 2", steps=steps)) == [f"f:6:13: {line}"]
    assert warned(campaign('event.kind == "view"', steps=steps)) == [f"f:6:13: {line}"]
    assert warned(campaign("f > 2", keys="schedule: {every: day, at: 10:00}\n", steps=steps)) == [f"f:7:13: {line}"]
    assert not warned(campaign("f > 2", keys="schedule: {every: monday, at: 10:00}\n", steps=steps))
    assert not warned(campaign("f > 2", keys="cooldown: 30d\n", steps=steps))
    assert not warned(campaign("f > 2", steps=steps.replace("category: marketing", "category: marketing, to: owner")))


SHADOWED = (
    "shadowed: whoever this fits, a fits, too, and it is decided first in the group g: this one speaks only where that one "
    "is held back; give the narrower of the two the higher priority"
)


@pytest.mark.parametrize(
    ("first", "later", "shadowed"),
    [
        (["recency_days >= 30"], ["recency_days >= 30"], True),
        (["recency_days >= 30"], ["recency_days >= 30", 'tagged("vip")'], True),
        (["recency_days >= 30"], ["recency_days >= 30 and super_user"], False),  # counts days, too
        (["recency_days >= 30"], ["recency_days >= 60"], False),  # comes later, when the first is over
        (["recency_days >= 30", 'tagged("vip")'], ["recency_days >= 30"], False),
        (['event.kind == "view"'], ['event.kind == "view"', "event.value > 2"], True),
        (["r <= 2", "f >= 3"], ["f > 2", "r < 3"], True),
        (["r <= 2"], ["r > 5"], False),
    ],
)
def test_campaigns_that_never_get_the_word(first: list[str], later: list[str], shadowed: bool) -> None:
    """In one group, whoever is fitted by both is told of the first."""
    text = campaign(*first, name="a", keys="exclusive: g\npriority: 60\n") + "---\n"
    text += campaign(*later, name="b", keys="exclusive: g\n")
    found = [line for line in warned(text) if "shadowed" in line]
    assert found == ([f"f:{12 + len(first) + len(later)}:12: {SHADOWED}"] if shadowed else [])
    assert not any("shadowed" in line for line in warned(text.replace("priority: 60", "mode: shadow\npriority: 60")))
    assert not any(
        "shadowed" in line for line in warned(text.replace("exclusive: g\npriority", "exclusive: h\npriority"))
    )


def test_a_group_of_one_excludes_nobody() -> None:
    """It is probably a slip of the pen."""
    line = "f:5:12: alone: no other campaign is in the group g, so there is nothing to exclude"
    assert warned(campaign("f > 2", keys="exclusive: g\n")) == [line]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            ladder(tier("high", "f >= 4", "f >= 3")),
            ["f:6:12: unreachable: nobody climbs into high: whenever its enter holds, its leave does too"],
        ),
        (
            ladder(tier("mid", "f >= 4"), tier("high", "f >= 3")),
            [
                "f:6:12: unreachable: nobody is ever in mid: whoever may enter it may enter high, too, and the highest counts"
            ],
        ),
        (
            ladder(tier("mid", "f >= 4", "r < 3"), tier("high", "f >= 3", "r < 2")),
            [
                "f:6:12: unreachable: nobody is ever in mid: whoever may enter it may enter high, too, and the highest counts"
            ],
        ),
        (ladder(tier("mid", "f >= 4", "r < 2"), tier("high", "f >= 3", "m < 2")), []),  # they fall into it
        (ladder(tier("mid", "f >= 4", "r < 2"), tier("high", "f >= 3", "r < 3")), []),
        (
            ladder(tier("mid", "f >= 4"), tier("high", "f >= 3", more="capacity: {max: 3, rank_by: m, review: daily}")),
            [],
        ),
        (
            ladder(tier("high", "activity >= 20", "activity < 20")),
            [
                (
                    "f:7:12: flaps: enter and leave of high meet at activity 20: whoever is there goes in and out at every "
                    "little change; leave a gap between them, or write stay_at_least"
                )
            ],
        ),
        (ladder(tier("high", "activity >= 20", "activity < 19")), []),
        (ladder(tier("high", "activity >= 20", "activity < 20", "stay_at_least: 1d")), []),
        (ladder(tier("high", "recency_days <= 7", "recency_days > 7")), []),
        (ladder(tier("high", "f >= 4", "f < 3")), []),
        (
            ladder(tier("high", "f >= 4, m >= 4", "any: [f <= 3, m <= 2]")),
            [
                (
                    "f:8:7: flaps: enter and leave of high meet at f 4: whoever is there goes in and out at every little "
                    "change; leave a gap between them, or write stay_at_least"
                )
            ],
        ),
        (
            ladder(tier("high", "f >= 4", 'event.type == "order.refunded"', "stay_at_least: 7d")),
            [
                (
                    "f:7:13: lost_event: an event asks to leave at its own instant only: one that comes before stay_at_least is "
                    "over is lost"
                )
            ],
        ),
        (
            ladder(
                tier("high", "f >= 4"),
                jumps="on_jump:\n  - {to: high, to_lower: true, notify: {template: t, channels: [console], to: owner}}\n",
            ),
            ["f:8:5: never_true: no jump is ever like this; look at the order of the tiers, lowest first"],
        ),
    ],
)
def test_ladders_that_cannot_do_what_they_say(text: str, lines: list[str]) -> None:
    """Tiers that nobody comes into, edges without a gap, falls that are lost."""
    assert warned(text) == lines


def test_amounts_in_two_currencies() -> None:
    """The rarer one is told once, unless one condition names both."""
    usual = campaign("net_minor >= 500 CNY", name="a") + "---\n" + campaign("net_minor >= 300 CNY", name="b") + "---\n"
    line = "f:18:5: currency: an amount in USD, where others are in CNY: it holds only for those who pay in USD"
    assert warned(usual + campaign("net_minor >= 90 USD", "average_order_minor < 20 USD")) == [line]
    assert not warned(usual + campaign("net_minor >= 90 USD or net_minor >= 500 CNY"))
    assert not warned(usual)


def test_facts_are_asked_for_by_way_of_others() -> None:
    """And within blocks and expressions; a name in quotes is no question."""
    text = campaign("any: [core and r > 2, f > 4]", 'not tagged("lost")') + (
        "---\ndefine:\n  regular: [orders >= 3]\n  core: [regular, m >= 4]\n  lost: [not regular]\n"
    )
    assert warned(text) == ["f:12:3: unused: no condition of this rule set asks for lost"]
    assert fact_names(definitions({"f": text})) == ["regular", "core", "lost"]


def test_an_alternative_to_an_event_waits_for_events_too() -> None:
    """Unless the whole list is about an event anyhow."""
    line = "only_at_events: at an event only does this hold, even the part that does not ask about it; write that into a rule of its own"
    assert warned(campaign('any: [event.kind == "view", f > 3]')) == [f"f:4:5: {line}"]
    assert warned(campaign("f > 3 or event.value > 2", "r > 2")) == [f"f:4:5: {line}"]
    assert not warned(campaign('event.type == "interaction"', 'any: [event.kind == "view", f > 3]'))
    assert not warned(campaign('not event.kind == "view" and f > 3'))
    assert not warned(campaign("f > 3 or event.value > 2", keys="sequence: [view, {event: share, within: 1h}]\n"))


def test_the_rules_that_come_with_it_are_fine() -> None:
    """No warning about what is shipped."""
    texts = read_files(DEPLOYED)
    assert warnings(compile_rulebook(texts), definitions(texts)) == []


LISTS = st.lists(EXPRESSIONS.filter(lambda text: "tier" not in text), min_size=1, max_size=3)


def holds(book: Rulebook, clause: Clause | None, customer: Scene) -> bool:
    return clause is not None and all(book.predicates[i].test(customer) for i in clause.predicates)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(LISTS, LISTS)
def test_no_campaign_is_blamed_wrongly(when: list[str], until: list[str]) -> None:
    """What is said never to hold holds of nobody; an until that holds at once does."""
    text = campaign(*(f"'{each}'" for each in when), keys=f"until: {[*until]!r}\n".replace('\\"', '"'), steps=DRIP)
    book = compile_rulebook({"f": text})
    (rule,) = book.campaigns
    lines = [problem for problem in warnings(book) if problem.code == "never_true"]
    begins = [customer for customer in CUSTOMERS if holds(book, rule.when, customer)]
    if any(4 <= problem.place.line < 4 + len(when) for problem in lines):
        assert not begins
    if any(problem.place.line == 4 + len(when) for problem in lines):
        assert not any(holds(book, rule.until, customer) for customer in CUSTOMERS)
    if any(problem.code == "ends_at_once" for problem in warnings(book)):
        assert all(holds(book, rule.until, customer) for customer in begins)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(LISTS, LISTS | st.none()), min_size=1, max_size=3))
def test_nobody_is_in_a_tier_that_cannot_be_reached(tiers: list[tuple[list[str], list[str] | None]]) -> None:
    """However customers change, they go past it."""
    said = []
    for i, (enter, leave) in enumerate(tiers):
        said.append(f"  - name: t{i}\n    enter:\n" + "".join(f"      - '{each}'\n" for each in enter))
        if leave is not None:
            said.append("    leave:\n" + "".join(f"      - '{each}'\n" for each in leave))
    book = compile_rulebook({"f": ladder(*said)})
    found = [problem.message for problem in warnings(book) if problem.code == "unreachable"]
    visited, climbed = _course(book, book.ladders[0])
    for message in found:
        name = message.partition(": ")[0].rpartition(" ")[2]
        assert name not in (climbed if "climbs" in message else visited), message


def _course(book: Rulebook, rule: LadderRule) -> tuple[set[str], set[str]]:
    """The tiers that anybody was in, and those that anybody climbed into."""
    visited: set[str] = set()
    climbed: set[str] = set()
    state: TierState | None = None
    for now, customer in enumerate(CUSTOMERS):
        clauses = [clause for each in rule.tiers for clause in (each.enter, each.leave) if clause is not None]
        holding = {clause.id for clause in clauses if holds(book, clause, customer)}
        move = stand(rule, state, Sight(now, holding, holding, lambda _: True)).move
        if move is not None:
            name = rule.tiers[move.target].name
            state = TierState(name, now)
            visited.add(name)
            if move.up:
                climbed.add(name)
    return visited, climbed


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("event.amount_minor > 500", "500 is in minor units: 5.00; write 500 CNY if 500.00 is meant"),
        ("orders == 2 and not net_minor < 99", "99 is in minor units: 0.99; write 99 CNY if 99.00 is meant"),
        ("net_minor >= 50000", ""),
        ("event.amount_minor > 500 CNY", ""),
        ("net_minor > 0", ""),
        ("net_minor / orders >= 500", ""),
    ],
)
def test_an_amount_that_was_hardly_meant_in_minor_units(condition: str, told: str) -> None:
    """The likeliest mistake about money: to write yuan where fen are counted."""
    found = [line.partition("small_amount: ")[2] for line in warned(campaign(condition)) if "small_amount" in line]
    assert found == ([told] if told else [])
