"""What the notifier knows about one customer: which commands were dealt with.

The guarantee. A command that was dealt with is recognised by its id until 30 days after it expired or was settled,
whichever is later; a repeat within that time is ignored, whatever else it says. Only then may the id be forgotten, and
the state keeps how far it has forgotten: a later command that could be one of the forgotten (it expired so long ago
that its id would be gone) is ignored too. So a repeat, unchanged, never leads to a second send or a second receipt, at
any time. The price: a command that arrives for the first time more than 30 days after its own expiry, at a customer
some of whose ids were forgotten since, is ignored without a receipt.
Beyond the guarantee lies only a repeat whose expiry was moved, more than 30 days after the first was settled.
"""

from datetime import datetime, timedelta
from hashlib import blake2b

import msgspec

from services.contracts.calendar import EPOCH
from services.contracts.command import Command
from services.runtime.blob import Blobs

SCHEMA = 1
HORIZON = timedelta(days=30)
_HORIZON_S = int(HORIZON.total_seconds())
_SECOND = timedelta(seconds=1)
_KEY_BYTES = 12
"""96 bits: among the commands of one customer a collision is out of the question, at half the bytes of a UUID's text."""


class NotifierState(msgspec.Struct, frozen=True, array_like=True):
    """Never changed in place: a batch that is dropped leaves nothing behind.

    `settled`: short key of a command id -> Unix seconds from which it may be forgotten. `forgotten_to`: the highest
    such instant that was forgotten; None as long as nothing was.
    """

    schema: int = SCHEMA
    settled: dict[bytes, int] = {}
    forgotten_to: int | None = None

    def knows(self, command: Command) -> bool:
        """Whether this command was dealt with before, or may have been."""
        if _key(command.id) in self.settled:
            return True
        return self.forgotten_to is not None and _seconds(command.expires_at) + _HORIZON_S <= self.forgotten_to

    def remember(self, command: Command, now: datetime) -> "NotifierState":
        """This state, with the command dealt with at `now`, and without what may be forgotten by then."""
        now_s = _seconds(now)
        kept = {key: until for key, until in self.settled.items() if until > now_s}
        gone = [until for until in self.settled.values() if until <= now_s]
        kept[_key(command.id)] = max(now_s, _seconds(command.expires_at)) + _HORIZON_S
        marks = gone if self.forgotten_to is None else [*gone, self.forgotten_to]
        return NotifierState(settled=kept, forgotten_to=max(marks, default=None))


BLOBS = Blobs(NotifierState, SCHEMA, "notifier state")


def _key(command_id: str) -> bytes:
    return blake2b(command_id.encode(), digest_size=_KEY_BYTES).digest()


def _seconds(at: datetime) -> int:
    """Unix seconds, rounded up: nothing is forgotten early."""
    return -((EPOCH - at) // _SECOND)
