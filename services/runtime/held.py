"""A partition that is held: what is known of it between two batches."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from services.runtime.fold import Entry
from services.runtime.store import Claim

S = TypeVar("S")


@dataclass(slots=True)
class Held(Generic[S]):
    """A claimed partition, the states known to be those in the store, and what was read and not folded yet.

    `stale`: all of its customers are to be looked at anew.
    """

    claim: Claim
    cache: dict[str, S | None] = field(default_factory=dict)
    backlog: list[Entry[Any]] = field(default_factory=list)
    stale: bool = False

    @property
    def partition(self) -> int:
        return self.claim.partition

    @property
    def marks(self) -> Mapping[str, str]:
        return self.claim.cursor.marks
