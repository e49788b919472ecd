"""Runs the matrix: what is done is skipped, each run is a process, GPUs are dealt out, a table ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import mtattr
from mtattr.errors import InputError
from mtattr.files import write_atomically
from mtattr.reproduce import record
from mtattr.reproduce.matrix import NotebookRun, chains

DONE, SKIPPED, FAILED, TIMED_OUT, PLANNED = "done", "skipped", "failed", "timed out", "would run"


@dataclass(frozen=True)
class Outcome:
    """How a run ended. seconds: wall time of the execution itself, also for a skipped run, or None if unknown."""

    run: NotebookRun
    status: str
    seconds: float | None
    folder: Path
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether a valid result exists, or is only planned."""
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
    chain: list[NotebookRun] | None = None
    process: subprocess.Popen | None = None
    began: float = 0.0


def slots(jobs: int | None, gpus: list[str]) -> list[_Slot]:
    """Places for `jobs` runs at once, dealt round robin over `gpus`; None: one per GPU, or one per two CPU cores.

    Raises `InputError` for fewer than one.
    """
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    if jobs is None:
        jobs = len(gpus) or max(1, cores // 2)
    if jobs < 1:
        raise InputError(f"--jobs {jobs}: expected 1 or more")
    return [
        _Slot(gpus[i % len(gpus)] if gpus else None, max(1, cores // jobs)) for i in range(jobs)
    ]


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
    """Execute the runs and return their outcomes in the order given; a failed run does not stop the others.

    output: where each run gets a folder of its own; `result.json` in it is the only sign that the run is done.
    resume: skip runs with a valid result. timeout: seconds of wall time for one notebook, None for no limit.
    say: takes one line of progress. Killed anywhere and called again, it ends with the same results.
    """
    runs = list(runs)
    outcomes: dict[NotebookRun, Outcome] = {}
    waiting: list[list[NotebookRun]] = []
    for chain in chains(runs):
        left = []
        for run in chain:
            folder = output / run.folder_name
            result = record.read_result(folder, run.run_id) if resume else None
            if result is not None:
                outcomes[run] = Outcome(run, SKIPPED, result["seconds"], folder)
            elif dry_run:
                outcomes[run] = Outcome(run, PLANNED, None, folder)
            else:
                left.append(run)
        waiting += [left] if left else []
    if waiting:
        places = slots(jobs, visible_gpus())
        try:
            while waiting or any(place.chain for place in places):
                for place in places:
                    _advance(
                        place,
                        waiting,
                        outcomes,
                        output=output,
                        resume=resume,
                        timeout=timeout,
                        say=say,
                    )
                time.sleep(0.05)
        finally:
            for place in places:
                _stop(place.process)
    return [outcomes[run] for run in runs]


def _advance(
    place: _Slot,
    waiting: list,
    outcomes: dict,
    *,
    output: Path,
    resume: bool,
    timeout: float | None,
    say: Callable,
) -> None:
    """Give a free place its next run, or take in the run that ended there."""
    if place.process is None:
        if not place.chain and waiting:
            place.chain = waiting.pop(0)
        if place.chain:
            place.process = _start(place.chain[0], output, place, resume)
            place.began = time.monotonic()
            say(f"start  {place.chain[0].label}")
        return
    seconds = time.monotonic() - place.began
    code = place.process.poll()
    if code is None and (timeout is None or seconds < timeout):
        return
    run = place.chain.pop(0)
    folder = output / run.folder_name
    if code is None:
        _stop(place.process)
        outcome = Outcome(
            run, TIMED_OUT, seconds, folder, f"no end after {timeout:g} s (--timeout)"
        )
    else:
        result = record.read_result(folder, run.run_id) if code == 0 else None
        error = (
            ""
            if result
            else _last_line(folder / record.LOG) or f"process ended with exit code {code}"
        )
        outcome = Outcome(
            run, DONE if result else FAILED, result["seconds"] if result else seconds, folder, error
        )
    place.process = None
    outcomes[run] = outcome
    say(
        f"{outcome.status:6s} {run.label} ({seconds:.0f} s)"
        + (f": {outcome.error}" if outcome.error else "")
    )


def _start(run: NotebookRun, output: Path, place: _Slot, resume: bool) -> subprocess.Popen:
    folder = output / run.folder_name
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
    library = str(Path(mtattr.__file__).resolve().parents[1])
    environment = dict(os.environ)
    # A backend chosen for scripts would leave a notebook without figures.
    environment.pop("MPLBACKEND", None)
    environment |= {
        "PYTHONPATH": os.pathsep.join([library, *filter(None, [os.environ.get("PYTHONPATH")])]),
        "COLUMNS": "120",
        "NO_COLOR": "1",
        "TQDM_DISABLE": "1",
    }
    environment.setdefault("OMP_NUM_THREADS", str(place.threads))
    if place.gpu is not None:
        environment["CUDA_VISIBLE_DEVICES"] = place.gpu
    with (folder / record.LOG).open("wb") as log:
        command = [sys.executable, "-m", "mtattr.reproduce.execute", str(folder.resolve())]
        return subprocess.Popen(
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
    try:
        lines = [
            line.strip()
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
            if line.strip()
        ]
    except OSError:
        return ""
    return lines[-1] if lines else ""


def print_table(outcomes: list[Outcome]) -> None:
    """Print chapter, notebook, seconds and status of each run: drawn on a terminal, plain elsewhere."""
    rows = []
    for outcome in outcomes:
        seconds = "" if outcome.seconds is None else f"{outcome.seconds:.1f}"
        chapter, _, step = outcome.run.name.partition("/")
        rows.append(
            (
                chapter,
                outcome.run.label.replace(f"{chapter}/", "", 1) or step,
                seconds,
                outcome.status,
            )
        )
    header = ("chapter", "notebook", "seconds", "status")
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table()
        for name in header:
            table.add_column(name, justify="right" if name == "seconds" else "left")
        for row, outcome in zip(rows, outcomes, strict=True):
            table.add_row(*row, style=None if outcome.ok else "bold red")
        Console().print(table)
        return
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        cells = [
            text.rjust(width) if i == 2 else text.ljust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
