"""The rule files at hand, for commands that are better with them and do without."""

from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.terminal import ERR
from services.runtime.problems import FileError

if TYPE_CHECKING:
    from services.rules.book.rulebook import Rulebook


def book_at_hand(rules: Path | None, without: str) -> "Rulebook | None":
    """The rules in these files, or in those that `KOI_RULES` names; None where there are none to be read.

    Files that nobody asked for and that are wrong hold nobody up: what is done `without` them is said, and why. Raise
    `FileError` for files that were asked for and are wrong.
    """
    try:
        from services.rules.app import RulesSettings  # noqa: PLC0415 - an image may lack rules
        from services.rules.book.compiler import load_rulebook  # noqa: PLC0415
    except ModuleNotFoundError:
        return None
    settings = RulesSettings()
    place = rules or (settings.rules if "rules" in settings.model_fields_set else None)
    if place is None:
        return None
    try:
        return load_rulebook(place)
    except (FileError, OSError) as error:
        if rules is not None:
            raise
        ERR.print(f"{without}: {error}", markup=False, highlight=False)
        return None
