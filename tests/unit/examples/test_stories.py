"""Which customers are told about, and what is told."""

import io
from array import array
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from examples.complete_journey import page as page_module
from examples.complete_journey import show as show_module
from examples.complete_journey.outcome import Measured, Outcome
from examples.complete_journey.page import page
from examples.complete_journey.pond import Pond
from examples.complete_journey.stories import MOST_STEPS, THEMES, Story, actual, choose
from examples.complete_journey.summary import summarise
from services.contracts import decision as d
from services.contracts import topics, wire
from services.contracts.channels import Recipient
from services.contracts.decision import Decision, DecisionReason, Mode, Verdict
from services.contracts.profile import Cause, Profile
from services.contracts.receipt import DeliveryOutcome, Reason
from tests.unit.examples.makers import command, decision, jump, on, profile, receipt
from tests.unit.examples.test_summary import expectation

UP, DOWN, FIRED, SILENT = d.Outcome.PROMOTED, d.Outcome.DEMOTED, d.Outcome.FIRED, d.Outcome.SUPPRESSED

PROFILES = [
    profile("climber", lifetime_net_minor=123456),
    profile("faller"),
    profile("sleeper", last_order_day=date(2017, 6, 1)),
    profile("bothered", last_order_day=date(2017, 1, 5)),
    profile("rock", lifetime_orders=500),
    profile("newcomer", lifetime_orders=1),
]
DECISIONS = [
    jump(1, "climber", 10, ("outer", "middle"), UP),
    jump(2, "climber", 20, ("middle", "core"), UP),
    jump(3, "faller", 10, ("outer", "middle"), UP),
    jump(4, "faller", 90, ("middle", "outer"), DOWN),
    decision(5, "sleeper", FIRED, 100, commands=("k1",)),
    decision(6, "bothered", FIRED, 100, commands=("k2", "k3")),
    decision(7, "bothered", SILENT, 110, episode=2),
]


def pond(profiles: list[Profile], decisions: list[Decision]) -> Pond:
    filled = Pond()
    filled.profiles = {item.customer_id: item for item in profiles}
    filled.decisions = {item.id: item for item in decisions}
    filled.bought["sleeper"].extend(int(on(day).timestamp()) for day in (40, 105, 120))
    filled.commands = {"k1": command("k1", "sleeper"), "k2": command("k2", "bothered")}
    filled.receipts = {
        "k1": receipt("k1", "sleeper", DeliveryOutcome.SENT, at=on(100)),
        "k2": receipt("k2", "bothered", DeliveryOutcome.SUPPRESSED, Reason.EXPIRED),
    }
    return filled


def told() -> dict[str, Story]:
    return {story.theme: story for story in choose(pond(PROFILES, DECISIONS))}


def test_each_theme_finds_its_customer() -> None:
    """Five themes, five different customers."""
    assert {theme: story.customer_id for theme, story in told().items()} == {
        "promoted": "climber",
        "demoted": "faller",
        "woken and came back": "sleeper",
        "a message held back": "bothered",
        "steady": "rock",
    }


@pytest.mark.parametrize(
    ("bought", "outcome", "recipient", "rule"),
    [
        (115, DeliveryOutcome.SENT, Recipient.CUSTOMER, "win-back@0a1b"),
        (105, DeliveryOutcome.SUPPRESSED, Recipient.CUSTOMER, "win-back@0a1b"),
        (105, DeliveryOutcome.SENT, Recipient.OWNER, "win-back@0a1b"),
        (105, DeliveryOutcome.SENT, Recipient.CUSTOMER, "first-order-welcome@0a1b"),
    ],
)
def test_only_a_message_that_woke_is_told_as_one(
    bought: int, outcome: DeliveryOutcome, recipient: Recipient, rule: str
) -> None:
    """It was a waking rule's, it reached the customer, and an order followed within two weeks."""
    filled = pond([profile("sleeper")], [decision(5, "sleeper", FIRED, 100, commands=("k1",), rule=rule)])
    filled.bought["sleeper"] = array("q", [int(on(bought).timestamp())])
    filled.commands["k1"] = command("k1", "sleeper", recipient=recipient)
    filled.receipts["k1"] = receipt("k1", "sleeper", outcome, at=on(100))
    (story,) = choose(filled)
    assert story.theme != "woken and came back"
    assert [step.answer for step in story.steps] == [""]


def test_whoever_bought_on_the_very_day_is_not_the_example() -> None:
    """The order is shown, but it is not told as the message's doing."""
    filled = pond([profile("sleeper")], [decision(5, "sleeper", FIRED, 100, commands=("k1",))])
    filled.bought["sleeper"] = array("q", [int(on(100).timestamp()) + 3600])
    (story,) = choose(filled)
    assert story.theme != "woken and came back"
    assert [step.answer for step in story.steps] == ["bought again within a day"]


