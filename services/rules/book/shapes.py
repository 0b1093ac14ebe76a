"""What the validators of the models check, as far as JSON Schema can say it: patterns, and which keys go together."""

from collections.abc import Mapping
from typing import Any

from services.contracts.channels import CHANNELS, ChannelName, Recipient
from services.contracts.events import CUSTOM_PREFIX
from services.contracts.parameters import JUMP_PARAMETERS, PARAMETERS
from services.rules.book.meanings import CONDITION
from services.rules.book.models import MAX_PARAMS
from services.rules.book.values import EXPRESSION, MAX_PARAM_NUMBER, MAX_PARAM_TEXT
from services.rules.language.condition import MAX_ITEMS
from services.rules.language.features import EVENT_NAMES, FEATURES
from services.rules.language.functions import FUNCTIONS
from services.rules.language.syntax import MAX_LENGTH, RESERVED

_ASIAN_SIGNS = r"\u2000-\u206f\u3000-\u3004\u3008-\u3020\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
_NO_SIGN = rf"\s!-,/:-@\[-\^`{{-~{_ASIAN_SIGNS}"
# editors know no \w of every script, so letters are what is no blank and no sign
NAME_PATTERN = rf"^[^{_NO_SIGN}.\-][^{_NO_SIGN}]{{0,63}}$"
FACT_PATTERN = rf"^[^{_NO_SIGN}.\-0-9][^{_NO_SIGN}.\-]{{0,63}}$"

DEFINITIONS: Mapping[str, dict[str, Any]] = {
    "Name": {
        "description": "Letters of any script, digits, `_`, `-` and `.`, without blanks.",
        "type": "string",
        "pattern": NAME_PATTERN,
    },
    "Duration": {
        "description": "A whole number and a unit: s, m, h, d or w. A day is 24 hours.",
        "type": "string",
        "pattern": "^[0-9]{1,10}[smhdw]$",
        "examples": ["30m", "24h", "30d", "2w"],
    },
    "Length": {
        "description": "A whole number and a unit: s, m, h, d or w. A day is 24 hours. Not 0.",
        "type": "string",
        "pattern": "^(?!0+[smhdw])[0-9]{1,10}[smhdw]$",
        "examples": ["30m", "24h", "3d"],
    },
    "Percentage": {
        "description": "More than 0% and less than 100%.",
        "type": "string",
        "pattern": r"^(?!0*\.?0*\s*%)([0-9]{1,2}(\.[0-9]*)?|\.[0-9]+)\s*%$",
        "examples": ["5%", "10%"],
    },
    "Day": {
        "description": "A day: year, month, day.",
        "type": "string",
        "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
        "examples": ["2026-11-11"],
    },
    "Clock": {
        "description": "A time of the day: hours and minutes.",
        "type": "string",
        "pattern": "^([01]?[0-9]|2[0-3]):[0-5][0-9]$",
        "examples": ["10:00", "18:30"],
    },
    "Channel": {"description": "A channel that messages go out over.", "enum": sorted(ChannelName)},
    "EventName": {
        "description": f"An interaction kind, a type of event, or `{CUSTOM_PREFIX}` and a kind of your own.",
        "type": "string",
        "anyOf": [{"enum": sorted(EVENT_NAMES)}, {"pattern": f"^{CUSTOM_PREFIX}"}],
    },
    "Condition": {
        "description": CONDITION,
        "anyOf": [
            {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH},
            {
                "type": "object",
                "properties": {
                    "any": {"description": "One of these holds at least.", "$ref": "#/$defs/Block"},
                    "not": {"description": "These do not all hold.", "$ref": "#/$defs/Block"},
                },
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": False,
            },
        ],
        "examples": [
            "recency_days >= 45d",
            "r <= 2 and f >= 4",
            'segment == "重要保持"',
            'not tagged("coupon_hunter")',
        ],
    },
    "Params": {
        "description": "Name and value; a value that begins with `=` is asked of the customer when the message is decided.",
        "type": "object",
        "maxProperties": MAX_PARAMS,
        "propertyNames": {
            "pattern": FACT_PATTERN,
            "maxLength": 64,
            "not": {"enum": sorted({*RESERVED, *PARAMETERS, *JUMP_PARAMETERS})},
        },
        "additionalProperties": {
            "anyOf": [
                {
                    "type": "string",
                    "anyOf": [
                        {"maxLength": MAX_PARAM_TEXT},
                        {"pattern": f"^{EXPRESSION}", "maxLength": MAX_LENGTH + len(EXPRESSION)},
                    ],
                    "not": {"pattern": "^＝"},
                },
                {"type": "number", "minimum": -MAX_PARAM_NUMBER, "maximum": MAX_PARAM_NUMBER},
                {"type": "boolean"},
            ]
        },
        "examples": [{"coupon": "WB20", "discount": 8.5, "messages": "= count('message', '30d')"}],
    },
    "Block": {
        "anyOf": [
            {"type": "array", "minItems": 1, "maxItems": MAX_ITEMS, "items": {"$ref": "#/$defs/Condition"}},
            {"$ref": "#/$defs/Condition"},
        ]
    },
    "Conditions": {
        "description": "All of them must hold.",
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_ITEMS,
        "items": {"$ref": "#/$defs/Condition"},
    },
}
"""Kinds of values that have no model."""


def _one_of(*keys: str) -> dict[str, Any]:
    return {"anyOf": [{"required": [key]} for key in keys]}


def _not_both(one: str, other: str) -> dict[str, Any]:
    return {"not": {"required": [one, other]}}


def _where(key: str, value: object, then: dict[str, Any], otherwise: dict[str, Any]) -> dict[str, Any]:
    return {
        "if": {"properties": {key: {"const": value}}, "required": [key]},
        "then": then,
        "else": otherwise,
    }


_TO_CUSTOMERS = {
    "items": {
        "not": {"enum": sorted(facts.name for facts in CHANNELS.values() if Recipient.CUSTOMER not in facts.reaches)}
    }
}

BESIDES: Mapping[str, dict[str, Any]] = {
    "Jump": {**_one_of("from", "to", "to_lower", "to_higher"), **_not_both("to_lower", "to_higher")},
    "Campaign": _one_of("when", "sequence"),
    "Action": {
        **_one_of("when", "wait", "notify"),
        "dependentSchemas": {"wait": {"properties": {"when": False, "notify": False}}},
    },
    "Period": _one_of("from", "to"),
    "Timing": _where("every", "month", {"required": ["on"]}, {"properties": {"on": False}}),
    "Link": {**_one_of("event", "no"), **_not_both("event", "no"), "dependentRequired": {"no": ["within"]}},
    "Notify": {
        **_where(
            "to", Recipient.OWNER.value, {}, {"required": ["category"], "properties": {"channels": _TO_CUSTOMERS}}
        ),
        **_one_of("template", "variants"),
        **_not_both("template", "variants"),
    },
}
"""By model: what its validators ask of several keys at once."""

FACT_NAME = {
    "pattern": FACT_PATTERN,
    "not": {"enum": sorted({*RESERVED, *FUNCTIONS, *(n for n in FEATURES if "." not in n)})},
}
"""What may name a fact."""
