"""How HTTP answers, pauses and addresses are judged."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.channels.addresses import is_public
from services.notifier.channels.base import Accepted, Refused, SendResult, Unavailable
from services.notifier.channels.webhook import judge, parse_retry_after

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        ((200, 201, 202, 204, 299), Accepted),
        ((300, 301, 302, 303, 307, 308), Refused),
        ((400, 401, 403, 404, 409, 410, 413, 422, 451), Refused),
        ((408, 425, 429), Unavailable),
        ((500, 502, 503, 504, 599), Unavailable),
    ],
)
def test_a_status_means_one_of_three_things(statuses: tuple[int, ...], kind: type[SendResult]) -> None:
    """2xx is accepted; what may pass is unavailable; everything else is refused."""
    assert {type(judge(status, None, NOW)) for status in statuses} == {kind}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("١٢", None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("9" * 5000, float("inf")),
        ("Wed, 01 May 2024 12:00:30 GMT", 30.0),
        ("Wed, 01 May 2024 12:00:30 -0000", 30.0),
        ("Wed, 01 May 2024 11:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    """Seconds or an HTTP date; anything else counts as not said."""
    assert parse_retry_after(value, NOW) == seconds


@given(st.text(max_size=60))
def test_no_header_breaks_the_reader(value: str) -> None:
    """Any text gives a non-negative number or None."""
    seconds = parse_retry_after(value, NOW + timedelta())
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),  # noqa: S104
        *("169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("192.88.99.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
        *("2002:7f00:1::", "2002:a00:1::1", "2001:0:7f00:1::", "2001:db8::1"),
    ],
)
def test_a_special_address_is_not_public(address: str) -> None:
    """Private, local, reserved, and every known way to wrap one in IPv6."""
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "172.32.0.1",
        "93.184.216.34",
        "2606:4700::1111",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2002:101:101::",
    ],
)
def test_a_public_address_is_public(address: str) -> None:
    """Also behind NAT64, or mapped into IPv6."""
    assert is_public(address)
