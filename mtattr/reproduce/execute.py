"""One notebook run, in a process of its own: `python -m mtattr.reproduce.execute RUN_FOLDER`.

The folder holds `job.json`. Exit code 0 and a valid `result.json` mean done, nothing else does: after a kernel's death
papermill's own notebook calls every cell completed.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

from mtattr.errors import InputError
from mtattr.reproduce import record
from mtattr.reproduce.notebooks import read_notebook, write_notebook

KERNEL_STARTS = 3


def hold(folder: Path) -> int | None:
    """Wait until no other process runs this folder's job, and keep it so until this process and its kernel end.

    Returns the lock's file descriptor, or None where the system has no such locks.
    """
    try:
        import fcntl
    except ImportError:
        return None
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def end_with_parent() -> None:
    """End this process when the runner that started it is gone, so that a killed runner leaves nothing behind."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def execute(folder: Path, job: dict, lock: int | None = None) -> dict:
    """Run the job's notebook, write the executed notebook and then the result into `folder`, and return the result.

    Raises papermill's `PapermillExecutionError` for a failing cell. Only a kernel that did not start is tried again.
    """
    import papermill

    from mtattr.reproduce.kernel import LocalKernelManager

    LocalKernelManager.lock = lock
    source, partial = Path(job["source"]), folder / record.PARTIAL
    began = time.monotonic()
    for attempt in range(1, KERNEL_STARTS + 1):
        partial.unlink(missing_ok=True)
        notebook = read_notebook(source)
        notebook.metadata.kernelspec = {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        }
        try:
            executed = papermill.execute_notebook(
                notebook,
                str(partial),
                parameters=job["changed"],
                kernel_name="python3",
                language="python",
                cwd=str(source.parent),
                progress_bar=False,
                start_timeout=180,
                kernel_manager_class=LocalKernelManager,
            )
            break
        except (RuntimeError, TimeoutError) as error:
            if attempt == KERNEL_STARTS or _any_cell_began(partial):
                raise
            print(
                f"kernel did not start ({error}), attempt {attempt} of {KERNEL_STARTS}",
                file=sys.stderr,
                flush=True,
            )
    write_notebook(source, executed, folder / record.NOTEBOOK)
    partial.unlink(missing_ok=True)
    return record.write_result(folder, job, seconds=time.monotonic() - began)


def _any_cell_began(partial: Path) -> bool:
    try:
        notebook = read_notebook(partial)
    except InputError:
        return False
    # The status is of no use: papermill ends every notebook with all cells "completed".
    return any(cell.metadata.get("papermill", {}).get("start_time") for cell in notebook.cells)


def main() -> int:
    """Run the job in the folder named on the command line; the last line on stderr says what went wrong."""
    from papermill.exceptions import PapermillExecutionError

    folder = Path(sys.argv[1])
    end_with_parent()
    lock = hold(folder)
    job = json.loads((folder / record.JOB).read_text(encoding="utf-8"))
    if record.read_result(folder, job["run_id"]) is not None and job["resume"]:
        return 0
    (folder / record.RESULT).unlink(missing_ok=True)
    try:
        execute(folder, job, lock)
    except PapermillExecutionError as error:
        print(
            f"cell [{error.exec_count}]: {error.ename}: {' '.join(str(error.evalue).split())}",
            file=sys.stderr,
        )
        return 1
    except Exception as error:
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
