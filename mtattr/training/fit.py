"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mtattr.data.batches import augment, batch_rows, epoch_order, take
from mtattr.data.image_data import ImageData
from mtattr.training.losses import Batch, known_counts
from mtattr.training.plan import Initial, Plan
from mtattr.training.predict import predict
from mtattr.training.progress import Progress
from mtattr.training.state import Loop, Observer, TrainingState
from mtattr.training.steering import steering_losses

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True)
class Trained:
    """Result of a training.

    Args:
        model: the network with the last weights, as Fabric set it up.
        last: weights of the last epoch.
        selected: weights of the selected epoch.
        selected_epoch: its number, from 0.
        history: one row of numbers per epoch.
        task_history: "validation_loss", "weight" and what else the weighting logs, each E x T.
        train_seconds: by the clock, without validation and checkpoints.
        cpu_seconds: the same in time of all cores of this process, which a busy machine leaves
            nearly as they are.
        images_per_second: of training.
        structure: JSON from which `Plan.build` makes the network, None for the plan's own.
        findings: JSON-serialisable log of a search, for the record.
        metrics: extra values, stored next to the test metrics.
    """

    model: nn.Module
    last: dict[str, Tensor]
    selected: dict[str, Tensor]
    selected_epoch: int
    history: list[dict[str, float]]
    task_history: dict[str, list[list[float]]]
    train_seconds: float
    cpu_seconds: float
    images_per_second: float
    structure: Any = None
    findings: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


def fit(
    plan: Plan,
    loop: Loop,
    *,
    initial: Initial | None = None,
    observer: Observer | None = None,
    stop_after: int | None = None,
) -> Trained:
    """Train `plan`, from its checkpoint if there is one; on a CPU the bits end the same either way.

    Args:
        plan: what to train.
        loop: device, seed, checkpoint.
        initial: structure and weights to begin with, instead of the plan's.
        observer: receives the logits of every training batch; its state is saved too.
        stop_after: leave after so many iterations of the whole schedule, with the state saved; a
            later call with the same checkpoint goes on.

    Raises:
        InputError: the checkpoint is damaged or belongs to another run.
    """
    initial = plan.initial() if initial is None else initial
    state = TrainingState(plan, loop, initial, observer)
    at, epochs = state.counters, plan.settings.epochs
    batches = _Batches(plan, loop, steered=state.weighting.watches == "validation")
    steps, saved_at = len(batches.positions), time.monotonic()

    def stopped() -> bool:
        return stop_after is not None and at.epoch * steps + at.step >= stop_after

    def due() -> bool:
        return time.monotonic() - saved_at >= loop.checkpoint_seconds

    def count(since: tuple[float, float]) -> None:
        wall, processor = _clocks()
        at.train_seconds += wall - since[0]
        at.cpu_seconds += processor - since[1]

    shown = loop.progress if loop.fabric.is_global_zero else False
    with Progress(loop.title, epochs * steps, enabled=shown) as bar:
        while at.epoch < epochs and not stopped():
            started = _clocks()
            state.model.train()
            order = epoch_order(len(batches.data), seed=loop.seed, epoch=at.epoch)
            while at.step < steps and not stopped():
                training_step(plan, loop, state, batches, order)
                at.step += 1
                at.images_seen += batches.size
                bar.at(at.epoch * steps + at.step)
                if at.step < steps and due():
                    count(started)
                    state.save()
                    started, saved_at = _clocks(), time.monotonic()
            count(started)
            if at.step < steps:
                break
            row = _end_of_epoch(plan, state, state.running / steps)
            bar.epoch(at.epoch, epochs, row)
            state.select(row[f"val_{plan.measures.select_by}"])
            state.running.zero_()
            at.epoch, at.step = at.epoch + 1, 0
            if due():
                state.save()
                saved_at = time.monotonic()
    if stop_after is not None:
        state.save()
    state.close()
    last = {name: value.cpu().clone() for name, value in state.net.state_dict().items()}
    return Trained(
        state.model,
        last,
        state.selected or last,
        at.selected_epoch if state.selected else epochs - 1,
        at.history,
        at.task_history,
        at.train_seconds,
        at.cpu_seconds,
        at.images_seen / max(at.train_seconds, 1e-9),
        structure=initial.structure,
    )


def _clocks() -> tuple[float, float]:
    return time.monotonic(), time.process_time()


