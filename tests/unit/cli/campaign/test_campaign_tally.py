"""What decisions and receipts of a campaign come to, and what is concluded from it."""

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.campaign.document import document, rows
from services.cli.campaign.episodes import Episodes
from services.cli.campaign.results import Results, Window, results, told
from services.cli.campaign.tally import UNKNOWN_STEP, Rate, Samples, Tally, Wording
from services.cli.deliveries.ledger import Ledger, Scope, Standing
from services.cli.rules.forecasting.proportions import Share, difference, share
from services.contracts.calendar import to_ms
from services.contracts.decision import Decision, DecisionReason, Mode, Outcome
from services.contracts.receipt import DeliveryOutcome, Reason, Receipt
from tests.unit.cli.deliveries.shelf import NIGHT, command, decision, news, receipt

NAME = "唤醒"
DAY_MS = 86_400_000
WEEK = Window(7 * DAY_MS, "order.paid", declared=True)
LATER = to_ms(NIGHT) + 60 * DAY_MS


def tallied(said: Sequence[Decision | Receipt], tally: Tally | None = None) -> Tally:
    """All of them as of one partition."""
    tally = Tally() if tally is None else tally
    episodes, ledger = Episodes(NAME), Ledger(Scope(NAME))
    for message in said:
        if isinstance(message, Decision):
            episodes.hear(message)
        else:
            ledger.receipt(message)
    tally.add(episodes, ledger)
    return tally


def concluded(said: Sequence[Decision | Receipt], window: Window = WEEK, end_ms: int = LATER) -> Results:
    return results(tallied(said), window, end_ms)


def comparable(tally: Tally, end_ms: int = LATER) -> tuple[Any, list[Any]]:
    until = NIGHT
    return document(NAME, tally, results(tally, WEEK, end_ms), until), list(rows(NAME, tally))


@st.composite
def stories(draw: st.DrawFn) -> list[Decision | Receipt]:
    """Episodes of a few customers: begun, held out or suppressed, with messages, their ends, and goals."""
    said: list[Decision | Receipt] = []
    for number in range(draw(st.integers(0, 6))):
        who, hours = f"客户-{number % 4}", draw(st.integers(0, 1500))
        why = draw(st.sampled_from([None, None, DecisionReason.HOLDOUT, DecisionReason.COOLDOWN]))
        beginning = Outcome.FIRED if why is None else Outcome.SUPPRESSED
        one = command(
            number, hours=hours, customer_id=who, episode=number, variant=draw(st.sampled_from([None, "a", "b"]))
        )
        said.append(decision(who, beginning, why, hours=hours, episode=number, commands=[one] if why is None else []))
        if why is None:
            ends = st.sampled_from([None, DeliveryOutcome.SENT, DeliveryOutcome.SUPPRESSED, DeliveryOutcome.DEFERRED])
            if (end := draw(ends)) is not None:
                said.append(receipt(one, end, draw(st.sampled_from(list(Reason)))))
            said += [news(one, kind) for kind in draw(st.lists(st.just(DeliveryOutcome.DELIVERED), max_size=1))]
        if why is not DecisionReason.COOLDOWN and draw(st.booleans()):
            goal = decision(who, Outcome.REACHED, why, hours=hours + draw(st.integers(1, 160)), episode=number)
            said.append(goal)
    return said


@given(said=stories(), data=st.data())
def test_neither_order_nor_repeats_change_the_report(said: list[Decision | Receipt], data: st.DataObject) -> None:
    """Across both topics, with any of the records said again."""
    again = data.draw(st.lists(st.sampled_from(said), max_size=6)) if said else []
    assert comparable(tallied(data.draw(st.permutations(said + again)))) == comparable(tallied(said))


@given(said=stories())
def test_partitions_add_up(said: list[Decision | Receipt]) -> None:
    """The customers of each partition on their own come to the same as all together."""
    apart = Tally()
    for who in sorted({message.customer_id for message in said}):
        tallied([message for message in said if message.customer_id == who], apart)
    assert comparable(apart) == comparable(tallied(said))


