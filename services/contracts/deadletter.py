"""Dead letters: records that could not be processed, with everything needed to mend and replay them."""

import msgspec

from services.contracts.calendar import Instant

MAX_ORIGINAL_BYTES = 512 * 1024
"""A longer original is cut to this in the dead letter (`truncated`); topic, partition and offset still name the whole."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`reason` is a stable code, `detail` a sentence for a person. Bytes are base64 in JSON."""

    service: str
    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    failed_at: Instant
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    size: int
    truncated: bool = False
