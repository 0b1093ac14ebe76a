"""Registers: tags and attributes, where for each name the last writer wins.

"Last" is by (occurred_at, key of the event), never by arrival, so any permutation and duplication gives the same.
Shapiro et al., "Conflict-free replicated data types" (2011): an LWW register per name.
"""

from collections.abc import Mapping

import msgspec

CAPACITY = 200
"""Names kept per customer and map, the latest written; removed tags need a name too, or a late addition would revive them."""

Value = str | int | float | bool | None


class Register(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """`at`: microseconds since 1970; `key`: short hash of the writing event. For a tag, `value` says whether it is set."""

    at: int
    key: int
    value: Value


def write(registers: dict[str, Register], values: Mapping[str, Value], at: int, key: int) -> bool:
    """Write what is newer than what is there; return whether anything changed."""
    return absorb(registers, {name: Register(at, key, value) for name, value in values.items()})


def absorb(registers: dict[str, Register], others: Mapping[str, Register]) -> bool:
    """Take over what is newer in `others`; return whether anything changed."""
    written = []
    for name, other in others.items():
        known = registers.get(name)
        if known is None or (other.at, other.key) > (known.at, known.key):
            registers[name] = other
            written.append(name)
    if len(registers) > CAPACITY:
        newest = sorted(registers, key=lambda name: (registers[name].at, registers[name].key, name), reverse=True)
        for name in newest[CAPACITY:]:
            del registers[name]
    return any(name in registers for name in written)


def tags(registers: Mapping[str, Register]) -> tuple[str, ...]:
    """The tags that are set, sorted."""
    return tuple(sorted(name for name, register in registers.items() if register.value is True))


def attributes(registers: Mapping[str, Register]) -> dict[str, Value]:
    """All attributes, sorted by name."""
    return {name: registers[name].value for name in sorted(registers)}
