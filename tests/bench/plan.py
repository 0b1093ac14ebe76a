"""How large a run is."""

from dataclasses import dataclass, replace

from services.contracts.topics import DEFAULT_PARTITIONS


@dataclass(frozen=True)
class Plan:
    """Everything that decides what a run does; two runs with the same plan publish the same events.

    `rate` is in events a second, `latency_seconds` how long it is kept up, `idle_seconds` how long
    the services are watched doing nothing before. `floor_rounds` floors are run, and the median
    counts. `year` says whether the Complete Journey year is played too.
    """

    events: int = 60_000
    customers: int = 5_000
    warm_up: int = 6_000
    rate: int = 300
    latency_seconds: float = 20.0
    idle_seconds: float = 5.0
    floor_rounds: int = 3
    year: bool = True
    partitions: int = DEFAULT_PARTITIONS
    seed: int = 7
    quick: bool = False

    def quickened(self) -> "Plan":
        """A run of half a minute that goes through everything but the year; its figures mean little."""
        return replace(
            self,
            events=3_000,
            customers=300,
            warm_up=300,
            rate=50,
            latency_seconds=3.0,
            idle_seconds=1.0,
            floor_rounds=1,
            year=False,
            partitions=4,
            quick=True,
        )
