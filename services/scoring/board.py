"""The board on which partitions write their censuses, and where everybody reads the cut-offs."""

from services.contracts import wire
from services.contracts.population import Census, Cutoffs
from services.contracts.topics import CENSUS, CUTOFFS
from services.runtime.board import Agenda

AGENDA: Agenda[Census, Cutoffs] = Agenda(
    "cutoffs",
    CENSUS,
    wire.CENSUSES,
    CUTOFFS,
    wire.CUTOFFS,
    lambda version: {"customers": version.customers},
)
