"""The four services as processes beside the embedded stack, for the demo, the benchmark and tests."""

import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from deploy.embedded.ports import HOST, require_free
from deploy.embedded.process import Process, ProcessFailed

SERVICES = ("ingest", "scoring", "rules", "notifier")

_READY_SECONDS = 60.0
_STOP_SECONDS = 45.0


class Services:
    """All four, each on its own port from `first_port` on. `env` are the `KOI_…` settings they share.

    `watch` restarts what has died, whoever killed it; the runtime makes that harmless.
    """

    def __init__(
        self, directory: Path, env: Mapping[str, str], first_port: int, *, port_option: str = "--port-base"
    ) -> None:
        self.ports = {name: first_port + i for i, name in enumerate(SERVICES)}
        self.restarts: list[str] = []
        """Names of services that were found dead and started again, in order."""
        self._port_option = port_option
        self._processes = {
            name: Process(
                name,
                [sys.executable, "-m", "services.cli.main", "run", name],
                directory / f"{name}.log",
                env={**env, "KOI_PORT": str(port)},
                stop_seconds=_STOP_SECONDS,
            )
            for name, port in self.ports.items()
        }

    def process(self, name: str) -> Process:
        return self._processes[name]

    def start(self) -> None:
        """Start all and return when all are ready. Raise `PortTaken` or `ProcessFailed`; then nothing keeps running."""
        for name, port in self.ports.items():
            require_free(port, name, self._port_option)
        try:
            for process in self._processes.values():
                process.start()
            deadline = time.monotonic() + _READY_SECONDS
            for name, process in self._processes.items():
                process.wait_ready(lambda name=name: self.ready(name), max(1.0, deadline - time.monotonic()))  # type: ignore[misc]
        except BaseException:
            self.stop()
            raise

    def ready(self, name: str) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address(name)}/readyz", timeout=2) as answer:  # noqa: S310 - loopback
                return bool(answer.status == 200)  # noqa: PLR2004
        except (OSError, urllib.error.HTTPError):
            return False

    def address(self, name: str) -> str:
        return f"http://{HOST}:{self.ports[name]}"

    def watch(self, limit: int = 20) -> None:
        """Start again what has died. Raise `ProcessFailed` once that has happened more than `limit` times."""
        for name, process in self._processes.items():
            if process.alive:
                continue
            self.restarts.append(name)
            if len(self.restarts) > limit:
                raise ProcessFailed(f"{name} died again (exit code {process.exit_code})\n{process.tail()}")
            process.start()

    def stop(self) -> None:
        """Stop all, in the direction of the flow, so that each can finish what it was handed."""
        for process in self._processes.values():
            process.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
