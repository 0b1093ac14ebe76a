"""What a run finds out, as it is written to `build/bench/*.json`. Names are part of the file's format.

"Stage" is one of the services, or `kafka`, `redis`, `bench` (the program that publishes and watches, which is left out of
every sum and ratio).
"""

from collections.abc import Mapping
from typing import Any

import msgspec

BENCH = "bench"


class Percentiles(msgspec.Struct, frozen=True):
    """Milliseconds. `count` is how many were measured."""

    count: int
    p50: float
    p99: float
    max: float


class Footprint(msgspec.Struct, frozen=True):
    """Redis memory of one service: `states` customers have one; `state_bytes` is the mean of a state with its key.

    `bytes_per_customer` counts timers and positions too, and divides by all customers the pipeline knows.
    """

    states: int
    state_bytes: float
    bytes_per_customer: float


class StoredStates(msgspec.Struct, frozen=True):
    """Bytes of one data set's states as they are stored, without key and the store's own surplus.

    `digest_bytes` is the mean of what the owner sees of a customer at a glance. `most_days` is the largest number of
    days that one state keeps.
    """

    data: str
    customers: int
    events: int
    mean_bytes: float
    p99_bytes: float
    max_bytes: int
    digest_bytes: float
    most_days: int


class Flow(msgspec.Struct, frozen=True):
    """One load driven through all stages, as fast as it goes.

    `cpu_seconds_per_1000` is by stage, per 1,000 inbound events; `events_per_cpu_second` is the same for all stages
    together, the other way round: what one core could do, servers included, whoever else is busy. `records` and `record_bytes` (mean size of a value) are
    by topic. `cores_elsewhere` is how many cores programs that are no part of this kept busy meanwhile.
    """

    events: int
    seconds: float
    events_per_second: float
    events_per_cpu_second: float
    cpu_seconds_per_1000: dict[str, float]
    records: dict[str, int]
    record_bytes: dict[str, float]
    redis: dict[str, Footprint]
    redis_bytes_per_customer: float
    cores_elsewhere: float


class Latency(msgspec.Struct, frozen=True):
    """From handing an event to the producer until a foreign consumer holds what became of it.

    `cores` is how many cores each stage kept busy at this rate, `cores_idle` before, when nothing came.
    """

    events: int
    rate: float
    milliseconds: dict[str, Percentiles]
    cores: dict[str, float]
    cores_idle: dict[str, float]
    cores_elsewhere: float


class Floor(msgspec.Struct, frozen=True):
    """The same hops, records and sizes by bare clients: the median of `rounds`, which are events a second."""

    events: int
    events_per_second: float
    events_per_cpu_second: float
    rounds: list[float]
    cpu_seconds_per_1000: dict[str, float]
    cores_elsewhere: float


class Ratio(msgspec.Struct, frozen=True):
    """Ours over the floor: of what goes through (1 would be the floor itself), and of CPU by stage."""

    events_per_second: float
    events_per_cpu_second: float
    cpu: dict[str, float]


class Machine(msgspec.Struct, frozen=True):
    cores: int
    cpu: str
    memory_gib: float
    system: str
    python: str
    kafka: str
    redis: str
    load_average: tuple[float, float, float]
    """Of the last 1, 5 and 15 minutes, before the run."""


class Figures(msgspec.Struct, frozen=True):
    at: str
    seconds: float
    parameters: dict[str, Any]
    machine: Machine
    remark: str | None
    """Why the broker is not Apache Kafka, if it is not."""
    live: Flow
    year: Flow | None
    states: list[StoredStates]
    latency: Latency
    floor: Floor
    ratio: Ratio


def ratio(ours: Flow, floor: Floor) -> Ratio:
    """Of the stages both have, and whose floor costs anything."""
    costs = floor.cpu_seconds_per_1000
    return Ratio(
        events_per_second=round(ours.events_per_second / floor.events_per_second, 4),
        events_per_cpu_second=round(ours.events_per_cpu_second / floor.events_per_cpu_second, 4),
        cpu={
            stage: round(seconds / costs[stage], 2)
            for stage, seconds in ours.cpu_seconds_per_1000.items()
            if stage != BENCH and costs.get(stage, 0.0) > 0
        },
    )


def together(by_stage: Mapping[str, float]) -> float:
    """The sum over all stages but the benchmark itself."""
    return sum(value for stage, value in by_stage.items() if stage != BENCH)


def percentiles(seconds: list[float]) -> Percentiles:
    """Nearest rank, in milliseconds; raises `ValueError` without values."""
    if not seconds:
        raise ValueError("no percentiles of nothing")
    ranked = sorted(seconds)

    def rank(share: float) -> float:
        return round(1000 * ranked[max(0, -int(-share * len(ranked) // 1) - 1)], 2)

    return Percentiles(len(ranked), rank(0.50), rank(0.99), round(1000 * ranked[-1], 2))
