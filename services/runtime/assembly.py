"""What the partitions of a service settle among themselves at epochs: each reports how it stands, and all reports give one version.

No worker sees all customers. So whatever depends on all of them is fixed at instants that every partition meets, and is the
same for everybody until the next.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Generic, Protocol, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from services.runtime.epochs import instant

EPOCHS_KEPT = 100
_HASH_BYTES = 4


class Dated(Protocol):
    @property
    def epoch(self) -> datetime: ...


class Report(Dated, Protocol):
    """How one partition stands at an epoch."""

    @property
    def partition(self) -> int: ...

    @property
    def partitions(self) -> int: ...


class Version(Dated, Protocol):
    """What the reports of an epoch give. `reported` of `partitions` partitions were heard."""

    @property
    def version(self) -> str: ...

    @property
    def reported(self) -> int: ...

    @property
    def partitions(self) -> int: ...


R = TypeVar("R", bound=Report)
V = TypeVar("V", bound=Version)
R_contra = TypeVar("R_contra", bound=Report, contravariant=True)
S = TypeVar("S", bound=msgspec.Struct)


class Assembly(Protocol[R_contra, V]):
    """Knows the versions there are, and makes new ones. Epochs are Unix seconds."""

    @property
    def partitions(self) -> int:
        """How many there are."""
        ...

    def knows(self, epoch: int) -> bool:
        """Whether the version of exactly this epoch is known."""
        ...

    def learn(self, version: V) -> None:
        """The first version heard of an epoch stays."""
        ...

    def settle(self, epoch: datetime, reports: Sequence[R_contra]) -> V:
        """The version that these reports give, whatever their order; some may be of an earlier epoch."""
        ...


class Tally(Generic[R, V]):
    """The reports of all partitions, epoch by epoch.

    An epoch is complete when every partition has reported for it; one that has reported for a later epoch only began
    after this one. A partition of which nothing is heard is waited for `patience` seconds, and then no more until it
    speaks again; its last report, if there is one, stands in meanwhile.

    Reports are kept until their version is known, so that whoever adds them up a second time comes to the same.
    """

    def __init__(self, assembly: Assembly[R, V], patience: float) -> None:
        self._assembly = assembly
        self._patience = patience
        self._reports: dict[int, dict[int, R]] = {}
        self._latest: dict[int, R] = {}
        self._waiting: dict[int, float] = {}
        self._silent: set[int] = set()

    def take(self, report: R) -> None:
        """Every report, in the order in which a partition's were made."""
        if report.partitions != self._assembly.partitions:
            return
        self._latest[report.partition] = report
        self._silent.discard(report.partition)
        self._forget_settled()
        epoch = second_of(report)
        if not self._assembly.knows(epoch):
            self._reports.setdefault(epoch, {})[report.partition] = report
        if len(self._reports) > EPOCHS_KEPT:
            del self._reports[min(self._reports)]

    def conclude(self, clock: float) -> V | None:
        """The version of the earliest complete epoch that has none; `clock` is a monotonic clock in seconds."""
        self._forget_settled()
        for epoch in sorted(self._reports):
            if self._complete(epoch, clock):
                return self._assembly.settle(instant(epoch), self._standing(epoch))
        return None

    def _forget_settled(self) -> None:
        for epoch in [epoch for epoch in self._reports if self._assembly.knows(epoch)]:
            del self._reports[epoch]

    def _standing(self, epoch: int) -> list[R]:
        late = {p: report for p, report in self._latest.items() if second_of(report) < epoch}
        return list((late | self._reports[epoch]).values())

    def _complete(self, epoch: int, clock: float) -> bool:
        reached = {p for p, report in self._latest.items() if second_of(report) >= epoch}
        missing = set(range(self._assembly.partitions)) - reached - self._silent
        if missing:
            if clock - self._waiting.setdefault(epoch, clock) < self._patience:
                return False
            self._silent |= missing
        self._waiting.pop(epoch, None)
        return True


def second_of(said: Dated) -> int:
    """The epoch, Unix seconds."""
    return int(said.epoch.timestamp())


def named(version: S, epoch: datetime, zone: ZoneInfo) -> S:
    """The same with its name, in the field `version`, which was empty: the epoch in the zone, and a hash of the content."""
    digest = blake2b(msgspec.json.encode(version), digest_size=_HASH_BYTES).hexdigest()
    return msgspec.structs.replace(version, version=f"{epoch.astimezone(zone):%Y-%m-%dT%H:%M}.{digest}")
