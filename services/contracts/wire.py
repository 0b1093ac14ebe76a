"""Encoding on the topics: JSON, so that any tool can read it; instants as RFC 3339 in UTC."""

from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from services.contracts.calendar import YEARS
from services.contracts.command import CommandMessage
from services.contracts.contacts import ContactMessage
from services.contracts.deadletter import DeadLetter
from services.contracts.decision import Decision
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent
from services.contracts.feedback import Feedback
from services.contracts.population import Census, Cutoffs
from services.contracts.profile import ProfileMessage
from services.contracts.receipt import Receipt
from services.contracts.seats import Claims, Seats
from services.contracts.silence import Silence
from services.contracts.transfer import TransferMessage

T = TypeVar("T")


class Wire(Generic[T]):
    """One message type on a topic."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)
        self.encode = msgspec.json.Encoder().encode

    def decode(self, value: bytes) -> T:
        """Raise `InvalidMessage` (reason `malformed`) for anything but this type."""
        try:
            return self._decoder.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidMessage("malformed", f"not a {self._name}: {error}") from error

    @property
    def _name(self) -> str:
        return str(getattr(self.kind, "__name__", "message of this topic"))


EVENTS: Wire[AnyEvent] = Wire(AnyEvent)
TRANSFERS: Wire[TransferMessage] = Wire(TransferMessage)
CENSUSES: Wire[Census] = Wire(Census)
CUTOFFS: Wire[Cutoffs] = Wire(Cutoffs)
PROFILES: Wire[ProfileMessage] = Wire(ProfileMessage)
CLAIMS: Wire[Claims] = Wire(Claims)
SEATS: Wire[Seats] = Wire(Seats)
COMMANDS: Wire[CommandMessage] = Wire(CommandMessage)
CONTACTS: Wire[ContactMessage] = Wire(ContactMessage)
FEEDBACK: Wire[Feedback] = Wire(Feedback)
SILENCES: Wire[Silence] = Wire(Silence)
DECISIONS: Wire[Decision] = Wire(Decision)
RECEIPTS: Wire[Receipt] = Wire(Receipt)
DEAD_LETTERS: Wire[DeadLetter] = Wire(DeadLetter)


def check_year(name: str, at: datetime) -> datetime:
    """An instant of a message, if its year is one of `YEARS`. Raise `InvalidMessage` (reason `malformed`)."""
    if at.year not in YEARS:
        raise InvalidMessage("malformed", f"{name} {at.isoformat()} needs a year in {YEARS[0]}..{YEARS[-1]}")
    return at
