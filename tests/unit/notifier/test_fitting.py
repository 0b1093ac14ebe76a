"""Whether a text fits a channel, by its facts."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.channels import CHANNELS, ChannelName, Limit
from services.notifier.channels.base import Refused
from services.notifier.channels.fitting import content_for, encoded, fits
from services.notifier.message import Content, Message, Parcel
from tests.unit.notifier.commands import command

ROBOT = CHANNELS[ChannelName.WECOM_ROBOT]
MAIL = CHANNELS[ChannelName.EMAIL]
DINGTALK = CHANNELS[ChannelName.DINGTALK_ROBOT]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (ChannelName.WECOM_ROBOT, Content("zh", "鱼" * 682), None),
        (
            ChannelName.WECOM_ROBOT,
            Content("zh", "鱼" * 683),
            "the text has 2,049 bytes, and wecom_robot takes 2,048 at most",
        ),
        (ChannelName.WECOM_ROBOT, Content("zh", "鱼" * 1365, markdown=True), None),
        (
            ChannelName.WECOM_ROBOT,
            Content("zh", "鱼" * 1366, markdown=True),
            "the text has 4,098 bytes, and wecom_robot takes 4,096 at most",
        ),
        (ChannelName.WECOM_ROBOT, Content("zh", "x", title="题"), "wecom_robot takes no title"),
        (ChannelName.DINGTALK_ROBOT, Content("zh", "x", title="题" * 166), None),
        (
            ChannelName.DINGTALK_ROBOT,
            Content("zh", "x", title="题" * 167),
            "the title has 501 bytes, and dingtalk_robot takes 500 at most",
        ),
        (ChannelName.SMS, Content("zh", "**x**", markdown=True), "sms takes no Markdown"),
        (ChannelName.SMS, Content("zh", " \n"), "the text is empty"),
    ],
)
def test_what_is_wrong_is_said_with_lengths(name: ChannelName, content: Content, sentence: str | None) -> None:
    """In the unit that the provider counts in; nothing is wrong at the very limit."""
    assert fits(CHANNELS[name], content) == sentence


@given(st.text(min_size=1).filter(str.strip), st.integers(0, 40), st.sampled_from(["bytes", "characters"]))
def test_a_text_fits_exactly_up_to_its_limit(text: str, most: int, unit: str) -> None:
    """Neither a byte less nor a byte more."""
    limit = Limit(most, "bytes" if unit == "bytes" else "characters")
    length = len(text.encode()) if unit == "bytes" else len(text)
    assert (fits(replace(ROBOT, text=limit), Content("zh", text)) is None) == (length <= most)


@pytest.mark.parametrize(
    ("parcel", "sentence"),
    [
        (Parcel(Message.of(command())), "email needs an address, and there is none"),
        (Parcel(Message.of(command()), Content("zh", "x"), ""), "email needs an address, and there is none"),
        (Parcel(Message.of(command()), None, "a@b.c"), "email needs a text, and there is no template for it"),
        (Parcel(Message.of(command()), Content("zh", ""), "a@b.c"), "the text is empty"),
    ],
)
def test_a_parcel_that_cannot_be_sent_is_refused(parcel: Parcel, sentence: str) -> None:
    """With what is missing first; the address is not in the sentence."""
    assert content_for(MAIL, parcel) == Refused(sentence)


def test_a_parcel_that_can_be_sent_gives_its_content() -> None:
    """The very one."""
    content = Content("zh", "x")
    assert content_for(MAIL, Parcel(Message.of(command()), content, "a@b.c")) is content


def test_a_request_is_measured_as_it_is_sent() -> None:
    """Line breaks count twice in JSON, Chinese three bytes a character."""
    assert encoded(DINGTALK, {"a": "\n鱼"}, 13) == '{"a":"\\n鱼"}'.encode()
    assert encoded(DINGTALK, {"a": "\n鱼"}, 12) == Refused(
        "the request has 13 bytes, and dingtalk_robot takes 12 at most"
    )
