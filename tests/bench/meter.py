"""CPU seconds of processes, as Linux counts them."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.bench.figures import BENCH, together

_TICKS = os.sysconf("SC_CLK_TCK")
# positions after the command's closing bracket, from 0: see proc_pid_stat(5)
_USER, _SYSTEM = 11, 12
_IDLE, _IOWAIT = 3, 4


class Spent(NamedTuple):
    """What was spent between two readings. `elsewhere`: cores kept busy, on average, by other processes."""

    seconds: float
    cpu: dict[str, float]
    elsewhere: float

    def per_1000(self, events: int) -> dict[str, float]:
        return {stage: round(seconds * 1000 / events, 5) for stage, seconds in self.cpu.items()}

    def per_cpu_second(self, events: int) -> float:
        """Events for each CPU second of all processes but this one."""
        return round(events / together(self.cpu), 1)

    def cores(self) -> dict[str, float]:
        """How many cores each process kept busy, on average."""
        return {stage: round(seconds / self.seconds, 4) for stage, seconds in self.cpu.items()}


class Meter:
    """Reads user and system time of named processes, and of the machine. The resolution is 10 ms."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = {**pids, BENCH: os.getpid()}
        self._at = 0.0
        self._before: dict[str, float] = {}
        self._busy_before = 0.0

    def start(self) -> None:
        self._before = self.read()
        self._busy_before = _busy()
        self._at = time.monotonic()

    def stop(self, ended_at: float | None = None) -> Spent:
        """What was spent since `start`; `ended_at` (monotonic) if the thing measured ended before now."""
        now = time.monotonic()
        after = self.read()
        cpu = {name: after[name] - self._before[name] for name in self._pids}
        elsewhere = max(0.0, _busy() - self._busy_before - sum(cpu.values())) / (now - self._at)
        return Spent((ended_at or now) - self._at, cpu, round(elsewhere, 2))

    def read(self) -> dict[str, float]:
        """CPU seconds of each process since it began; raises `FileNotFoundError` when one is gone."""
        return {name: cpu_seconds(Path(f"/proc/{pid}/stat").read_text()) for name, pid in self._pids.items()}


def cpu_seconds(stat: str) -> float:
    """User and system seconds in the text of `/proc/<pid>/stat`; the command in it may hold blanks and brackets."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS


def _busy() -> float:
    """CPU seconds all cores have spent on anything."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[_IDLE] - fields[_IOWAIT]) / _TICKS
