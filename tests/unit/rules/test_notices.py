"""Messages: what a rule passes on of its own, several wordings, and who gets which."""

from collections import Counter
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.channels import CHANNELS, Category, ChannelName, Recipient
from services.contracts.command import Command
from services.contracts.profile import Happening
from services.rules.book.notice import Notice, Wording
from services.rules.engine.campaign import held_out
from services.rules.engine.draw import drawn
from services.runtime.problems import FileError
from tests.unit.rules.customers import NOON, Life, book, campaign, windows

HALVES = "variants: [{name: A, template: a}, {name: B, template: b}]"


def saying(notify: str, **keys: Any) -> str:
    """A campaign with this message."""
    text = campaign("r == 3", **keys)
    return text.replace("{template: t, channels: [console], category: marketing}", "{" + notify + "}")


def message(notify: str, **changes: Any) -> Command:
    """The command that comes of it."""
    life = Life(book(saying(f"{notify}, channels: [console], category: marketing")))
    life.now(**changes)
    (command,) = life.sent
    life.close()
    return command


def notice(notify: str) -> Notice:
    (campaign_rule,) = book(saying(f"{notify}, channels: [console], category: marketing")).campaigns
    found = campaign_rule.steps[0].notice
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("WB20", "WB20"),
        ("茶包", "茶包"),
        ("8.5", 8.5),
        ("3", 3),
        ("true", True),
        ('""', ""),
        ('"= recency_days"', 10),
        ("\"= count('message', '30d')\"", 7),
        ('"=count(\\"message\\", \\"7d\\")"', 7),
        ("'= segment == \"重要保持\"'", True),
        ("= segment", "重要保持"),
        ("= not super_user and f >= 3", True),
        ("= net_minor / 100", 123.45),
        ("= net_minor / orders / 3", 1028.75),
        ("= net_minor - 100 CNY", 2345),
        ("= 100 USD", None),
        ("'= attr(\"城市\")'", "上海"),
        ("'= attr(\"nothing\")'", None),
        ("'= since(\"view\")'", 1.5),
        ("'= since(\"message\")'", None),
        ("= activity", 16.0),
        ("= event.amount_minor", 9900),
        ("= event.kind", None),
        ("= rhythm_days / 0.1 * orders / orders", 80.0),
        ("= 1 / (orders - 4)", None),
        ("= net_minor * 1000000000000", None),
        ("'= \"=^_^=\"'", "=^_^="),
    ],
)
def test_a_parameter_is_passed_on_or_asked_of_the_customer(written: str, value: object) -> None:
    """A value as it is; with = in front, what the expression says at the decision. Unknown is null."""
    command = message(
        f"template: t, params: {{p: {written}}}",
        windows=windows(message=7),
        attributes={"城市": "上海"},
        last_at={"view": NOON - timedelta(hours=36)},
        event=Happening(type="order.paid", amount_minor=9900),
    )
    assert command.params["p"] == value
    assert type(command.params["p"]) is type(value)


def test_it_is_asked_when_the_message_is_decided() -> None:
    """A later step says what is so then; ladders of the same look are known."""
    text = """
kind: campaign
name: c
when: [recency_days >= 10]
steps:
  - wait: 3d
  - notify: {template: t, channels: [console], category: service, params: {days: = recency_days, "等级": '= tier("pond")'}}
---
kind: ladder
name: pond
tiers: [{name: 外围}, {name: 核心, enter: [recency_days >= 12]}]
"""
    life = Life(book(text))
    life.now()
    life.until(NOON.replace(day=20))
    (command,) = life.sent
    assert (command.params["days"], command.params["等级"]) == (13, "核心")
    life.close()


def test_a_jump_has_parameters_too() -> None:
    """With the days in the tier that is left."""
    ladder = """
kind: ladder
name: pond
tiers: [{name: 外围}, {name: 核心, enter: [f >= 4], leave: [f <= 2]}]
on_jump:
  - {to_lower: true, notify: {template: care, channels: [console], category: service, params: {days: = tier_days, gift: 茶包}}}
"""
    life = Life(book(ladder))
    life.now(f=4)
    life.now(f=2, version=2, as_of=NOON.replace(day=9))
    (command,) = life.sent
    assert (command.params["days"], command.params["gift"], command.params["tier"]) == (7, "茶包", "外围")
    life.close()


def test_facts_may_be_asked_and_change_the_hash() -> None:
    """A message that says what a fact says is another one when the fact is."""
    fact = "define: {good: [f >= %d]}\n---\n"
    said = saying("template: t, channels: [console], category: marketing, params: {p: = good}")
    three, four = book(fact % 3 + said), book(fact % 4 + said)
    assert three.campaigns[0].id != four.campaigns[0].id
    gated = campaign("r == 3").replace("- notify", "- when: [good]\n    notify")
    assert book(fact % 3 + gated).campaigns[0].id != book(fact % 4 + gated).campaigns[0].id
    life = Life(four)
    life.now()
    assert life.sent[0].params["p"] is False
    life.close()


