"""A stored state as bytes: a MessagePack array with the schema version first.

Field names cost nothing, and a field can only be added at the end or under a new schema number.
"""

from typing import Generic, Protocol, TypeVar

import msgspec

from services.contracts.errors import KoipondError


class UnreadableState(KoipondError):  # noqa: N818 - it names what was found
    """A stored state this release cannot read; processing on would lose what it holds."""


class Versioned(Protocol):
    """An `array_like` struct whose first field is `schema`."""

    @property
    def schema(self) -> int: ...


class _Header(msgspec.Struct, array_like=True, gc=False):
    schema: int


T = TypeVar("T", bound=Versioned)
_HEADER = msgspec.msgpack.Decoder(_Header)


class Blobs(Generic[T]):
    """Writes and reads the states of one kind. `name` says what they are, `if_older` what to do about an older one."""

    def __init__(
        self, kind: type[T], schema: int, name: str, *, if_older: str = "run the release that wrote it"
    ) -> None:
        self._schema = schema
        self._name = name
        self._if_older = if_older
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(kind)

    def dump(self, state: T) -> bytes:
        return self._encoder.encode(state)

    def load(self, blob: bytes) -> T:
        """Raise `UnreadableState` for a state of another schema and for bytes that are none."""
        try:
            state = self._decoder.decode(blob)
        except msgspec.MsgspecError as error:
            raise self._refusal(blob, str(error)) from error
        if state.schema != self._schema:
            raise self._refusal(blob, "")
        return state

    def _refusal(self, blob: bytes, why: str) -> UnreadableState:
        try:
            schema = _HEADER.decode(blob).schema
        except msgspec.MsgspecError:
            schema = self._schema
        if schema == self._schema:
            return UnreadableState(f"a stored {self._name} is damaged: {why}")
        hint = "run the newer release that wrote it" if schema > self._schema else self._if_older
        return UnreadableState(f"a stored {self._name} has schema {schema}, this release reads {self._schema}: {hint}")
