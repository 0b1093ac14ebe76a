"""What providers may write, and what becomes of it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.channels import Category, ChannelName
from services.contracts.errors import InvalidMessage
from services.contracts.feedback import News
from services.notifier.provider_news import MAX_NEWS, identity, read_news
from services.notifier.redaction import redacted

NOW = datetime(2026, 3, 17, 1, tzinfo=UTC)
TOLD: dict[str, Any] = {
    "command_id": "c-1",
    "customer_id": "客户-1",
    "news": "bounced",
    "at": "2026-03-17T08:30:00+08:00",
}
INSTANT = "is no instant with an offset; write e.g. 2026-01-31T08:00:00+08:00"


def read(said: Any) -> Any:
    return read_news(json.dumps(said).encode(), ChannelName.EMAIL, NOW)


def refusal(body: bytes) -> str:
    with pytest.raises(InvalidMessage) as caught:
        read_news(body, ChannelName.EMAIL, NOW)
    assert caught.value.reason == "malformed"
    return caught.value.detail


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in TOLD.items() if name not in names}


def test_all_that_may_be_told_is_kept() -> None:
    """The provider's own id, the category, and a word about it; what is not known is ignored."""
    (feedback,) = read(TOLD | {"id": "n-1", "category": "service", "detail": "550 5.1.1 mailbox full", "opened": 3})
    assert (feedback.id, feedback.news, feedback.category) == ("n-1", News.BOUNCED, Category.SERVICE)
    assert (feedback.channel, feedback.detail) == ("email", "550 5.1.1 mailbox full")


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(minutes=5), timedelta(minutes=6), timedelta(days=400)])
def test_nothing_is_of_the_future(ahead: timedelta) -> None:
    """Beyond five minutes it is taken as of now, or no later word would ever count; its id stays that of what was said."""
    at = NOW + ahead
    (feedback,) = read(TOLD | {"at": at.isoformat()})
    assert feedback.occurred_at == (at if ahead <= timedelta(minutes=5) else NOW)
    assert feedback.id == identity("c-1", "email", News.BOUNCED, at)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "the body is not JSON: EOF while parsing an object at line 1 column 1"),
        (b"", "the body is not JSON: EOF while parsing a value at line 1 column 0"),
        (b'"138"', "the body is one JSON object, or a list of them"),
        (json.dumps(without("at")).encode(), "at: is required"),
        (json.dumps([TOLD, without("command_id")]).encode(), "[1].command_id: is required"),
        (json.dumps([TOLD, "x"]).encode(), "[1]: must be an object"),
        (
            json.dumps(TOLD | {"news": "bounce"}).encode(),
            "news: must be delivered, bounced or unsubscribed (did you mean bounced?)",
        ),
        (json.dumps(TOLD | {"news": 7}).encode(), "news: must be delivered, bounced or unsubscribed"),
        (json.dumps(TOLD | {"category": "ads"}).encode(), "category: must be transactional, service or marketing"),
        (json.dumps(TOLD | {"at": "2026-03-17T08:30:00"}).encode(), f"at: {INSTANT}"),
        (json.dumps(TOLD | {"at": "2026-03-17"}).encode(), f"at: {INSTANT}"),
        (
            json.dumps(TOLD | {"at": 1773678600}).encode(),
            "at: an instant is written out, e.g. 2026-01-31T08:00:00+08:00",
        ),
        (json.dumps(TOLD | {"customer_id": ""}).encode(), "customer_id: must not be empty"),
        (json.dumps(TOLD | {"customer_id": 1}).encode(), "customer_id: must be text, in quotes"),
        (json.dumps(TOLD | {"id": "x" * 129}).encode(), "id: is longer than 128 characters"),
        (
            json.dumps([TOLD] * (MAX_NEWS + 1)).encode(),
            f"the body: has more than {MAX_NEWS} entries; send them in several calls",
        ),
        (
            json.dumps([{}]).encode(),
            "[0].command_id: is required | [0].customer_id: is required | [0].news: is required | and 1 more",
        ),
    ],
)
def test_a_refusal_says_where(body: bytes, says: str) -> None:
    """The place, what is wrong, and nothing of what stands there."""
    assert refusal(body) == says


@given(
    st.binary(max_size=80)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*TOLD, "id", "detail"]), inner, max_size=4)
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_body_is_read_or_refused(body: bytes) -> None:
    """Nothing but `InvalidMessage` is raised."""
    try:
        read_news(body, ChannelName.SMS, NOW)
    except InvalidMessage as error:
        assert error.detail  # noqa: PT017 - either is fine


@given(
    st.text(min_size=1, max_size=9),
    st.sampled_from(list(ChannelName)),
    st.sampled_from(list(News)),
    st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1), max_value=datetime(9000, 1, 1)),  # noqa: DTZ001 - the zone is beside it
)
def test_an_id_is_the_same_whenever_the_same_is_told(
    command: str, channel: ChannelName, news: News, at: datetime
) -> None:
    """In whatever zone the instant is written; one microsecond more is something else."""
    made = identity(command, channel, news, at)
    assert made == identity(command, channel, news, datetime.fromisoformat(at.astimezone().isoformat()))
    assert made != identity(command, channel, news, at + timedelta(milliseconds=1))


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("550 5.1.1 <xiao.ming+x@mail.example.com> user unknown", "550 5.1.1 <…> user unknown"),
        ("邮箱 小明@例子.example 不存在", "邮箱 … 不存在"),
        ("+86 139-1234-5678 关机", "… 关机"),
        ("number (0)139 12345678 is off", "number (… is off"),
        ("see https://p.example.com/x?token=abc for more", "see … for more"),
        ("isv.BUSINESS_LIMIT_CONTROL\r\n触发分钟级流控Permits:1", "isv.BUSINESS_LIMIT_CONTROL 触发分钟级流控Permits:1"),
        ("errcode 45009, 7 days", "errcode 45009, 7 days"),
    ],
)
def test_what_may_be_an_address_is_taken_out(told: str, kept: str) -> None:
    """Mail addresses, telephone numbers, links; a code and a sentence stay."""
    assert redacted(told) == kept


@given(
    st.text(max_size=900),
    st.sampled_from(["小明@例子.example", "+8613912345678", "139 1234 5678"]),
    st.text(max_size=900),
)
def test_no_address_survives(before: str, address: str, after: str) -> None:
    """Whatever stands around it; what is left is one line and not long."""
    kept = redacted(f"{before} {address} {after}")
    assert address not in kept
    assert len(kept) <= 200
    assert kept.isprintable()
