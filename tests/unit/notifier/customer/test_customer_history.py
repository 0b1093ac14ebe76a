"""The history counts what was sent, in whatever order it hears of it."""

from datetime import UTC, date, datetime, timedelta
from functools import reduce
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.channels import Category
from services.notifier.customer.history import CAPACITY, History

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
MARKETING, SERVICE = Category.MARKETING, Category.SERVICE
ZONES = st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Pacific/Apia"]).map(ZoneInfo)
MESSAGES = st.tuples(
    st.sampled_from([b"a", b"b", b"c", b"d"]),
    st.sampled_from([MARKETING, SERVICE]),
    st.integers(-10 * 24 * 60, 10 * 24 * 60).map(lambda minutes: NOON + timedelta(minutes=minutes)),
)
Message = tuple[bytes, Category, datetime]


def history(*messages: Message) -> History:
    return reduce(lambda before, message: before.took(*message), messages, History())


@given(st.lists(MESSAGES, max_size=8), st.data())
def test_order_and_repeats_do_not_count(messages: list[Message], data: st.DataObject) -> None:
    """Any permutation with any repeats, and any way of joining parts, gives the same history."""
    shuffled = data.draw(st.permutations(messages + messages[:3]))
    split = data.draw(st.integers(0, len(shuffled)))
    whole = history(*messages)
    assert history(*shuffled) == whole
    assert history(*shuffled[:split]).union(history(*shuffled[split:])) == whole
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(whole), type=History) == whole


@given(st.lists(MESSAGES, max_size=4), st.lists(MESSAGES, max_size=4), st.lists(MESSAGES, max_size=4))
def test_histories_are_joined_in_any_grouping(one: list[Message], two: list[Message], three: list[Message]) -> None:
    """Three customers who turn out to be one may be joined two by two."""
    a, b, c = history(*one), history(*two), history(*three)
    assert a.union(b).union(c) == a.union(b.union(c))
    assert a.union(b) == b.union(a)
    assert a.union(a) == a


@given(st.lists(MESSAGES, max_size=8, unique_by=lambda message: message[0]), ZONES, st.integers(-2, 2))
def test_a_day_is_a_calendar_day(messages: list[Message], zone: ZoneInfo, offset: int) -> None:
    """Counted are those whose day, on a calendar of the zone, it is."""
    recent = [message for message in messages if abs(message[2] - NOON) < timedelta(days=4)]
    day = NOON.astimezone(zone).date() + timedelta(days=offset)
    expected = sum(c is MARKETING and at.astimezone(zone).date() == day for _, c, at in recent)
    assert history(*recent).on_day(MARKETING, day, zone) == expected


@given(st.lists(MESSAGES, max_size=8, unique_by=lambda message: message[0]))
def test_a_week_is_seven_times_24_hours(messages: list[Message]) -> None:
    """Counted are those of the last 7 × 24 hours and those of clocks that are ahead; what is exactly that old is not."""
    now = NOON
    recent = [message for message in messages if abs(message[2] - now) < timedelta(days=4)]
    edge = (b"edge", MARKETING, now - timedelta(days=7))
    expected = sum(category is MARKETING for _, category, _ in recent)
    assert history(*recent).in_week(MARKETING, now) == expected
    assert history(edge).in_week(MARKETING, now) == 0
    assert history(edge).in_week(MARKETING, now - timedelta(milliseconds=1)) == 1


def test_a_skipped_day_has_no_messages() -> None:
    """30 December 2011 was no day in Apia: what was sent around it belongs to the days beside it."""
    apia = ZoneInfo("Pacific/Apia")
    before, after = datetime(2011, 12, 29, 23, 59, tzinfo=apia), datetime(2011, 12, 31, 0, 0, tzinfo=apia)
    sent = history((b"a", MARKETING, before.astimezone(UTC)), (b"b", MARKETING, after.astimezone(UTC)))
    days = [sent.on_day(MARKETING, date(2011, 12, day), apia) for day in (29, 30, 31)]
    assert days == [1, 0, 1]


def test_what_was_not_sent_does_not_count() -> None:
    """A message that failed is given back, and only that one."""
    sent = history((b"a", MARKETING, NOON), (b"b", MARKETING, NOON))
    assert sent.gave_back(b"a").in_week(MARKETING, NOON) == 1
    assert sent.gave_back(b"c") == sent


def test_a_message_counts_once() -> None:
    """A message that was sent again later counts then, and not twice."""
    later = NOON + timedelta(days=1)
    sent = history((b"a", MARKETING, NOON), (b"a", MARKETING, later))
    assert sent.in_week(MARKETING, later) == 1
    assert sent.on_day(MARKETING, NOON.date(), ZoneInfo("UTC")) == 0


def test_categories_are_counted_apart() -> None:
    """Service does not eat up what marketing may have; transactional is not kept at all."""
    sent = history((b"a", MARKETING, NOON), (b"b", SERVICE, NOON), (b"c", Category.TRANSACTIONAL, NOON))
    assert [sent.in_week(category, NOON) for category in (MARKETING, SERVICE, Category.TRANSACTIONAL)] == [1, 1, 0]
    assert len(sent.sent) == 2


@pytest.mark.parametrize(("days", "kept"), [(7, 2), (8, 1)])
def test_old_messages_are_forgotten(days: int, kept: int) -> None:
    """What is eight days older than the newest is of no use any more."""
    assert len(history((b"a", MARKETING, NOON), (b"b", SERVICE, NOON + timedelta(days=days))).sent) == kept


def test_a_history_is_bounded() -> None:
    """Of each category only so many are kept as a cap can ask for, the latest."""
    messages = [(i.to_bytes(2, "big"), MARKETING, NOON + timedelta(seconds=i)) for i in range(CAPACITY + 20)]
    sent = history(*messages, (b"s", SERVICE, NOON))
    assert sent.in_week(MARKETING, NOON) == CAPACITY
    assert sent.in_week(SERVICE, NOON) == 1
    assert messages[19][0] not in sent.sent
    assert messages[20][0] in sent.sent
