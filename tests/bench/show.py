"""What a person sees: bars while it runs, tables at the end."""

from collections.abc import Callable, Sequence
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.bench.drain import Reach, Report
from tests.bench.figures import Figures, Floor, Flow, together


class Bars:
    """One bar per service and phase, or one per phase."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<18}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def stages(self, phase: str) -> Report:
        """A bar for every service."""
        bars: dict[str, int] = {}

        def report(reaches: Sequence[Reach]) -> None:
            for reach in reaches:
                if reach.service not in bars:
                    bars[reach.service] = self._progress.add_task(f"{phase} {reach.service}", total=None)
                bar = self._progress.tasks[bars[reach.service]].id
                self._progress.update(bar, completed=reach.done, total=max(1, reach.done, reach.total))

        return report

    def one(self, phase: str, total: int) -> Callable[[int], None]:
        bar = self._progress.add_task(phase, total=total)
        return lambda done: self._progress.update(bar, completed=done)


def tell(figures: Figures, console: Console) -> None:
    machine = figures.machine
    console.print(
        f"\n{machine.kafka}, {machine.redis}; {machine.cores} cores of {machine.cpu}; Python {machine.python}; "
        f"load before {machine.load_average[0]:.1f}"
    )
    console.print(_throughput(figures))
    console.print(_costs(figures))
    console.print(_keeping(figures))
    if figures.states:
        console.print(_stored(figures))
    console.print(_waits(figures))
    console.print(_busy(figures))
    if figures.parameters["quick"]:
        console.print("[yellow]a quick run: too short for its figures to mean anything[/]")


def _throughput(figures: Figures) -> Table:
    columns = ("events", "seconds", "events/s", "events per CPU second", "busy elsewhere")
    table = Table("all stages, end to end", *columns, header_style="bold")
    floor, ratio = figures.floor, figures.ratio

    def add(name: str, found: Flow | Floor) -> None:
        table.add_row(
            name,
            f"{found.events:,}",
            f"{found.events / found.events_per_second:.1f}",
            f"{found.events_per_second:,.0f}",
            f"{found.events_per_cpu_second:,.0f}",
            f"{found.cores_elsewhere:.1f} cores",
        )

    add("live, wall clock", figures.live)
    if figures.year is not None:
        add("year, event clock", figures.year)
    add("floor: bare clients", floor)
    table.add_row("live / floor", "", "", f"{ratio.events_per_second:.2f}", f"{ratio.events_per_cpu_second:.2f}", "")
    return table


def _costs(figures: Figures) -> Table:
    live, year, floor = figures.live, figures.year, figures.floor
    table = Table("CPU s per 1,000 events", "live", "floor", "live / floor", "year", header_style="bold")
    for stage, cost in live.cpu_seconds_per_1000.items():
        bare = floor.cpu_seconds_per_1000.get(stage)
        table.add_row(
            stage,
            _number(cost),
            _number(bare),
            _number(figures.ratio.cpu.get(stage), ".1f"),
            _number(year.cpu_seconds_per_1000[stage] if year else None),
        )
    ours, bare = together(live.cpu_seconds_per_1000), together(floor.cpu_seconds_per_1000)
    past = together(year.cpu_seconds_per_1000) if year else None
    table.add_section()
    table.add_row("together, without bench", _number(ours), _number(bare), _number(ours / bare, ".1f"), _number(past))
    return table


def _keeping(figures: Figures) -> Table:
    table = Table("Redis", "states", "bytes a state", "bytes a customer", header_style="bold")
    for name, flow in (("live", figures.live), ("year", figures.year)):
        if flow is None:
            continue
        for service, found in flow.redis.items():
            row = (f"{found.states:,}", f"{found.state_bytes:,.0f}", f"{found.bytes_per_customer:,.0f}")
            table.add_row(f"{name}: {service}", *row)
        table.add_row(f"{name}: together", "", "", f"{flow.redis_bytes_per_customer:,.0f}")
        table.add_section()
    return table


def _stored(figures: Figures) -> Table:
    columns = ("customers", "bytes a state", "p99", "largest", "at a glance", "most days kept")
    table = Table("scores as stored, without keys", *columns, header_style="bold")
    for found in figures.states:
        table.add_row(
            found.data,
            f"{found.customers:,}",
            f"{found.mean_bytes:,.0f}",
            f"{found.p99_bytes:,.0f}",
            f"{found.max_bytes:,}",
            f"{found.digest_bytes:,.0f}",
            str(found.most_days),
        )
    return table


def _waits(figures: Figures) -> Table:
    waits = figures.latency
    table = Table(f"ms from produce, at {waits.rate:,.0f} events/s", "p50", "p99", "max", "of", header_style="bold")
    for what, found in waits.milliseconds.items():
        table.add_row(f"to {what}", f"{found.p50:.0f}", f"{found.p99:.0f}", f"{found.max:.0f}", f"{found.count:,}")
    return table


def _busy(figures: Figures) -> Table:
    waits = figures.latency
    table = Table("cores kept busy", "idle", f"at {waits.rate:,.0f} events/s", header_style="bold")
    for stage, cores in waits.cores.items():
        table.add_row(stage, _number(waits.cores_idle[stage]), _number(cores))
    return table


def _number(value: float | None, form: str = ".3f") -> str:
    return "" if value is None else format(value, form)
