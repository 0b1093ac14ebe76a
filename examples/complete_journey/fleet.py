"""The four services as processes: started, watched, brought back when they die, and stopped."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Self

import httpx

from deploy.embedded.process import Process
from examples.complete_journey.setting import HOST, SERVICES, DemoFailed, Setting, koi_command

_READY_SECONDS = 60.0
_WATCH_SECONDS = 0.1
_MOST_RESTARTS = 20
_STOP_SECONDS = 30.0


class Fleet:
    """Enter it on the main thread (the kernel ties a child's life to the thread that started it).

    Leaving it after an error or an interruption kills the services: nothing they hold is needed any more.
    """

    def __init__(self, setting: Setting, environments: Mapping[str, Mapping[str, str]]) -> None:
        self.restarts: Counter[str] = Counter()
        self._setting = setting
        self._processes = {
            name: Process(
                name,
                [koi_command(), "run", name],
                setting.logs / f"{name}.log",
                env=environments[name],
                # not where the person stands: a .env file there is not meant for us
                cwd=setting.logs,
                stop_seconds=_STOP_SECONDS,
            )
            for name in SERVICES
        }

    async def __aenter__(self) -> Self:
        for process in self._processes.values():
            process.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        processes = self._processes.values()
        if kind is not None:
            for process in processes:
                process.kill()
            return
        await asyncio.gather(*(asyncio.to_thread(process.stop) for process in processes))

    async def ready(self) -> None:
        """Return when every service says so; raise `DemoFailed` with what it says, or the tail of its log, if one does not."""
        deadline = time.monotonic() + _READY_SECONDS
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            for name, process in self._processes.items():
                why = "it does not answer"
                while why:
                    if not process.alive:
                        raise DemoFailed(f"{name} ended at start, log {process.log}\n{process.tail()}")
                    if time.monotonic() > deadline:
                        raise DemoFailed(f"{name} is not ready after {_READY_SECONDS:.0f} s: {why}\n{process.tail()}")
                    await asyncio.sleep(_WATCH_SECONDS)
                    why = await self._why_not(client, name)

    async def watch(self, note: Callable[[str], None]) -> None:
        """Bring back whoever dies, and say so; returns never, raises `DemoFailed` when one keeps dying."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for name, process in self._processes.items():
                if process.alive:
                    continue
                code = process.exit_code
                how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
                self.restarts[name] += 1
                if self.restarts[name] > _MOST_RESTARTS:
                    raise DemoFailed(f"{name} keeps ending ({how}), log {process.log}\n{process.tail()}")
                note(f"{name} ended ({how}) and is started again")
                process.start()

    async def _why_not(self, client: httpx.AsyncClient, name: str) -> str:
        """Why a service is not ready; empty when it is."""
        try:
            answer = await client.get(f"http://{HOST}:{self._setting.service_port(name)}/readyz")
        except httpx.HTTPError:
            return "it does not answer"
        return "" if answer.is_success else answer.text
