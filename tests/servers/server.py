"""A handle on one running server: its address, and the ways to hurt it."""

from collections.abc import Callable
from dataclasses import dataclass

from deploy.embedded.process import Process


@dataclass(frozen=True)
class Server:
    """A server of the test session. Whoever kills or pauses it brings it back before the test ends.

    `durable` says whether what it held is there again after `restart`, `kill` + `start`.
    """

    label: str
    address: str
    process: Process
    answers: Callable[[], bool]
    ready_seconds: float
    durable: bool

    def start(self) -> None:
        """Start it if it does not run, and return when it answers (bounded)."""
        self.process.start()
        self.process.wait_ready(self.answers, self.ready_seconds)

    def stop(self) -> None:
        """Stop it as an operator does (SIGTERM, bounded)."""
        self.process.stop()

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self) -> None:
        """End it as a crash does (SIGKILL)."""
        self.process.kill()

    def pause(self) -> None:
        """Let it hang: connections stay open, nothing answers."""
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()
        self.process.wait_ready(self.answers, self.ready_seconds)
