"""How far the input of a stateless publisher upstream is known: it may publish again what it has published.

Origins of one of its partitions arrive in rising order, so an offset that was passed, with a timestamp that was seen, is a
repeat (see `contracts.events.Origin`). All of it is kept with the cursor, as "topic/partition" -> how far.
"""

from collections.abc import Mapping

from services.contracts.events import Origin
from services.runtime.store import Seen


def repeats(seen: Mapping[str, Seen], origin: Origin | None) -> bool:
    """Whether a record that says to come from there was read before."""
    if origin is None:
        return False
    known = seen.get(f"{origin.topic}/{origin.partition}")
    return known is not None and origin.offset < known.next_offset and origin.timestamp_ms <= known.timestamp_ms


def note(seen: dict[str, Seen], origin: Origin | None) -> None:
    """A record that says to come from there has been read."""
    if origin is None:
        return
    source = f"{origin.topic}/{origin.partition}"
    known = seen.get(source)
    if known is None:
        seen[source] = Seen(origin.offset + 1, origin.timestamp_ms)
    elif not repeats(seen, origin):
        seen[source] = Seen(origin.offset + 1, max(known.timestamp_ms, origin.timestamp_ms))
