"""How answers over HTTP are judged: by their status, and by what providers say in JSON."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.channels.answers import Answer, Dialect, judge, judge_status, parse_retry_after, quoted
from services.notifier.channels.base import Accepted, Refused, SendResult, Unavailable

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
SAYS = Dialect("errcode", "errmsg", later={45009: 60.0, -1: None}, message_id="msgid")
SECRET = "693a91f6-key"  # noqa: S105 - a test's own


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
    assert {type(judge_status(status, None, NOW)) for status in statuses} == {kind}


@pytest.mark.parametrize(
    ("status", "ambiguous"), [(429, False), (408, False), (500, True), (502, True), (503, False), (504, True)]
)
def test_a_server_in_trouble_may_have_taken_the_message(status: int, ambiguous: bool) -> None:
    """A time-out of a gateway says nothing of who stands behind it; a server that is overloaded took nothing."""
    assert judge_status(status, None, NOW) == Unavailable(f"HTTP {status}", ambiguous=ambiguous)


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
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"errcode":0,"errmsg":"ok"}', Accepted()),
        (200, b'{"errcode":0,"errmsg":"ok","msgid":"m-1"}', Accepted("m-1")),
        (200, b'{"errcode":93000,"errmsg":"invalid"}', Refused("errcode 93000: invalid")),
        (200, b'{"errcode":93000}', Refused("errcode 93000: ")),
        (200, b'{"errcode":45009,"errmsg":"too fast"}', Unavailable("errcode 45009: too fast", 60.0)),
        (200, b'{"errcode":-1,"errmsg":"busy"}', Unavailable("errcode -1: busy")),
        (400, b'{"errcode":45009,"errmsg":"too fast"}', Unavailable("errcode 45009: too fast", 60.0)),
        (400, b'{"errcode":0,"errmsg":"ok"}', Refused("HTTP 400")),
        (400, b"<html>", Refused("HTTP 400")),
        (302, b'{"errcode":0,"msgid":"m"}', Refused("HTTP 302: redirects are not followed")),
        (500, b'{"errcode":0}', Unavailable("HTTP 500", ambiguous=True)),
        (429, b'{"errcode":93000}', Unavailable("HTTP 429", 7.0)),
        (200, b'{"errcode":"0"}', Unavailable("HTTP 200, but no errcode in the answer", ambiguous=True)),
        (200, b'{"errcode":false}', Unavailable("HTTP 200, but no errcode in the answer", ambiguous=True)),
        (200, b'{"errcode":null}', Unavailable("HTTP 200, but no errcode in the answer", ambiguous=True)),
        (200, b'[{"errcode":0}]', Unavailable("HTTP 200, but no errcode in the answer", ambiguous=True)),
        (200, b"", Unavailable("HTTP 200, but no errcode in the answer", ambiguous=True)),
        (200, b"[" * 100_000, Unavailable("HTTP 200, but no errcode in the answer", ambiguous=True)),
    ],
)
def test_the_code_decides_unless_the_server_is_in_trouble(status: int, body: bytes, expected: SendResult) -> None:
    """HTTP 200 with an error code is no success, and without any code nobody knows."""
    retry_after = "7" if status == 429 else None
    assert judge(Answer(status, retry_after, body, whole=True), SAYS, NOW) == expected


def test_an_answer_that_is_cut_is_not_believed() -> None:
    """Half of an answer may read like a whole one."""
    result = judge(Answer(200, None, b'{"errcode":0}', whole=False), SAYS, NOW)
    assert result == Unavailable("HTTP 200, but no errcode in the answer", ambiguous=True)


def test_codes_may_be_words() -> None:
    """A provider whose code is a text is judged in the same way."""
    words = Dialect("Code", "Message", accepted="OK", later={"isv.BUSINESS_LIMIT_CONTROL": 60.0})
    assert judge(Answer(200, None, b'{"Code":"OK"}', whole=True), words, NOW) == Accepted()
    busy = Answer(200, None, b'{"Code":"isv.BUSINESS_LIMIT_CONTROL","Message":"later"}', whole=True)
    assert judge(busy, words, NOW) == Unavailable("Code isv.BUSINESS_LIMIT_CONTROL: later", 60.0)


@given(st.binary(max_size=200), st.integers(100, 599), st.booleans())
def test_no_answer_breaks_the_judge(body: bytes, status: int, whole: bool) -> None:
    """Any bytes under any status give a result; and only a code that was read makes an acceptance."""
    result = judge(Answer(status, None, body, whole), SAYS, NOW)
    assert not isinstance(result, Accepted) or (200 <= status < 300 and b"errcode" in body)


@given(st.text(max_size=300), st.text(max_size=300))
def test_what_a_provider_repeats_of_a_secret_does_not_show(before: str, after: str) -> None:
    """In whatever words and letters it comes back; and what is left is one short line."""
    said = quoted(before + SECRET.upper() + after, (SECRET, ""))
    assert SECRET not in said.lower()
    assert len(said) <= 200
    assert said.isprintable()
