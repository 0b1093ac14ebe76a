"""The supervised child process: started, watched, restarted, stopped, never left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.embedded.process import Process, ProcessFailed

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)


def python(code: str, log: Path, **options: float) -> Process:
    return Process("child", [sys.executable, "-c", code], log, **options)  # type: ignore[arg-type]


def eventually(fact: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "child.log"


def test_it_runs_and_stops(log: Path) -> None:
    """SIGTERM ends a child, and its exit code says so."""
    with python("import time; time.sleep(60)", log) as child:
        assert child.alive
        assert child.exit_code is None
    assert not child.alive
    assert child.exit_code == -signal.SIGTERM
    assert child.stop() == -signal.SIGTERM, "stopping twice is fine"


def test_a_child_that_ignores_sigterm_is_killed(log: Path) -> None:
    """The patience of stop() is bounded."""
    child = python(STUBBORN, log, stop_seconds=0.2)
    child.start()
    child.wait_ready(lambda: "deaf" in child.tail(), 10)
    assert child.stop() == -signal.SIGKILL


def test_a_frozen_child_can_be_stopped(log: Path) -> None:
    """A paused process is woken up to receive its SIGTERM."""
    child = python("import time; time.sleep(60)", log)
    child.start()
    child.pause()
    assert child.stop() == -signal.SIGTERM


def test_restart_makes_a_new_process(log: Path) -> None:
    """The same command, another process."""
    with python("import time; time.sleep(60)", log) as child:
        before = child.pid
        child.restart()
        assert child.alive
        assert child.pid != before
        child.start()
        assert child.alive


def test_a_death_at_start_shows_the_log(log: Path) -> None:
    """Whoever waits for a dead child learns what it said last, in this start and not in an earlier one."""
    python("print('of yesterday')", log).start()
    assert eventually(lambda: log.exists() and "yesterday" in log.read_text())
    child = python("raise SystemExit('no water in the pond')", log)
    child.start()
    with pytest.raises(ProcessFailed, match=r"child ended at start \(exit code 1\)\nno water in the pond$"):
        child.wait_ready(lambda: False, 10)


def test_waiting_is_bounded(log: Path) -> None:
    """A child that lives and is never ready does not hold up its parent for ever."""
    with python("import time; time.sleep(60)", log) as child, pytest.raises(ProcessFailed, match=r"within 0\.1 s"):
        child.wait_ready(lambda: False, 0.1)


def test_a_missing_program_is_named(log: Path, tmp_path: Path) -> None:
    """The log says which program could not be started."""
    child = Process("child", [str(tmp_path / "nothing")], log)
    child.start()
    with pytest.raises(ProcessFailed, match=r"cannot start .*nothing: No such file"):
        child.wait_ready(lambda: False, 10)


def test_what_was_never_started_says_so(log: Path) -> None:
    """There is no process id before a start."""
    child = python("", log)
    with pytest.raises(ProcessFailed, match="never started"):
        assert child.pid
    assert child.exit_code is None
    assert child.stop() is None
    assert "no log" in child.tail()


def test_it_sees_its_parents_environment_and_its_own(
    log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`env` is added to what the parent has, and `cwd` is where the child stands."""
    monkeypatch.setenv("POND", "deep")
    code = "import os; print(os.environ['POND'], os.environ['FISH'], os.getcwd())"
    child = Process("child", [sys.executable, "-c", code], log, env={"FISH": "koi"}, cwd=tmp_path)
    child.start()
    assert eventually(lambda: child.exit_code == 0)
    assert child.tail() == f"deep koi {tmp_path}"


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child that its parent died; not shipped elsewhere"
)
def test_nothing_survives_a_killed_parent(log: Path, tmp_path: Path) -> None:
    """Kill -9 of the program that started it ends the child too."""
    code = f"""
from pathlib import Path
from deploy.embedded.process import Process
import time
child = Process("child", ["sleep", "60"], Path({str(log)!r}))
child.start()
Path({str(tmp_path / "pid")!r}).write_text(str(child.pid))
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[3])
    try:
        pid = tmp_path / "pid"
        assert eventually(lambda: pid.exists() and pid.read_text() != "")
        child = int(pid.read_text())
        assert eventually(lambda: "sleep" in Path(f"/proc/{child}/comm").read_text())
        os.kill(parent.pid, signal.SIGKILL)
        assert eventually(lambda: not runs(child))
    finally:
        parent.kill()
        parent.wait()