@given(said=stories())
def test_messages_and_episodes_add_up(said: list[Decision | Receipt]) -> None:
    """Every command of an episode that acted stands at one place, and every episode in one group."""
    tally = tallied(said)
    commands = {each for message in said if isinstance(message, Decision) for each in message.commands}
    assert tally.standings.total() == len(commands)
    begun = {(m.customer_id, m.episode) for m in said if isinstance(m, Decision) and m.outcome is not Outcome.REACHED}
    assert tally.begun + tally.suppressed.total() == len(begun)
    found = results(tally, WEEK, LATER)
    assert found.acted.decided + found.acted.open == tally.funnel.begun
    assert tally.funnel.begun >= tally.funnel.messaged >= tally.funnel.sent


@given(begun=st.lists(st.tuples(st.integers(0, 1000), st.booleans()), max_size=30), last=st.integers(-10, 1100))
def test_only_those_whose_time_is_over_are_counted(begun: list[tuple[int, bool]], last: int) -> None:
    """Whoever reached the goal early is left out as well: else the rate would be too high."""
    samples = Samples()
    for at_ms, reached in begun:
        samples.add(at_ms, reached=reached)
    assert len(samples) == len(begun)
    assert samples.rate(last) == Rate(
        sum(reached for at, reached in begun if at <= last),
        sum(at <= last for at, _ in begun),
        sum(at > last for at, _ in begun),
        sum(reached for at, reached in begun if at > last),
    )


def group(
    count: int, reached: int, *, held_out: bool, first: int = 0, variant: str | None = None
) -> list[Decision | Receipt]:
    """Episodes of as many customers, of which some reach the goal the day after."""
    said: list[Decision | Receipt] = []
    for number in range(first, first + count):
        why = DecisionReason.HOLDOUT if held_out else None
        one = command(number, variant=variant)
        outcome = Outcome.SUPPRESSED if held_out else Outcome.FIRED
        said.append(decision(one.customer_id, outcome, why, commands=[] if held_out else [one]))
        if not held_out:
            said.append(receipt(one))
        if number - first < reached:
            said.append(decision(one.customer_id, Outcome.REACHED, why, hours=24))
    return said


@pytest.mark.parametrize(
    ("acted", "held_out", "sentence"),
    [
        (
            (1000, 200),
            (500, 50),
            "It works: with the campaign the goal is reached more often, by 6.2 to 13.5 percentage points (95 %).",
        ),
        (
            (1000, 50),
            (500, 50),
            "It does harm: with the campaign the goal is reached less often, by 2.2 to 8.2 percentage points (95 %).",
        ),
        (
            (20, 4),
            (10, 1),
            (
                "Not enough to tell: the difference may be anything from -22.7 to +33.1 percentage points (95 %), "
                "and so none at all."
            ),
        ),
        ((0, 0), (10, 1), "Nothing to compare yet: there is no episode that acted whose time for the goal is over."),
        (
            (10, 1),
            (0, 0),
            "There is no control group (holdout), so nobody knows what would have happened without the campaign.",
        ),
        ((0, 0), (0, 0), "No episode began in this time."),
    ],
)
def test_the_verdict_says_what_the_interval_allows(
    acted: tuple[int, int], held_out: tuple[int, int], sentence: str
) -> None:
    """Newcombe's interval for the difference of two shares, in words."""
    found = concluded([*group(*acted, held_out=False), *group(*held_out, held_out=True, first=5000)])
    assert found.verdict == sentence
    assert found.lift == difference(share(acted[1], acted[0]), share(held_out[1], held_out[0]))


def test_what_is_open_is_left_out_and_said() -> None:
    """On either side, those who reached the goal already among them."""
    said = [*group(10, 4, held_out=False), *group(5, 1, held_out=True, first=100)]
    found = concluded(said, end_ms=to_ms(NIGHT) + 3 * DAY_MS)
    assert (found.acted, found.held_out) == (Rate(0, 0, 10, 4), Rate(0, 0, 5, 1))
    assert found.verdict == "Nothing to compare yet: there is no episode that acted whose time for the goal is over."
    assert found.remarks == (
        "15 episodes left out of the rates: the time for the goal is not over (5 of them reached it already)",
    )


