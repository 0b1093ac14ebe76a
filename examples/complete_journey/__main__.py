"""`python -m examples.complete_journey`: the demo from the command line."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer
from aiokafka.errors import KafkaError
from rich.console import Console

from deploy.embedded.ports import PortTaken
from deploy.embedded.process import ProcessFailed
from examples.complete_journey import demo
from examples.complete_journey.setting import PARTITIONS, PORT_BASE, RULES, DemoFailed, Setting, forget_own_settings
from services.contracts.errors import KoipondError

INTERRUPTED = 130


def main(
    out: Annotated[Path, typer.Option(help="where report, figures and logs go")] = Path("build/demo"),
    port_base: Annotated[
        int, typer.Option(min=1024, max=65_000, help="first of the seven ports it listens on")
    ] = PORT_BASE,
    partitions: Annotated[int, typer.Option(min=1, max=64, help="partitions of every keyed topic")] = PARTITIONS,
    rules: Annotated[Path, typer.Option(help="rule file, or a folder of them", exists=True)] = RULES,
    keep: Annotated[bool, typer.Option("--keep", help="leave everything running afterwards, until Ctrl-C")] = False,
) -> None:
    """Replay a grocer's year through all services and tell what became of its customers."""
    forget_own_settings()
    console = Console()
    errors = Console(stderr=True, soft_wrap=True)
    setting = Setting(out=out.resolve(), port_base=port_base, partitions=partitions, keep=keep, rules=rules)
    try:
        good = asyncio.run(_interruptible(setting, console))
    except asyncio.CancelledError:
        errors.print("stopped; nothing is left running")
        raise typer.Exit(INTERRUPTED) from None
    except (PortTaken, ProcessFailed, DemoFailed, KoipondError, KafkaError, OSError) as error:
        errors.print(f"demo: {error}", markup=False, highlight=False)
        raise typer.Exit(1) from None
    raise typer.Exit(0 if good else 1)


async def _interruptible(setting: Setting, console: Console) -> bool:
    """Raise `CancelledError` after the first signal to stop; further ones do not disturb the tidying up."""
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(demo.run(setting, console))

    def stop() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, lambda: None)
        running.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    return await running


if __name__ == "__main__":
    typer.run(main)
