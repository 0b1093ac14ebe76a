"""Which rules and templates there are, where the rule files can be read."""

from pathlib import Path

from services.cli.silence.asking import Known
from services.cli.terminal import ERR
from services.runtime.problems import FileError


def known_names(rules: Path | None) -> Known:
    """The names in these files, or in those that `KOI_RULES` names; nobody is held up where there are none to be read.

    Raise `FileError` for files that were asked for and are wrong.
    """
    try:
        from services.rules.app import RulesSettings  # noqa: PLC0415 - an image may lack rules
        from services.rules.book.compiler import load_rulebook  # noqa: PLC0415
    except ModuleNotFoundError:
        return Known()
    settings = RulesSettings()
    place = rules or (settings.rules if "rules" in settings.model_fields_set else None)
    if place is None:
        return Known()
    try:
        book = load_rulebook(place)
    except (FileError, OSError) as error:
        if rules is not None:
            raise
        # who wants silence now should not have to mend rule files first
        ERR.print(f"names are not checked: {error}", markup=False, highlight=False)
        return Known()
    names = {ladder.name for ladder in book.ladders} | {campaign.name for campaign in book.campaigns}
    templates = {wording.template for _, notice in book.notices() for wording in notice.wordings}
    return Known(names, templates)
