"""The one loop."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from mtattr.data.batches import augment, batch_rows, epoch_order, take
from mtattr.errors import InputError
from mtattr.nets.batch_norm import use_global_batch_norm
from mtattr.nets.output import Output
from mtattr.nets.pointwise import use_strided_pointwise
from mtattr.training.checkpoint import (
    first_line,
    load_tensors,
    pack,
    save_tensors,
    unpack,
    with_prefix,
)
from mtattr.training.losses import known_counts
from mtattr.training.optimizer import build_optimizer
from mtattr.training.plan import Plan, Start
from mtattr.training.predict import predict
from mtattr.training.progress import Progress
from mtattr.training.steering import steering_losses
from mtattr.training.trace import Trace


@dataclass
class Fitted:
    """What the loop leaves: weights of the last and of the selected epoch, one row of numbers an epoch, seconds spent.

    task_history: "validation_loss", "weight" and whatever else the weighting traces, E epochs x T tasks.
    """

    last: dict[str, Tensor]
    selected: dict[str, Tensor]
    selected_epoch: int
    history: list[dict[str, float]]
    task_history: dict[str, list[list[float]]]
    train_seconds: float
    images_per_second: float


@dataclass
class _State:
    """Where the loop stands; JSON, beside the tensors in a checkpoint."""

    epoch: int = 0
    step: int = 0
    best: float = float("-inf")
    selected_epoch: int = -1
    history: list[dict[str, float]] = field(default_factory=list)
    task_history: dict[str, list[list[float]]] = field(default_factory=dict)
    train_seconds: float = 0.0
    images_seen: int = 0


class Observer(Protocol):
    """What is shown the answers of every training batch: an `nn.Module` with all that it remembers in its state."""

    def observe(self, logits: Tensor, labels: Tensor) -> None:
        """Take note of logits `(B, U)`, without a graph, and labels `(B, T)`, of all processes."""

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that `load_state_dict` takes back."""

    def load_state_dict(self, state: Mapping[str, Tensor]) -> Any:
        """The inverse of `state_dict`."""


def step_seed(seed: int, epoch: int, step: int, rank: int = 0) -> int:
    """A seed of its own for every step and process, so that dropout needs no saved state to resume."""
    return (((seed * 1_000_003 + epoch) * 1_000_003 + step) * 1_009 + rank) % 2**63


