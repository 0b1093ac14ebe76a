"""The published catalogue: everything a condition may ask about a customer, for people."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.rules.language.features import FEATURES
from services.rules.language.functions import FUNCTIONS
from services.rules.language.terms import Kind, Moves


@dataclass(frozen=True)
class Entry:
    """One line. `name` is how it is written in a condition."""

    name: str
    type: Kind
    unit: str
    meaning: str
    moves: Moves = Moves.NEVER

    @property
    def time_dependent(self) -> bool:
        return self.moves is not Moves.NEVER


CATALOGUE: Mapping[str, Entry] = {
    entry.name: entry
    for entry in (
        *(Entry(f.name, f.kind, f.unit, f.meaning, f.moves) for f in FEATURES.values()),
        *(Entry(f.signature, f.kind, f.unit, f.meaning, f.moves) for f in FUNCTIONS.values()),
    )
}
"""By the way it is written."""


def catalogue_table() -> str:
    """The catalogue as a Markdown table, for the docs."""
    head = "| feature | type | unit | time changes it | meaning |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| `{e.name}` | {e.type} | {e.unit or '–'} | {e.moves} | {e.meaning} |\n" for e in CATALOGUE.values()
    )
