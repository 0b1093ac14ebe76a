"""A register: of all that was ever said about one thing, the last word.

"Last" is by when it was said, never by arrival, so that any permutation and duplication of what was said gives the same.
Shapiro et al., "Conflict-free replicated data types" (2011): an LWW register.
"""

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T", str | None, bool | None, tuple[str, ...])


class Register(msgspec.Struct, Generic[T], array_like=True, frozen=True, gc=False):
    """`at_ms`: Unix milliseconds; `cause`: the id of the event that said it; `value`: what it said, None takes it back."""

    at_ms: int
    cause: str
    value: T


def later(one: Register[T] | None, other: Register[T] | None) -> Register[T] | None:
    """The one that counts. At the same instant a refusal does, else the higher cause."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other, key=_rank)


def _rank(register: Register[T]) -> tuple[int, bool, str, str]:
    # the value last: the same event told twice, and differently, must not depend on the order either
    return register.at_ms, register.value is False, register.cause, repr(register.value)