def training_step(
    plan: Plan, loop: Loop, state: TrainingState, batches: _Batches, order: Tensor
) -> None:
    """One training step; with a weighting, one iteration of He et al. 2017, Algorithm 1."""
    fabric, at, weighting, settings = loop.fabric, state.counters, state.weighting, plan.settings
    # Algorithm 1: the validation images pass forward only, and every k iterations their losses
    # change the weights (Algorithm 2, in `observe`).
    if weighting.watches == "validation":
        weighting.observe(batches.steering_losses(state))
    # Algorithm 1: forward pass and loss of every task on the training images.
    torch.manual_seed(step_seed(loop.seed, at.epoch, at.step, fabric.global_rank))
    batch = batches.next(order, at.epoch, at.step)
    output = state.output(batch.images)
    losses = plan.losses(output, batch, plan.tasks)
    if state.observer is not None:
        state.observer.observe(*_of_all(fabric, output.logits.detach(), batch.labels))
    # Algorithm 1: back-propagate the weighted sum of the losses (Eq. 3) and update the network.
    steps = len(batches.positions)
    for group in state.optimizer.param_groups:
        group["lr"] = settings.rate_at(at.epoch * steps + at.step, settings.epochs * steps)
    state.optimizer.zero_grad()
    fabric.backward(weighting(losses, output.extra.get("features")))
    state.trace.add(weighting.trace())
    if fabric.world_size > 1:
        for parameter in weighting.parameters():
            parameter.grad = fabric.all_reduce(parameter.grad, reduce_op="mean")
    if settings.clip_norm is not None:
        fabric.clip_gradients(
            state.model, state.optimizer, max_norm=settings.clip_norm, error_if_nonfinite=False
        )
    state.optimizer.step()
    losses = losses.detach()
    if weighting.watches == "training":
        several = fabric.world_size > 1
        seen = fabric.all_reduce(losses, reduce_op="mean") if several else losses
        weighting.observe(torch.where(batch.known > 0, seen, torch.nan))
    state.running += losses


class _Batches:
    """Training and steering batches of one process."""

    def __init__(self, plan: Plan, loop: Loop, *, steered: bool) -> None:
        self.plan, self.fabric, self.seed = plan, loop.fabric, loop.seed
        self.data: ImageData = plan.data["train"]
        world, n = self.fabric.world_size, len(self.data)
        self.size = min(plan.settings.batch_size, n // world * world)
        self.positions = list(
            batch_rows(
                torch.arange(n),
                batch_size=self.size,
                rank=self.fabric.global_rank,
                world=world,
                drop_last=True,
            )
        )
        self.images = _on_device(self.data.images, self.fabric)
        self.steering = _on_device(plan.steering.images, self.fabric) if steered else None

    def next(self, order: Tensor, epoch: int, step: int) -> Batch:
        """The batch of one step, augmented, with the counts of known labels of all processes."""
        positions, settings = self.positions[step], self.plan.settings
        rows = order[positions]
        images = augment(
            take(self.images, rows, self.fabric.device),
            seed=self.seed,
            epoch=epoch,
            positions=positions,
            flip=settings.flip,
            shift=settings.shift,
        )
        labels = self.data.labels[rows].to(self.fabric.device, non_blocking=True)
        known = known_counts(labels)
        if self.fabric.world_size > 1:
            known = self.fabric.all_reduce(known, reduce_op="sum") / self.fabric.world_size
        return Batch(images, labels, known)

    def steering_losses(self, state: TrainingState) -> Tensor:
        """Losses `(T,)` of validation images that are drawn anew for every step."""
        return steering_losses(
            self.plan,
            state.model,
            self.plan.steering,
            self.steering,
            fabric=self.fabric,
            batch=self.size,
            seed=self.seed,
            epoch=state.counters.epoch,
            step=state.counters.step,
        )


def _end_of_epoch(plan: Plan, state: TrainingState, running: Tensor) -> dict[str, float]:
    fabric, at = state.loop.fabric, state.counters
    if fabric.world_size > 1:
        running = fabric.all_reduce(running, reduce_op="mean")
    val = plan.data["val"]
    logits = predict(state.model, val.images, fabric=fabric)
    losses = running.double().cpu()  # the epoch's only wait for the device
    weights = plan.task_weights.double()
    val_losses = plan.validation_losses(logits, val.labels).double()
    row = {
        "epoch": at.epoch,
        "train_loss": float((losses * weights).sum()),
        "val_loss": float((val_losses * weights).sum()),
    }
    known = known_counts(val.labels) > 0
    shown = torch.where(known, val_losses, torch.nan).tolist()
    for name, values in {"validation_loss": shown, **state.trace.end_epoch()}.items():
        at.task_history.setdefault(name, []).append(values)
    metrics = plan.measures.metrics(logits, val.labels, plan.tasks)
    row |= {f"val_{name}": float(value) for name, value in metrics.items()}
    at.history.append(row)
    return row


def step_seed(seed: int, epoch: int, step: int, rank: int = 0) -> int:
    """A seed for every step and process, so that dropout needs no saved state to resume."""
    return (((seed * 1_000_003 + epoch) * 1_000_003 + step) * 1_009 + rank) % 2**63


def _of_all(fabric: Fabric, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and labels of the batch of all processes, in order of rank."""
    if fabric.world_size == 1:
        return logits, labels
    return fabric.all_gather(logits).flatten(0, 1), fabric.all_gather(labels).flatten(0, 1)


def _on_device(images: Tensor, fabric: Fabric) -> Tensor:
    """The images on a GPU if they take at most a quarter of its free memory; else as they are."""
    if fabric.device.type != "cuda":
        return images
    free, _ = torch.cuda.mem_get_info(fabric.device)
    return images.to(fabric.device) if images.numel() < free // 4 else images