def test_unless_said_nothing_changes() -> None:
    """A message without the new keys has the same hash as ever, is personalised, and has no variant."""
    assert book(campaign("r == 3")).campaigns[0].id == "c@291681f10c"
    command = message("template: t")
    assert (command.personalised, command.variant) == (True, None)


def test_not_personalised_is_said() -> None:
    """With values of its own only."""
    command = message("template: t, personalised: false, params: {coupon: WB20}")
    assert (command.personalised, command.params["coupon"]) == (False, "WB20")


# --- variants


def test_a_variant_is_named_in_command_and_decision() -> None:
    """Its own parameters come before those of the message."""
    text = saying(
        "params: {gift: 茶包, days: = recency_days}, channels: [console], category: marketing,"
        " variants: [{name: A, template: a, params: {gift: 杯子}}, {name: B, template: b}]"
    )
    seen = {}
    for i in range(20):
        life = Life(book(text))
        (decision,) = life.now(customer_id=f"客户-{i}")
        (command,) = life.sent
        assert decision.templates == (command.template,)
        seen[command.variant] = (command.template, command.params["gift"], command.params["days"])
        life.close()
    assert seen == {"A": ("a", "杯子", 10), "B": ("b", "茶包", 10)}


def test_in_shadow_mode_the_drawn_wording_is_told() -> None:
    """As it would have been sent."""
    text = saying(f"{HALVES}, channels: [console], category: marketing")
    live, shadow = Life(book(text)), Life(book(text.replace("name: c", "name: c\nmode: shadow")))
    assert live.now()[0].templates == shadow.now()[0].templates
    assert shadow.sent == []
    live.close()
    shadow.close()


@given(st.text(min_size=1), st.integers(0, 19), st.lists(st.integers(1, 40), min_size=2, max_size=8))
def test_the_same_customer_gets_the_same_for_ever(customer: str, step: int, weights: list[int]) -> None:
    """Whatever else is asked, and however the shares come out of their rounding."""
    wordings = [Wording(str(i), str(i), weight / sum(weights)) for i, weight in enumerate(weights)]
    assert drawn("c", step, customer, wordings) is drawn("c", step, customer, wordings)


@pytest.mark.parametrize(
    ("variants", "shares"),
    [
        (HALVES, {"A": 0.5, "B": 0.5}),
        ("variants: [{name: A, template: a}, {name: B, template: b}, {name: C, template: c}]", dict.fromkeys("ABC", 1 / 3)),
        ("variants: [{name: A, template: a, share: 90%}, {name: B, template: b, share: 10%}]", {"A": 0.9, "B": 0.1}),
        ("variants: [{name: A, template: a, share: 33.3%}, {name: B, template: b, share: 66.7%}]", {"A": 0.333, "B": 0.667}),
    ],
)  # fmt: skip
def test_the_draw_is_uniform(variants: str, shares: dict[str, float]) -> None:
    """Of 20,000 customers each gets so many as its share says, to five standard deviations; of the ends of the line too."""
    many = 20_000
    wordings = notice(variants).wordings
    found = Counter(drawn("c", 0, f"客户-{i}", wordings).variant for i in range(many))
    assert sum(wording.share for wording in wordings) == pytest.approx(1)
    for name, share in shares.items():
        assert abs(found[name] - many * share) < 5 * (many * share * (1 - share)) ** 0.5


def test_draws_do_not_depend_on_each_other() -> None:
    """Neither on that of the control group, nor on another step's, nor on another rule's."""
    many = 20_000
    wordings = notice(HALVES).wordings
    (rule,) = book(saying(f"{HALVES}, channels: [console], category: marketing", holdout="50%")).campaigns
    tables: list[Counter[tuple[Any, Any]]] = [Counter(), Counter(), Counter()]
    for i in range(many):
        customer = f"c{i}"
        variant = drawn("c", 0, customer, wordings).variant
        others = held_out(rule, customer), drawn("c", 1, customer, wordings), drawn("d", 0, customer, wordings)
        for table, other in zip(tables, others, strict=True):
            table[variant, getattr(other, "variant", other)] += 1
    for table in tables:
        assert len(table) == 4
        assert all(abs(count - many / 4) < 5 * (many * 3 / 16) ** 0.5 for count in table.values())


# --- channels


@pytest.mark.parametrize(("channel", "category", "to"), list(product(ChannelName, Category, Recipient)))
def test_a_channel_carries_what_its_facts_say(channel: ChannelName, category: Category, to: Recipient) -> None:
    """Else it is refused at its place, with those that do."""
    facts = CHANNELS[channel]
    text = saying(f"template: t, channels: [{channel}], category: {category}, to: {to}")
    if to in facts.reaches and category in facts.categories:
        assert book(text).campaigns
        return
    with pytest.raises(FileError) as caught:
        book(text)
    (problem,) = caught.value.problems
    assert (problem.code, problem.place.line) == ("bad_channel", 6)
    assert text.splitlines()[5][problem.place.column - 1 :].startswith(channel)
    for name in problem.message.partition("one of ")[2].split(", "):
        assert to in CHANNELS[ChannelName(name)].reaches
        assert category in CHANNELS[ChannelName(name)].categories
