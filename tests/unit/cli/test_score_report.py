"""The figures of a report, and the page they make."""

import html
import json
import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.report import Chart
from services.cli.scores import display, report
from services.cli.scores.concentration import GRAIN, Concentration
from services.cli.scores.refusals import Refusals
from services.cli.scores.summary import FIFTHS, Limits, Scored, Summary, activity_class
from services.cli.scores.words import OCTANTS, SEGMENTS
from services.contracts.population import Cutoffs
from services.contracts.population import Limits as PopulationLimits
from services.contracts.profile import Octant, RfSegment

FIXED = Limits(
    (14, 30, 90, 180), (2, 3, 6, 12), (10_000, 50_000, 150_000, 500_000), beyond=False, source="scoring.yaml"
)
SCORES = st.integers(1, 5)
ROWS = st.lists(
    st.builds(
        Scored,
        r=SCORES,
        f=SCORES,
        m=SCORES,
        octant=st.sampled_from(Octant),
        rf_segment=st.sampled_from(RfSegment),
        recency_days=st.none() | st.integers(0, 400),
        orders=st.integers(1, 9),
        net_minor=st.integers(-(10**6), 10**8),
        super_user=st.booleans(),
        activity=st.floats(0, 200),
    )
)


def summary(*rows: Scored, limits: Limits = FIXED, above: float | None = 300_000.0) -> Summary:
    found = Summary(
        as_of=datetime(2026, 2, 1, 8, tzinfo=ZoneInfo("Asia/Shanghai")),
        currency="CNY",
        window_days=365,
        limits=limits,
        super_user_above=above,
    )
    for row in rows:
        found.add(row)
    return found


def buyer(net_minor: int = 1000, r: int = 5, f: int = 5, **changes: Any) -> Scored:
    scored = Scored(r, f, 3, Octant.CHAMPION, RfSegment.of(r, f), 3, 2, net_minor, super_user=False, activity=0.0)
    return scored._replace(**changes)


def texts(found: Summary, refusals: Refusals | None = None) -> str:
    """The page without its style and scripts, on one line."""
    page = report.page(found, refusals).render().partition("<body>")[2]
    return " ".join(html.unescape(re.sub(r"<script.*?</script>|<[^>]+>", " ", page, flags=re.DOTALL)).split())


def options(found: Summary) -> list[dict[str, Any]]:
    blocks = [block for section in report.page(found).sections for block in section.blocks]
    return [json.loads(json.dumps(block.option)) for block in blocks if isinstance(block, Chart)]


@given(ROWS)
def test_every_buyer_is_counted_once_everywhere(rows: list[Scored]) -> None:
    """Octants, segments, cells, scores and days add up to the buyers, in people and in money."""
    found = summary(*rows)
    buyers = [row for row in rows if row.recency_days is not None]
    net = sum(row.net_minor for row in buyers)
    assert (found.customers, found.net_minor) == (len(rows), sum(row.net_minor for row in rows))
    assert found.orders == sum(row.orders for row in buyers)
    for groups in (found.octants.values(), found.segments.values(), found.cells.values(), [found.buyers]):
        assert sum(group.customers for group in groups) == len(buyers)
        assert sum(group.net_minor for group in groups) == net
    for name in "rfm":
        assert found.scores[name].total() == len(buyers)
    assert found.recency_days.total() == len(buyers) == sum(display.recency_bars(found.recency_days).values())
    assert found.activity.total() == len(rows) == sum(display.activity_bars(found.activity).values())
    assert found.super_users.customers == sum(row.super_user for row in buyers)


@given(ROWS)
def test_any_customers_make_a_page(rows: list[Scored]) -> None:
    """Whoever they are, every figure of the page is one that JSON can hold."""
    assert report.page(summary(*rows)).render().startswith("<!doctype html>")


def test_cells_stand_as_the_heat_map_shows_them() -> None:
    """The best recency is the first row; where there is nobody, there is no mean."""
    found = summary(buyer(100, r=5, f=1), buyer(301, r=5, f=1), buyer(50, r=1, f=5))
    assert found.customers_by_cell()[0] == [2, 0, 0, 0, 0]
    assert found.customers_by_cell()[4] == [0, 0, 0, 0, 1]
    assert found.mean_money_by_cell()[0] == [200.5, None, None, None, None]
    money = options(found)[1]["series"][0]["data"]
    assert [cell["value"] for cell in money] == [[0, 0, 2.0], [4, 4, 0.5]]


@given(st.lists(st.integers(-100, 10**6), max_size=60))
def test_the_curve_is_that_of_sorted_amounts(amounts: list[int]) -> None:
    """The best x % hold what they hold when everybody is put in a row; who brought nothing is not among them."""
    found = Concentration()
    for amount in amounts:
        found.add(amount)
    money = sorted((amount for amount in amounts if amount > 0), reverse=True)
    best = [-(-len(money) * percent // 100) for percent in range(101)]
    assert list(found.curve()) == ([pytest.approx(sum(money[:count]) / sum(money)) for count in best] if money else [])


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=60))
def test_a_coarse_curve_is_nearly_the_same(amounts: list[int]) -> None:
    """With many different amounts only the leading digits of each are kept."""
    exact, coarse = Concentration(), Concentration(most_amounts=3)
    for amount in amounts:
        exact.add(amount)
        coarse.add(amount)
    assert list(coarse.curve()) == pytest.approx(list(exact.curve()), abs=2.0 ** (1 - GRAIN))


