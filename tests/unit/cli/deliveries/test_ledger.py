"""The fold of commands and receipts, whatever their order and however often they come."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.deliveries.asking import Choice
from services.cli.deliveries.ledger import Ledger, Line, Scope, Standing, standing_receipts
from services.cli.deliveries.sums import Sums
from services.contracts.calendar import to_ms
from services.contracts.command import Command
from services.contracts.receipt import FINAL, DeliveryOutcome, Reason, Receipt
from tests.unit.cli.deliveries.shelf import NIGHT, command, news, receipt

OUTCOMES = DeliveryOutcome
ANY = Choice().holds
NEWS = [outcome for outcome in OUTCOMES if outcome not in FINAL and outcome is not OUTCOMES.DEFERRED]


def folded(messages: Sequence[Command | Receipt], scope: Scope | None = None) -> Ledger:
    ledger = Ledger(scope or Scope())
    for message in messages:
        if isinstance(message, Command):
            ledger.command(message)
        else:
            ledger.receipt(message)
    return ledger


def table(ledger: Ledger) -> list[tuple[object, ...]]:
    return [
        (line.command_id, line.customer_id, line.about, line.standing, line.last, tuple(line.history), line.torn)
        for line in ledger.lines()
    ]


def only(ledger: Ledger) -> Line:
    (line,) = ledger.lines()
    return line


@st.composite
def lives(draw: st.DrawFn) -> list[Command | Receipt]:
    """A few commands, and what became of each: waiting, an end, or after a crash two, and news."""
    said: list[Command | Receipt] = []
    for number in range(draw(st.integers(0, 5))):
        one = command(number, hours=draw(st.integers(0, 3)), variant=draw(st.sampled_from([None, "a", "b"])))
        said.append(one)
        waits = st.lists(st.sampled_from([Reason.QUIET_HOURS, Reason.QUOTA, Reason.CHANNEL_BUSY]), max_size=3)
        for after, reason in enumerate(draw(waits)):
            until = one.decided_at + timedelta(hours=after + 1)
            said.append(receipt(one, OUTCOMES.DEFERRED, reason, after=after, until=until))
        ends = st.lists(
            st.tuples(st.sampled_from(sorted(FINAL)), st.sampled_from(list(Reason)), st.integers(0, 4)), max_size=2
        )
        said += [receipt(one, outcome, reason, after=after) for outcome, reason, after in draw(ends)]
        said += [news(one, kind, after=5) for kind in draw(st.lists(st.sampled_from(NEWS), max_size=3))]
    return said


@given(said=lives(), data=st.data())
def test_neither_order_nor_repeats_change_the_ledger(said: list[Command | Receipt], data: st.DataObject) -> None:
    """Any permutation, with any of the messages said again, gives the same lines."""
    again = data.draw(st.lists(st.sampled_from(said), max_size=6)) if said else []
    shuffled = data.draw(st.permutations(said + again))
    assert table(folded(shuffled)) == table(folded(said))


@given(said=lives())
def test_the_outcomes_sum_up_to_the_commands(said: list[Command | Receipt]) -> None:
    """Every command is at exactly one place, and chosen is what is asked for."""
    sums, lines = Sums(), folded(said).lines()
    for line in lines:
        sums.add(line, ANY, 0)
    ids = {message.id for message in said if isinstance(message, Command)}
    assert sums.commands == len(ids) == sums.standings.total() == sums.chosen.total()
    ended = {m.command_id for m in said if isinstance(m, Receipt) and m.outcome in FINAL}
    assert sum(sums.standings[Standing(outcome.value)] for outcome in FINAL) == len(ended)
    assert sums.torn.count == sum(line.torn for line in lines)


@given(said=lives())
def test_what_decides_is_the_same_for_explaining(said: list[Command | Receipt]) -> None:
    """The receipt that `koi explain` shows is that of the ledger, up to two ends at one instant."""
    shown = standing_receipts(message for message in said if isinstance(message, Receipt))
    for line in folded(said).lines():
        if line.last is None:
            assert line.command_id not in shown
        else:
            found = shown[line.command_id]
            assert (found.outcome in FINAL) == (line.standing in {"sent", "suppressed", "failed"})
            assert to_ms(found.at) == line.at_ms


def test_a_message_waits_is_sent_and_arrives() -> None:
    """Each stage in its order, and the last that matters says where it is."""
    one = command()
    line = only(
        folded(
            [
                news(one, OUTCOMES.DELIVERED, after=11),
                receipt(one, after=10.5),
                receipt(one, OUTCOMES.DEFERRED, Reason.QUIET_HOURS, until=NIGHT + timedelta(hours=10.5)),
                one,
            ]
        )
    )
    assert [stage.outcome for stage in line.history] == ["deferred", "sent", "delivered"]
    assert (line.standing, line.channel, line.at_ms) == ("sent", "sms", to_ms(NIGHT + timedelta(hours=10.5)))
    assert list(line.news) == ["delivered"]
    assert not line.torn


def test_what_is_said_again_later_stands_once() -> None:
    """After a crash the same may be decided at a later instant; a reason that comes back after another is told again."""
    one = command()
    waits = [(Reason.QUOTA, 0.0), (Reason.QUOTA, 0.1), (Reason.CHANNEL_BUSY, 1), (Reason.QUOTA, 2)]
    line = only(folded([one, *(receipt(one, OUTCOMES.DEFERRED, reason, after=after) for reason, after in waits)]))
    assert [(stage.reason, stage.at_ms - to_ms(NIGHT)) for stage in line.history] == [
        ("quota", 360_000),
        ("channel_busy", 3_600_000),
        ("quota", 7_200_000),
    ]


def test_an_end_outweighs_what_comes_later() -> None:
    """A command that has its end does not wait any more, whatever the clocks say."""
    one = command()
    line = only(folded([receipt(one, OUTCOMES.DEFERRED, Reason.QUOTA, after=2), receipt(one, after=1)]))
    assert line.standing is Standing.SENT


def test_two_ends_are_told() -> None:
    """The last counts; the same end twice is none."""
    one = command()
    twice = [receipt(one), receipt(one, OUTCOMES.FAILED, Reason.AMBIGUOUS, after=1)]
    line = only(folded(twice))
    assert (line.torn, line.standing, line.reason) == (True, "failed", "ambiguous")
    assert not only(folded([receipt(one), receipt(one, after=1)])).torn


def test_news_alone_is_no_command() -> None:
    """It names neither a rule nor an instant; what it is about lies before what is read."""
    ledger = folded([news(command(), OUTCOMES.BOUNCED)])
    assert ledger.lines() == []
    assert ledger.strays == 1


@pytest.mark.parametrize(
    ("scope", "numbers"),
    [
        (Scope(), [1, 2, 3]),
        (Scope(rule="唤醒"), [1, 2]),
        (Scope(rule="谁"), []),
        (Scope(since_ms=to_ms(NIGHT + timedelta(hours=2))), [2, 3]),
        (Scope(until_ms=to_ms(NIGHT + timedelta(hours=2))), [1, 2]),
    ],
)
def test_only_what_is_in_scope_is_kept(scope: Scope, numbers: list[int]) -> None:
    """By the rule's name, whatever its hash, and by when it was decided; names of others are known all the same."""
    ones = [command(1, hours=1), command(2, hours=2, rule="唤醒@00000000"), command(3, hours=3, rule="欢迎@1")]
    ledger = folded([*ones, *map(receipt, ones)], scope)
    assert sorted(line.command_id for line in ledger.lines()) == [f"c{number}" for number in numbers]
    assert ledger.rules == {"唤醒", "欢迎"}


