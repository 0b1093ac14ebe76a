"""Which rules and templates there are, where the rule files can be read."""

from pathlib import Path

from services.cli.rulebook import book_at_hand
from services.cli.silence.asking import Known


def known_names(rules: Path | None) -> Known:
    """The names in these files, or in those that `KOI_RULES` names; nobody is held up where there are none to be read.

    Raise `FileError` for files that were asked for and are wrong.
    """
    # who wants silence now should not have to mend rule files first
    book = book_at_hand(rules, "names are not checked")
    if book is None:
        return Known()
    names = {ladder.name for ladder in book.ladders} | {campaign.name for campaign in book.campaigns}
    templates = {wording.template for _, notice in book.notices() for wording in notice.wordings}
    return Known(names, templates)
