"""Adding up the partitions' censuses."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.contracts.population import Census, Cutoffs
from services.scoring.census import Counts
from services.scoring.config import ScoringConfig
from services.scoring.population import Population, Tally
from services.scoring.rfm import Measures

ZONE = ZoneInfo("UTC")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PATIENCE = 30.0


def population(partitions: int = 3) -> Population:
    return Population(ScoringConfig(), ZONE, partitions)


def census(partition: int, epoch: datetime = FIRST, customers: int = 1, partitions: int = 3) -> Census:
    counts = Counts()
    for money in range(customers):
        counts.add(Measures(0, 1, money))
    return counts.census(epoch, ZONE, partition, partitions)


def concluded(tally: Tally[Census, Cutoffs], known: Population, clock: float) -> Cutoffs | None:
    found = tally.conclude(clock)
    if found is not None:
        known.learn(found)
    return found


def test_cutoffs_come_when_all_partitions_have_been_counted() -> None:
    """Not before, and once."""
    known = population()
    tally = Tally(known, PATIENCE)
    for partition in range(3):
        assert concluded(tally, known, 0) is None
        tally.take(census(partition, customers=partition))
    found = concluded(tally, known, 0)
    assert found is not None
    assert (found.customers, found.reported, found.partitions) == (3, 3, 3)
    assert concluded(tally, known, 0) is None


def test_a_partition_that_began_later_is_not_waited_for() -> None:
    """It was counted for a later epoch first, so it had nobody before."""
    known = population(2)
    tally = Tally(known, PATIENCE)
    tally.take(census(0, FIRST, partitions=2))
    tally.take(census(1, FIRST + DAY, 5, partitions=2))
    found = concluded(tally, known, 0)
    assert found is not None
    assert (found.epoch, found.customers) == (FIRST, 1)
    assert concluded(tally, known, 0) is None
    tally.take(census(0, FIRST + DAY, 2, partitions=2))
    found = concluded(tally, known, 0)
    assert found is not None
    assert (found.epoch, found.customers) == (FIRST + DAY, 7)


def test_a_partition_never_heard_of_is_waited_for_once() -> None:
    """After that it is known to be absent until it speaks."""
    known = population(2)
    tally = Tally(known, PATIENCE)
    tally.take(census(0, FIRST, partitions=2))
    assert concluded(tally, known, 100) is None
    assert concluded(tally, known, 100 + PATIENCE - 1) is None
    assert concluded(tally, known, 100 + PATIENCE) is not None
    tally.take(census(0, FIRST + DAY, partitions=2))
    found = concluded(tally, known, 200)
    assert found is not None
    assert (found.reported, found.partitions) == (1, 2)


def test_for_a_partition_that_fell_silent_its_last_census_stands_in() -> None:
    """After the patience, and aged."""
    known = population(2)
    tally = Tally(known, PATIENCE)
    for partition in range(2):
        tally.take(census(partition, FIRST, partitions=2))
    assert concluded(tally, known, 0) is not None
    tally.take(census(0, FIRST + DAY, partitions=2))
    assert concluded(tally, known, 0) is None
    assert concluded(tally, known, PATIENCE - 1) is None
    found = concluded(tally, known, PATIENCE)
    assert found is not None
    assert (found.customers, found.recency.mean) == (2, 0.5)
    tally.take(census(0, FIRST + 2 * DAY, partitions=2))
    assert concluded(tally, known, PATIENCE) is not None
    tally.take(census(1, FIRST + DAY, partitions=2))
    tally.take(census(0, FIRST + 3 * DAY, partitions=2))
    assert concluded(tally, known, PATIENCE) is None


def test_censuses_of_another_number_of_partitions_are_ignored() -> None:
    """They are of before the topics were made anew."""
    known = population(2)
    tally = Tally(known, PATIENCE)
    for partition in range(3):
        tally.take(census(partition, partitions=3))
    assert concluded(tally, known, 10**6) is None


def test_a_partition_keeps_to_its_version_until_it_is_told() -> None:
    """Whatever else is known; and the first version heard of an epoch stays."""
    known = population(1)
    versions = []
    for number in range(2):
        tally = Tally(known, PATIENCE)
        tally.take(census(0, FIRST + number * DAY, number + 1, partitions=1))
        found = tally.conclude(0)
        assert found is not None
        known.learn(found)
        versions.append(found)
    assert known.in_force(0) is None
    known.enforce(0, int(FIRST.timestamp()))
    assert known.in_force(0) == versions[0]
    assert known.in_force(1) is None
    other = Tally(population(1), PATIENCE)
    other.take(census(0, FIRST, 50, partitions=1))
    again = other.conclude(0)
    assert again is not None
    known.learn(again)
    assert known.at(int(FIRST.timestamp())) == versions[0]
    known.enforce(0, None)
    assert known.in_force(0) is None
