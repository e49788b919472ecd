"""Threads of torch that wait for work sleep: OMP_WAIT_POLICY is set before torch loads, unless the user set it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def policy(command: list[str], **environment: str) -> set[str]:
    """The policies that the OpenMP libraries of a process say they took when they were loaded."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_WAIT", "PYTEST"))}
    clean |= {"OMP_DISPLAY_ENV": "true", "PYTHONPATH": str(ROOT)} | environment
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, env=clean)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {line.split("'")[1] for line in done.stderr.splitlines() if "OMP_WAIT_POLICY" in line}
    if not found:
        pytest.skip("this torch was built without an OpenMP library that shows its settings")
    return found


def test_the_library_sets_it_before_torch_loads():
    assert policy(["-c", "import mtattr.tasks"]) == {"PASSIVE"}
    assert policy(["-c", "import mtattr.tasks"], OMP_WAIT_POLICY="ACTIVE") == {"ACTIVE"}


@pytest.mark.slow
def test_the_tests_and_their_workers_set_it_before_torch_loads():
    command = ["-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "tests/test_errors.py"]
    assert policy(command) == {"PASSIVE"}
    assert policy([*command, "-n", "1"]) == {"PASSIVE"}
