"""The gate of scoring: at every epoch the population is counted, and each partition goes on with the new cut-offs."""

from collections.abc import Mapping, Sequence

from services.contracts import wire
from services.contracts.population import Cutoffs
from services.contracts.topics import CENSUS
from services.runtime import epoch_gate
from services.runtime.epoch_gate import epoch_passed
from services.runtime.epochs import Epochs, instant
from services.runtime.gate import Passage
from services.runtime.record import Output
from services.scoring import card, rfm
from services.scoring.census import Counts
from services.scoring.population import Population

__all__ = ["EpochGate", "epoch_passed"]

_CONFIG = "config"


class EpochGate(epoch_gate.EpochGate):
    """A `services.runtime.gate.Gate`. Marks hold epochs, and the configuration scored with.

    Where nothing depends on the population there are no epochs.
    """

    def __init__(self, population: Population) -> None:
        self._population = population
        self._config = population.config
        counts = population.config.counts_population
        super().__init__(population.knows, Epochs(population.config.epoch, population.days) if counts else None)

    def claimed(self, partition: int, marks: Mapping[str, str]) -> bool:
        self.claimed_partitions.add(partition)
        self._population.enforce(partition, epoch_passed(marks))
        return marks.get(_CONFIG) != str(self._config.digest)

    def look_anew(self, partition: int, digests: Mapping[str, bytes]) -> Passage:  # noqa: ARG002 - as the protocol has it
        return Passage({_CONFIG: str(self._config.digest)}, tuple(digests))

    def say(
        self, partition: int, at_ms: int, digests: Mapping[str, bytes]
    ) -> tuple[Sequence[Output], Mapping[str, str]]:
        epoch, population = at_ms // 1000, self._population
        counts, today = Counts(), population.days.day_of(epoch)
        for digest in digests.values():
            counts.add(card.read(digest).measures(today))
        census = counts.census(instant(epoch), population.zone, partition, population.partitions)
        output = Output(CENSUS.name, 0, str(partition).encode(), wire.CENSUSES.encode(census))
        return [output], epoch_gate.marked_said(at_ms)

    def passage(self, partition: int, at_ms: int, digests: Mapping[str, bytes]) -> Passage:
        """Wakes whose scores the new cut-offs change, and nobody else."""
        epoch = at_ms // 1000
        today, cutoffs = self._population.days.day_of(epoch), self._population.at(epoch)
        old = self._population.in_force(partition)
        self._population.enforce(partition, epoch)
        wake = []
        for customer, digest in digests.items():
            known = card.read(digest)
            scores = rfm.score(known.measures(today), self._config, cutoffs, known.scores)
            if scores != known.scores or self._ages_otherwise(known.last_day, today, old, cutoffs):
                wake.append(customer)
        return Passage(epoch_gate.marked_passed(at_ms), wake)

    def _ages_otherwise(self, last: int | None, today: int, old: Cutoffs | None, new: Cutoffs | None) -> bool:
        """Whether time alone will lower R on another day than the customer's timer is set to."""
        if last is None:
            return False
        days = (rfm.next_recency_day(last, today, self._config, cutoffs) for cutoffs in (old, new))
        return len(set(days)) > 1
