"""Silences hold back what they fit, while they last."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.channels import Category
from services.contracts.silence import Silence
from tests.unit.notifier.policy.policy_cases import COMMAND, NOW, command, silence, silences

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("matcher", "fits"),
    [
        ({}, True),
        ({"rule": "win-back"}, True),
        ({"rule": "win-back@1a2b3c4d"}, False),
        ({"rule": "win"}, False),
        ({"template": "we_miss_you"}, True),
        ({"template": "hello"}, False),
        ({"category": Category.MARKETING}, True),
        ({"category": Category.SERVICE}, False),
        ({"customer_id": "客户一"}, True),
        ({"customer_id": "客户二"}, False),
        ({"customer_id": ""}, False),
        ({"rule": "win-back", "category": Category.MARKETING, "customer_id": "客户一"}, True),
        ({"rule": "win-back", "category": Category.SERVICE, "customer_id": "客户一"}, False),
    ],
)
def test_all_that_is_said_must_fit(matcher: dict[str, Any], fits: bool) -> None:
    """What a matcher does not say fits everything."""
    one = silence(**matcher)
    assert silences(one).matching(COMMAND, NOW) == (one if fits else None)


def test_a_rule_without_a_hash_has_a_name_too() -> None:
    """A command of a rule that was never stamped is silenced by the whole of its name."""
    assert silences(silence(rule="by-hand")).matching(command(rule="by-hand"), NOW) is not None


def test_a_channel_alone_is_silenced() -> None:
    """A matcher with a channel takes that channel, and not the message."""
    some = silences(silence(channel="sms", rule="win-back"))
    assert some.matching(COMMAND, NOW) is None
    assert some.muting(COMMAND, "sms", NOW) is not None
    assert some.muting(COMMAND, "email", NOW) is None
    assert some.muting(command(rule="hello@1"), "sms", NOW) is None


def test_a_silence_lasts_from_its_beginning_until_before_its_end() -> None:
    """Neither earlier nor later, even if it was put into the set before."""
    some = silences(silence(starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR))
    instants = [
        NOW + HOUR - timedelta(microseconds=1),
        NOW + HOUR,
        NOW + 2 * HOUR - timedelta(microseconds=1),
        NOW + 2 * HOUR,
    ]
    assert [some.matching(COMMAND, at) is not None for at in instants] == [False, True, True, False]


def test_what_is_over_takes_no_room() -> None:
    """A set holds only what still can matter."""
    assert silences(silence(ends_at=NOW)) == silences()


@given(st.permutations([silence("s1", ends_at=NOW + HOUR), silence("s2"), silence("s3", ends_at=NOW + 3 * HOUR)]))
def test_of_several_the_longest_is_named(some: list[Silence]) -> None:
    """Whoever asks learns until when it really lasts, in whatever order silences came."""
    found = silences(*some).matching(COMMAND, NOW)
    assert found is not None
    assert found.id == "s3"


@given(st.permutations([silence("s2"), silence("s1")]))
def test_of_equally_long_ones_the_lower_id_is_named(some: list[Silence]) -> None:
    """The same silences always give the same answer."""
    found = silences(*some).matching(COMMAND, NOW)
    assert found is not None
    assert found.id == "s1"
