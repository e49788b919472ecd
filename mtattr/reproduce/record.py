"""The result of a notebook run: one JSON file that exists only when the run is done."""

from __future__ import annotations

import json
from pathlib import Path

from mtattr.files import write_atomically
from mtattr.reproduce.files import file_digest

RESULT, NOTEBOOK, JOB = "result.json", "notebook.ipynb", "job.json"
LOG, PARTIAL = "log.txt", "partial.ipynb"


def read_result(folder: Path, run_id: str) -> dict | None:
    """The result in `folder`; None unless it is that of run `run_id` and its notebook is whole."""
    try:
        result = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        done = (
            result["schema"] == 1
            and result["run_id"] == run_id
            and result["sha256"] == file_digest(folder / NOTEBOOK)
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return result if done else None


def write_result(folder: Path, job: dict, *, seconds: float) -> None:
    """Write the result of `job` for the notebook already in `folder`: now the run is done."""
    result = {
        "schema": 1,
        "run_id": job["run_id"],
        "notebook": job["name"],
        "parameters": job["parameters"],
        "mtattr": job["mtattr"],
        "sha256": file_digest(folder / NOTEBOOK),
        "seconds": round(seconds, 1),
    }
    write_atomically(folder / RESULT, json.dumps(result, indent=1, sort_keys=True) + "\n")
