"""What a command tells the template it names: the values there are, and what each of them is.

Rules put every name of `PARAMETERS` into every command, as it was when the message was decided; None is unknown. What a
rule adds by its own `params` is not here: the template that wants it says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ParameterKind(StrEnum):
    """How a value is to be read, whatever its JSON type."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    """An integer of minor units of the currency that the parameter `currency` names."""
    SHARE = "share"
    """From 0 to 1; two decimals."""
    FLAG = "yes/no"


@dataclass(frozen=True)
class Parameter:
    """One value. `zh` and `en` say what it means to whoever writes a text; `example` is what such a value looks like.

    `optional` ones are unknown of some customers.
    """

    name: str
    kind: ParameterKind
    unit: str
    zh: str
    en: str
    example: str | int | float | bool

    @property
    def optional(self) -> bool:
        return self.name in _OPTIONAL


_OPTIONAL = frozenset(
    {"recency_days", "rhythm_days", "overdue", "average_order_minor", "discount_share", "refund_share"}
    | {"days_since_first_order", "tags", "owner"}
)
_TEXT, _NUMBER, _FLAG = ParameterKind.TEXT, ParameterKind.NUMBER, ParameterKind.FLAG
_MONEY, _SHARE = ParameterKind.MONEY, ParameterKind.SHARE


def _table(*parameters: Parameter) -> Mapping[str, Parameter]:
    return {parameter.name: parameter for parameter in parameters}


PARAMETERS: Mapping[str, Parameter] = _table(
    Parameter("r", _NUMBER, "1–5", "最近一次消费得分", "recency score", 2),
    Parameter("f", _NUMBER, "1–5", "消费频次得分", "frequency score", 4),
    Parameter("m", _NUMBER, "1–5", "消费金额得分", "money score", 5),
    Parameter("segment", _TEXT, "", "RFM 八象限", "RFM octant", "重要保持"),
    Parameter("rf_segment", _TEXT, "", "按 R、F 的细分", "segment by recency and frequency", "at_risk"),
    Parameter("super_user", _FLAG, "", "是否超级用户", "whether among the best by money", True),
    Parameter("recency_days", _NUMBER, "days", "距最近一次下单的天数", "days since the last order", 45),
    Parameter("rhythm_days", _NUMBER, "days", "平时的复购间隔", "the usual gap between orders", 21.5),
    Parameter("overdue", _NUMBER, "times", "沉默时间是复购间隔的几倍", "that gap's times in the silence", 2.1),
    Parameter("orders", _NUMBER, "orders", "统计期内的订单数", "orders in the window", 9),
    Parameter("net_minor", _MONEY, "minor units", "统计期内的实付金额", "net money in the window", 612_300),
    Parameter("average_order_minor", _MONEY, "minor units", "统计期内的客单价", "net money per order", 68_033),
    Parameter("discount_share", _SHARE, "0–1", "优惠占比", "share of discounts", 0.12),
    Parameter("refund_share", _SHARE, "0–1", "退款占比", "share of refunds", 0.05),
    Parameter("lifetime_orders", _NUMBER, "orders", "累计订单数", "orders ever", 31),
    Parameter("lifetime_net_minor", _MONEY, "minor units", "累计实付金额", "net money ever", 2_210_050),
    Parameter("days_since_first_order", _NUMBER, "days", "距首单的天数", "days since the first order", 803),
    Parameter("activity", _NUMBER, "points", "活跃度", "decaying activity", 3.4),
    Parameter("currency", _TEXT, "", "币种", "currency (ISO 4217)", "CNY"),
    Parameter("tags", _TEXT, "", "标签，以顿号分隔", "tags, with 、 between them", "宝妈、咖啡"),
    Parameter("owner", _TEXT, "", "归属导购的编号", "id of the clerk who owns the relation", "clerk-7"),
)
"""In every command, by name."""

JUMP_PARAMETERS: Mapping[str, Parameter] = _table(
    Parameter("ladder", _TEXT, "", "阶梯的名称", "the ladder", "community"),
    Parameter("tier", _TEXT, "", "现在的层级", "the tier the customer came into", "影响"),
    Parameter("from_tier", _TEXT, "", "原来的层级", "the tier the customer came from", "核心"),
)
"""Also in the command of a ladder's `on_jump`, and in no other."""

TIER_PREFIX = "tier."
"""Also in the command of a campaign: `tier.community` is the tier on the ladder `community`."""


def tier_parameter(ladder: str) -> Parameter:
    """Where a customer stands on `ladder`."""
    return Parameter(f"{TIER_PREFIX}{ladder}", _TEXT, "", f"在“{ladder}”上的层级", f"tier on {ladder}", "影响")
