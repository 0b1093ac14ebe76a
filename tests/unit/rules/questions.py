"""Conditions of all sorts, and customers at and around every edge that these have."""

from datetime import date, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from services.contracts.profile import Happening, Octant, RfSegment, Window
from services.rules.language.condition import Predicate, make_predicate
from services.rules.language.scene import Scene
from services.rules.language.syntax import parse_expression
from services.runtime.problems import Place
from tests.unit.rules.customers import NOON, TODAY, VOCABULARY, scene, windows

_SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_SMALL = st.integers(0, 6)
_OCTANTS = st.sampled_from([octant.value for octant in (Octant.KEEP, Octant.RETAIN, Octant.CHAMPION)])


def _compared(*features: str, values: st.SearchStrategy[Any] = _SMALL) -> st.SearchStrategy[str]:
    return st.builds("{} {} {}".format, st.sampled_from(features), _SIGNS, values)


ATOMS = st.one_of(
    _compared("r", "f", "m", "orders", 'orders("30d")', "lifetime_orders", 'count("view", "30d")'),
    _compared("recency_days", "days_since_first_order", 'tier_days("community")', "overdue", "activity", 'attr("x")'),
    _compared("discount_share", "refund_share", values=st.sampled_from(["0", "0.5", "1", "-1", "30%"])),
    _compared("net_minor", "average_order_minor", values=st.sampled_from(["0", "3", "0.03 CNY", "0.03 USD"])),
    _compared("event.value", "event.amount_minor", values=st.sampled_from(["1", "3"])),
    _compared('since("view")', values=st.sampled_from(["0s", "2h", "1d"])),
    _compared("0", "3", values=st.sampled_from(["r", "recency_days", "net_minor", 'attr("x")'])),
    st.builds('segment {} "{}"'.format, st.sampled_from(["==", "!="]), _OCTANTS),
    st.builds('segment {} ["{}", "{}"]'.format, st.sampled_from(["in", "not in"]), _OCTANTS, _OCTANTS),
    st.builds("{} < {} <= {}".format, _SMALL, st.sampled_from(["r", "recency_days", "activity"]), _SMALL),
    st.builds("{} in [{}, {}]".format, st.sampled_from(["r", "recency_days", 'attr("x")']), _SMALL, _SMALL),
    st.builds(
        'event.type {} "{}"'.format, st.sampled_from(["==", "!="]), st.sampled_from(["interaction", "order.paid"])
    ),
    st.builds('event.kind {} "{}"'.format, st.sampled_from(["==", "!="]), st.sampled_from(["view", "share"])),
    st.builds('tier("community") {} "{}"'.format, st.sampled_from(["==", "!="]), st.sampled_from(["外围", "核心"])),
    st.sampled_from(
        [
            "super_user",
            "super_user == false",
            'tagged("a")',
            'tagged("a") != true',
            'attr("x") == "t"',
            'attr("x") != "t"',
            'attr("x") == true',
            "net_minor / orders > 2",
            "net_minor > orders",
            'event.touchpoint == "order"',
            'rf_segment == "champions"',
        ]
    ),
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not {}".format, inner.map(lambda text: f"({text})")),
    ),
    max_leaves=5,
)
"""Sound conditions, many of which never or always hold."""


def predicate_of(text: str) -> Predicate:
    tree, problems = parse_expression(text, Place("f"), VOCABULARY)
    assert not problems, problems
    return make_predicate(text, text, tree)


def _customer(random: Random) -> Scene:
    """One whose every value lies at an edge, or next to it."""

    def small() -> int:
        return random.randint(0, 6)

    def day() -> date | None:
        return random.choice([None, *(TODAY - timedelta(days=n) for n in range(7))])

    view = windows(view=small())
    event = random.choice(
        [
            None,
            Happening(type="order.paid", amount_minor=small(), discount_minor=0, shop="s"),
            Happening(type="order.refunded", amount_minor=small()),
            Happening(type="interaction", kind="view", value=float(small()), touchpoint="order"),
            Happening(type="interaction", kind="share", value=1.0),
            Happening(type="customer.updated"),
        ]
    )
    at = scene(
        tiers={"community": random.choice(["外围", "影响", "核心"])},
        r=random.randint(1, 5),
        f=random.randint(1, 5),
        m=random.randint(1, 5),
        segment=random.choice(list(Octant)),
        rf_segment=random.choice(list(RfSegment)),
        super_user=random.random() < 0.5,
        orders=small(),
        net_minor=random.randint(-1, 6),
        average_order_minor=random.choice([None, small()]),
        discount_share=random.choice([None, 0.0, 0.3, 0.5, 1.0]),
        refund_share=random.choice([None, 0.0, 0.5, 1.0]),
        rhythm_days=random.choice([None, 1.0, 2.0, 1.5]),
        windows={name: Window(orders=small(), counts=window.counts) for name, window in view.items()},
        lifetime=Window(orders=small(), net_minor=small()),
        first_order_day=day(),
        last_order_day=day(),
        currency=random.choice(["CNY", "USD", "EUR"]),
        activity=random.choice([0.0, 0.5, 1.0, 2.5, 3.0, 4.0, 6.0, 9.5]),
        tags=random.choice([(), ("a",)]),
        attributes=random.choice([{}, {"x": "t"}, {"x": "u"}, {"x": True}, {"x": small()}, {"x": 2.5}]),
        last_at=random.choice([{}, {"view": NOON - timedelta(hours=random.choice([0, 2, 24, 30]))}]),
    )
    at.event, at.began_ms = event, random.choice([None, at.now_ms - small() * 86_400_000])
    return at


_RANDOM = Random(11)  # noqa: S311 - no secret
CUSTOMERS = [_customer(_RANDOM) for _ in range(600)]
"""The same ones at every run."""
