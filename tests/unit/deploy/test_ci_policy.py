"""CI skips nothing it could run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SUITE = """
import pytest

def test_that_lacks_a_server():
    pytest.skip("no server")

def test_that_lacks_what_nobody_can_install():
    pytest.skip("not shipped: needs a Mac")
"""


@pytest.mark.parametrize(("ci", "outcome"), [("true", "1 failed, 1 skipped"), ("", "2 skipped")])
def test_a_skip_fails_in_ci_only(tmp_path: Path, ci: str, outcome: str) -> None:
    """A skipped test is a failure in CI, unless it says that what it needs is not shipped anywhere."""
    suite = tmp_path / "test_suite.py"
    suite.write_text(SUITE)
    told = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "tests.conftest",
            "--rootdir",
            str(tmp_path),
            "-c",
            os.devnull,
            str(suite),
        ],
        cwd=ROOT,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    ).stdout
    assert outcome in told
