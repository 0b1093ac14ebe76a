"""What a run came to, without the traces of how it got there."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from services.contracts.profile import Profile
from tests.flow.pond import Pond

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Outcome:
    """Everything the pipeline says, each thing once. Offsets are left out: a repeat upstream moves those of all that follow."""

    profiles: dict[str, list[dict[str, Any]]]
    decisions: dict[str, dict[str, Any]]
    commands: dict[str, dict[str, Any]]
    receipts: dict[str, dict[str, Any]]
    letters: dict[tuple[str, int, int], dict[str, Any]]
    sent: dict[str, dict[str, Any]]


def outcome(pond: Pond) -> Outcome:
    """The outcome of a run; asserts that whatever was said twice was said in the same words."""
    by_version = _once(((p.customer_id, p.version, p.as_of), _plain(p, "version")) for p in pond.profiles())
    profiles: dict[str, list[dict[str, Any]]] = {}
    for (customer, _, _), profile in sorted(by_version.items()):
        profiles.setdefault(customer, []).append(profile)
    return Outcome(
        profiles=profiles,
        decisions=_once((d.id, _plain(d, "profile_version")) for d in pond.decisions()),
        commands=_once((c.id, _plain(c)) for c in pond.commands()),
        # when: a send that broke off is begun again later
        receipts=_once((r.command_id, _plain(r, "at")) for r in pond.receipts()),
        letters=_once(((x.topic, x.partition, x.offset), _plain(x, "failed_at")) for x in pond.letters()),
        sent=_once((m.command_id, _plain(m)) for m in pond.channel.sent),
    )


def facts(profile: Profile) -> dict[str, Any]:
    """What a profile says of the customer, whenever and in whichever order it was learnt.

    Not how it came about: by which event, at which instant, nor so until when time leaves it as it is.

    Activity is a sum of floats, so its last digits know the order of arrival; without any, its instant says nothing.
    """
    plain = _plain(profile, "version", "as_of", "cause", "cause_id", "occurred_at", "event", "fresh_until")
    since = profile.activity_at if profile.activity else None
    return plain | {"activity": round(profile.activity, 6), "activity_at": since}


def _plain(thing: msgspec.Struct, *without: str) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(thing).items() if name not in without}


def _once(pairs: Iterable[tuple[K, T]]) -> dict[K, T]:
    known: dict[K, T] = {}
    for key, value in pairs:
        assert known.setdefault(key, value) == value, f"{key} was said twice, differently"
    return known
