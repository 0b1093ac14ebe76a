"""The four services beside the demo's event loop: started, watched, brought back when they die, and stopped."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Self

from deploy.embedded.services import SERVICES, Services
from examples.complete_journey.setting import DemoFailed, Setting

_READY_SECONDS = 60.0
_WATCH_SECONDS = 0.1


class Fleet:
    """Enter it on the main thread (the kernel ties a child's life to the thread that started it).

    Leaving it after an error or an interruption kills the services: nothing they hold is needed any more.
    """

    def __init__(self, setting: Setting, environment: Mapping[str, str]) -> None:
        self._services = Services(setting.logs, environment, setting.service_port)
        self._processes = {name: self._services.process(name) for name in SERVICES}

    @property
    def restarts(self) -> Counter[str]:
        """How often each had to be started again."""
        return Counter(self._services.restarts)

    def address(self, name: str) -> str:
        return self._services.address(name)

    async def __aenter__(self) -> Self:
        for process in self._processes.values():
            process.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await asyncio.gather(*(asyncio.to_thread(process.stop) for process in self._processes.values()))
        else:
            for process in self._processes.values():
                process.kill()

    async def ready(self) -> None:
        """Return when every service says so; raise `DemoFailed` with the tail of its log if one does not."""
        deadline = time.monotonic() + _READY_SECONDS
        for name, process in self._processes.items():
            while not await asyncio.to_thread(self._services.ready, name):
                if not process.alive:
                    raise DemoFailed(f"{name} ended at start (exit code {process.exit_code})\n{process.tail()}")
                if time.monotonic() > deadline:
                    raise DemoFailed(f"{name} was not ready within {_READY_SECONDS:.0f} s\n{process.tail()}")
                await asyncio.sleep(_WATCH_SECONDS)

    async def watch(self, note: Callable[[str], None]) -> None:
        """Bring back whoever dies, and say so; returns never, raises `ProcessFailed` when that happens too often."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for name, process in self._processes.items():
                if not process.alive:
                    note(f"{name} ended ({_how(process.exit_code)}) and is started again")
            self._services.watch()


def _how(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
