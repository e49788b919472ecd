"""One run from specification to record: train or read back."""

from __future__ import annotations

import contextlib
import copy
import fcntl
import functools
import importlib
import inspect
import json
import math
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from mtattr.data.home import home
from mtattr.errors import InputError
from mtattr.training.checkpoint import (
    first_line,
    load_tensors,
    save_tensors,
    with_prefix,
    write_json,
)
from mtattr.training.device import (
    describe_environment,
    make_deterministic,
    open_fabric,
    peak_memory_mb,
)
from mtattr.training.fit import Fitted, fit
from mtattr.training.plan import Plan, Start
from mtattr.training.predict import predict
from mtattr.training.spec import RunSpec, code_digest

SCHEMA = 1
_CURE = "delete the run's folder to train anew"
#: What a record must hold to be read back; the ledger checks the rest.
_PARTS = {
    "spec": dict,
    "metrics": dict,
    "validation": dict,
    "selection": dict,
    "history": list,
    "tasks": list,
    "cost": dict,
}


@dataclass(frozen=True)
class Run:
    """A finished run: its folder and its record (see `mtattr/evidence/record.py` for the fields)."""

    spec: RunSpec
    folder: Path
    record: dict[str, Any]

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """Test metrics of the `last` and the `selected` epoch."""
        return self.record["metrics"]

    @property
    def history(self) -> list[dict[str, float]]:
        """One row of numbers an epoch."""
        return self.record["history"]

    def predictions(self) -> dict[str, Tensor]:
        """Logits `(N, U)` and labels `(N, T)` under the names `val_last`, `val_selected`, `val_labels`, `test_...`.

        Raises `InputError` if the file is not the one that the record describes.
        """
        tensors = self._tensors("predictions.safetensors", "the predictions of a run")
        missing = {
            f"{split}_{part}"
            for split in ("val", "test")
            for part in ("last", "selected", "labels")
        } - tensors.keys()
        if missing:
            raise InputError(
                f"{self.folder / 'predictions.safetensors'}: {', '.join(sorted(missing))} missing; {_CURE}"
            )
        return tensors

    def _tensors(self, name: str, purpose: str) -> dict[str, Tensor]:
        tensors, about = load_tensors(self.folder / name, purpose=purpose, cure=_CURE)
        if about.get("spec") != self.spec.to_dict():
            raise InputError(
                f"{self.folder / name}: holds {about.get('spec')}, expected {self.spec.to_dict()}; {_CURE}"
            )
        return tensors

    def network(self, plan: Plan, *, epoch: str = "selected") -> nn.Module:
        """The trained network of the `last` or the `selected` epoch, in evaluation mode, built by the run's plan.

        Raises `InputError` for another epoch and for a file that is not this run's or does not fit the plan.
        """
        if epoch not in ("last", "selected"):
            raise InputError(f"epoch {epoch!r} is not kept; there are last and selected")
        tensors = self._tensors("weights.safetensors", "the weights of a run")
        structure = self.record.get("structure")
        net = plan.build() if structure is None else plan.build(structure)
        try:
            net.load_state_dict(with_prefix(tensors, f"{epoch}."))
        except RuntimeError as error:
            path = self.folder / "weights.safetensors"
            raise InputError(
                f"{path}: does not fit the network of the plan ({first_line(error)}); {_CURE}"
            ) from None
        return net.eval()


def plan_for(
    spec: RunSpec,
    *,
    root: str | Path | None = None,
    earlier: Callable[[RunSpec], Run] | None = None,
    **options: Any,
) -> Plan:
    """The plan of a spec: `mtattr.<paper>.recipe.plan(spec, root=root, **options)`.

    earlier: gives the finished run of another spec; handed to a recipe whose `plan` asks for it, because its runs start
    from others. The one place where a lower floor asks a higher one: by name, when called, so that no import points up.
    """
    name = f"mtattr.{spec.paper}.recipe"
    try:
        recipe = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        raise InputError(f"paper {spec.paper!r} has no recipe to run") from None
    if "earlier" in inspect.signature(recipe.plan).parameters:
        options["earlier"] = earlier or functools.partial(fit_or_load, root=root, progress=False)
    return recipe.plan(spec, root=root, **options)


