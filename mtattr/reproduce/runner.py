"""Runner of the matrix: skips finished runs, one process per run, deals out GPUs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import mtattr
from mtattr.errors import InputError
from mtattr.files import write_atomically
from mtattr.reproduce import record
from mtattr.reproduce.matrix import NotebookRun, chains

DONE, SKIPPED, FAILED, TIMED_OUT, PLANNED = "done", "skipped", "failed", "timed out", "would run"


@dataclass(frozen=True)
class Outcome:
    """End of a run.

    Args:
        run: the run.
        status: `DONE`, `SKIPPED`, `FAILED`, `TIMED_OUT` or `PLANNED`.
        seconds: wall time of the execution, also of a skipped run; None if unknown.
        folder: the run's.
        error: one line, empty if there is none.
    """

    run: NotebookRun
    status: str
    seconds: float | None
    folder: Path
    error: str = ""

    @property
    def ok(self) -> bool:
        """True if a valid result exists or is only planned."""
        return self.status in (DONE, SKIPPED, PLANNED)

    @property
    def notebook(self) -> Path:
        """The executed notebook."""
        return self.folder / record.NOTEBOOK


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() and name.strip() != "-1"]
    import torch

    return [str(i) for i in range(torch.cuda.device_count())]


@dataclass
class _Slot:
    """A place where one run at a time may go."""

    gpu: str | None
    threads: int
    chain: list[NotebookRun] = field(default_factory=list)
    process: subprocess.Popen | None = None
    began: float = 0.0


def slots(jobs: int | None, gpus: list[str]) -> list[_Slot]:
    """Places for `jobs` runs at once, dealt round robin over `gpus`.

    Args:
        jobs: None: one per GPU, or one per two CPU cores.
        gpus: their names.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    if jobs is None:
        jobs = len(gpus) or max(1, cores // 2)
    if jobs < 1:
        raise InputError(f"--jobs {jobs}: expected 1 or more")
    threads = max(1, cores // jobs)
    return [_Slot(gpus[i % len(gpus)] if gpus else None, threads) for i in range(jobs)]


def reproduce(
    runs: Iterable[NotebookRun],
    *,
    output: Path,
    resume: bool = True,
    dry_run: bool = False,
    jobs: int | None = None,
    timeout: float | None = None,
    say: Callable[[str], None] = print,
) -> list[Outcome]:
    """Outcomes of the runs, in the order given; a failed run does not stop the others.

    Killed anywhere and called again, it ends with the same results.

    Args:
        runs: notebooks with their parameters.
        output: where each run gets a folder; `result.json` in it is the only sign that it is done.
        resume: skip runs with a valid result.
        dry_run: run nothing.
        jobs: runs at once; None: one per GPU, or one per two CPU cores.
        timeout: seconds of wall time for one notebook, None for no limit.
        say: takes one line of progress.
    """
    runs = list(runs)
    outcomes: dict[NotebookRun, Outcome] = {}
    for run in runs:
        folder = output / run.folder_name
        result = record.read_result(folder, run.run_id) if resume else None
        if result is not None:
            outcomes[run] = Outcome(run, SKIPPED, result["seconds"], folder)
        elif dry_run:
            outcomes[run] = Outcome(run, PLANNED, None, folder)
    left = ([run for run in chain if run not in outcomes] for chain in chains(runs))
    waiting = [chain for chain in left if chain]
    places = slots(jobs, visible_gpus()) if waiting else []
    try:
        while waiting or any(place.chain for place in places):
            for place in places:
                if place.process is not None:
                    outcome = _ended(place, output / place.chain[0].folder_name, timeout)
                    if outcome is None:
                        continue
                    outcomes[outcome.run] = outcome
                    error = f": {outcome.error}" if outcome.error else ""
                    passed = time.monotonic() - place.began
                    say(f"{outcome.status:6s} {outcome.run.label} ({passed:.0f} s){error}")
                    place.chain.pop(0)
                if not place.chain and waiting:
                    place.chain = waiting.pop(0)
                if place.chain:
                    _start(place, output / place.chain[0].folder_name, resume)
                    say(f"start  {place.chain[0].label}")
            time.sleep(0.05)
    finally:
        for place in places:
            _stop(place.process)
    return [outcomes[run] for run in runs]


def _ended(place: _Slot, folder: Path, timeout: float | None) -> Outcome | None:
    """The outcome of the run in a place, which is free then; None while it runs."""
    run, process, seconds = place.chain[0], place.process, time.monotonic() - place.began
    code = process.poll()
    if code is None:
        if timeout is None or seconds < timeout:
            return None
        _stop(process)
        outcome = Outcome(run, TIMED_OUT, seconds, folder, f"no end in {timeout:g} s (--timeout)")
    elif code == 0 and (result := record.read_result(folder, run.run_id)) is not None:
        outcome = Outcome(run, DONE, result["seconds"], folder)
    else:
        error = _last_line(folder / record.LOG) or f"process ended with exit code {code}"
        outcome = Outcome(run, FAILED, seconds, folder, error)
    place.process = None
    return outcome


def _start(place: _Slot, folder: Path, resume: bool) -> None:
    run = place.chain[0]
    job = {
        "run_id": run.run_id,
        "name": run.name,
        "source": str(run.source.resolve()),
        "parameters": run.parameters,
        "changed": run.changed,
        "resume": resume,
        "mtattr": mtattr.__version__,
    }
    write_atomically(folder / record.JOB, json.dumps(job, indent=1) + "\n")
    environment = dict(os.environ)
    # A backend chosen for scripts would leave a notebook without figures.
    environment.pop("MPLBACKEND", None)
    library = str(Path(mtattr.__file__).resolve().parents[1])
    path = filter(None, [library, environment.get("PYTHONPATH")])
    environment |= {"PYTHONPATH": os.pathsep.join(path)}
    environment |= {"COLUMNS": "120", "NO_COLOR": "1", "TQDM_DISABLE": "1"}
    environment.setdefault("OMP_NUM_THREADS", str(place.threads))
    if place.gpu is not None:
        environment["CUDA_VISIBLE_DEVICES"] = place.gpu
    place.began = time.monotonic()
    with (folder / record.LOG).open("wb") as log:
        command = [sys.executable, "-m", "mtattr.reproduce.execute", str(folder.resolve())]
        place.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )


def _stop(process: subprocess.Popen | None) -> None:
    """End a run's process; its kernel notices by itself that the process is gone."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def print_table(outcomes: list[Outcome]) -> None:
    """Print chapter, notebook, seconds and status of each run."""
    rows = [("chapter", "notebook", "seconds", "status")]
    for outcome in outcomes:
        chapter, _, notebook = outcome.run.label.partition("/")
        seconds = "" if outcome.seconds is None else f"{outcome.seconds:.1f}"
        rows.append((chapter, notebook, seconds, outcome.status))
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for chapter, notebook, seconds, status in rows:
        print(f"{chapter:{wide[0]}}  {notebook:{wide[1]}}  {seconds:>{wide[2]}}  {status}")
