"""A whole run: servers up, the four measurements one after the other, servers down."""

import asyncio
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console

from tests.bench import states
from tests.bench.figures import Figures, ratio
from tests.bench.floor import floor
from tests.bench.flow import live, year
from tests.bench.latency import latency
from tests.bench.machine import describe
from tests.bench.plan import Plan
from tests.bench.rig import rig
from tests.bench.show import Bars


async def run(plan: Plan, out: Path, console: Console) -> Figures:
    """Measure everything. However this ends, what was started is stopped.

    Raise `BenchFailed`, `ProcessFailed`, `PortTaken` or `KafkaUnavailable`, each with a message for a person.
    """
    began, at = time.monotonic(), datetime.now(UTC)
    with rig(out / "logs", plan.partitions) as servers:
        machine = describe(servers.kafka.label, servers.redis.label)
        console.print(
            f"{machine.kafka} and {machine.redis} are up" + (f" ({servers.remark})" if servers.remark else "")
        )
        with Bars(console) as bars:
            ours = await live(servers, plan, bars.stages("live"))
            bare = await floor(servers, plan, ours, bars.one("floor", plan.floor_rounds))
            count = int(plan.rate * plan.latency_seconds)
            waits = await latency(servers, plan, bars.one("latency", count))
            history = await year(servers, plan, bars.stages("year")) if plan.year else None
            stored = await asyncio.to_thread(states.measure) if plan.year else []
    return Figures(
        at=f"{at:%Y-%m-%dT%H:%M:%SZ}",
        seconds=round(time.monotonic() - began, 1),
        parameters=asdict(plan),
        machine=machine,
        remark=servers.remark,
        live=ours,
        year=history,
        states=stored,
        latency=waits,
        floor=bare,
        ratio=ratio(ours, bare),
    )


def write(figures: Figures, out: Path) -> Path:
    """`<instant>.json`, and the same as `latest.json`; returns the first."""
    out.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(figures), indent=2)
    path = out / f"{figures.at.replace(':', '').replace('-', '')}.json"
    for one in (path, out / "latest.json"):
        one.write_bytes(text + b"\n")
    return path