def test_counting_amounts_is_bounded() -> None:
    """A hundred thousand different amounts of one size need no more than the digits that are kept."""
    found = Concentration(most_amounts=1000)
    for amount in range(10**9, 10**9 + 10**8, 1000):
        found.add(amount)
    assert len(found._counts) <= 1 + 10**8 / 2 ** (30 - GRAIN)


@pytest.mark.parametrize(
    ("activity", "expected"), [(0, 0), (1e-9, 1), (0.99, 1), (1, 2), (4.9, 2), (5, 3), (20, 4), (99, 4), (100, 5)]
)
def test_activity_is_counted_in_steps(activity: float, expected: int) -> None:
    """Nothing is told from next to nothing."""
    assert activity_class(activity) == expected


@pytest.mark.parametrize(
    ("days", "bars"),
    [
        ({}, {}),
        ({0: 3, 2: 1}, {"0": 3, "1": 0, "2": 1}),
        ({0: 99, 30: 1}, {"0": 99} | {str(day): 0 for day in range(1, 16)} | {"16+": 1}),
        ({6: 5, 7: 5, 100: 90}, {"0–6": 5, "7–13": 5, **{f"{at}–{at + 6}": 0 for at in range(14, 98, 7)}, "98–104": 90}),
    ],
)  # fmt: skip
def test_days_fall_into_classes_of_equal_width(days: dict[int, int], bars: dict[str, int]) -> None:
    """As narrow as nearly everybody fits in; the few beyond share the last."""
    assert display.recency_bars(days) == bars


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(0, "CNY", "0.00 CNY"), (123456, "CNY", "1,234.56 CNY"), (-5, "USD", "-0.05 USD"), (1980, "JPY", "1,980 JPY"),
     (99_999_999, "CNY", "999,999.99 CNY"), (123_456_789, "CNY", "1.23 M CNY"), (1234, "KWD", "1.234 KWD")],
)  # fmt: skip
def test_money_is_shown_in_its_currency(minor: int, currency: str, text: str) -> None:
    """With as many decimals as it has, and in millions where there are millions."""
    assert display.money(minor, currency) == text


def test_limits_are_told_in_words() -> None:
    """From a limit on where they are fixed, beyond it where they are the population's."""
    found = texts(summary(buyer()))
    assert "5 up to 14 days ago 1 12 or more 1 5,000.00 CNY or more 0" in found
    assert "1 more than 180 days ago 0 less than 2 0 less than 100.00 CNY 0" in found
    assert "Limits: scoring.yaml. A super user brings more than 3,000.00 CNY." in found
    zero = PopulationLimits(cuts=(1, 2.5, 4, 8), rises=(), falls=(), mean=0, median=0, score_mean=0)
    cutoffs = Cutoffs(
        version="v", epoch=datetime(2026, 2, 1, tzinfo=UTC), zone="UTC", customers=1, reported=1, partitions=1,
        recency=zero, frequency=zero, money=zero, super_user_enter=0, super_user_leave=0,
    )  # fmt: skip
    found = texts(summary(buyer(), limits=Limits.of_population(cutoffs, "fifths"), above=None))
    assert "5 up to 1 day ago 1 more than 8 1 more than 0.08 CNY 0" in found
    assert "4 up to 2.50 days ago 0 more than 4 0 more than 0.04 CNY 0" in found
    assert "1 more than 8 days ago 0 up to 1 0 up to 0.01 CNY 0 Limits: fifths." in found


def test_the_page_tells_figures_and_segments_in_both_languages() -> None:
    """Customers without a purchase are named apart, segments have their Chinese names and what these mean."""
    idle = buyer(0, recency_days=None, orders=0)
    found = texts(summary(buyer(900_000, super_user=True), buyer(100_000, r=1), idle))
    assert "as of 2026-02-01 08:00 (Asia/Shanghai), over 365 days." in found
    assert "customers 3 1 bought nothing in the window buyers 2 4 orders revenue 10,000.00 CNY" in found
    assert "share of the top 20 % 90.0 %" in found
    assert "super users 超级用户 1 90.0 % of the buyers' revenue" in found
    assert "冠军客户 champions 刚买过，而且买得最勤 bought just now, and often: thank them 1 50.0 90.0" in found
    assert "不能失去 cant lose 以前买得最勤，很久没来" in found
    for words in (*OCTANTS.values(), *SEGMENTS.values()):
        assert f"{words.means_zh} {words.means}" in found


def test_nobody_makes_a_page_too() -> None:
    """Without customers there are no limits, no shares, and nothing left out."""
    found = texts(summary(limits=Limits((), (), (), beyond=True, source=""), above=None))
    assert "share of the top 20 % –" in found
    assert "super users" not in found
    assert "What a score means" not in found
    assert "left out" not in found


def test_what_was_left_out_is_told() -> None:
    """How many lines, for which reasons, and the first of them; as text, whatever they are."""
    refusals = Refusals()
    for line in range(2, 30):
        refusals.add(f"a.csv:{line}", "wrong_columns", "<b>no</b>")
    found = texts(summary(buyer()), refusals)
    assert "lines left out 28 see the end of the page" in found
    assert "wrong_columns 28" in found
    assert "a.csv:11 <b>no</b>" in found
    assert "a.csv:12" not in found


def test_every_segment_has_words() -> None:
    """In the order of the scores, and no name twice."""
    assert list(OCTANTS) == list(Octant)
    assert list(SEGMENTS) == list(RfSegment)
    assert all(words.name == octant.value for octant, words in OCTANTS.items())
    assert len({words.name for words in SEGMENTS.values()}) == len(RfSegment)
    assert len(list(FIFTHS)) == 5
