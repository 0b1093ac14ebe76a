"""What a process knows of the population: every version of the cut-offs, and which one each partition is scored with."""

from zoneinfo import ZoneInfo

from services.contracts.calendar import BusinessDays
from services.contracts.population import Census, Cutoffs
from services.scoring.census import cutoffs
from services.scoring.config import ScoringConfig

EPOCHS_KEPT = 100


class Population:
    """Epochs are Unix seconds.

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

    def at(self, epoch: int | None) -> Cutoffs | None:
        """The version of exactly this epoch, if it is known."""
        return None if epoch is None else self._versions.get(epoch)

    def in_force(self, partition: int) -> Cutoffs | None:
        return self.at(self._in_force.get(partition))

    def enforce(self, partition: int, epoch: int | None) -> None:
        """From now on score a partition with the version of this epoch."""
        if epoch is None:
            self._in_force.pop(partition, None)
        else:
            self._in_force[partition] = epoch


class Tally:
    """The censuses of all partitions, added up epoch by epoch.

    An epoch is complete when every partition has been counted for it; one that has been counted for a later epoch only
    began after this one. A partition of which nothing is heard is waited for `patience` seconds, and then no more until it
    speaks again; its last census, if there is one, stands in meanwhile.

    Recent censuses are kept, so that whoever adds them up a second time comes to the same.
    """

    def __init__(self, population: Population, patience: float) -> None:
        self._population = population
        self._patience = patience
        self._censuses: dict[int, dict[int, Census]] = {}
        self._latest: dict[int, Census] = {}
        self._waiting: dict[int, float] = {}
        self._silent: set[int] = set()

    def take(self, census: Census) -> None:
        """Every census, in the order in which a partition's were taken."""
        if census.partitions != self._population.partitions:
            return
        self._latest[census.partition] = census
        self._silent.discard(census.partition)
        self._censuses.setdefault(second_of(census), {})[census.partition] = census
        if len(self._censuses) > EPOCHS_KEPT:
            del self._censuses[min(self._censuses)]

    def conclude(self, clock: float) -> Cutoffs | None:
        """The cut-offs of the earliest complete epoch that has none; `clock` is a monotonic clock in seconds."""
        population = self._population
        for epoch in sorted(self._censuses):
            if population.at(epoch) is None and self._complete(epoch, clock):
                at = next(iter(self._censuses[epoch].values())).epoch
                counted = self._counted(epoch)
                return cutoffs(counted, at, population.partitions, population.config, population.zone)
        return None

    def _counted(self, epoch: int) -> list[Census]:
        late = {p: census for p, census in self._latest.items() if second_of(census) < epoch}
        return list((late | self._censuses[epoch]).values())

    def _complete(self, epoch: int, clock: float) -> bool:
        reached = {p for p, census in self._latest.items() if second_of(census) >= epoch}
        missing = set(range(self._population.partitions)) - reached - self._silent
        if missing:
            if clock - self._waiting.setdefault(epoch, clock) < self._patience:
                return False
            self._silent |= missing
        self._waiting.pop(epoch, None)
        return True


def second_of(said: Census | Cutoffs) -> int:
    """The epoch, Unix seconds."""
    return int(said.epoch.timestamp())
