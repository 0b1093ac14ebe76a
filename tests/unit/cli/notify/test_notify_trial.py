"""What a message sent by hand is made of, and how its end is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.notify.trial import intention, masked, outcome, pairs, parcel, value_of
from services.contracts.channels import Category, ChannelName, Recipient
from services.notifier.channels.base import Accepted, Refused, SendResult, Unavailable
from services.notifier.message import Content
from tests.unit.notifier.commands import command

AT = command().decided_at


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("+8613912345678", "+861…78"),
        ("13912345678", "139…78"),
        ("li.lei@customers.example", "l…@c…"),
        ("用户@例子.中国", "用…@例…"),
        ("tgram://123456789:abcdefg/12315544/", "tgram://…"),
        ("json://user:password@host/path", "json://…"),
        ("ZhangSan", "Z…"),
        ("ZhangSanFeng", "Zhan…ng"),
        ("a", "a…"),
        ("", "…"),
    ],
)
def test_an_address_is_masked(address: str, shown: str) -> None:
    """One knows it again, if one knew it before."""
    assert masked(address) == shown


@given(st.text(min_size=2).filter(lambda text: "://" not in text))
def test_a_mask_hides_more_than_it_shows(address: str) -> None:
    """Nobody can write to it."""
    assert address not in masked(address)
    if "@" not in address:
        assert len(masked(address)) - 1 <= len(address) * 2 / 3


@pytest.mark.parametrize(
    ("channel", "result", "line"),
    [
        ("sms", Accepted("9006^0"), "accepted as 9006^0 after 0.31 s"),
        ("console", Accepted(), "accepted after 0.31 s"),
        ("apprise", Accepted(), "accepted after 0.31 s, which does not confirm that it arrives"),
        ("sms", Refused("Code isv.X"), "refused after 0.31 s: Code isv.X"),
        ("sms", Unavailable("HTTP 503"), "unavailable after 0.31 s: HTTP 503; it was not taken"),
        (
            "sms",
            Unavailable("HTTP 429", retry_after_s=7.0),
            "unavailable after 0.31 s: HTTP 429; it was not taken; it asks for 7 s of rest",
        ),
        (
            "email",
            Unavailable("no answer", ambiguous=True),
            "unavailable after 0.31 s: no answer; it may have arrived all the same",
        ),
    ],
)
def test_the_end_is_told_in_one_line(channel: str, result: SendResult, line: str) -> None:
    """What the provider answered, how long it took, and whether the message may have arrived."""
    assert outcome(ChannelName(channel), result, 0.3149) == line


def test_what_will_be_done_is_told_before() -> None:
    """Over which channel, to whom, and how the text begins."""
    made = parcel(
        ChannelName.SMS, Content("zh", "好久\n不见" * 20), "+8613912345678", command_id="t1", now=AT, template=None
    )
    assert intention(ChannelName.SMS, made) == f"one message over sms to +861…78: {('好久 不见' * 20)[:40]}…"
    made = parcel(ChannelName.CONSOLE, None, None, command_id="t1", now=AT, template=None)
    assert intention(ChannelName.CONSOLE, made) == "one message over console"


@pytest.mark.parametrize(
    ("channel", "recipient"),
    [("sms", Recipient.CUSTOMER), ("email", Recipient.CUSTOMER), ("wecom_robot", Recipient.OWNER)],
)
def test_a_trial_is_a_message_like_any_other(channel: str, recipient: Recipient) -> None:
    """To somebody whom the channel reaches; transactional, for nobody can unsubscribe from a trial."""
    message = parcel(ChannelName(channel), None, None, command_id="t1", now=AT, template=None).message
    assert (message.command_id, message.recipient, message.category) == ("t1", recipient, Category.TRANSACTIONAL)


def test_pairs_are_read() -> None:
    """The first equals sign divides; a value may be empty."""
    assert pairs("--field", ["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["a"], "--field a: write name=value"),
        (["=a"], "--field =a: write name=value"),
        (["a=1", "a=2"], "--field a is given twice"),
    ],
)
def test_a_pair_that_is_none_is_refused(given: list[str], sentence: str) -> None:
    """With what was written."""
    with pytest.raises(ValueError, match=sentence):
        pairs("--field", given)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("45", 45),
        ("-1.5", -1.5),
        ("true", True),
        ("no", "no"),
        ("小鱼", "小鱼"),
        ("", ""),
        ('"45"', '"45"'),
        ("[1]", "[1]"),
        ("null", "null"),
    ],
)
def test_a_value_is_a_number_if_it_looks_like_one(text: str, value: object) -> None:
    """Or a yes or no, as JSON has them; all else is text."""
    found = value_of(text)
    assert (found, type(found)) == (value, type(value))
