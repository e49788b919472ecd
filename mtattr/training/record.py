"""The record of a run: what the ledger keeps of it."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from mtattr.canonical import plain
from mtattr.errors import InputError
from mtattr.evaluation.cost import peak_memory_mb
from mtattr.training.checkpoint import first_line
from mtattr.training.device import describe_environment
from mtattr.training.fit import Trained
from mtattr.training.learned import learned
from mtattr.training.plan import Plan
from mtattr.training.recipe import edition_of
from mtattr.training.spec import RunSpec

if TYPE_CHECKING:
    from lightning_fabric import Fabric

SCHEMA = 1
#: What a record must hold to be read back; the ledger checks the rest.
_PARTS = {
    "spec": dict, "metrics": dict, "validation": dict, "selection": dict, "history": list,
    "tasks": list, "cost": dict,
}  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """Logits, labels and analyses of a trained network.

    Args:
        predictions: `val_last`, `val_selected`, `val_labels`, `test_...`: logits `(N, U)`, labels.
        values: analyses by epoch ("last", "selected") and name.
        task_values: lists of a value per task, by name.
    """

    predictions: Mapping[str, Tensor]
    values: Mapping[str, Mapping[str, float]]
    task_values: Mapping[str, list[float]]


def record_of(
    spec: RunSpec,
    plan: Plan,
    fabric: Fabric,
    *,
    identity: Mapping[str, Any],
    trained: Trained,
    measured: Measured,
    seconds: float,
) -> dict[str, Any]:
    """The record of a finished run; fields as in `mtattr/evidence/record.schema.json`."""
    tasks, test, measures = plan.tasks, plan.data["test"], plan.measures
    predictions = measured.predictions

    answers = {
        (split, epoch): predictions[f"{split}_{epoch}"]
        for split in ("val", "test")
        for epoch in ("last", "selected")
    }

    def metrics(split: str, labels: Tensor) -> dict[str, dict[str, float]]:
        return {
            epoch: measures.metrics(answers[split, epoch], labels, tasks)
            for epoch in ("last", "selected")
        }

    scores, floors = metrics("test", test.labels), measures.floors(test.labels, tasks)
    by_task = measures.task_metrics(answers["test", "selected"], test.labels, tasks)
    if test.truth is not None:
        for epoch, values in metrics("test", test.truth).items():
            scores[epoch] |= _true(values)
        floors |= _true(measures.floors(test.truth, tasks))
        by_task |= _true(measures.task_metrics(answers["test", "selected"], test.truth, tasks))
    record = {
        "schema": SCHEMA,
        "edition": edition_of(spec.paper),
        "spec": spec.to_dict(),
        "metrics": {
            epoch: values | dict(measured.values[epoch]) for epoch, values in scores.items()
        },
        "validation": metrics("val", predictions["val_labels"]),
        "learned": learned(measures.select_by, scores["selected"], floors, by_task),
        "selection": {
            "rule": f"highest validation {measures.select_by}",
            "epoch": trained.selected_epoch,
            "epochs": plan.settings.epochs,
        },
        "history": trained.history,
        "task_history": {
            name: [_rounded(row) for row in rows] for name, rows in trained.task_history.items()
        },
        "tasks": list(tasks.names),
        "task_metrics": by_task | dict(measured.task_values),
        "floors": floors,
        "notes": [*plan.notes, *_divergence(trained.history)],
        "data": {
            "fingerprint": identity["data"],
            "source": test.source,
            "generated": test.generated,
            "splits": {split: len(data) for split, data in plan.data.items()},
            "image_size": int(test.images.shape[-1]),
        },
        "code": {**git_state(), "digest": identity["code"]},
        "environment": describe_environment(fabric),
        "cost": {
            "seconds": round(seconds, 3),
            "train_seconds": round(trained.train_seconds, 3),
            "cpu_seconds": round(trained.cpu_seconds, 3),
            "images_per_second": round(trained.images_per_second, 1),
            "peak_memory_mb": round(peak_memory_mb(fabric.device), 1),
            "parameters": sum(value.numel() for value in trained.model.parameters()),
        },
    }
    if trained.structure is not None:
        record["structure"] = trained.structure
    if trained.findings:
        record["search"] = dict(trained.findings)
    return plain(record)


def _true(values: Mapping[str, Any]) -> dict[str, Any]:
    """Measurements on the drawn truth, under names of their own."""
    return {f"true_{name}": value for name, value in values.items()}


def read_record(path: Path, spec: RunSpec) -> dict[str, Any]:
    """The record in `path`; `InputError` if it is damaged or belongs to another spec."""
    cure = "delete it to train anew"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: not a run record of mtattr ({first_line(error)}); {cure}"
        ) from None
    known = record if isinstance(record, dict) else {}
    wrong = [name for name, kind in _PARTS.items() if not isinstance(known.get(name), kind)]
    wrong = wrong or [
        f"metrics.{epoch}"
        for epoch in ("last", "selected")
        if not isinstance(record["metrics"].get(epoch), dict)
    ]
    if wrong:
        raise InputError(
            f"{path}: not a run record of mtattr ({wrong[0]} is missing or of another type); {cure}"
        )
    if record["spec"] != spec.to_dict():
        raise InputError(
            f"{path}: holds the run {record['spec']}, expected {spec.to_dict()}; {cure}"
        )
    return record


def git_state() -> dict[str, Any]:
    """Commit of the library's checkout (None outside one), and whether its files differ from it."""
    package = Path(__file__).resolve().parents[1]

    def git(*arguments: str) -> str | None:
        command = ["git", "-C", str(package), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    commit = git("rev-parse", "HEAD")
    return {
        "commit": commit,
        "dirty": bool(git("status", "--porcelain", "--", ".")) if commit else True,
    }


def _divergence(history: list[dict[str, float]]) -> list[str]:
    """A note for the page if the training diverged (non-finite losses)."""
    last = history[-1]
    finite = math.isfinite(last["train_loss"]) and math.isfinite(last["val_loss"])
    return [] if finite else ["the training diverged"]


def _rounded(row: list[float]) -> list[float]:
    """Five significant digits, enough for a curve: a ledger keeps one such row per epoch."""
    return [float(f"{value:.5g}") for value in row]
