"""Replaces itself with a command that the kernel kills when our parent dies: `leash.py PARENT_PID COMMAND…`.

A launcher rather than `preexec_fn`, because code between fork and exec can deadlock in a program that has threads.
Outside Linux there is no such signal and the command is only started.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit("the program that started this one is gone")
    try:
        os.execvp(command[0], command)  # noqa: S606  (exactly the point: no shell)
    except OSError as error:
        sys.exit(f"cannot start {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
