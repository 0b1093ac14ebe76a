"""What a process knows of the population: every version of the cut-offs, and which one each partition is scored with."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from services.contracts.calendar import BusinessDays
from services.contracts.population import Census, Cutoffs
from services.runtime.assembly import Tally, second_of
from services.scoring.census import cutoffs
from services.scoring.config import ScoringConfig

__all__ = ["Population", "Tally", "second_of"]


class Population:
    """A `services.runtime.assembly.Assembly`. Epochs are Unix seconds.

    A partition keeps to its version until it passes the next epoch, whatever the process has heard meanwhile: a replay
    meets the same versions at the same instants as the first time.
    """

    def __init__(self, config: ScoringConfig, zone: ZoneInfo, partitions: int) -> None:
        self.config = config
        self.zone = zone
        self.days = BusinessDays(zone)
        self.partitions = partitions
        self._versions: dict[int, Cutoffs] = {}
        self._in_force: dict[int, int] = {}

    def learn(self, version: Cutoffs) -> None:
        """The first version heard of an epoch stays."""
        self._versions.setdefault(second_of(version), version)

    def knows(self, epoch: int) -> bool:
        return epoch in self._versions

    def at(self, epoch: int | None) -> Cutoffs | None:
        """The version of exactly this epoch, if it is known."""
        return None if epoch is None else self._versions.get(epoch)

    def settle(self, epoch: datetime, reports: Sequence[Census]) -> Cutoffs:
        """The version that these censuses give."""
        return cutoffs(reports, epoch, self.partitions, self.config, self.zone)

    def in_force(self, partition: int) -> Cutoffs | None:
        return self.at(self._in_force.get(partition))

    def enforce(self, partition: int, epoch: int | None) -> None:
        """From now on score a partition with the version of this epoch."""
        if epoch is None:
            self._in_force.pop(partition, None)
        else:
            self._in_force[partition] = epoch
