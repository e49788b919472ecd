"""Task weights from the trend of the validation loss (He et al. 2017, Algorithm 2)."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from mtattr.errors import InputError, whole_number


def change_weights(current: Tensor, previous: Tensor) -> Tensor:
    """Weights from two windows' mean losses: |current - previous| over its mean across tasks,
    float64 `(T,)`.

    He et al. 2017, Algorithm 2, with its two factors multiplied out (`two_factor_weights`): the
    division by the current loss in one cancels the factor of the current loss in the other. At
    least 0, with mean 1. A task with a mean that is not finite in either window keeps weight 1 and
    the others average 1 among themselves; all are 1 if no loss changed.
    """
    current, previous = _float64(current, previous)
    change = (current - previous).abs()
    known = change.isfinite()
    mean = torch.where(known, change, 0).sum() / known.sum()
    return torch.where(known & (mean > 0), change / mean, 1)


def two_factor_weights(current: Tensor, previous: Tensor) -> Tensor:
    """The same weights as Algorithm 2 of He et al. 2017 prints them: normalised trend times
    normalised loss, float64 `(T,)`.

    The trend is |current - previous| / current; each factor, and then their product, is divided by
    its mean across tasks. It has no answer (NaN) where a current loss is 0 or where no loss
    changed.
    """
    current, previous = _float64(current, previous)
    trend = (current - previous).abs() / current
    product = (trend / trend.mean()) * (current / current.mean())
    return product / product.mean()


class WindowedWeights(nn.Module, ABC):
    """Task weights that change at the end of every window of `interval` iterations, by the mean
    losses of two windows.

    A window's mean is that of the iterations in which the task had a finite loss: NaN stands for a
    task without a known label in a batch, and an infinite loss counts as unknown too. A task
    without any in a window is compared later with the last window that had one. All weights are 1
    until the end of the second window. Subclasses say in `_compare` what follows from two means.
    All state is in buffers, whose dtype must stay as it is; a state of another number of tasks or
    another interval is refused by `load_state_dict` with a `RuntimeError`. Raises `InputError`
    unless num_tasks and interval are whole numbers of at least 1.
    """

    watches: str | None = None

    def __init__(self, num_tasks: int, interval: int) -> None:
        super().__init__()
        self.num_tasks, self.interval = (
            whole_number("num_tasks", num_tasks),
            whole_number("interval", interval),
        )
        self.register_buffer("weights", torch.ones(num_tasks, dtype=torch.float64))
        self.register_buffer("total", torch.zeros(num_tasks, dtype=torch.float64))
        self.register_buffer("known", torch.zeros(num_tasks, dtype=torch.float64))
        self.register_buffer("previous", torch.full((num_tasks,), torch.nan, dtype=torch.float64))
        self.register_buffer("window_length", torch.tensor(self.interval))
        self.register_buffer("iterations", torch.tensor(0))
        # A copy of the buffer in Python: asking the buffer would wait for the device in every
        # iteration.
        self._observed = 0
        self.register_load_state_dict_pre_hook(_same_interval)
        self.register_load_state_dict_post_hook(_count_from_buffer)

    def forward(self, losses: Tensor, features: Tensor | None = None) -> Tensor:
        """Sum of losses `(T,)` under the weights of now, a scalar; no gradient goes to the weights,
        features play no part.
        """
        check_losses(losses, self.num_tasks)
        # A copy, because observe may write to the weights before the gradients of this sum are
        # asked for.
        return (losses * self.weights.to(losses.dtype, copy=True)).sum()

    @torch.no_grad()
    def observe(self, losses: Tensor) -> None:
        """Take note of one iteration's losses `(T,)`, NaN = unknown; a window's last iteration
        updates the weights.
        """
        check_losses(losses, self.num_tasks)
        finite = losses.isfinite()
        self.total.add_(torch.where(finite, losses, 0))
        self.known.add_(finite)
        self.iterations.add_(1)
        self._observed += 1
        if self._observed % self.interval == 0:
            self._end_window()

    def trace(self) -> dict[str, Tensor]:
        """The weights of now: `{"weight": (T,)}`."""
        return {"weight": self.weights.clone()}

    def _end_window(self) -> None:
        current = self.total / self.known  # 0 / 0 = NaN: no known loss in the window
        self._compare(current, self.previous)
        self.previous.copy_(torch.where(current.isnan(), self.previous, current))
        self.total.zero_()
        self.known.zero_()

    @abstractmethod
    def _compare(self, current: Tensor, previous: Tensor) -> None:
        """Set the weights from the means `(T,)` of the window that ended and of the one before it;
        NaN = unknown.
        """


class ValidationLossTrend(WindowedWeights):
    """The validation loss trend of He et al. (ACM MM 2017), Algorithms 1 and 2: tasks whose
    validation loss moves weigh more.

    Every `interval` iterations (k in the paper, 200 there) the weights become `change_weights` of
    the mean validation losses of the last two windows; the first update is at iteration 2k.
    `observe` is given the losses of validation images, once an iteration, before the objective.
    `change` `(T,)` is |current - previous| of the last update, NaN before. See `WindowedWeights`
    for unknown losses.
    """

    watches = "validation"

    def __init__(self, num_tasks: int, interval: int = 200) -> None:
        super().__init__(num_tasks, interval)
        self.register_buffer("change", torch.full((num_tasks,), torch.nan, dtype=torch.float64))

    def trace(self) -> dict[str, Tensor]:
        """The weights and the change of the validation loss behind them: `{"weight": (T,),
        "change": (T,)}`.
        """
        return super().trace() | {"change": self.change.clone()}

    def _compare(self, current: Tensor, previous: Tensor) -> None:
        self.change.copy_((current - previous).abs())
        self.weights.copy_(change_weights(current, previous))  # Algorithm 2


def check_losses(losses: Tensor, num_tasks: int) -> None:
    """Raise `InputError` unless losses has shape `(num_tasks,)`."""
    if losses.shape != (num_tasks,):
        raise InputError(
            f"expected one loss for each of {num_tasks} tasks, got shape {tuple(losses.shape)}"
        )


def _float64(current: Tensor, previous: Tensor) -> tuple[Tensor, Tensor]:
    current, previous = torch.as_tensor(current).double(), torch.as_tensor(previous).double()
    if current.ndim != 1 or current.shape != previous.shape or not len(current):
        raise InputError(
            f"expected two losses for each task, got shapes {tuple(current.shape)} "
            f"and {tuple(previous.shape)}"
        )
    return current, previous


def _same_interval(
    module: WindowedWeights, state: dict[str, Tensor], prefix: str, *rest: object
) -> None:
    stored, errors = state.get(prefix + "window_length"), rest[-1]
    if stored is not None and int(stored) != module.interval:
        errors.append(
            f"{prefix}window_length: the state is of an interval of {int(stored)} iterations, "
            f"expected {module.interval}"
        )


def _count_from_buffer(module: WindowedWeights, _: object) -> None:
    module._observed = int(module.iterations)
