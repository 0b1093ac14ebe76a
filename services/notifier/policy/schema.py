"""The JSON Schemas of policy and staff files, for editors that complete and check while one writes.

That a time zone exists, and that a day fits into a week, is checked by the reader alone.
"""

from collections.abc import Mapping
from typing import Any

from services.notifier.policy.models import Policy
from services.notifier.policy.staff import Staff
from services.notifier.written import Part, schema_of, text_of

KINDS: Mapping[str, tuple[str, type[Part]]] = {
    "policy": ("Koipond policy", Policy),
    "staff": ("Koipond staff directory", Staff),
}
"""By name: what it is called, and its model."""


def schema(name: str) -> dict[str, Any]:
    """The schema of one kind of file."""
    return schema_of(name, *KINDS[name])


def schema_text(name: str) -> str:
    """The same as it is published."""
    return text_of(schema(name))
