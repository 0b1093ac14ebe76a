"""`python -m tests.bench`: measure, print, write `build/bench/*.json`."""

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from deploy.embedded.ports import PortTaken
from deploy.embedded.process import ProcessFailed
from tests.bench.drain import BenchFailed
from tests.bench.plan import Plan
from tests.bench.run import run, write
from tests.bench.show import tell
from tests.servers.kafka import KafkaUnavailable

_DEFAULT = Plan()


def main(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="half a minute, only to see that it works")] = False,
    events: Annotated[int, typer.Option(min=1000, help="events of the live flow")] = _DEFAULT.events,
    rate: Annotated[int, typer.Option(min=1, max=5000, help="events a second of the latency phase")] = _DEFAULT.rate,
    partitions: Annotated[int, typer.Option(min=1, max=256, help="of every topic")] = _DEFAULT.partitions,
    year: Annotated[bool, typer.Option(help="play the Complete Journey year too")] = _DEFAULT.year,
    out: Annotated[Path, typer.Option(help="folder for figures and logs")] = Path("build/bench"),
) -> None:
    """Throughput, latency and cost of the four services, beside the floor of bare clients. See docs/benchmarks.md."""
    console = Console()
    for name in [name for name in os.environ if name.startswith("KOI_")]:
        del os.environ[name]  # the benchmark is the same wherever it is started
    # the client logs every retry; what matters is raised
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    plan = Plan(events=events, rate=rate, partitions=partitions, year=year)
    try:
        figures = asyncio.run(run(plan.quickened() if quick else plan, out.resolve(), console))
    except (BenchFailed, KafkaUnavailable, PortTaken, ProcessFailed) as why:
        console.print(f"[red]{escape(str(why))}[/]")
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("interrupted; everything is stopped")
        sys.exit(130)
    tell(figures, console)
    console.print(f"{write(figures, out)}, {figures.seconds:.0f} s in all")


if __name__ == "__main__":
    typer.run(main)