def fit(
    plan: Plan,
    *,
    fabric: Fabric,
    seed: int,
    checkpoint: Path,
    identity: dict[str, Any],
    title: str = "",
    checkpoint_seconds: float = 30.0,
    progress: bool | None = None,
    start: Start | None = None,
    observer: Observer | None = None,
    stop_after: int | None = None,
) -> tuple[nn.Module, Fitted]:
    """Train `plan` and return (network with the last weights, what the loop leaves).

    The state is saved in `checkpoint` at most every `checkpoint_seconds`; a killed run continues from there and ends
    with the same bits on a CPU. `identity` is stored with it: `InputError` if the file belongs to another run.
    start: structure and weights to begin with. observer: is shown every training batch's answers; its state is saved too.
    stop_after: leave after so many iterations of the whole schedule; a later call with the same checkpoint goes on.
    """
    settings, train = plan.settings, plan.data["train"]
    torch.manual_seed(seed)
    net = plan.build() if start is None or start.structure is None else plan.build(start.structure)
    if start is not None and start.weights is not None:
        net.load_state_dict(start.weights)
    net = net.to(memory_format=torch.channels_last)
    if fabric.device.type == "cpu":
        net = use_strided_pointwise(net)
    if fabric.world_size > 1:
        net = use_global_batch_norm(net)
    weighting = plan.new_weighting().to(fabric.device).train()
    model, optimizer = fabric.setup(net, build_optimizer(settings, net, weighting))
    inside: dict[str, Output] = {}
    # Under mixed precision Fabric hands out copies, through which a weighting could not ask for gradients of its own.
    hook = net.register_forward_hook(lambda _, __, output: inside.update(output=output))
    state, running, selected = _State(), torch.zeros(len(plan.tasks), device=fabric.device), {}
    trace = Trace()
    if checkpoint.exists():
        tensors, about = load_tensors(checkpoint)
        if about.get("identity") != identity:
            raise InputError(
                f"{checkpoint}: belongs to another run ({about.get('identity')}), expected {identity}; delete it to start anew"
            )
        try:
            unpack(tensors, net, optimizer.optimizer)
            weighting.load_state_dict(with_prefix(tensors, "weighting."))
            trace.load_state_dict(with_prefix(tensors, "trace."), fabric.device)
            if observer is not None and (seen := with_prefix(tensors, "observer.")):
                observer.load_state_dict(seen)
            running.copy_(tensors["running"])
            state = _State(**about["state"])
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise InputError(
                f"{checkpoint}: damaged, does not fit the network ({first_line(error)}); delete it to start anew"
            ) from None
        selected = with_prefix(tensors, "selected.")

    def save() -> None:
        if fabric.is_global_zero:
            tensors = pack(net, optimizer.optimizer) | {"running": running}
            parts = {
                "selected": selected,
                "weighting": weighting.state_dict(),
                "trace": trace.state_dict(),
            }
            for name, part in (
                parts | {"observer": observer.state_dict() if observer is not None else {}}
            ).items():
                tensors |= {f"{name}.{key}": value for key, value in part.items()}
            save_tensors(checkpoint, tensors, {"identity": identity, "state": vars(state)})

    batch = min(settings.batch_size, len(train) // fabric.world_size * fabric.world_size)
    positions_of = batch_rows(
        torch.arange(len(train)),
        batch_size=batch,
        rank=fabric.global_rank,
        world=fabric.world_size,
        drop_last=True,
    )
    batches = list(positions_of)
    steps = len(batches)
    images, labels = _on_device(train.images, fabric), train.labels
    steering = plan.data["val"] if plan.steering is None else plan.steering
    steering_images = (
        _on_device(steering.images, fabric) if weighting.watches == "validation" else None
    )
    saved_at = time.monotonic()

    def stopped() -> bool:
        return stop_after is not None and state.epoch * steps + state.step >= stop_after

    with Progress(
        title, settings.epochs * steps, enabled=progress if fabric.is_global_zero else False
    ) as shown:
        while state.epoch < settings.epochs and not stopped():
            started = time.monotonic()
            model.train()
            order = epoch_order(len(train), seed=seed, epoch=state.epoch)
            while state.step < steps and not stopped():
                positions = batches[state.step]
                rows = order[positions]
                if weighting.watches == "validation":
                    at = {"seed": seed, "epoch": state.epoch, "step": state.step}
                    weighting.observe(
                        steering_losses(
                            plan, model, steering, steering_images, fabric=fabric, batch=batch, **at
                        )
                    )
                torch.manual_seed(step_seed(seed, state.epoch, state.step, fabric.global_rank))
                x = take(images, rows, fabric.device)
                x = augment(
                    x,
                    seed=seed,
                    epoch=state.epoch,
                    positions=positions,
                    flip=settings.flip,
                    shift=settings.shift,
                )
                y = labels[rows].to(fabric.device, non_blocking=True)
                known = known_counts(y)
                if fabric.world_size > 1:
                    known = fabric.all_reduce(known, reduce_op="sum") / fabric.world_size
                model(x.contiguous(memory_format=torch.channels_last))
                output = inside.pop("output")
                losses = plan.losses(output.logits, y, plan.tasks, known=known)
                if plan.auxiliary_losses is not None:
                    losses = losses + plan.auxiliary_losses(output, x, y, plan.tasks, known=known)
                if observer is not None:
                    observer.observe(*_of_all(fabric, output.logits.detach(), y))
                for group in optimizer.param_groups:
                    group["lr"] = settings.rate_at(
                        state.epoch * steps + state.step, settings.epochs * steps
                    )
                optimizer.zero_grad()
                fabric.backward(weighting(losses, output.extra.get("features")))
                trace.add(weighting.trace())
                if fabric.world_size > 1:
                    for parameter in weighting.parameters():
                        parameter.grad = fabric.all_reduce(parameter.grad, reduce_op="mean")
                if settings.clip_norm is not None:
                    fabric.clip_gradients(
                        model, optimizer, max_norm=settings.clip_norm, error_if_nonfinite=False
                    )
                optimizer.step()
                losses = losses.detach()
                if weighting.watches == "training":
                    seen = (
                        fabric.all_reduce(losses, reduce_op="mean")
                        if fabric.world_size > 1
                        else losses
                    )
                    weighting.observe(torch.where(known > 0, seen, torch.nan))
                running += losses
                state.step += 1
                state.images_seen += batch
                shown.at(state.epoch * steps + state.step)
                if state.step < steps and time.monotonic() - saved_at >= checkpoint_seconds:
                    state.train_seconds += time.monotonic() - started
                    save()
                    started = saved_at = time.monotonic()
            state.train_seconds += time.monotonic() - started
            if state.step < steps:
                break
            row = _end_of_epoch(plan, model, fabric, state, running / steps, trace)
            shown.epoch(state.epoch, settings.epochs, row)
            if row[f"val_{plan.select_by}"] > state.best:
                state.best, state.selected_epoch = row[f"val_{plan.select_by}"], state.epoch
                selected = copy.deepcopy(
                    {name: value.cpu() for name, value in net.state_dict().items()}
                )
            running.zero_()
            state.epoch, state.step = state.epoch + 1, 0
            if time.monotonic() - saved_at >= checkpoint_seconds:
                save()
                saved_at = time.monotonic()
    if stop_after is not None:
        save()
    hook.remove()
    last = {name: value.cpu().clone() for name, value in net.state_dict().items()}
    rate = state.images_seen / max(state.train_seconds, 1e-9)
    selected_epoch = state.selected_epoch if selected else settings.epochs - 1
    return model, Fitted(
        last,
        selected or last,
        selected_epoch,
        state.history,
        state.task_history,
        state.train_seconds,
        rate,
    )


def _end_of_epoch(
    plan: Plan, model: nn.Module, fabric: Fabric, state: _State, running: Tensor, trace: Trace
) -> dict[str, float]:
    if fabric.world_size > 1:
        running = fabric.all_reduce(running, reduce_op="mean")
    val = plan.data["val"]
    logits = predict(model, val.images, fabric=fabric)
    losses = running.double().cpu()  # the epoch's only wait for the device
    row = {"epoch": state.epoch, "train_loss": float((losses * plan.task_weights.double()).sum())}
    val_losses = plan.losses(logits, val.labels, plan.tasks).double()
    row["val_loss"] = float((val_losses * plan.task_weights.double()).sum())
    known = known_counts(val.labels) > 0
    for name, values in {
        "validation_loss": torch.where(known, val_losses, torch.nan).tolist(),
        **trace.end_epoch(),
    }.items():
        state.task_history.setdefault(name, []).append(values)
    row |= {
        f"val_{name}": float(value)
        for name, value in plan.metrics(logits, val.labels, plan.tasks).items()
    }
    state.history.append(row)
    return row


def _of_all(fabric: Fabric, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The answers and labels of the batch of all processes, in order of rank."""
    if fabric.world_size == 1:
        return logits, labels
    return fabric.all_gather(logits).flatten(0, 1), fabric.all_gather(labels).flatten(0, 1)


def _on_device(images: Tensor, fabric: Fabric) -> Tensor:
    """Keep the images on a GPU when they take at most a quarter of its memory; else leave them where they are."""
    if fabric.device.type != "cuda":
        return images
    free, _ = torch.cuda.mem_get_info(fabric.device)
    return images.to(fabric.device) if images.numel() < free // 4 else images
