"""A child process that is started, watched, restarted and stopped, and that never outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from deploy.embedded import leash

_POLL_SECONDS = 0.02
_KILL_SECONDS = 10.0
_TAIL_BYTES = 16_384


class ProcessFailed(Exception):  # noqa: N818  (it says what happened)
    """A child died, or was not ready in time; the message ends with the tail of its log."""


class Process:
    """One supervised command. Output goes to the file `log`, which every start continues.

    Start it from a thread that outlives it (the main thread): Linux kills the child when the *thread* that started it
    ends. The child has its own session, so that Ctrl-C reaches the parent alone, which then stops things in order.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stop_seconds: float = 10.0,
    ) -> None:
        """`env` is added to the parent's environment. `stop_seconds` is what SIGTERM gets before SIGKILL."""
        self.name = name
        self.log = log
        self._command = list(command)
        self._env = dict(env or {})
        self._cwd = cwd
        self._stop_seconds = stop_seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        """The running (or last) child's id; raises ProcessFailed if it was never started."""
        if self._child is None:
            raise ProcessFailed(f"{self.name} was never started")
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs or before it was started; negative: the signal that ended it."""
        return None if self._child is None else self._child.poll()

    def start(self) -> None:
        """Start the command; nothing happens if it runs already. Does not wait until it is ready."""
        if self.alive:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        # -I -S: the launcher needs nothing of the environment, and starts in a few milliseconds without it
        launcher = [sys.executable, "-I", "-S", leash.__file__, str(os.getpid())]
        with self.log.open("ab") as output:
            self._log_start = output.tell()
            self._child = subprocess.Popen(  # noqa: S603  (commands come from our own code)
                [*launcher, *self._command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._env},
                cwd=self._cwd,
                start_new_session=True,
            )

    def wait_ready(self, ready: Callable[[], bool], seconds: float) -> None:
        """Block until `ready()` says so; raises ProcessFailed when the child dies first or the time is over."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.alive:
                raise ProcessFailed(f"{self.name} ended at start (exit code {self.exit_code})\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{self.name} was not ready within {seconds:g} s\n{self.tail()}")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> int | None:
        """End it with SIGTERM, then SIGKILL when it takes too long; returns the exit code. Safe to call twice."""
        return self._end(signal.SIGTERM, self._stop_seconds)

    def kill(self) -> int | None:
        """End it with SIGKILL, as a crash does."""
        return self._end(signal.SIGKILL, _KILL_SECONDS)

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze it: its connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def tail(self, lines: int = 20) -> str:
        """The last lines this start has logged, without blank ones at the end."""
        try:
            with self.log.open("rb") as log:
                log.seek(0, os.SEEK_END)
                log.seek(max(self._log_start, log.tell() - _TAIL_BYTES))
                text = log.read().decode(errors="replace").rstrip()
        except FileNotFoundError:
            return f"(no log at {self.log})"
        return "\n".join(text.splitlines()[-lines:]) or f"({self.log} is empty)"

    def _end(self, how: signal.Signals, seconds: float) -> int | None:
        child = self._child
        if child is None:
            return None
        if child.poll() is None:
            self._signal(how)
            # a frozen process does not see a signal until it runs again
            self._signal(signal.SIGCONT)
            try:
                child.wait(seconds)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(_KILL_SECONDS)
        return child.returncode

    def _signal(self, what: signal.Signals) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(what)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