def test_without_rule_files_the_slowest_goal_says_how_long_it_may_take() -> None:
    """And the report says that it is so."""
    said = [*group(10, 4, held_out=False), *group(5, 1, held_out=True, first=100)]
    found = concluded(said, Window(None))
    assert (found.window, str(found.window)) == (Window(DAY_MS), "the goal within 1d")
    assert found.acted == Rate(4, 10, 0, 0)
    assert found.remarks[0].startswith("the goal's window is not known without rule files: it is taken to be 1d,")


@pytest.mark.parametrize(
    ("window", "written", "verdict"),
    [
        (
            Window(None),
            "not known",
            "No goal was reached; whether there is one, the rule files say: name them with --rules.",
        ),
        (Window(None, declared=True), "none", "The campaign has no goal, so nothing says whether it works."),
    ],
)
def test_a_campaign_without_a_goal_is_not_judged(window: Window, written: str, verdict: str) -> None:
    """Whether it is known to have none, or nobody knows."""
    found = concluded(group(3, 0, held_out=False), window)
    assert (str(found.window), found.verdict, found.remarks) == (written, verdict, ())


def test_those_who_were_sent_something_are_counted_apart() -> None:
    """Held back at the last metre is still in the treated group."""
    held_back = [command(number) for number in (100, 101)]
    said: list[Decision | Receipt] = group(4, 2, held_out=False)
    for one in held_back:
        said.append(decision(one.customer_id, Outcome.FIRED, commands=[one]))
        said.append(receipt(one, DeliveryOutcome.SUPPRESSED, Reason.CAPPED))
    found = concluded(said)
    assert (found.acted.decided, found.took.decided, found.took.reached) == (6, 4, 2)


def test_variants_are_compared_with_each_other() -> None:
    """Within a step, those drawn: by intention to treat."""
    said = [
        *group(200, 60, held_out=False, variant="coupon"),
        *group(200, 20, held_out=False, variant="plain", first=1000),
        *group(200, 24, held_out=False, variant="song", first=2000),
        *group(10, 1, held_out=False, first=3000),
    ]
    found = concluded(said)
    assert [(arm.wording.variant, arm.drawn, arm.took) for arm in found.arms] == [
        ("coupon", Rate(60, 200, 0, 0), Rate(60, 200, 0, 0)),
        ("plain", Rate(20, 200, 0, 0), Rate(20, 200, 0, 0)),
        ("song", Rate(24, 200, 0, 0), Rate(24, 200, 0, 0)),
    ]
    pairs = [(one.variant, other.variant, told(lift)) for one, other, lift in found.pairs]
    assert pairs == [
        ("coupon", "plain", "more often"),
        ("coupon", "song", "more often"),
        ("plain", "song", "not enough to tell"),
    ]


def test_a_message_of_which_nothing_was_heard_is_pending_where_it_must_belong() -> None:
    """Its decision names the template; where that is of two steps, the step is not known."""
    first, second, third = command(1), command(2), command(3, template="再见", step=2)
    tally = tallied(
        [
            decision("客户-1", Outcome.FIRED, commands=[first]),
            decision("客户-2", Outcome.FIRED, commands=[second]),
            decision("客户-3", Outcome.FIRED, commands=[third]),
            receipt(first),
        ]
    )
    found = tally.wordings()
    assert list(found) == [Wording(UNKNOWN_STEP, "", "再见"), Wording(0, "", "好久不见")]
    assert [(said.commands, said.at(Standing.PENDING)) for said in found.values()] == [(1, 1), (2, 1)]
    assert tally.standings.total() == 3