def test_an_order_before_the_message_was_sent_is_no_answer_to_it() -> None:
    """Days are counted from when the message went out, not from when the rule asked for it."""
    filled = pond(PROFILES, DECISIONS)
    filled.receipts["k1"] = receipt("k1", "sleeper", DeliveryOutcome.SENT, at=on(106))
    (woken,) = [story for story in choose(filled) if story.theme == "woken and came back"]
    assert woken.steps[0].answer == "bought again after 14 days"


def test_an_order_is_an_event_after_which_there_is_one_more() -> None:
    """Repeats, clicks and the passing of time are no orders."""
    filled = Pond()
    for version, orders, changes in (
        (1, 1, {}),
        (2, 1, {}),
        (3, 2, {}),
        (3, 2, {}),
        (4, 3, {"cause": Cause.CONFIG}),
    ):
        message = profile("a", version=version, lifetime_orders=orders, occurred_at=on(version), **changes)
        filled.take(topics.PROFILES.name, wire.EVENTS.encode(message))
    assert list(filled.bought["a"]) == [on(1).timestamp(), on(3).timestamp()]


def test_the_choice_does_not_depend_on_the_order_of_arrival() -> None:
    """Partitions are read in any order; the stories stay the same."""
    for seed in range(20):
        profiles = PROFILES.copy()
        Random(seed).shuffle(profiles)  # noqa: S311 - nothing secret
        assert choose(pond(profiles, DECISIONS)) == choose(pond(PROFILES, DECISIONS))


def test_a_story_tells_conditions_values_and_messages() -> None:
    """What was decided, why, and what became of the message."""
    story = told()["a message held back"]
    fired, silent = story.steps
    assert fired.what == "win-back fired (episode 1)"
    assert [(v.condition, actual(v), v.holds) for v in fired.verdicts] == [
        ("recency_days >= 45", "recency_days = 45", True)
    ]
    assert fired.messages == ("we_miss_you: suppressed (expired)", "message: no receipt")
    assert silent.what == "win-back was due, but stayed silent: cooldown"
    woken = told()["woken and came back"].steps[0]
    assert woken.messages == ("we_miss_you: sent by webhook",)
    assert woken.answer == "bought again after 5 days"
    assert told()["promoted"].facts.startswith("10 orders worth 1,234.56, last on 2017-10-01; R3 F3 M3, 重要价值")


MORNING = datetime(2017, 4, 12, 9, tzinfo=UTC)
LONG = "很久没有见到您了。" * 10


@pytest.mark.parametrize(
    ("deferred", "ended", "said", "message"),
    [
        (None, (DeliveryOutcome.SENT, Reason.NONE), "早安。\n再见。", "we_miss_you: sent by webhook “早安。 再见。”"),
        (None, (DeliveryOutcome.SENT, Reason.NONE), LONG, f"we_miss_you: sent by webhook “{LONG[:80]}…”"),
        (MORNING, None, "", "we_miss_you: put off until 2017-04-12 09:00 (quiet_hours)"),
        (
            MORNING,
            (DeliveryOutcome.SENT, Reason.NONE),
            "早安。",
            "we_miss_you: put off until 2017-04-12 09:00 (quiet_hours), sent by webhook “早安。”",
        ),
        (
            MORNING,
            (DeliveryOutcome.SUPPRESSED, Reason.GOAL_REACHED),
            "",
            "we_miss_you: put off until 2017-04-12 09:00 (quiet_hours), suppressed (goal_reached)",
        ),
    ],
)
def test_a_message_is_told_from_when_it_was_put_off_to_its_words(
    deferred: datetime | None, ended: tuple[DeliveryOutcome, Reason] | None, said: str, message: str
) -> None:
    """Until when it waited and why, what became of it, and how it began; one that still waits has no end yet."""
    filled = pond([profile("sleeper")], [decision(5, "sleeper", FIRED, 100, commands=("k1",))])
    filled.receipts = {"k1": receipt("k1", "sleeper", *ended)} if ended else {}
    if deferred is not None:
        late = receipt("k1", "sleeper", DeliveryOutcome.DEFERRED, Reason.QUIET_HOURS)
        filled.deferred["k1"] = replace(late, until=deferred)
    (story,) = choose(filled, {"k1": said} if said else {})
    assert story.steps[0].messages == (message,)


@pytest.mark.parametrize(
    ("outcome", "changes", "what"),
    [
        (d.Outcome.CONTINUED, {"step": 1}, "step 2 of win-back (episode 1)"),
        (d.Outcome.CONTINUED, {}, "win-back (episode 1)"),
        (d.Outcome.REACHED, {}, "win-back reached its goal (episode 1)"),
        (d.Outcome.ENDED, {"reason": DecisionReason.UNTIL}, "win-back ended before its last step: until"),
        (SILENT, {"reason": DecisionReason.HOLDOUT}, "win-back was due, but stayed silent: holdout"),
        (
            SILENT,
            {"reason": DecisionReason.CONDITION, "step": 2},
            "step 3 of win-back was due, but stayed silent: condition",
        ),
        (FIRED, {"mode": Mode.SHADOW}, "win-back fired (episode 1) (in shadow mode: nothing came of it)"),
    ],
)
def test_every_outcome_has_its_words(outcome: d.Outcome, changes: dict[str, Any], what: str) -> None:
    """Of a campaign with several steps, a goal and an end; of a control group; of a rule that is only tried out."""
    (story,) = choose(pond([profile("a")], [decision(1, "a", outcome, 10, **changes)]))
    (step,) = story.steps
    assert step.what == what


