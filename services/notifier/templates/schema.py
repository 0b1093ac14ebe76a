"""The JSON Schema of a template file, for editors that complete and check while one writes.

It knows the shape; what a text asks for and how long it gets is checked by `koi templates check` alone.
"""

from functools import cache
from typing import Any

from services.notifier.templates.models import TemplateFile
from services.notifier.written import schema_of, text_of


def schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of one file."""
    return schema_of("templates", "Koipond template", TemplateFile)


@cache
def schema_text() -> str:
    """The schema as it is published."""
    return text_of(schema())