def test_repeats_are_counted() -> None:
    """Commands and receipts that were there already."""
    one = command()
    assert folded([one, one, receipt(one), receipt(one), receipt(one)]).repeated == 3


def test_sums_say_what_is_not_whole() -> None:
    """A receipt without its command is told, unless the command is older than its topic."""
    sums = Sums()
    for line in folded([receipt(command(1, hours=-1)), receipt(command(2, hours=1)), command(3, hours=1)]).lines():
        sums.add(line, ANY, to_ms(NIGHT))
    assert not sums.whole
    assert sums.equation == "3 commands = 2 sent + 0 suppressed + 0 failed + 0 deferred + 1 pending"
    assert (sums.older, sums.unheard.count, sums.unheard.first) == (1, 1, ["c2"])
    assert sums.remarks == [
        "1 command has receipts and should be on koi.notifications, but is not: c2",
        "1 of these from before the first that koi.notifications still has: known by receipts alone",
    ]


def test_all_remarks() -> None:
    """A sentence each; of many ids the first few are named."""
    sums = Sums(repeated=2, strays=1)
    for number in range(7):
        one = command(number)
        ledger = folded([one, receipt(one), receipt(one, OUTCOMES.FAILED, Reason.AMBIGUOUS, after=1)])
        sums.add(only(ledger), ANY, None)
    assert sums.remarks == [
        (
            "7 commands came to two different ends, which happens when the notifier is killed in the middle; "
            "the last one counts: c0, c1, c2, c3, c4, …"
        ),
        "2 records said again, after a crash, what was known: counted once",
        "1 command from before the ledger's first: only a provider's news of them is known",
    ]


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [
        (Choice(outcomes=frozenset({"failed"})), [2]),
        (Choice(outcomes=frozenset({"bounced", "pending"})), [1, 3]),
        (Choice(reasons=frozenset({"quota", "capped"})), [4]),
        (Choice(channels=frozenset({"sms"})), [1]),
        (Choice(outcomes=frozenset({"sent"}), channels=frozenset({"email"})), []),
    ],
)
def test_lines_are_chosen_by_where_they_are(choice: Choice, numbers: list[int]) -> None:
    """Or by what a provider told later; the sums go on counting all."""
    ones = [command(number) for number in range(1, 5)]
    ledger = folded(
        [
            *ones,
            receipt(ones[0]),
            news(ones[0], OUTCOMES.BOUNCED, after=1),
            receipt(ones[1], OUTCOMES.FAILED, Reason.CHANNEL_REFUSED),
            receipt(ones[3], OUTCOMES.DEFERRED, Reason.QUOTA),
        ]
    )
    sums = Sums()
    chosen = [line.command_id for line in ledger.lines() if sums.add(line, choice.holds, 0)]
    assert sorted(chosen) == [f"c{number}" for number in numbers]
    assert sums.chosen.total() == len(numbers)
    assert sums.standings == Counter(dict.fromkeys(("sent", "failed", "pending", "deferred"), 1))
