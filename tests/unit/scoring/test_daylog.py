"""The day log and its running sums."""

from hypothesis import given
from hypothesis import strategies as st

from services.scoring.daylog import MAX_KINDS, OTHER_KINDS, DayLog, Series

WIDTH = 30
CHANGES = st.lists(
    st.tuples(
        st.integers(0, 120),  # the day something happens on
        st.sampled_from(["order", "retract", "view", "share"]),
        st.integers(-5, 40),  # by how much the window moves on first
    ),
    max_size=40,
)


def played(changes: list[tuple[int, str, int]]) -> DayLog:
    log = DayLog(0, WIDTH)
    for day, what, ahead in changes:
        log.move(log.end + ahead)
        if what in ("order", "retract"):
            sign = 1 if what == "order" else -1
            log.add_order(day, sign, sign * 100)
        else:
            log.add_interaction(day, what)
    return log


def totals(log: DayLog) -> dict[str, int]:
    return {"orders": log.orders.total, "net": log.net.total} | {k: s.total for k, s in log.kinds.items()}


def recomputed(log: DayLog) -> dict[str, int]:
    def total(series: Series) -> int:
        days = zip(series.days, series.values, strict=True)
        return sum(value for day, value in days if 0 <= log.end - day < log.width)

    return {"orders": total(log.orders), "net": total(log.net)} | {k: total(s) for k, s in log.kinds.items()}


@given(changes=CHANGES)
def test_running_sums_equal_sums_from_scratch(changes: list[tuple[int, str, int]]) -> None:
    """However days were added and the window moved, forward or back, the sums are those over the window's days."""
    log = played(changes)
    assert totals(log) == recomputed(log)


@given(changes=CHANGES)
def test_days_are_sorted_and_hold_no_zeros(changes: list[tuple[int, str, int]]) -> None:
    """What cancels out leaves no trace, so equal histories have equal logs."""
    log = played(changes)
    for series in (log.orders, log.net, *log.kinds.values()):
        assert series.days == sorted(set(series.days))
        assert 0 not in series.values
        assert len(series.days) == len(series.values)


@given(changes=CHANGES, width=st.integers(1, 100))
def test_another_width_recounts(changes: list[tuple[int, str, int]], width: int) -> None:
    """After a change of configuration the sums are those of the new window."""
    log = played(changes)
    log.resize(width)
    assert totals(log) == recomputed(log)


@given(changes=CHANGES, days=st.integers(1, 200))
def test_nothing_changes_before_the_next_change(changes: list[tuple[int, str, int]], days: int) -> None:
    """Up to the day before the one named the window holds the same days; on that day it does not."""
    log = played(changes)
    change = log.next_change()

    def held() -> list[list[int]]:
        every = (log.orders, log.net, *log.kinds.values())
        return [[day for day in s.days if 0 <= log.end - day < log.width] for s in every]

    before = held()
    if change is not None and log.end + days >= change:
        log.move(change - 1)
        assert held() == before
        log.move(change)
        assert held() != before
    else:
        assert not log.move(log.end + days)
        assert held() == before


def test_the_window_ends_with_and_includes_the_as_of_day() -> None:
    """Of W days, the as-of day is the last and as-of − W is the first one out."""
    log = DayLog(100, 7)
    for day in (92, 93, 94, 100, 101):
        log.add_interaction(day, "view")
    assert log.counts() == {"view": 2}
    assert log.next_change() == 101
    assert log.move(101) is False  # one day entered and one left: the same sum
    assert log.next_change() == 107


def test_counts_are_sorted_by_kind_and_leave_out_what_left_the_window() -> None:
    """A kind of long ago is not listed as 0."""
    log = DayLog(100, 7)
    for day, kind in ((10, "search"), (99, "view"), (100, "share"), (100, "share")):
        log.add_interaction(day, kind)
    assert list(log.counts().items()) == [("share", 2), ("view", 1)]


def test_first_and_last_order_day() -> None:
    """The first is for life, the last only within the window; money alone makes no order day."""
    log = DayLog(100, 7)
    assert (log.first_order_day(), log.last_order_day()) == (None, None)
    log.add_order(50, 1, 100)
    assert (log.first_order_day(), log.last_order_day()) == (50, None)
    log.add_order(98, 1, 100)
    log.add_order(99, 0, -30)
    assert (log.first_order_day(), log.last_order_day()) == (50, 98)


def test_a_publisher_cannot_make_kinds_without_end() -> None:
    """Beyond the limit new custom kinds are counted together; known ones and standard ones go on."""
    log = DayLog(100, 365)
    for number in range(MAX_KINDS + 50):
        log.add_interaction(100, f"custom:{number}")
    log.add_interaction(100, "custom:0")
    log.add_interaction(100, "view")
    counts = log.counts()
    assert len(counts) == MAX_KINDS + 2
    assert (counts["custom:0"], counts[OTHER_KINDS], counts["view"]) == (2, 50, 1)
