"""Rule sets and lives made up by hypothesis: conditions over the whole catalogue, every key of the rules, events and silence."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st

from services.contracts.profile import Happening, Octant, Profile, RfSegment, Window
from services.rules.language.syntax import parse_expression
from services.rules.language.terms import Vocabulary
from services.runtime.problems import Place
from tests.unit.rules.customers import profile, windows

ZONES = ("Asia/Shanghai", "America/New_York", "Europe/Berlin", "Africa/Casablanca")
START = datetime(2026, 3, 5, 3, tzinfo=UTC)
"""Before the clocks change in New York, in Berlin and in Casablanca."""
KINDS = ("view", "cart_add", "checkout")
TYPES = ("order.paid", "order.refunded")
COMPARE = ("==", "!=", "<", "<=", ">", ">=")

orders = st.sampled_from(COMPARE)
small = st.integers(-1, 6).map(str) | st.sampled_from(["2.5", "0.5", "30%", "1_0"])
scores = st.sampled_from(
    ["r", "f", "m", "orders", "lifetime_orders", 'orders("30d")', 'count("view")', 'count("view", "7d")']
)
daily = st.sampled_from(["recency_days", "days_since_first_order", "rhythm_days"])
amounts = st.sampled_from(["5 CNY", "100元", "120.5 CNY", "5 USD", "12345", "0 CNY"])
lengths = st.sampled_from(["1h", "36h", "5d", "90m", "2w", "0s"])
days = st.integers(0, 40).map(lambda n: f"{n}d" if n % 2 else str(n))
levels = st.sampled_from(["0.5", "1", "3", "4.25", "8", "15.9"])
names = st.sampled_from([*KINDS, "order.paid"])


def _say(shape: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda said: shape.format(*said))


numbers = st.recursive(
    st.one_of(scores, daily, small, st.just("net_minor"), st.just('attr("age")'), st.just("overdue"), amounts),
    lambda inner: _say("({} {} {})", inner, st.sampled_from("+-*/"), inner) | _say("-({})", inner),
    max_leaves=4,
)


def _sound(text: str) -> bool:
    return not parse_expression(text, Place("f", 1, 1), Vocabulary({}))[1]


_octants = st.sampled_from([octant.value for octant in Octant])
plain_terms = st.one_of(
    _say("{} {} {}", scores, orders, small),
    _say("{} {} {}", numbers, orders, numbers).filter(_sound),
    _say("{} {} {}", st.sampled_from(["net_minor", "average_order_minor", 'net_minor("90d")']), orders, amounts),
    _say('segment {} "{}"', st.sampled_from(["==", "!="]), _octants),
    _say('segment {} ["{}", "{}"]', st.sampled_from(["in", "not in"]), _octants, _octants),
    _say('rf_segment in ["{}"]', st.sampled_from([segment.value for segment in RfSegment])),
    _say('attr("{}") {} {}', st.sampled_from(["age", "城市"]), st.sampled_from(["==", "!="]), st.sampled_from(['"上海"', "41", "true", "1"])),
    _say('attr("{}") {} [{}, {}]', st.sampled_from(["age", "城市"]), st.sampled_from(["in", "not in"]), st.sampled_from(['"上海"', "41"]), small),
    _say("{} < {} <= {}", small, scores, small),
    _say('{}tagged("vip")', st.sampled_from(["", "not "])),
    _say("super_user {} {}", st.sampled_from(["==", "!="]), st.sampled_from(["true", "false", 'tagged("vip")'])),
)  # fmt: skip
timed_terms = st.one_of(
    _say("{} {} {}", st.sampled_from(["recency_days", "days_since_first_order"]), orders, days),
    _say("{} in [{}, {}]", daily, days, days),
    _say("overdue {} {}", orders, st.sampled_from(["0.5", "1", "2", "3.25"])),
    _say("{} <= recency_days < {}", days, days),
    _say("activity {} {}", st.sampled_from(["<", "<=", ">", ">="]), levels),
    _say("{} < activity <= {}", levels, levels),
    _say('since("{}") {} {}', names, orders, lengths),
    _say('{} <= since("{}") < {}', lengths, names, lengths),
    _say('(since("{}") > {}) == (r >= 3)', names, lengths),
    _say('(activity >= {}) in [super_user, tagged("vip")]', levels),
)
event_terms = st.one_of(
    _say('event.kind == "{}"', st.sampled_from(KINDS)),
    _say('event.type {} "{}"', st.sampled_from(["==", "!="]), st.sampled_from([*TYPES, "interaction"])),
    _say("event.amount_minor {} {}", orders, amounts),
    _say("event.value {} {}", orders, small),
    _say('event.touchpoint in ["{}"]', st.sampled_from(["order", "consult"])),
    st.just("event.amount_minor > event.discount_minor * 2"),
    st.just('not event.kind == "view"'),
)


easy_terms = st.one_of(
    _say("{} >= {}", st.sampled_from(["r", "f"]), st.sampled_from(["1", "2", "3"])),
    _say("activity {} {}", st.sampled_from(["<", ">="]), levels),
    _say('not since("{}") {} {}', names, st.sampled_from(["<", ">="]), lengths),
    _say("not recency_days {} {}", st.sampled_from(["<", ">="]), days),
    _say('event.kind == "{}"', st.sampled_from(KINDS)),
)
"""Those that often hold, so that campaigns get to their later steps."""


def tier_terms(ladders: Sequence[tuple[str, Sequence[str]]]) -> list[st.SearchStrategy[str]]:
    """What campaigns may ask of ladders."""
    return [
        term
        for name, tiers in ladders
        for term in (
            _say('tier("{}") {} "{}"', st.just(name), st.sampled_from(["==", "!="]), st.sampled_from(list(tiers))),
            _say('tier_days("{}") {} {}', st.just(name), orders, days),
        )
    ]


def formulas(terms: st.SearchStrategy[str], leaves: int = 3) -> st.SearchStrategy[str]:
    """Terms, put together with words."""
    return st.recursive(
        terms,
        lambda inner: st.one_of(
            _say("({} {} {})", inner, st.sampled_from(["and", "or"]), inner), _say("(not {})", inner)
        ),
        max_leaves=leaves,
    )


def items(terms: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """One item of a list: a formula or a block."""
    plain: st.SearchStrategy[Any] = formulas(terms)
    return st.recursive(
        plain,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
            st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"not": parts}),
            inner.map(lambda part: {"not": part}),
        ),
        max_leaves=2,
    )


def conditions(terms: st.SearchStrategy[str], most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(items(terms), min_size=1, max_size=most)


durations = st.sampled_from(["30m", "1h", "36h", "1d", "3d", "5d", "2w"])
_templates = st.sampled_from(["a", "b", "c", "d"])
_named = st.lists(_templates, min_size=2, max_size=3, unique=True)
variants = st.one_of(
    _named.map(lambda names: [{"name": name, "template": name} for name in names]),
    st.tuples(_named, st.sampled_from(["30%", "0.5%", "66.6%"])).map(
        lambda said: [
            {"name": "A", "template": said[0][0], "share": said[1]},
            {"name": "乙", "template": said[0][1], "share": f"{100 - float(said[1][:-1]):g}%"},
        ]
    ),
)
notifies = st.builds(
    lambda said, to, expires: {**said, "channels": ["console"], "category": "service", "to": to, "expires": expires},
    st.one_of(
        _templates.map(lambda template: {"template": template}),
        _templates.map(lambda template: {"template": template, "params": {"n": "= recency_days", "coupon": "WB20"}}),
        variants.map(lambda said: {"variants": said}),
    ),
    st.sampled_from(["customer", "owner"]),
    st.sampled_from(["0s", "1h", "3d", "3d", "2w"]),
)
_clocks = st.sampled_from(["00:00", "02:30", "10:00", "23:59"])
schedules = st.one_of(
    st.builds(
        lambda every, at: {"every": every, "at": at},
        st.sampled_from(["day", "weekday", "monday", "tuesday", "sunday"]),
        _clocks,
    ),
    st.builds(lambda on, at: {"every": "month", "on": on, "at": at}, st.sampled_from([1, 8, 29, 31]), _clocks),
)
_dates = st.integers(0, 50).map(lambda n: (START.date() + timedelta(days=n)).isoformat())
periods = st.one_of(
    _dates.map(lambda day: {"from": day}),
    _dates.map(lambda day: {"to": day}),
    st.tuples(_dates, _dates).map(lambda pair: {"from": min(pair), "to": max(pair)}),
)
sequences = st.tuples(
    st.sampled_from([*KINDS, "order.paid"]),
    st.lists(st.builds(lambda event, within: {"event": event, "within": within}, names, durations), max_size=2),
    st.none() | st.builds(lambda no, within: {"no": no, "within": within}, names, durations),
).map(lambda parts: [parts[0], *parts[1], parts[2] or {"event": "view", "within": "3d"}])


def _maybe(draw: st.DrawFn, rule: dict[str, Any], key: str, values: st.SearchStrategy[Any], chance: int = 3) -> None:
    if draw(st.integers(1, chance)) == chance:
        rule[key] = draw(values)


@st.composite
def ladders(draw: st.DrawFn, name: str, facts: Sequence[str]) -> dict[str, Any]:
    """What an event says, and the days in a tier, can be asked by `enter` only: see the tests of ladders."""
    lasting = [plain_terms, timed_terms, *([st.sampled_from(list(facts))] if facts else [])]
    leave = conditions(st.one_of(*lasting, lasting[0], event_terms, _say("tier_days >= {}", days)), 2)
    seated = conditions(st.one_of(*lasting), 2)
    enter = conditions(st.one_of(*lasting, lasting[1], event_terms, _say("tier_days >= {}", days)), 2)
    tiers: list[dict[str, Any]] = [{"name": "t0"}]
    for i in range(1, draw(st.integers(2, 4))):
        tier: dict[str, Any] = {"name": f"t{i}", "enter": draw(enter)}
        if draw(st.integers(1, 6)) == 6:
            # a claim to a seat that lasts for one look is none
            tier |= {"enter": draw(seated), "capacity": {"max": 3, "rank_by": "activity", "review": "daily"}}
        _maybe(draw, tier, "leave", leave, 2)
        _maybe(draw, tier, "stay_at_least", durations, 2)
        tiers.append(tier)
    rule: dict[str, Any] = {"kind": "ladder", "name": name, "tiers": tiers}
    _maybe(draw, rule, "mode", st.sampled_from(["live", "shadow"]), 4)
    jumps = st.one_of(
        st.builds(lambda to, notify: {"to": to, "notify": notify}, st.sampled_from(["t0", "t1"]), notifies),
        notifies.map(lambda notify: {"to_lower": True, "notify": notify}),
        notifies.map(lambda notify: {"from": "t0", "to_higher": True, "notify": notify}),
    )
    _maybe(draw, rule, "on_jump", st.lists(jumps, min_size=1, max_size=3), 2)
    return rule


@st.composite
def campaigns(draw: st.DrawFn, name: str, terms: st.SearchStrategy[str]) -> dict[str, Any]:
    easy = st.lists(easy_terms, min_size=1, max_size=2)
    wanted = st.one_of(easy, conditions(terms))
    rule: dict[str, Any] = {"kind": "campaign", "name": name, "when": draw(wanted)}
    _maybe(draw, rule, "schedule", schedules)
    _maybe(draw, rule, "sequence", sequences)
    if "sequence" in rule and draw(st.booleans()):
        del rule["when"]
    _maybe(draw, rule, "active", periods, 4)
    _maybe(draw, rule, "until", conditions(terms, 1))
    _maybe(draw, rule, "cooldown", durations, 2)
    _maybe(draw, rule, "holdout", st.just("40%"), 4)
    _maybe(draw, rule, "exclusive", st.sampled_from(["one", "one", "other"]), 2)
    _maybe(draw, rule, "mode", st.sampled_from(["live", "shadow"]), 4)
    _maybe(draw, rule, "priority", st.integers(0, 3), 2)
    goals = st.builds(lambda event, within: {"event": event, "within": within}, names, durations)
    _maybe(draw, rule, "goal", goals, 2)
    steps: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(0, 4))):
        step: dict[str, Any] = {}
        match draw(st.sampled_from(["wait", "wait", "notify", "gate"])):
            case "wait":
                step["wait"] = draw(durations)
            case "notify":
                step["notify"] = draw(notifies)
                _maybe(draw, step, "when", wanted)
            case _:
                step["when"] = draw(wanted)
        steps.append(step)
    last: dict[str, Any] = {"notify": draw(notifies)}
    _maybe(draw, last, "when", wanted, 4)
    rule["steps"] = [*steps, last]
    return rule


def text_of(rules: Sequence[dict[str, Any]]) -> str:
    """Rules as the text of a file: JSON is YAML."""
    return "\n---\n".join(json.dumps(rule, ensure_ascii=False) for rule in rules)


@st.composite
def rule_sets(draw: st.DrawFn) -> str:
    """The text of a whole rule set."""
    rules: list[dict[str, Any]] = []
    facts: list[str] = []
    base = st.one_of(plain_terms, timed_terms)
    for i in range(draw(st.integers(0, 3))):
        some = st.one_of(base, *([st.sampled_from(list(facts))] if facts else []))
        facts.append(f"fact{i}")
        rules.append({"define": {facts[-1]: draw(conditions(some, 2))}})
    known = [(f"l{i}", ("t0", "t1")) for i in range(draw(st.integers(0, 2)))]
    rules += [draw(ladders(name, facts)) for name, _ in known]
    more = [*tier_terms(known), *([st.sampled_from(list(facts))] if facts else [])]
    if draw(st.booleans()):
        # facts for campaigns alone: about events and tiers
        rules.append({"define": {"late": draw(conditions(st.one_of(base, event_terms, *more), 2))}})
        more.append(st.just("late"))
    terms = st.one_of(plain_terms, timed_terms, timed_terms, event_terms, *more)
    rules += [draw(campaigns(f"c{i}", terms)) for i in range(draw(st.integers(0 if known else 1, 5)))]
    return text_of(rules)


happenings = st.one_of(
    st.builds(
        Happening,
        type=st.just("interaction"),
        kind=st.sampled_from(KINDS),
        value=st.none() | st.sampled_from([1.0, 3.5]),
        touchpoint=st.sampled_from([None, "order", "consult"]),
    ),
    st.builds(
        Happening,
        type=st.sampled_from(TYPES),
        amount_minor=st.sampled_from([300, 500, 12345]),
        discount_minor=st.none() | st.sampled_from([0, 200]),
    ),
)
_changes = st.fixed_dictionaries(
    {
        "r": st.integers(1, 5),
        "f": st.integers(1, 5),
        "m": st.integers(1, 5),
        "segment": st.sampled_from(Octant),
        "rf_segment": st.sampled_from(RfSegment),
        "tags": st.sampled_from([(), ("vip",)]),
        "orders": st.integers(0, 4),
        "net_minor": st.sampled_from([0, 500, 10_000, 12_345, 12_050]),
        "average_order_minor": st.sampled_from([None, 500, 12_050]),
        "activity": st.sampled_from([0.0, 1.0, 4.25, 9.0, 20.0]),
        "windows": st.sampled_from([windows(), windows(view=3), {"7d": Window(orders=1, net_minor=500)}]),
        "rhythm_days": st.sampled_from([None, 0.3, 3.5, 7.0]),
        "super_user": st.booleans(),
        "currency": st.sampled_from(["CNY", "CNY", "USD"]),
        "attributes": st.sampled_from([{}, {"age": 41, "城市": "上海"}, {"age": "41", "城市": True}, {"age": True, "城市": 1.0}]),
    }
)  # fmt: skip
_gaps = st.integers(0, 12 * 24 * 3600).map(lambda s: timedelta(seconds=s)) | st.sampled_from(
    [timedelta(0), timedelta(milliseconds=1), timedelta(hours=1), timedelta(hours=36), timedelta(days=5)]
)
_lags = st.sampled_from([timedelta(0)] * 4 + [timedelta(hours=1), timedelta(hours=40)])


def _days_before(day: date, count: int) -> date:
    return day - timedelta(days=count)


@st.composite
def lives(draw: st.DrawFn, longest: int = 7) -> list[Profile]:
    """The profiles of one customer, in order."""
    made: list[Profile] = []
    zone, now, last_at = draw(st.sampled_from(ZONES)), START, dict[str, datetime]()
    customer = draw(st.sampled_from(["客户-1", "b", "c"]))
    changes = draw(_changes)
    for version in range(draw(st.integers(1, longest))):
        now += draw(_gaps)
        happened = draw(st.one_of(st.none(), happenings, happenings, happenings))
        occurred = now - draw(_lags)
        if happened is not None:
            name = happened.kind or happened.type
            last_at = {**last_at, name: max(occurred, last_at.get(name, occurred))}
        if draw(st.booleans()):
            changes = draw(_changes)
        ordered = draw(st.none() | st.integers(-1, 12).map(partial(_days_before, now.date())))
        made.append(
            profile(
                customer_id=customer, version=version, as_of=now, occurred_at=occurred if happened else now,
                zone=zone, event=happened, last_at=last_at, activity_at=now, half_life_days=9.0,
                last_order_day=ordered, first_order_day=None if ordered is None else ordered - timedelta(days=3),
                **changes,
            )
        )  # fmt: skip
    return made


def seats_of(reviewed: Mapping[str, bool]) -> Callable[[str, str], bool | None]:
    """Seats for everyone in some tiers, for nobody in others, and others without a review."""
    return lambda slot, _customer: reviewed.get(slot)


seatings = st.dictionaries(st.sampled_from(["l0/t1", "l0/t2", "l1/t1", "l1/t3"]), st.booleans())
