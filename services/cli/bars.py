"""Progress on standard error, for work that takes longer than one likes to wait without a sign."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from services.cli.terminal import ERR


@contextmanager
def bars() -> Iterator[Progress]:
    """Gone when the work is done; nothing where standard error is no terminal."""
    columns = (TextColumn("{task.description:<10}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as shown:
        yield shown


def bar(shown: Progress, name: str) -> Callable[[int, int], None]:
    """A bar that is there once there is something to tell: how much is done, and of how much."""
    tasks: list[TaskID] = []

    def progress(done: int, total: int) -> None:
        if not tasks:
            tasks.append(shown.add_task(name, total=total))
        shown.update(tasks[0], completed=done, total=total)

    return progress
