"""The board on which partitions write who has a claim to a seat, and where everybody reads who got one."""

from services.contracts import wire
from services.contracts.seats import HASH_BYTES, Claims, Seats
from services.contracts.topics import CLAIMS, SEATS
from services.runtime.board import Agenda


def _about(version: Seats) -> dict[str, int]:
    return {
        "claims": sum(sum(slot.claims.values()) for slot in version.slots),
        "seated": sum(len(slot.customers) // HASH_BYTES for slot in version.slots),
    }


AGENDA: Agenda[Claims, Seats] = Agenda("seats", CLAIMS, wire.CLAIMS, SEATS, wire.SEATS, _about)
