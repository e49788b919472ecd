"""The Makefile in a checkout whose path holds a space and an accent, with stand-ins for the programs of `.venv`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import mtattr
import pytest

MAKEFILE = Path(__file__).parents[1] / "Makefile"
# Writes down how it was called; as python it also runs what it is given by -c.
STAND_IN = """#!/bin/sh
"{python}" -c 'import json, os, sys; print(json.dumps([sys.argv[1:], os.environ["MTATTR_HOME"], os.environ["OMP_WAIT_POLICY"]]))' \\
  "$(basename "$0")" "$@" >> "{log}"
if [ "$1" = -c ]; then exec "{python}" "$@"; fi
if [ "$1" = run ]; then for seed in 0 1; do echo "$2 PM seed $seed: accuracy 0.5 (3 s) $2-PM-reduced-seed$seed-a1"; done; fi
"""


@pytest.fixture
def checkout(tmp_path):
    """The Makefile in a folder of its own, beside folders of the user's that an unquoted path would name."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    folder = tmp_path / "my course é"
    (folder / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(MAKEFILE, folder)
    for name in ("requirements.lock", "pyproject.toml", ".venv/.ready"):
        (folder / name).touch()
    for name in ("python", "mtattr", "ruff", "lint-imports"):
        (folder / ".venv/bin" / name).write_text(STAND_IN.format(python=sys.executable, log=tmp_path / "log"))
        (folder / ".venv/bin" / name).chmod(0o755)
    for precious in ("my", "course", "é", "my course é/course", "my course é/é"):
        (tmp_path / precious).mkdir(exist_ok=True)
        (tmp_path / precious / "thesis.txt").write_text("precious")
    return folder


def make(checkout: Path, *arguments: str) -> list[list[str]]:
    """The calls of the stand-ins, each as program and arguments."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MTATTR", "OMP", "MAKE", "MFLAGS"))}
    environment["PYTHONPATH"] = str(Path(mtattr.__file__).parents[1])
    done = subprocess.run(["make", *arguments], cwd=checkout, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    log = checkout.parent / "log"
    calls = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    log.unlink(missing_ok=True)
    assert all(rest == [f"{checkout}/.mtattr", "PASSIVE"] for _, *rest in calls)
    return [call for call, *_ in calls]


def test_clean_removes_the_book_and_the_runs_of_this_checkout_and_nothing_else(checkout):
    for name in ("_build", ".mtattr"):
        (checkout / name / "below").mkdir(parents=True)
    assert make(checkout, "clean") == []
    assert {path.name for path in checkout.iterdir()} == {"Makefile", "requirements.lock", "pyproject.toml", ".venv", "course", "é"}
    assert len(list(checkout.parent.rglob("thesis.txt"))) == 5


def test_reproduce_and_the_two_tests(checkout):
    assert make(checkout, "reproduce") == [["mtattr", "reproduce", "--scale", "smoke"], ["mtattr", "book", "--fresh"]]
    quick, everything = make(checkout, "test", "JOBS=3"), make(checkout, "test-all", "JOBS=3")
    assert [call[:2] for call in quick[:3]] == [["ruff", "check"], ["ruff", "format"], ["lint-imports"]]
    different = [pair for pair in zip(quick, everything, strict=True) if pair[0] != pair[1]]
    assert different == [
        tuple(
            ["python", *["-m", "pytest", "-n", "3", "--dist", "worksteal", "-m"], marks]
            for marks in ("not browser and not slow", "not browser")
        )
    ]
    assert [call[1] for call in quick[4:]] == ["notebooks", "-m", "book", "-m"]


def test_setup_makes_an_environment_once(checkout):
    shutil.rmtree(checkout / ".venv")
    python = checkout.parent / "python3"
    python.write_text(
        '#!/bin/sh\nif [ "$1" = -c ]; then exit 0; fi\n[ "$*" = "-m venv .venv" ] || exit 3\nmkdir -p .venv/bin\n'
        f'cp "{shutil.which("true")}" .venv/bin/python\n'
    )
    python.chmod(0o755)
    make(checkout, "setup", f"PYTHON=../{python.name}")
    assert (checkout / ".venv/.ready").exists()
    make(checkout, "setup", "PYTHON=false")


def test_evidence_trains_each_paper_as_its_records_say(checkout):
    for paper in mtattr.PAPERS:
        (checkout / f".mtattr/runs/{paper}-PM-reduced-seed0-old").mkdir(parents=True)
    calls = [call for call in make(checkout, "evidence") if call[0] == "mtattr"]
    assert [call[2] for call in calls[::2]] == list(mtattr.PAPERS)
    for paper, run, add in zip(mtattr.PAPERS, calls[::2], calls[1::2], strict=True):
        assert run == ["mtattr", *f"run {paper} --evidence --scale reduced --seeds 0-4 --precision bf16-mixed --threads 1".split()]
        finished = [f"{checkout}/.mtattr/runs/{paper}-PM-reduced-seed{seed}-a1" for seed in (0, 1)]
        assert add == ["mtattr", "ledger", "add", *finished]
