"""What a person asks for, and what becomes of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.silence.asking import KEPT_AFTER, Known, NoSuchSilence, Wish, expired, forgotten, meant
from services.cli.silence.showing import in_words, state
from services.contracts.channels import Category
from services.contracts.silence import Matcher, Silence

NOW = datetime(2026, 3, 17, 1, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
KNOWN = Known({"win-back", "welcome"}, {"we_miss_you"})
WISH = Wish(comment=" 优惠券发错了 ", by="lin", rule="win-back", lasting="2h", known=KNOWN)
SILENCE = Silence(
    id="a1b2",
    matcher=Matcher(rule="win-back"),
    starts_at=NOW,
    ends_at=NOW + timedelta(hours=2),
    created_at=NOW,
    created_by="lin",
    comment="优惠券发错了",
)


def there(*names: str, ends_at: datetime = SILENCE.ends_at) -> list[Silence]:
    return [msgspec.structs.replace(SILENCE, id=name, ends_at=ends_at) for name in names]


def test_a_wish_becomes_a_silence() -> None:
    """From now on, for so long."""
    assert WISH.silence("a1b2", NOW, ZONE) == SILENCE


@pytest.mark.parametrize(
    ("changes", "matcher"),
    [
        ({"rule": "win-back@9f31c2a7"}, Matcher(rule="win-back")),
        ({"template": "we_miss_you"}, Matcher(rule="win-back", template="we_miss_you")),
        ({"rule": None, "category": "marketing"}, Matcher(category=Category.MARKETING)),
        ({"rule": None, "channel": "sms", "customer": "客户-1"}, Matcher(channel="sms", customer_id="客户-1")),
        ({"rule": None, "everything": True}, Matcher()),
        ({"rule": "unheard-of", "known": Known()}, Matcher(rule="unheard-of")),
    ],
)
def test_all_that_is_said_is_matched(changes: dict[str, Any], matcher: Matcher) -> None:
    """The name of a rule is enough; a name is taken as it is where nobody knows them all."""
    assert replace(WISH, **changes).silence("a1b2", NOW, ZONE).matcher == matcher


@pytest.mark.parametrize(
    ("until", "ends_at"),
    [
        ("2026-03-17T12:00:00+08:00", datetime(2026, 3, 17, 4, tzinfo=UTC)),
        ("2026-03-17T12:00:00", datetime(2026, 3, 17, 4, tzinfo=UTC)),
        ("2026-03-17", datetime(2026, 3, 17, 15, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_an_end_is_an_instant_or_a_day(until: str, ends_at: datetime) -> None:
    """In the business zone, unless it says otherwise."""
    assert replace(WISH, lasting=None, until=until).silence("a1b2", NOW, ZONE).ends_at == ends_at


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"comment": " "}, "--comment is empty; say why, for whoever wonders later"),
        ({"by": ""}, "nobody knows who you are; write --by NAME"),
        (
            {"rule": None},
            "say what is to be silent: --rule, --template, --category, --channel, --customer, or --everything",
        ),
        ({"everything": True}, "--everything leaves nothing to choose from; leave the others out, or it"),
        ({"lasting": None}, "say how long: either --for 2h or --until 2026-03-31T18:00:00+08:00"),
        ({"until": "2026-03-18"}, "say how long: either --for 2h or --until 2026-03-31T18:00:00+08:00"),
        (
            {"lasting": "2 hours"},
            "'2 hours' is not a duration; write a whole number and a unit, such as 45d, 36h or 30m",
        ),
        ({"lasting": "0h"}, "--for 0 silences nothing"),
        ({"lasting": None, "until": "2026-03-16"}, "--until 2026-03-16 is over already"),
        (
            {"lasting": None, "until": "tomorrow"},
            "'tomorrow' is no instant; write a date such as 2026-03-31, or an instant such as 2026-03-31T18:00:00+08:00",
        ),
        ({"rule": "win-bak"}, "there is no rule win-bak (did you mean win-back?)"),
        ({"rule": "春节"}, "there is no rule 春节; there are welcome, win-back"),
        ({"template": "we_mis_you"}, "there is no template we_mis_you (did you mean we_miss_you?)"),
        ({"category": "markting"}, "there is no category markting (did you mean marketing?)"),
        ({"channel": "emial"}, "there is no channel emial (did you mean email?)"),
    ],
)
def test_a_wrong_wish_is_told(changes: dict[str, Any], says: str) -> None:
    """With what to write instead."""
    with pytest.raises(ValueError) as caught:
        replace(WISH, **changes).silence("a1b2", NOW, ZONE)
    assert str(caught.value) == says


def test_the_beginning_of_an_id_is_enough() -> None:
    """Where it is the beginning of one only; a whole id is meant even where it begins another; nothing is meant twice."""
    silences = there("a1b2", "a1", "c3d4")
    assert [one.id for one in meant(["a1", "c", "c3d4"], silences, NOW)] == ["a1", "c3d4"]


@pytest.mark.parametrize(
    ("prefix", "says"),
    [
        ("a", "a may be a1b2, a1b3; write more of it"),
        ("a1b4", "there is no silence a1b4 (did you mean a1b3?); see koi silence list"),
        ("", "there is no silence ; see koi silence list"),
        ("old", "silence old1 is over already"),
    ],
)
def test_an_id_that_means_none_is_told(prefix: str, says: str) -> None:
    """Then nothing is ended, not even what the others mean."""
    silences = [*there("a1b2", "a1b3"), *there("old1", ends_at=NOW)]
    with pytest.raises(NoSuchSilence) as caught:
        meant(["a1b2", prefix], silences, NOW)
    assert str(caught.value) == says


@given(st.integers(-100, 100), st.integers(-100, 100))
def test_what_was_ended_is_over(start: int, at: int) -> None:
    """Whenever that is, also before it began."""
    now = NOW + timedelta(hours=at)
    one = msgspec.structs.replace(SILENCE, starts_at=NOW + timedelta(hours=start), ends_at=NOW + timedelta(days=9))
    ended = expired(one, now)
    assert state(ended, now) == "expired"
    assert not ended.starts_at <= now < ended.ends_at


def test_what_was_over_long_ago_is_forgotten() -> None:
    """Not before, so that one can look it up."""
    old, new = there("old", ends_at=NOW - KEPT_AFTER), there("new", ends_at=NOW - KEPT_AFTER + timedelta(seconds=1))
    assert forgotten([*old, *new, SILENCE], NOW) == ["old"]


@pytest.mark.parametrize(
    ("matcher", "words"),
    [
        (Matcher(), "everything"),
        (
            Matcher(rule="r", category=Category.MARKETING, customer_id="客户-1"),
            "rule=r category=marketing customer=客户-1",
        ),
    ],
)
def test_a_matcher_in_words(matcher: Matcher, words: str) -> None:
    """As one would type it."""
    assert in_words(matcher) == words


def test_a_state_is_told() -> None:
    """To come, in force, over."""
    later = msgspec.structs.replace(SILENCE, starts_at=NOW + timedelta(hours=1))
    assert [state(one, NOW) for one in (later, SILENCE, *there("x", ends_at=NOW))] == ["pending", "active", "expired"]
