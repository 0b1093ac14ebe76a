"""What an image holds is enough for its service, without Docker: the same files, the same libraries."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from services.cli.main import ServiceName
from services.runtime import app

ROOT = Path(__file__).parents[3]
SHARED = ("contracts", "runtime", "cli")

# Imports a service's wiring, and runs its `koi settings`, where only the distributions named on standard input are installed.
IMPORT = """
import importlib, json, re, sys
from importlib.metadata import packages_distributions

installed = set(json.load(sys.stdin))
owners = packages_distributions()

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        by = {{re.sub(r"[-_.]+", "-", owner).lower() for owner in owners.get(name.partition(".")[0], ())}}
        if by and not by & installed:
            raise ModuleNotFoundError(f"no module {{name}} in the image: it belongs to {{by}}", name=name)

sys.meta_path.insert(0, NotInstalled())
module = importlib.import_module("services.{service}.app")
assert module.SETTINGS and module.main
print(importlib.import_module("services").__file__)
sys.argv = ["koi", "settings", "{service}"]
importlib.import_module("services.cli.main").main()
"""


def run(code: str, folder: Path, typed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        input=typed,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def lock() -> dict[str, Any]:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    return {package["name"]: package for package in packages}


def libraries(group: str) -> set[str]:
    """What `uv sync --no-default-groups --group …` installs: the closure over the lock file."""
    ours = lock()["koipond"]
    wanted = [*ours["dependencies"], *ours["dev-dependencies"].get(group, [])]
    found: set[str] = set()
    while wanted:
        wish = wanted.pop()
        package = lock()[wish["name"]]
        if wish["name"] not in found:
            wanted += package.get("dependencies", [])
        for extra in wish.get("extra", ()):
            wanted += package["optional-dependencies"].get(extra, [])
        found.add(wish["name"])
    return found


@pytest.fixture(params=list(ServiceName))
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def image(service: str, tmp_path: Path) -> Path:
    """A folder with the source files that the Dockerfile copies for one service."""
    package = tmp_path / "services"
    package.mkdir()
    shutil.copy(ROOT / "services" / "__init__.py", package)
    for part in (*SHARED, service):
        shutil.copytree(ROOT / "services" / part, package / part, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_a_service_needs_only_its_image(service: str, image: Path) -> None:
    """It works beside contracts, runtime and cli alone, with the libraries of its own group alone."""
    home, *told = run(IMPORT.format(service=service), image, json.dumps(sorted(libraries(service)))).splitlines()
    assert Path(home).is_relative_to(image)
    assert "KOI_KAFKA" in "".join(told)


def test_the_dockerfile_copies_just_these_files(service: str) -> None:
    """The stages name the folders that the tests above copy, and the group of the same name."""
    stages = re.split(r"^FROM ", (ROOT / "deploy" / "Dockerfile").read_text(), flags=re.MULTILINE)
    stage = {text.split("\n")[0].split(" AS ")[-1]: text for text in stages}
    copied = r"^COPY (services/\w+) \1$"
    assert re.findall(copied, stage["build"], re.MULTILINE) == [f"services/{part}" for part in SHARED]
    assert re.findall(copied, stage[f"build-{service}"], re.MULTILINE) == [f"services/{service}"]
    assert set(re.findall(r"--group (\w+)", stage[f"build-{service}"])) == {service}
    assert f'CMD ["koi", "run", "{service}"]' in stage[service]


def test_compose_starts_every_service(service: str) -> None:
    """Each service has its container, built from its own target, with time to finish a batch when it stops."""
    container = YAML(typ="safe").load(ROOT / "docker-compose.yml")["services"][service]
    assert container["build"]["target"] == service
    assert container["environment"]["KOI_KAFKA"] == "kafka:9092"
    assert float(container["stop_grace_period"].removesuffix("s")) > app.STOP_SECONDS
