"""One notebook run, in a process of its own: `python -m mtattr.reproduce.execute RUN_FOLDER`.

The folder holds `job.json`. Only exit code 0 and a valid `result.json` mean done: after a kernel's
death papermill's own notebook calls every cell completed.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

from mtattr.errors import InputError
from mtattr.files import locked
from mtattr.reproduce import record
from mtattr.reproduce.notebooks import KERNELSPEC, read_notebook, write_notebook

KERNEL_STARTS = 3


def end_with_parent() -> None:
    """End this process when the runner that started it is gone: a killed runner leaves nothing."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def execute(folder: Path, job: dict) -> None:
    """Run the job's notebook and write the executed notebook, then the result, into `folder`.

    Raises papermill's `PapermillExecutionError` for a failing cell. Only a kernel that did not
    start is tried again.
    """
    import papermill

    from mtattr.reproduce.kernel import LocalKernelManager

    source, partial = Path(job["source"]), folder / record.PARTIAL
    began = time.monotonic()
    for attempt in range(1, KERNEL_STARTS + 1):
        partial.unlink(missing_ok=True)
        notebook = read_notebook(source)
        notebook.metadata.kernelspec = KERNELSPEC
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
            again = f"attempt {attempt} of {KERNEL_STARTS}"
            print(f"kernel did not start ({error}), {again}", file=sys.stderr, flush=True)
    write_notebook(source, executed, folder / record.NOTEBOOK)
    partial.unlink(missing_ok=True)
    record.write_result(folder, job, seconds=time.monotonic() - began)


def _any_cell_began(partial: Path) -> bool:
    try:
        notebook = read_notebook(partial)
    except InputError:
        return False
    # The status is of no use: papermill ends every notebook with all cells "completed".
    return any(cell.metadata.get("papermill", {}).get("start_time") for cell in notebook.cells)


def main() -> int:
    """Exit code of the job in the folder on the command line; errors go to stderr."""
    from papermill.exceptions import PapermillExecutionError

    folder = Path(sys.argv[1])
    end_with_parent()
    with locked(folder / ".lock"):
        job = json.loads((folder / record.JOB).read_text(encoding="utf-8"))
        if job["resume"] and record.read_result(folder, job["run_id"]) is not None:
            return 0
        (folder / record.RESULT).unlink(missing_ok=True)
        try:
            execute(folder, job)
        except Exception as error:
            kind, text = type(error).__name__, str(error)
            if isinstance(error, PapermillExecutionError):
                kind, text = f"cell [{error.exec_count}]: {error.ename}", str(error.evalue)
            print(f"{kind}: {' '.join(text.split())}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