def fit_or_load(
    spec: RunSpec,
    *,
    root: str | Path | None = None,
    plan: Plan | None = None,
    device: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    precision: str = "auto",
    checkpoint_seconds: float = 30.0,
    progress: bool | None = None,
    **options: Any,
) -> Run:
    """The finished run of `spec`: read back when its result file is there, trained (or trained on) when not.

    The folder's name covers spec, code, data and precision, so a result can not outlive what produced it. root: where
    a real dataset lies. plan: instead of the paper's recipe. The result file is written last, by temp file and rename.
    Raises `InputError` for bad input and for a checkpoint that is cut short or belongs to another run.
    """
    if not isinstance(spec, RunSpec):
        raise InputError(f"expected a RunSpec, got {spec!r}")
    fabric = open_fabric(device=device, devices=devices, num_nodes=num_nodes, precision=precision)
    make_deterministic()
    how = {
        "fabric": fabric,
        "root": root,
        "checkpoint_seconds": checkpoint_seconds,
        "progress": progress,
    }
    return _fit_or_load(spec, plan, **how, **options)


def _fit_or_load(
    spec: RunSpec,
    plan: Plan | None = None,
    *,
    fabric: Fabric,
    root: str | Path | None,
    checkpoint_seconds: float,
    progress: bool | None,
    **options: Any,
) -> Run:
    how = {"fabric": fabric, "checkpoint_seconds": checkpoint_seconds, "progress": progress}
    earlier = functools.partial(_fit_or_load, root=root, **how, **options)
    plan = plan_for(spec, root=root, earlier=earlier, **options) if plan is None else plan
    if plan.settings.batch_size % fabric.world_size:
        raise InputError(
            f"batch size {plan.settings.batch_size} does not divide over {fabric.world_size} processes"
        )
    digest = code_digest(spec.paper)
    fingerprint = plan.fingerprint
    identity = {
        "spec": spec.to_dict(),
        "code": digest,
        "data": fingerprint,
        "precision": str(fabric._precision.precision),
    }
    name = spec.folder_name(
        code_digest=f"{digest} {identity['precision']}", data_fingerprint=fingerprint
    )
    folder = home() / "runs" / name
    result = folder / "result.json"
    with _alone(folder) if fabric.is_global_zero else contextlib.nullcontext():
        fabric.barrier()
        if not result.exists():
            _train(spec, plan, folder, identity, **how)
        fabric.barrier()
    return Run(spec, folder, read_result(result, spec))


def read_result(path: Path, spec: RunSpec) -> dict[str, Any]:
    """The run record in `path`; `InputError` if it is no JSON, lacks a part or belongs to another spec."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: not a run record of mtattr ({first_line(error)}); delete it to train anew"
        ) from None
    wrong = [
        name
        for name, kind in _PARTS.items()
        if not isinstance(record, dict) or not isinstance(record.get(name), kind)
    ]
    wrong = wrong or [
        f"metrics.{epoch}"
        for epoch in ("last", "selected")
        if not isinstance(record["metrics"].get(epoch), dict)
    ]
    if wrong:
        raise InputError(
            f"{path}: not a run record of mtattr ({wrong[0]} is missing or of another type); delete it to train anew"
        )
    if record["spec"] != spec.to_dict():
        raise InputError(
            f"{path}: holds the run {record['spec']}, expected {spec.to_dict()}; delete it to train anew"
        )
    return record


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time work in `folder`; the lock goes with the process, however it ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in folder.glob(
            ".*.part"
        ):  # of a write that was killed; nobody else can be writing here now
            leftover.unlink(missing_ok=True)
        yield


def _train(
    spec: RunSpec, plan: Plan, folder: Path, identity: dict, *, fabric: Fabric, **how: Any
) -> None:
    started = time.monotonic()
    how |= {
        "fabric": fabric,
        "seed": spec.seed,
        "title": f"{spec.variant} {spec.dataset} seed {spec.seed}",
    }
    start = (
        Start()
        if plan.search is None
        else plan.search(plan, folder=folder / "search", identity=identity, **how)
    )
    checkpoint = start.checkpoint or folder / "checkpoint.safetensors"
    if start.seed is not None:
        how["seed"] = start.seed
    model, fitted = fit(
        plan, start=start, checkpoint=checkpoint, identity=start.identity or identity, **how
    )
    predictions, measured, task_values = _final_predictions(plan, model, fabric, fitted)
    measured = {epoch: values | dict(start.metrics) for epoch, values in measured.items()}
    if not fabric.is_global_zero:
        return
    save_tensors(folder / "predictions.safetensors", predictions, {"spec": spec.to_dict()})
    weights = {f"last.{k}": v for k, v in fitted.last.items()} | {
        f"selected.{k}": v for k, v in fitted.selected.items()
    }
    save_tensors(folder / "weights.safetensors", weights, {"spec": spec.to_dict()})
    record = _record(
        spec,
        plan,
        fabric,
        identity,
        start,
        fitted,
        predictions,
        measured,
        task_values,
        time.monotonic() - started,
    )
    write_json(folder / "result.json", record)
    checkpoint.unlink(missing_ok=True)
    shutil.rmtree(folder / "search", ignore_errors=True)


def _final_predictions(
    plan: Plan, model: nn.Module, fabric: Fabric, fitted: Fitted
) -> tuple[dict[str, Tensor], dict[str, dict[str, float]], dict[str, list[float]]]:
    """Logits and the recipe's own measurements for both epochs; the test split is read here and nowhere else."""
    predictions, measured, task_values = {}, {}, {}
    net = getattr(model, "module", model)
    for epoch, weights in (("selected", fitted.selected), ("last", fitted.last)):
        net.load_state_dict(weights)
        for split in ("val", "test"):
            predictions[f"{split}_{epoch}"] = predict(model, plan.data[split].images, fabric=fabric)
            predictions[f"{split}_labels"] = plan.data[split].labels
        if fabric.is_global_zero:
            net.eval()
            # Measurements feed float32 images, which a double network refuses.
            double = next(net.parameters()).dtype == torch.float64
            single = copy.deepcopy(net).float() if double else net
            measured[epoch] = plan.analyse(single, plan.data, fabric.device)
    if fabric.is_global_zero:
        history = {
            name: torch.tensor(rows, dtype=torch.float64)
            for name, rows in fitted.task_history.items()
        }
        of_training, task_values = plan.analyse_training(history, single, plan.data, fabric.device)
        measured = {epoch: values | of_training for epoch, values in measured.items()}
    return predictions, measured, task_values


