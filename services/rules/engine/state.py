"""What the rules service remembers of one customer."""

from datetime import datetime

import msgspec

from services.contracts.profile import Profile
from services.runtime.blob import Blobs

SCHEMA = 3
"""Raised whenever `Profile` changes, too: each state holds one."""
KEEP_VANISHED_MS = 400 * 86_400_000
"""How long the memory of a rule that is gone is kept, so that putting it back neither repeats messages nor forgets a cooldown."""


class TierState(msgspec.Struct, array_like=True, gc=False):
    """Where a customer is on one ladder; `jumps` counts the moves so far.

    Until `waiting_ms` (Unix ms) a message about the last move may wait to be sent; `rose` says whether that was a climb.
    """

    tier: str
    since_ms: int
    jumps: int = 0
    waiting_ms: int = 0
    rose: bool = False


class CampaignState(msgspec.Struct, array_like=True, gc=False):
    """What is known of one campaign. Instants are Unix ms.

    `active`: its condition is true. `episode` counts how often it became true. `acting` is the last episode that was not
    suppressed, begun at `fired_ms`: while it is not over it has a `next_step`, which is due at `due_ms`; until `goal_ms` its
    goal counts; `held_out` says that it is of the control group, and takes no steps. Until `waiting_ms` one of its messages
    may wait to be sent.
    """

    active: bool = False
    episode: int = 0
    fired_ms: int | None = None
    changed_ms: int = 0
    acting: int = 0
    next_step: int | None = None
    due_ms: int | None = None
    goal_ms: int | None = None
    held_out: bool = False
    waiting_ms: int = 0

    @property
    def running(self) -> bool:
        return self.next_step is not None

    def stop(self) -> None:
        """No step comes any more."""
        self.next_step = self.due_ms = None


class Claim(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A customer's claim to a seat in a tier that has a number of them.

    `slot` names the tier, `group` within which the seats are counted. The higher `rank` comes first. Nobody may take the
    seat before `kept_ms` (Unix ms); who is `leaving` gives it up then.
    """

    slot: str
    group: str
    rank: float
    kept_ms: int = 0
    leaving: bool = False


class RuleState(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """`mask` holds the true predicates (little-endian bits) of the rule set `rulebook`; both tell what has changed.

    `began_ms` is when the customer was first looked at, `looked_ms` when last. `hold_ms` is the instant at which a tier's
    `stay_at_least` ends for a customer who would fall. `profile` is the last profile, encoded, to be looked at again
    later. `recent` are the events that sequences ask for: Unix ms and name, oldest first.
    """

    schema: int = SCHEMA
    version: int
    as_of: datetime
    profile: msgspec.Raw
    rulebook: str = ""
    mask: bytes = b""
    began_ms: int | None = None
    looked_ms: int | None = None
    hold_ms: int | None = None
    tiers: dict[str, TierState] = {}
    campaigns: dict[str, CampaignState] = {}
    recent: list[tuple[int, str]] = []
    claims: list[Claim] = []

    def forget_vanished(self, ladders: frozenset[str], campaigns: frozenset[str], now_ms: int) -> None:
        """Drop the memory of rules that are gone and long past."""
        limit = now_ms - KEEP_VANISHED_MS
        self.tiers = {n: t for n, t in self.tiers.items() if n in ladders or t.since_ms >= limit}
        self.campaigns = {n: c for n, c in self.campaigns.items() if n in campaigns or c.changed_ms >= limit}


BLOBS = Blobs(RuleState, SCHEMA, "rule state")
_ENCODER = msgspec.msgpack.Encoder()
_PROFILES: msgspec.msgpack.Decoder[Profile] = msgspec.msgpack.Decoder(Profile)


def pack_profile(profile: Profile) -> msgspec.Raw:
    return msgspec.Raw(_ENCODER.encode(profile))


def unpack_profile(raw: msgspec.Raw) -> Profile:
    return _PROFILES.decode(raw)


def pack_mask(mask: int) -> bytes:
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")


def unpack_mask(packed: bytes) -> int:
    return int.from_bytes(packed, "little")
