"""The customer's card: what a clerk reads first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.parameters import JUMP_PARAMETERS, PARAMETERS
from services.contracts.profile import Octant
from services.notifier.templates.card import card
from services.notifier.templates.values import Form, Value

VALUES: dict[str, Value] = {name: parameter.example for name, parameter in PARAMETERS.items()}
VALUES |= {"customer_id": "客户-42", "tier.community": "影响"}
JUMP: dict[str, Value] = {name: parameter.example for name, parameter in JUMP_PARAMETERS.items()}


def test_all_that_is_known() -> None:
    """In Chinese."""
    assert card(VALUES, "zh", Form.PLAIN) == (
        "客户：客户-42\n"
        "分层：重要保持，R2 F4 M5，超级用户\n"
        "层级 community：影响\n"
        "最近下单：45 天前，平时约 22 天一单\n"
        "累计：31 单，¥22,100.50\n"
        "标签：宝妈、咖啡\n"
        "导购：clerk-7"
    )


def test_in_english_octants_are_told_in_words() -> None:
    """A name in Chinese says nothing to whoever does not read it."""
    assert card(VALUES, "en", Form.PLAIN) == (
        "Customer: 客户-42\n"
        "Segment: valuable and loyal, silent now, R2 F4 M5, super user\n"
        "Tier community: 影响\n"
        "Last order: 45 days ago, usually every 22 days\n"
        "In all: orders: 31, CN¥22,100.50\n"
        "Tags: 宝妈、咖啡\n"
        "Clerk: clerk-7"
    )


@pytest.mark.parametrize("octant", Octant)
def test_every_octant_has_words(octant: Octant) -> None:
    """None is told by its Chinese name."""
    assert octant.value not in card({**VALUES, "segment": octant.value}, "en", Form.PLAIN)


def test_a_jump_shows_where_from() -> None:
    """On its ladder, beside the others."""
    lines = card({**VALUES, **JUMP, "tier.clients": "贵宾"}, "zh", Form.PLAIN).splitlines()
    assert lines[2:4] == ["层级 clients：贵宾", "层级 community：核心 → 影响"]


def test_what_is_unknown_is_left_out() -> None:
    """A customer of whom nothing is known has an id."""
    nothing: dict[str, Value] = dict.fromkeys(VALUES)
    assert card({**nothing, "customer_id": "a"}, "zh", Form.PLAIN) == "客户：a"
    assert card({"customer_id": "a", "recency_days": 0}, "zh", Form.PLAIN) == "客户：a\n最近下单：今天"


def test_without_a_currency_money_is_left_out() -> None:
    """The rest of the line stays."""
    assert "累计：31 单\n" in card({**VALUES, "currency": "?"}, "zh", Form.PLAIN)


def test_each_form_has_its_line_breaks() -> None:
    """And its own way to be safe."""
    values: dict[str, Value] = {"customer_id": "a_1", "tags": "<b>*x*"}
    assert card(values, "zh", Form.MARKDOWN) == "**客户**：a_1  \n**标签**：＜b＞＊x＊"
    assert card(values, "zh", Form.HTML) == "<b>客户</b>：a_1<br>\n<b>标签</b>：&lt;b&gt;*x*"
    assert card(values, "zh", Form.PLAIN) == "客户：a_1\n标签：＜b＞*x*"


@given(st.text(min_size=1, max_size=30), st.sampled_from(Form), st.sampled_from(["zh", "en"]))
def test_no_value_adds_a_line(value: str, form: Form, language: str) -> None:
    """Whatever stands in an id, a tag, a tier or the name of a ladder."""
    values: dict[str, Value] = {"customer_id": "a", "tags": value, f"tier.{value}": value, "owner": value}
    assert len(card(values, language, form).split("\n")) <= 4
