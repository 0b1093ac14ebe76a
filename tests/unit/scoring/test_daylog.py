"""The day log: sums over windows, read off sparse days."""

from hypothesis import given
from hypothesis import strategies as st

from services.scoring.daylog import MAX_KINDS, OTHER_KINDS, Deeds, OrderDays, Sums, deeds_of, next_change

ADDED = st.lists(
    st.tuples(st.integers(0, 120), st.builds(Sums, st.integers(-1, 1), *[st.integers(-2, 2)] * 3)), max_size=30
)
DAYS = st.integers(-10, 140)
WIDTHS = st.sampled_from([1, 7, 30, 365])


def logged(added: list[tuple[int, Sums]]) -> OrderDays:
    log = OrderDays()
    for day, change in added:
        log.add(day, change)
    return log


def summed(added: list[tuple[int, Sums]], end: int, width: int | None) -> Sums:
    inside = [change for day, change in added if day <= end and (width is None or day > end - width)]
    return Sums(*(sum(column) for column in zip(*inside, strict=True))) if inside else Sums()


@given(added=ADDED, end=DAYS, width=WIDTHS | st.none())
def test_sums_are_those_of_the_days_in_the_window(added: list[tuple[int, Sums]], end: int, width: int | None) -> None:
    """Whatever the order in which days were added, and retracted."""
    assert logged(added).sums(end, width) == summed(added, end, width)


@given(added=ADDED)
def test_days_rise_and_what_cancels_out_leaves_no_trace(added: list[tuple[int, Sums]]) -> None:
    """So equal histories have equal logs."""
    log = logged(added)
    assert log.days == sorted(set(log.days))
    assert all(any(sums) for sums in zip(log.orders, log.net, log.paid, log.discount, strict=True))
    log_again = logged([*added, *((day, -change) for day, change in added)])
    assert log_again == OrderDays()


@given(added=ADDED, old=DAYS, new=DAYS, width=WIDTHS)
def test_a_window_moves_if_its_sums_may_differ(added: list[tuple[int, Sums]], old: int, new: int, width: int) -> None:
    """If the sums differ, it says so; and where it says no, no day with any was gained or lost."""
    log = logged(added)
    if log.sums(old, width) != log.sums(new, width):
        assert log.moves(old, new, width, deep=True)
    if log.sums(old, width)[:2] != log.sums(new, width)[:2]:
        assert log.moves(old, new, width, deep=False)
    if old == new:
        assert not log.moves(old, new, width, deep=True)


@given(
    days=st.lists(st.integers(0, 60), unique=True).map(sorted),
    end=st.integers(0, 60),
    widths=st.sets(WIDTHS, min_size=1, max_size=3),
)
def test_nothing_changes_before_the_next_change(days: list[int], end: int, widths: set[int]) -> None:
    """Up to the day before it every window holds the same days; on that day one of them does not."""

    def held(at: int) -> list[list[int]]:
        return [[day for day in days if at - width < day <= at] for width in sorted(widths)]

    ahead = [day for day in range(end + 1, 500) if held(day) != held(day - 1)]
    assert next_change(days, end, widths) == (ahead[0] if ahead else None)


def test_the_window_ends_with_and_includes_the_as_of_day() -> None:
    """Of W days, the as-of day is the last and as-of − W is the first one out."""
    log = logged([(day, Sums(1, 100)) for day in (93, 94, 100, 101)])
    assert log.sums(100, 7) == Sums(2, 200)
    assert (log.last(100, 7), log.last(100, None), log.first()) == (100, 100, 93)


def test_order_days_are_those_with_a_counting_order() -> None:
    """Money alone makes no order day."""
    log = logged([(50, Sums(1, 100)), (98, Sums(1, 100)), (99, Sums(0, -30))])
    assert log.ordered(100, 60) == [50, 98]
    assert (log.last(100, 60), log.last(97, 30)) == (98, None)


@given(added=ADDED, before=DAYS)
def test_dropping_old_days_leaves_later_windows_alone(added: list[tuple[int, Sums]], before: int) -> None:
    """And names the order days that are gone."""
    log = logged(added)
    ordered = [day for day in log.ordered(1000, None) if day < before]
    expected = [log.sums(later, later - before + 1) for later in range(before, 140)]
    assert log.drop(before) == ordered
    assert [log.sums(later, None) for later in range(before, 140)] == expected


def test_interactions_count_for_life_and_by_day() -> None:
    """Dropped days stay in the lifetime."""
    deeds = Deeds()
    for day in (10, 99, 100, 100):
        deeds.lifetime += 1
        deeds.add(day)
    assert [deeds.total(100, width) for width in (1, 7, 365)] == [2, 3, 4]
    deeds.drop(99)
    assert (deeds.lifetime, deeds.days, deeds.total(100, 365)) == (4, [99, 100], 3)
    assert deeds.moves(100, 105, 5)
    assert not deeds.moves(100, 101, 30)


def test_a_publisher_cannot_make_kinds_without_end() -> None:
    """Beyond the limit new custom kinds are counted together; known ones and standard ones go on."""
    kinds: dict[str, Deeds] = {}
    for kind in (*(f"custom:{number}" for number in range(MAX_KINDS + 50)), "custom:0", "view"):
        deeds_of(kinds, kind).lifetime += 1
    assert len(kinds) == MAX_KINDS + 2
    assert [kinds[kind].lifetime for kind in ("custom:0", OTHER_KINDS, "view")] == [2, 50, 1]
