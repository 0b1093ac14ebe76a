"""The customer's card: a few lines by which a clerk knows who a message is about. What is unknown is left out."""

from collections.abc import Iterator, Mapping

from markupsafe import Markup

from services.contracts.parameters import TIER_PREFIX
from services.contracts.profile import Octant
from services.notifier.templates.filters import as_money
from services.notifier.templates.values import Form, Ready, Unspeakable, Value, markdown, one_line, plain

CUSTOMER = "customer_id"
CARD = "card"

_ZH: Mapping[str, str] = {
    "customer": "客户",
    "segment": "分层",
    "super_user": "超级用户",
    "tier": "层级",
    "last": "最近下单",
    "today": "今天",
    "ago": "{days:.0f} 天前",
    "rhythm": "平时约 {days:.0f} 天一单",
    "total": "累计",
    "orders": "{orders} 单",
    "tags": "标签",
    "owner": "导购",
    "colon": "：",
    "comma": "，",
}
_EN: Mapping[str, str] = {
    "customer": "Customer",
    "segment": "Segment",
    "super_user": "super user",
    "tier": "Tier",
    "last": "Last order",
    "today": "today",
    "ago": "{days:.0f} days ago",
    "rhythm": "usually every {days:.0f} days",
    "total": "In all",
    "orders": "orders: {orders}",
    "tags": "Tags",
    "owner": "Clerk",
    "colon": ": ",
    "comma": ", ",
}
_WORDS = {"zh": _ZH, "en": _EN}
_OCTANTS: Mapping[str, str] = {
    Octant.CHAMPION: "valuable and loyal",
    Octant.DEVELOP: "valuable, comes rarely",
    Octant.KEEP: "valuable and loyal, silent now",
    Octant.RETAIN: "valuable, came rarely, silent now",
    Octant.GENERAL_VALUE: "loyal, small orders",
    Octant.GENERAL_DEVELOP: "comes rarely, small orders",
    Octant.GENERAL_KEEP: "came often, small orders, silent now",
    Octant.GENERAL_RETAIN: "came rarely, small orders, silent now",
}


def card(variables: Mapping[str, Value], language: str, form: Form) -> str:
    """The lines as text of that form; they need no more escaping. `variables` name the customer."""
    say = _WORDS[language]
    lines = [(label, one_line(value)) for label, value in _lines(variables, say, language) if value]
    colon = say["colon"]
    match form:
        case Form.HTML:
            return Markup("<br>\n").join(Markup("<b>{}</b>{}{}").format(label, colon, value) for label, value in lines)
        case Form.MARKDOWN:
            # two blanks make a line break where a line feed alone makes none
            return Ready("  \n".join(f"**{markdown(label)}**{colon}{markdown(value)}" for label, value in lines))
        case Form.PLAIN:
            return Ready("\n".join(f"{label}{colon}{plain(value)}" for label, value in lines))


def _lines(of: Mapping[str, Value], say: Mapping[str, str], language: str) -> Iterator[tuple[str, str]]:
    yield say["customer"], str(of[CUSTOMER])
    yield say["segment"], say["comma"].join(_segment(of, say, language))
    for ladder, tier in sorted(_tiers(of).items()):
        yield f"{say['tier']} {one_line(ladder)}", tier
    yield say["last"], say["comma"].join(_last(of, say))
    yield say["total"], say["comma"].join(_total(of, say, language))
    yield say["tags"], str(of.get("tags") or "")
    yield say["owner"], str(of.get("owner") or "")


def _segment(of: Mapping[str, Value], say: Mapping[str, str], language: str) -> Iterator[str]:
    segment = of.get("segment")
    if isinstance(segment, str):
        yield segment if language == "zh" else _OCTANTS.get(segment, segment)
    scores = [of.get(name) for name in ("r", "f", "m")]
    if all(score is not None for score in scores):
        yield "R{} F{} M{}".format(*scores)
    if of.get("super_user"):
        yield say["super_user"]


def _tiers(of: Mapping[str, Value]) -> dict[str, str]:
    """By ladder; one that the customer has just moved on, with the tier before."""
    tiers = {
        name.removeprefix(TIER_PREFIX): str(tier) for name, tier in of.items() if name.startswith(TIER_PREFIX) and tier
    }
    ladder, before, after = (of.get(name) for name in ("ladder", "from_tier", "tier"))
    if ladder and before and after:
        tiers[str(ladder)] = f"{before} → {after}"
    return tiers


def _last(of: Mapping[str, Value], say: Mapping[str, str]) -> Iterator[str]:
    days, rhythm = of.get("recency_days"), of.get("rhythm_days")
    if isinstance(days, int | float):
        yield say["ago"].format(days=days) if days else say["today"]
        if isinstance(rhythm, int | float):
            yield say["rhythm"].format(days=rhythm)


def _total(of: Mapping[str, Value], say: Mapping[str, str], language: str) -> Iterator[str]:
    orders, net = of.get("lifetime_orders"), of.get("lifetime_net_minor")
    if isinstance(orders, int):
        yield say["orders"].format(orders=orders)
    if isinstance(net, int):
        try:
            yield as_money(net, of.get("currency"), language)
        except Unspeakable:
            # a card without its money is still of use
            return