def test_what_is_not_of_the_report_is_said() -> None:
    """The shadow, what began before, versions, messages of other episodes, and ends that were told twice."""
    one, other = command(1), command(9)
    tally = tallied(
        [
            decision("客户-1", Outcome.FIRED, commands=[one]),
            receipt(one),
            receipt(one, DeliveryOutcome.FAILED, Reason.AMBIGUOUS, after=1),
            decision("客户-2", Outcome.FIRED, mode=Mode.SHADOW, rule=f"{NAME}@2"),
            decision("客户-3", Outcome.REACHED, episode=7),
            receipt(other),
            decision("客户-4", Outcome.FIRED, rule="欢迎@1"),
        ]
    )
    assert tally.campaigns == {NAME, "欢迎"}
    assert results(tally, WEEK, LATER).remarks == (
        "1 episode in shadow mode, not counted",
        "1 episode begun before what is read, not counted",
        "1 message of episodes that are not counted",
        "1 message came to two different ends after a crash; the last one counts",
        "the rule had 2 versions in this time; all are counted together",
    )


def test_customers_who_come_up_often_make_intervals_too_narrow() -> None:
    """For episodes of one customer are not independent."""
    said = [decision("客户-1", Outcome.FIRED, hours=number, episode=number) for number in range(3)]
    assert concluded(said).remarks == (
        (
            "the customers it acted on come up 3.0 times each; the intervals take episodes for independent, and are "
            "too narrow"
        ),
    )


def test_the_report_is_as_of_an_instant() -> None:
    """A goal that was reached later is not known yet, and an episode that began later is not there."""
    until_ms = to_ms(NIGHT + timedelta(hours=12))
    said = [*group(2, 2, held_out=False), decision("客户-9", Outcome.FIRED, hours=13)]
    tally = tallied(said, Tally(since_ms=to_ms(NIGHT), until_ms=until_ms))
    assert (tally.funnel.begun, tally.funnel.reached) == (2, 0)
    assert tallied(said, Tally(since_ms=until_ms)).funnel.begun == 1


def test_steps_left_out_and_early_ends_are_counted() -> None:
    """By step, and by reason."""
    tally = tallied(
        [
            decision("客户-1", Outcome.FIRED),
            decision("客户-1", Outcome.SUPPRESSED, DecisionReason.CONDITION, step=2, hours=1),
            decision("客户-1", Outcome.CONTINUED, step=3, hours=1),
            decision("客户-1", Outcome.ENDED, DecisionReason.UNTIL, hours=2),
            decision("客户-2", Outcome.SUPPRESSED, DecisionReason.EXCLUSIVE),
        ]
    )
    assert (dict(tally.left_out), dict(tally.ended), dict(tally.suppressed)) == ({2: 1}, {"until": 1}, {"exclusive": 1})


def test_a_beginning_that_is_decided_again_counts_once() -> None:
    """After a crash it may be decided otherwise, at a later instant: the last one is what the customer lives by."""
    tally = tallied(
        [decision("客户-1", Outcome.SUPPRESSED, DecisionReason.EXCLUSIVE), decision("客户-1", Outcome.FIRED, hours=0.1)]
    )
    assert (tally.begun, tally.suppressed.total()) == (1, 0)


@pytest.mark.parametrize(
    ("lift", "word"),
    [
        (None, "nothing to compare"),
        (Share(0.1, 0.01, 0.2), "more often"),
        (Share(-0.1, -0.2, -0.01), "less often"),
        (Share(0.1, 0.0, 0.2), "not enough to tell"),
    ],
)
def test_an_interval_with_zero_in_it_tells_nothing(lift: Share | None, word: str) -> None:
    """Nor does one that ends there."""
    assert told(lift) == word


def test_rates_are_those_of_simulations() -> None:
    """Wilson's interval, as `koi rules simulate` has it."""
    found = Rate(20, 200, 0, 0).share
    assert found == share(20, 200)
    assert found is not None
    assert math.isclose(found.value, 0.1)
    assert Rate(0, 0, 3, 1).share is None