def test_every_outcome_has_its_tone_and_its_mark() -> None:
    """On the page and in the terminal."""
    assert set(page_module._TONES) == set(show_module._MARKS) == set(d.Outcome)


def test_a_later_step_may_wake_too() -> None:
    """What counts is the message, not which step it was."""
    later = [replace(made, outcome=d.Outcome.CONTINUED, step=1) if made.id == "d5" else made for made in DECISIONS]
    (woken,) = [story for story in choose(pond(PROFILES, later)) if story.theme == "woken and came back"]
    assert (woken.customer_id, woken.steps[0].answer) == ("sleeper", "bought again after 5 days")


def test_what_a_rule_in_shadow_mode_says_is_no_deed() -> None:
    """Nobody climbed or fell, was woken or left in peace by it."""
    tried_out = [replace(made, mode=Mode.SHADOW) for made in DECISIONS]
    assert {story.theme for story in choose(pond(PROFILES, tried_out))} == {"eventful", "steady"}


def test_a_theme_nobody_fits_goes_to_the_most_eventful() -> None:
    """As long as there are customers with decisions left."""
    lively = [jump(n, name, n, ("outer", "middle"), UP) for n, name in enumerate(("a", "a", "b", "c"))]
    stories = choose(pond([profile(name) for name in "abc"], lively))
    assert [(story.theme, story.customer_id) for story in stories] == [
        ("promoted", "a"),
        ("eventful", "b"),
        ("eventful", "c"),
    ]
    assert len(THEMES) == 5


def test_nobody_no_stories() -> None:
    """An empty pond has nothing to tell."""
    assert choose(Pond()) == []


def test_a_long_life_is_cut_in_the_middle() -> None:
    """The first decision and the last few; the number left out is said."""
    many = [jump(n, "a", n, ("outer", "middle"), DOWN if n % 2 else UP) for n in range(20)]
    (story,) = choose(pond([profile("a")], many))
    assert len(story.steps) == MOST_STEPS
    assert story.left_out == 20 - MOST_STEPS
    assert story.steps[0].at < story.steps[1].at
    assert [step.at for step in story.steps[1:]] == [item.decided_at for item in many[-MOST_STEPS + 1 :]]


def test_values_are_written_for_people() -> None:
    """No long fractions, no Python words."""
    seen = {"activity": 41.23456, "whole": 1200.0, "tagged": True, "left": False, "days": None, "segment": "重要保持"}
    text = actual(Verdict("x", dict(seen), holds=True))
    assert text == "activity = 41.23, whole = 1,200, tagged = yes, left = no, days = none, segment = 重要保持"


def finished() -> Outcome:
    filled = pond(PROFILES, DECISIONS)
    return Outcome(
        summary=summarise(
            filled, events_in=12, ladders={"community": ["outer", "middle", "core"]}, arrived={"webhook": {"k1"}}
        ),
        expected=expectation(),
        measured=Measured(
            seconds=9.5,
            replay_seconds=1.0,
            catch_up_seconds=2.0,
            events_per_second=4,
            repeated_attempts=2,
            refused_attempts=0,
            restarts={"rules": 1},
            records={"koi.profiles": 6},
        ),
        stories=choose(filled, {"k1": "好久不见"}),
    )


def test_the_report_tells_all_of_it() -> None:
    """Tiers, segments, moves, messages, stories and the run itself appear on the page."""
    html = page(finished()).render()
    for text in (
        "Customers per tier: community",
        "重要保持",
        "Promotions and demotions by month",
        "2017-02",  # a month without a jump
        "suppressed: expired",
        "When rules kept silent, and why",
        "cooldown",
        "messages at night, or too many",
        "Household climber",
        "win-back was due, but stayed silent: cooldown",
        "rules 1×",
        "✓ bought again after 5 days",
        "baskets worth nothing, not counted",
    ):
        assert text in html


def test_the_terminal_tells_what_became_of_messages() -> None:
    """Every fate, all that rules asked for, what they did not ask for, words that were sent, and what must hold."""
    console = Console(file=io.StringIO(), width=200)
    show_module.show(finished(), console)
    assert isinstance(console.file, io.StringIO)
    told = " ".join(console.file.getvalue().split())
    for text in (
        "sent at once 1",
        "suppressed: expired 1",
        "all that rules asked for 2",
        "cooldown 1",
        "we_miss_you: sent by webhook “好久不见”",
        "messages at night, or too many 0 0",
    ):
        assert text in told
