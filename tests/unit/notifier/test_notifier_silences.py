"""The book of silences, as it is read off its topic."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from services.contracts.silence import Matcher, Silence
from services.contracts.topics import SILENCES
from services.contracts.wire import SILENCES as SILENCES_WIRE
from services.notifier.policy.silencing import Silences
from services.notifier.silences import SilenceBook
from services.runtime.record import Record

NOW = datetime(2026, 3, 17, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SILENCE = Silence(
    id="a1",
    matcher=Matcher(rule="win-back"),
    starts_at=NOW,
    ends_at=NOW + HOUR,
    created_at=NOW,
    created_by="lin",
    comment="优惠券发错了",
)


def record(silence: Silence | None, key: str = "a1", value: bytes | None = None) -> Record:
    return Record(SILENCES.name, 0, 0, 0, key.encode(), SILENCES_WIRE.encode(silence) if silence else value)


def ending(at: datetime, name: str = "a1") -> Silence:
    return msgspec.structs.replace(SILENCE, id=name, ends_at=at)


async def test_the_last_word_about_a_silence_counts() -> None:
    """It is put up, prolonged, ended, and taken away."""
    book = SilenceBook()
    for silence in (SILENCE, ending(NOW + 2 * HOUR)):
        await book.take([record(silence)])
        assert book.current(NOW) == (silence,)
    await book.take([record(ending(NOW))])
    assert (book.current(NOW), len(book.all())) == ((), 1)
    await book.take([record(None), record(None, "never-there")])
    assert book.all() == ()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-3, 3)), max_size=9), st.integers(-4, 4))
def test_those_in_force_are_told(said: list[tuple[str, int]], at: int) -> None:
    """From the beginning until before the end, however often they were changed, the first to end in front."""
    book, now = SilenceBook(), NOW + at * HOUR
    book.note(record(ending(NOW + hours * HOUR, name)) for name, hours in said)
    last = {name: NOW + hours * HOUR for name, hours in said}
    expected = sorted((end, name) for name, end in last.items() if NOW <= now < end)
    assert [(silence.ends_at, silence.id) for silence in book.current(now)] == expected


async def test_the_policy_is_given_the_news() -> None:
    """What it goes by is made anew whenever something was said, and only then."""
    book = SilenceBook()
    before = book.in_force(NOW)
    assert book.in_force(NOW) is before
    await book.take([record(SILENCE)])
    assert before == Silences()
    assert book.in_force(NOW) == Silences.of([SILENCE], NOW)


def test_one_that_cannot_be_read_silences_nobody() -> None:
    """It is told, and the others hold."""
    book = SilenceBook()
    with capture_logs() as logs:
        book.note([record(None, value=b"{}"), record(SILENCE)])
    assert book.current(NOW) == (SILENCE,)
    assert [entry["event"] for entry in logs] == ["foreign_record"]
