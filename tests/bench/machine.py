"""What the figures were measured on."""

import os
import platform
import re
from pathlib import Path

from tests.bench.figures import Machine

_GIB = 1024**3


def describe(kafka: str, redis: str) -> Machine:
    """This machine, now. `kafka` and `redis` are the servers' names and versions."""
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        cpu=_cpu(),
        memory_gib=round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _GIB, 1),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        kafka=kafka,
        redis=redis,
        load_average=os.getloadavg(),
    )


def _cpu() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.processor() or "unknown"
