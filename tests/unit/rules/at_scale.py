"""A company's worth of rules and customers, the same every time: thousands of rules, tens of thousands of people."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from services.contracts.profile import Happening, Octant, Profile, Window
from tests.unit.rules.customers import profile
from tests.unit.rules.generated import START, ZONES

KINDS = ("view", "cart_add", "checkout", "message")
CITIES = ("上海", "北京", "成都", "广州", "杭州")
PER_FILE = 250
TAGS = 60
_SEGMENTS = list(Octant)


def rule_files(campaigns: int, ladders: int, seed: int = 1) -> dict[str, str]:
    """Texts by file name."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    rules = [*_facts(chance), *(_ladder(chance, i) for i in range(ladders))]
    rules += [_campaign(chance, i, ladders) for i in range(campaigns)]
    return {
        f"{at:05}.yaml": "\n---\n".join(json.dumps(rule, ensure_ascii=False) for rule in rules[at : at + PER_FILE])
        for at in range(0, len(rules), PER_FILE)
    }


def customers(count: int, seed: int = 1) -> Iterator[Profile]:
    """One profile of each."""
    for i in range(count):
        yield customer(random.Random(f"{seed}/{i}"), i)  # noqa: S311 - reproducible, not secret


def customer(chance: random.Random, i: int, version: int = 1) -> Profile:
    now = START + timedelta(milliseconds=chance.randrange(86_400_000), days=version - 1)
    event = chance.choice(
        [
            None,
            *(Happening(type="interaction", kind=kind) for kind in KINDS),
            Happening(type="order.paid", amount_minor=chance.randrange(100_000)),
        ]
    )
    ordered = None if chance.random() < 0.2 else now.date() - timedelta(days=chance.randrange(90))
    past = {kind: now - timedelta(minutes=chance.randrange(50_000)) for kind in (*KINDS, "order.paid")}
    window = Window(
        orders=chance.randrange(4), net_minor=chance.randrange(90_000), counts={"view": chance.randrange(9)}
    )
    return profile(
        customer_id=f"客户-{i}",
        version=version,
        as_of=now,
        occurred_at=now,
        zone=ZONES[i % len(ZONES)] if i % 10 == 0 else "Asia/Shanghai",
        event=event,
        last_at=past if event is None else past | {event.kind or event.type: now},
        r=chance.randint(1, 5),
        f=chance.randint(1, 5),
        m=chance.randint(1, 5),
        segment=chance.choice(_SEGMENTS),
        orders=chance.randrange(9),
        net_minor=chance.randrange(500_000),
        activity=round(chance.random() * 30, 3),
        activity_at=now,
        last_order_day=ordered,
        first_order_day=None if ordered is None else ordered - timedelta(days=chance.randrange(300)),
        windows={"7d": window, "30d": window, "90d": window, "365d": window},
        tags=tuple(f"tag{n}" for n in range(TAGS) if chance.random() < 0.04),
        attributes={"城市": chance.choice(CITIES), "age": chance.randrange(18, 70)},
    )


def _facts(chance: random.Random) -> list[dict[str, Any]]:
    facts = {f"fact{i}": [_condition(chance), _condition(chance)] for i in range(40)}
    facts |= {f"fact{i}": [f"fact{i - 40}", f"fact{i - 39}"] for i in range(40, 60)}
    return [{"define": facts}]


def _condition(chance: random.Random) -> str:
    shapes: list[Callable[[], str]] = [
        lambda: f"{chance.choice('rfm')} {chance.choice(['>=', '<=', '=='])} {chance.randint(1, 5)}",
        lambda: f'segment == "{chance.choice(_SEGMENTS).value}"',
        lambda: f'attr("城市") == "{chance.choice(CITIES)}"',
        lambda: f'tagged("tag{chance.randrange(TAGS)}")',
        lambda: f"net_minor >= {chance.randrange(5000)} CNY",
        lambda: f'count("view", "30d") >= {chance.randrange(9)}',
        lambda: f"recency_days >= {chance.randrange(90)}d",
        lambda: f"activity < {chance.randrange(1, 300) / 10}",
        lambda: f'since("{chance.choice(KINDS)}") >= {chance.randrange(1, 1000)}h',
        lambda: f'attr("age") >= {chance.randrange(18, 70)} and orders > {chance.randrange(9)}',
        lambda: f"days_since_first_order < {chance.randrange(300)}",
    ]
    return chance.choice(shapes)()


def _notify(chance: random.Random) -> dict[str, Any]:
    return {"template": f"t{chance.randrange(99)}", "channels": ["console"], "category": "service"}


def _ladder(chance: random.Random, i: int) -> dict[str, Any]:
    limit, tag = chance.randrange(4, 25), f'tagged("tag{chance.randrange(TAGS)}")'
    return {
        "kind": "ladder",
        "name": f"ladder{i}",
        "tiers": [
            {"name": "t0"},
            {"name": "t1", "enter": [tag, f"activity >= {limit}"], "leave": [f"activity < {limit / 2}"]},
            {
                "name": "t2",
                "enter": [tag, _condition(chance), f"activity >= {limit}"],
                "leave": [f"recency_days >= {limit}"],
                "stay_at_least": "3d",
            },
        ],
    }


def _campaign(chance: random.Random, i: int, ladders: int) -> dict[str, Any]:
    # most rules of a company are for few of its customers
    when = [f'tagged("tag{chance.randrange(TAGS)}")', *(_condition(chance) for _ in range(chance.randint(1, 4)))]
    if chance.random() < 0.2:
        when.append(f"fact{chance.randrange(60)}")
    if ladders and chance.random() < 0.1:
        when.append(f'tier("ladder{chance.randrange(ladders)}") == "t{chance.randrange(3)}"')
    if chance.random() < 0.1:
        when.append(f'event.kind == "{chance.choice(KINDS)}"')
    rule: dict[str, Any] = {"kind": "campaign", "name": f"campaign{i}", "when": when, "cooldown": "7d"}
    if chance.random() < 0.05:
        rule["schedule"] = {"every": chance.choice(["day", "monday", "friday"]), "at": "10:00"}
    if chance.random() < 0.05:
        rule["sequence"] = ["cart_add", {"no": "order.paid", "within": f"{chance.randrange(1, 48)}h"}]
    if chance.random() < 0.2:
        rule["exclusive"] = f"group{chance.randrange(20)}"
    rule["steps"] = [{"notify": _notify(chance)}]
    if chance.random() < 0.3:
        rule["steps"] += [
            {"wait": f"{chance.randrange(1, 9)}d"},
            {"when": [_condition(chance)], "notify": _notify(chance)},
        ]
    return rule
