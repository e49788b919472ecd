"""State of a training between two steps: what a checkpoint holds."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

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
from mtattr.training.optimizer import build_optimizer
from mtattr.training.plan import Initial, Plan
from mtattr.training.trace import Trace

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True)
class Loop:
    """Where a training runs, and where its checkpoint lies.

    Args:
        fabric: device, precision, processes.
        seed: of initial weights, order, augmentation and dropout.
        checkpoint: file that a killed training goes on from.
        identity: JSON stored with it; another identity is refused.
        title: shown by the progress bar.
        checkpoint_seconds: least time between two saves.
        progress: show a bar; None = on a terminal.
    """

    fabric: Fabric
    seed: int
    checkpoint: Path
    identity: Mapping[str, Any]
    title: str = ""
    checkpoint_seconds: float = 30.0
    progress: bool | None = None


class Observer(Protocol):
    """Receives the logits of every training batch. All of its state must be in `state_dict`."""

    def observe(self, logits: Tensor, labels: Tensor) -> None:
        """Take note of logits `(B, U)`, without a graph, and labels `(B, T)`, of all processes."""

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that `load_state_dict` takes back."""

    def load_state_dict(self, state: Mapping[str, Tensor]) -> Any:
        """The inverse of `state_dict`."""


@dataclass
class Counters:
    """Position in the schedule and what was logged so far; JSON."""

    epoch: int = 0
    step: int = 0
    best: float = float("-inf")
    selected_epoch: int = -1
    history: list[dict[str, float]] = field(default_factory=list)
    task_history: dict[str, list[list[float]]] = field(default_factory=dict)
    train_seconds: float = 0.0
    cpu_seconds: float = 0.0
    images_seen: int = 0


class TrainingState:
    """Network, optimiser, weighting, observer, log and counters of one training."""

    def __init__(
        self, plan: Plan, loop: Loop, initial: Initial, observer: Observer | None = None
    ) -> None:
        fabric = loop.fabric
        torch.manual_seed(loop.seed)
        net = plan.build() if initial.structure is None else plan.build(initial.structure)
        if initial.weights is not None:
            net.load_state_dict(initial.weights)
        net = net.to(memory_format=torch.channels_last)
        if fabric.device.type == "cpu":
            net = use_strided_pointwise(net)
        if fabric.world_size > 1:
            net = use_global_batch_norm(net)
        self.loop, self.net, self.observer = loop, net, observer
        self.weighting = plan.new_weighting().to(fabric.device).train()
        self.model, self.optimizer = fabric.setup(
            net, build_optimizer(plan.settings, net, self.weighting)
        )
        self.counters, self.trace = Counters(), Trace()
        self.running = torch.zeros(len(plan.tasks), device=fabric.device)
        self.selected: dict[str, Tensor] = {}
        self._output: dict[str, Output] = {}
        # Under mixed precision Fabric hands out copies, through which a weighting could not ask
        # for gradients of its own.
        self._hook = net.register_forward_hook(
            lambda _, __, output: self._output.update(output=output)
        )
        if loop.checkpoint.exists():
            self._load()

    def output(self, images: Tensor) -> Output:
        """The network's own `Output` for images `(B, 3, H, W)`."""
        self.model(images.contiguous(memory_format=torch.channels_last))
        return self._output.pop("output")

    def select(self, score: float) -> None:
        """Keep the weights of this epoch if its validation score is the best so far."""
        if score > self.counters.best:
            self.counters.best, self.counters.selected_epoch = score, self.counters.epoch
            self.selected = copy.deepcopy(
                {name: value.cpu() for name, value in self.net.state_dict().items()}
            )

    def save(self) -> None:
        """Write the checkpoint, atomically, by the first process."""
        if not self.loop.fabric.is_global_zero:
            return
        tensors = pack(self.net, self.optimizer.optimizer) | {"running": self.running}
        parts = {
            "selected": self.selected,
            "weighting": self.weighting.state_dict(),
            "trace": self.trace.state_dict(),
            "observer": {} if self.observer is None else self.observer.state_dict(),
        }
        for name, part in parts.items():
            tensors |= {f"{name}.{key}": value for key, value in part.items()}
        about = {"identity": self.loop.identity, "state": vars(self.counters)}
        save_tensors(self.loop.checkpoint, tensors, about)

    def _load(self) -> None:
        path, identity = self.loop.checkpoint, self.loop.identity
        tensors, about = load_tensors(path)
        if about.get("identity") != identity:
            raise InputError(
                f"{path}: belongs to another run ({about.get('identity')}), expected {identity}; "
                "delete it to start anew"
            )
        try:
            unpack(tensors, self.net, self.optimizer.optimizer)
            self.weighting.load_state_dict(with_prefix(tensors, "weighting."))
            self.trace.load_state_dict(with_prefix(tensors, "trace."), self.loop.fabric.device)
            seen = with_prefix(tensors, "observer.")
            if self.observer is not None and seen:
                self.observer.load_state_dict(seen)
            self.running.copy_(tensors["running"])
            self.counters = Counters(**about["state"])
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise InputError(
                f"{path}: damaged, does not fit the network ({first_line(error)}); "
                "delete it to start anew"
            ) from None
        self.selected = with_prefix(tensors, "selected.")

    def close(self) -> None:
        """Take the network's hook away."""
        self._hook.remove()
