"""Which commands of a customer were dealt with.

The guarantee. A command that was dealt with is recognised by its id until 30 days after it expired or was settled,
whichever is later; a repeat within that time is ignored, whatever else it says. Only then may the id be forgotten, and
it is kept how far was forgotten: a later command that could be one of the forgotten (it expired so long ago that its id
would be gone) is ignored too. So a repeat, unchanged, never leads to a second send or a second receipt, at any time. The
price: a command that arrives for the first time more than 30 days after its own expiry, at a customer some of whose ids
were forgotten since, is ignored without a receipt. Beyond the guarantee lies only a repeat whose expiry was moved, more
than 30 days after the first was settled.

A customer who was erased and comes back begins to count anew, with the same ids; what was decided after the erasure is
therefore new, whatever its id.
"""

from datetime import datetime, timedelta
from hashlib import blake2b

import msgspec

from services.contracts.calendar import EPOCH, to_ms
from services.contracts.command import Command

HORIZON = timedelta(days=30)
_HORIZON_S = int(HORIZON.total_seconds())
_SECOND = timedelta(seconds=1)
_KEY_BYTES = 12
"""96 bits: among the commands of one customer a collision is out of the question, at half the bytes of a UUID's text."""


def key_of(identity: str) -> bytes:
    """The short form under which an id is remembered."""
    return blake2b(identity.encode(), digest_size=_KEY_BYTES).digest()


class Settled(msgspec.Struct, frozen=True, array_like=True):
    """Never changed in place.

    `keys`, and `former`, those from before the erasure: short key -> Unix seconds from which it may be forgotten.
    `forgotten_to`: the highest such instant that was forgotten; None as long as nothing was.
    """

    keys: dict[bytes, int] = {}
    forgotten_to: int | None = None
    former: dict[bytes, int] = {}
    erased_ms: int | None = None

    def knows(self, command: Command) -> bool:
        """Whether this command was dealt with before, or may have been."""
        key = key_of(command.id)
        if key in self.keys:
            return True
        if key in self.former and self.erased_ms is not None and to_ms(command.decided_at) <= self.erased_ms:
            return True
        return self.forgotten_to is not None and _seconds(command.expires_at) + _HORIZON_S <= self.forgotten_to

    def remember(self, command: Command, now: datetime) -> "Settled":
        """The same with the command dealt with at `now`, and without what may be forgotten by then."""
        now_s = _seconds(now)
        kept = {key: until for key, until in self.keys.items() if until > now_s}
        former = {key: until for key, until in self.former.items() if until > now_s}
        gone = [until for keys in (self.keys, self.former) for until in keys.values() if until <= now_s]
        kept[key_of(command.id)] = max(now_s, _seconds(command.expires_at)) + _HORIZON_S
        marks = gone if self.forgotten_to is None else [*gone, self.forgotten_to]
        return Settled(kept, max(marks, default=None), former, self.erased_ms)

    @property
    def forgotten_at_s(self) -> int:
        """Unix seconds from which every key may be forgotten."""
        return max([0, *self.keys.values(), *self.former.values()])

    def erased(self, at: datetime) -> "Settled":
        """The same, of a customer who was erased: nothing is left but the keys, which say nothing of anybody."""
        return Settled({}, self.forgotten_to, {**self.former, **self.keys}, to_ms(at))


def _seconds(at: datetime) -> int:
    """Unix seconds, rounded up: nothing is forgotten early."""
    return -((EPOCH - at) // _SECOND)
