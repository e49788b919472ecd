"""One run from specification to record: train it, or read it back."""

from __future__ import annotations

import contextlib
import copy
import functools
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from mtattr.data.home import home
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.files import locked
from mtattr.training import cpu
from mtattr.training.checkpoint import save_tensors, write_json
from mtattr.training.device import make_deterministic, open_fabric
from mtattr.training.finished import Run
from mtattr.training.fit import Trained, fit
from mtattr.training.identity import identity_of
from mtattr.training.opening import description
from mtattr.training.plan import Plan
from mtattr.training.predict import predict
from mtattr.training.recipe import check_splits, recipe_of
from mtattr.training.record import Measured, read_record, record_of
from mtattr.training.spec import RunSpec
from mtattr.training.state import Loop

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def plan_for(
    spec: RunSpec,
    *,
    root: str | Path | None = None,
    data: Mapping[str, ImageData] | None = None,
    give: Callable[[RunSpec], Run] | None = None,
    **options: Any,
) -> Plan:
    """The plan of a spec, by its paper's recipe.

    Args:
        spec: the run.
        root: folder of a real dataset.
        data: splits to train on instead of the dataset's own.
        give: gives the finished runs that the recipe requires; `fit_or_load` by default.
        options: of the dataset's loader.
    """
    recipe = recipe_of(spec.paper)
    recipe.check(spec)
    data = recipe.data(spec, root=root, **options) if data is None else data
    check_splits(data)
    give = give or functools.partial(fit_or_load, root=root, progress=False, **options)
    return recipe.plan(spec, data, {needed: give(needed) for needed in recipe.requires(spec)})


def fit_or_load(
    spec: RunSpec,
    *,
    root: str | Path | None = None,
    plan: Plan | None = None,
    device: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    precision: str = "auto",
    threads: int | None = None,
    checkpoint_seconds: float = 30.0,
    progress: bool | None = None,
    **options: Any,
) -> Run:
    """The run of `spec`: its result if there is one, else trained, from a checkpoint if possible.

    The folder's name covers all that can change the result, see `mtattr.training.identity`. The
    result file is written last, by temp file and rename.

    Args:
        spec: the run.
        root: folder of a real dataset.
        plan: instead of the recipe's.
        device, devices, num_nodes, precision: see `mtattr.training.device.open_fabric`.
        threads: of torch in each process; None = as many as torch has now.
        checkpoint_seconds: least time between two saves.
        progress: show a bar; None = on a terminal.
        options: of the dataset's loader.

    Raises:
        InputError: bad input, or a checkpoint that is damaged or belongs to another run.
    """
    if not isinstance(spec, RunSpec):
        raise InputError(f"expected a RunSpec, got {spec!r}")
    fabric = open_fabric(device=device, devices=devices, num_nodes=num_nodes, precision=precision)
    make_deterministic()
    about = {"checkpoint_seconds": checkpoint_seconds, "progress": progress}

    def run(spec: RunSpec, plan: Plan | None = None) -> Run:
        given, earlier = plan is not None, []

        def give(needed: RunSpec) -> Run:
            earlier.append(run(needed))
            return earlier[-1]

        plan = plan_for(spec, root=root, give=give, **options) if plan is None else plan
        if plan.settings.batch_size % fabric.world_size:
            raise InputError(
                f"batch size {plan.settings.batch_size} does not divide over "
                f"{fabric.world_size} processes"
            )
        precision = str(fabric._precision.precision)
        requires = [done.folder.name for done in earlier]
        # The first process's number, so that all work in one folder.
        threads = fabric.broadcast(torch.get_num_threads())
        identity = identity_of(
            spec, plan, precision=precision, threads=threads, given=given, requires=requires
        )
        folder = home() / "runs" / spec.folder_name(identity)
        title = f"{spec.variant} {spec.dataset} seed {spec.seed}"
        loop = Loop(fabric, spec.seed, folder / "checkpoint.safetensors", identity, title, **about)
        result = folder / "result.json"
        with _alone(folder) if fabric.is_global_zero else contextlib.nullcontext():
            fabric.barrier()
            if not result.exists():
                _train(spec, plan, loop, result)
            fabric.barrier()
        return Run(spec, folder, read_record(result, spec))

    with cpu.threads(threads):
        return run(spec, plan)


@contextlib.contextmanager
def _alone(folder: Path):
    """One process at a time works in `folder`."""
    with locked(folder / ".lock"):
        for leftover in folder.glob(".*.part"):  # of a write that was killed
            leftover.unlink(missing_ok=True)
        yield


def _train(spec: RunSpec, plan: Plan, loop: Loop, result: Path) -> None:
    started, fabric, folder = time.monotonic(), loop.fabric, result.parent
    trained = (plan.train or fit)(plan, loop)
    measured = _measure(plan, trained, fabric)
    if not fabric.is_global_zero:
        return
    about = {"spec": spec.to_dict()}
    save_tensors(folder / "predictions.safetensors", measured.predictions, about)
    weights = {f"last.{name}": value for name, value in trained.last.items()}
    weights |= {f"selected.{name}": value for name, value in trained.selected.items()}
    save_tensors(
        folder / "weights.safetensors", weights, description(spec, plan, trained.structure)
    )
    record = record_of(
        spec,
        plan,
        fabric,
        identity=loop.identity,
        trained=trained,
        measured=measured,
        seconds=time.monotonic() - started,
    )
    write_json(result, record)
    loop.checkpoint.unlink(missing_ok=True)
    shutil.rmtree(folder / "search", ignore_errors=True)


def _measure(plan: Plan, trained: Trained, fabric: Fabric) -> Measured:
    """Logits and analyses of both epochs; the test split is read here and nowhere else."""
    measures, predictions, values, of_training, task_values = plan.measures, {}, {}, {}, {}
    net = getattr(trained.model, "module", trained.model)
    for epoch, weights in (("selected", trained.selected), ("last", trained.last)):
        net.load_state_dict(weights)
        for split in ("val", "test"):
            data = plan.data[split]
            predictions[f"{split}_{epoch}"] = predict(trained.model, data.images, fabric=fabric)
            predictions[f"{split}_labels"] = data.labels
        if fabric.is_global_zero:
            net.eval()
            # Measurements feed float32 images, which a double network refuses.
            double = next(net.parameters()).dtype == torch.float64
            single = copy.deepcopy(net).float() if double else net
            values[epoch] = measures.analyse(single, plan.data, fabric.device)
    if fabric.is_global_zero:
        history = {
            name: torch.tensor(rows, dtype=torch.float64)
            for name, rows in trained.task_history.items()
        }
        of_training, task_values = measures.analyse_training(
            history, single, plan.data, fabric.device
        )
    extra = of_training | dict(trained.metrics)
    return Measured(predictions, {e: v | extra for e, v in values.items()}, task_values)