def _record(
    spec, plan, fabric, identity, start, fitted, predictions, measured, task_values, seconds
) -> dict[str, Any]:
    tasks, test = plan.tasks, plan.data["test"]
    net = plan.build() if start.structure is None else plan.build(start.structure)

    def metrics(split: str) -> dict[str, dict[str, float]]:
        of = {
            epoch: plan.metrics(
                predictions[f"{split}_{epoch}"], predictions[f"{split}_labels"], tasks
            )
            for epoch in ("last", "selected")
        }
        return {
            epoch: values | (measured[epoch] if split == "test" else {})
            for epoch, values in of.items()
        }

    record = {
        "schema": SCHEMA,
        "spec": spec.to_dict(),
        "metrics": metrics("test"),
        "validation": metrics("val"),
        "selection": {
            "rule": f"highest validation {plan.select_by}",
            "epoch": fitted.selected_epoch,
            "epochs": plan.settings.epochs,
        },
        "history": fitted.history,
        "task_history": {
            name: [_rounded(row) for row in rows] for name, rows in fitted.task_history.items()
        },
        "tasks": list(tasks.names),
        "task_metrics": (
            plan.task_metrics(predictions["test_selected"], test.labels, tasks)
            if plan.task_metrics
            else {}
        )
        | task_values,
        "floors": plan.floors(test.labels, tasks),
        "notes": [*plan.notes, *_divergence(fitted.history)],
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
            "train_seconds": round(fitted.train_seconds, 3),
            "images_per_second": round(fitted.images_per_second, 1),
            "peak_memory_mb": round(peak_memory_mb(fabric.device), 1),
            "parameters": sum(value.numel() for value in net.parameters()),
        },
    }
    if start.structure is not None:
        record["structure"] = start.structure
    if start.findings:
        record["search"] = dict(start.findings)
    return _without_nan(record)


def _divergence(history: list[dict[str, float]]) -> list[str]:
    """What a page must say of a training whose losses are no longer numbers."""
    return (
        []
        if math.isfinite(history[-1]["train_loss"]) and math.isfinite(history[-1]["val_loss"])
        else ["the training diverged"]
    )


def _rounded(row: list[float]) -> list[float]:
    """Five significant digits, plenty for a curve: a ledger keeps one such row for every epoch."""
    return [float(f"{value:.5g}") for value in row]


def _without_nan(value: Any) -> Any:
    """JSON has no NaN: an undefined number becomes null."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def git_state() -> dict[str, Any]:
    """Commit of the library's checkout and whether library files differ from it; commit None outside a checkout."""
    package = Path(__file__).resolve().parents[1]

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(package), *arguments], capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    commit = git("rev-parse", "HEAD")
    return {
        "commit": commit,
        "dirty": bool(git("status", "--porcelain", "--", ".")) if commit else True,
    }
