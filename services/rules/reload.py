"""Rule files that change while the service runs: read anew, all or nothing."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import structlog

from services.rules.book.compiler import compile_rulebook
from services.rules.book.rulebook import Rulebook
from services.runtime.files import read_files
from services.runtime.problems import FileError

log = structlog.get_logger()


class ReloadTelemetry(Protocol):
    """Who is told how it went."""

    def rules_loaded(self, digest: str, ladders: int, campaigns: int) -> None:
        """This rule set is at work from now on."""
        ...

    def rules_read(self, *, sound: bool) -> None:
        """The files were read: whether they are a rule set."""
        ...


class Reloader:
    """An async context that looks at the files every `seconds` and gives a changed rule set to `adopt`.

    A set with a mistake anywhere changes nothing: the old one stays at work, the log has every problem, and the metric
    says so until the files are sound again. Files that say the same in other words are no change.
    """

    def __init__(
        self,
        path: Path,
        rulebook: Rulebook,
        adopt: Callable[[Rulebook], None],
        telemetry: ReloadTelemetry,
        *,
        seconds: float,
    ) -> None:
        """`rulebook` is the one at work. 0 `seconds`: the files are never looked at again."""
        self._path = path
        self._hash = rulebook.hash
        self._adopt = adopt
        self._telemetry = telemetry
        self._seconds = seconds
        self._seen: dict[str, bytes] | str = {}
        self._task: asyncio.Task[None] | None = None
        self._tell(rulebook)
        telemetry.rules_read(sound=True)

    async def look(self) -> bool:
        """Read the files; whether a new rule set is at work."""
        try:
            texts: dict[str, bytes] | str = await asyncio.to_thread(read_files, self._path)
        except FileError as error:
            texts = str(error)
        if texts == self._seen:
            return False
        self._seen = texts
        try:
            if isinstance(texts, str):
                self._refuse(texts)
                return False
            rulebook = await asyncio.to_thread(compile_rulebook, texts)
        except FileError as error:
            self._refuse(str(error))
            return False
        self._telemetry.rules_read(sound=True)
        if rulebook.hash == self._hash:
            return False
        self._adopt(rulebook)
        log.info("rules_changed", before=self._hash, now=rulebook.hash)
        self._hash = rulebook.hash
        self._tell(rulebook)
        return True

    def _refuse(self, problems: str) -> None:
        self._telemetry.rules_read(sound=False)
        log.error("rules_refused", at_work=self._hash, problems=problems.splitlines())

    def _tell(self, rulebook: Rulebook) -> None:
        self._telemetry.rules_loaded(rulebook.hash, len(rulebook.ladders), len(rulebook.campaigns))

    async def __aenter__(self) -> Self:
        if self._seconds:
            self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self.look()
            except Exception:
                # a mistake of ours must not end the watch: the next change may be the cure
                self._telemetry.rules_read(sound=False)
                log.exception("reload_failed")
