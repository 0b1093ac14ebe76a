"""Where the courier finds what a message says, and where it goes."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from services.notifier.message import Content

Value: TypeAlias = str | int | float | bool | None


class Texts(Protocol):
    def content(self, template: str, channel: str, languages: Sequence[str], variables: Mapping[str, Value]) -> Content:
        """The template in words that fit the channel, in the first of `languages` that it has. Raise `NoText`."""
        ...


class Opener(Protocol):
    """What opens sealed addresses: `runtime.sealing.Seal` does."""

    def open(self, sealed: str, channel: str) -> str:
        """Raise `CannotOpen`."""
        ...
