"""The gate of scoring: at every epoch the population is counted, and each partition goes on with the new cut-offs."""

from collections.abc import Mapping, Sequence

from services.contracts import wire
from services.contracts.population import Cutoffs
from services.contracts.topics import CENSUS
from services.runtime.gate import Passage
from services.runtime.record import Output
from services.scoring import card, rfm
from services.scoring.census import Counts
from services.scoring.epochs import Epochs, instant
from services.scoring.population import Population

_PASSED = "epoch"
_COUNTED = "counted"
_CONFIG = "config"


class EpochGate:
    """A `services.runtime.gate.Gate`. Marks hold epochs in Unix seconds, and the configuration scored with.

    Where nothing depends on the population there are no epochs.
    """

    def __init__(self, population: Population) -> None:
        self._population = population
        self._config = population.config
        self._epochs = Epochs(population.config.epoch, population.days) if population.config.counts_population else None
        self.claimed_partitions: set[int] = set()

    def claimed(self, partition: int, marks: Mapping[str, str]) -> bool:
        self.claimed_partitions.add(partition)
        self._population.enforce(partition, _epoch(marks, _PASSED))
        return marks.get(_CONFIG) != str(self._config.digest)

    def look_anew(self, partition: int, digests: Mapping[str, bytes]) -> Passage:  # noqa: ARG002 - as the protocol has it
        return Passage({_CONFIG: str(self._config.digest)}, tuple(digests))

    def released(self, partition: int) -> None:
        self.claimed_partitions.discard(partition)

    def next_ms(self, marks: Mapping[str, str], first_ms: int) -> int | None:
        if self._epochs is None:
            return None
        passed = _epoch(marks, _PASSED)
        epoch = self._epochs.latest(first_ms // 1000) if passed is None else self._epochs.following(passed)
        return epoch * 1000

    def latest_ms(self, marks: Mapping[str, str], now_ms: int) -> int | None:
        if self._epochs is None:
            return None
        passed, epoch = _epoch(marks, _PASSED), self._epochs.latest(now_ms // 1000)
        return epoch * 1000 if passed is None or passed < epoch else None

    def begun(self, marks: Mapping[str, str]) -> bool:
        return _PASSED in marks

    def said(self, marks: Mapping[str, str], at_ms: int) -> bool:
        return _epoch(marks, _COUNTED) == at_ms // 1000

    def say(
        self, partition: int, at_ms: int, digests: Mapping[str, bytes]
    ) -> tuple[Sequence[Output], Mapping[str, str]]:
        epoch, population = at_ms // 1000, self._population
        counts, today = Counts(), population.days.day_of(epoch)
        for digest in digests.values():
            counts.add(card.read(digest).measures(today))
        census = counts.census(instant(epoch), population.zone, partition, population.partitions)
        output = Output(CENSUS.name, 0, str(partition).encode(), wire.CENSUSES.encode(census))
        return [output], {_COUNTED: str(epoch)}

    def is_open(self, at_ms: int) -> bool:
        return self._population.at(at_ms // 1000) is not None

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
        return Passage({_PASSED: str(epoch)}, wake)

    def _ages_otherwise(self, last: int | None, today: int, old: Cutoffs | None, new: Cutoffs | None) -> bool:
        """Whether time alone will lower R on another day than the customer's timer is set to."""
        if last is None:
            return False
        days = (rfm.next_recency_day(last, today, self._config, cutoffs) for cutoffs in (old, new))
        return len(set(days)) > 1


def epoch_passed(marks: Mapping[str, str]) -> int | None:
    """The epoch whose cut-offs a partition with these marks is scored with."""
    return _epoch(marks, _PASSED)


def _epoch(marks: Mapping[str, str], name: str) -> int | None:
    written = marks.get(name)
    return None if written is None else int(written)
