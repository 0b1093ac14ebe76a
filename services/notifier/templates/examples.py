"""Values to try a template with: the catalogue's examples, and what is longer than usual."""

from collections.abc import Iterable, Mapping

from services.contracts.parameters import (
    JUMP_PARAMETERS,
    PARAMETERS,
    TIER_PREFIX,
    Parameter,
    ParameterKind,
    tier_parameter,
)
from services.notifier.templates.card import CARD, CUSTOMER
from services.notifier.templates.reading import Template
from services.notifier.templates.values import Value

ABOUT_THE_CUSTOMER: Mapping[str, Parameter] = {
    CUSTOMER: Parameter(
        CUSTOMER, ParameterKind.TEXT, "", "客户编号，仅发给导购时有", "id, for the clerk only", "客户-42"
    ),
    CARD: Parameter(CARD, ParameterKind.TEXT, "", "客户名片，仅发给导购时有", "card, for the clerk only", "…"),
}
"""What only messages to the owner have."""

_LONG: Mapping[ParameterKind, Value] = {
    ParameterKind.TEXT: "龘" * 64,
    ParameterKind.NUMBER: 99_999.5,
    ParameterKind.MONEY: 9_999_999_999,
    ParameterKind.SHARE: 0.99,
    ParameterKind.FLAG: True,
}
_KEPT = frozenset({"currency", CUSTOMER})


def parameter(template: Template, name: str) -> Parameter | None:
    """What a name means in that template; None if nothing."""
    if name.startswith(TIER_PREFIX):
        return tier_parameter(name.removeprefix(TIER_PREFIX))
    return (
        template.params.get(name) or PARAMETERS.get(name) or JUMP_PARAMETERS.get(name) or ABOUT_THE_CUSTOMER.get(name)
    )


def names(template: Template) -> set[str]:
    """All that may be named, but for the ladders, which only rules know."""
    return {*template.params, *PARAMETERS, *JUMP_PARAMETERS, *ABOUT_THE_CUSTOMER}


def examples(template: Template, ladders: Iterable[str] = ()) -> dict[str, Value]:
    """An ordinary value for each name; `ladders` beside those that the template asks about."""
    asked = {name for words in template.words.values() for text in words.texts.values() for name in text.names}
    tiers = {name for name in asked if name.startswith(TIER_PREFIX)} | {TIER_PREFIX + ladder for ladder in ladders}
    found = {name: parameter(template, name) for name in names(template) | tiers}
    return {name: known.example for name, known in found.items() if known is not None and name != CARD}


def long(template: Template) -> dict[str, Value]:
    """The same, with values as long as they plausibly get; what a rule gives is as long as its example."""
    longest: dict[str, Value] = {}
    for name, value in examples(template).items():
        known = parameter(template, name)
        keep = known is None or name in _KEPT or name in template.params
        longest[name] = value if keep or known is None else _LONG[known.kind]
    return longest
