"""Task weights from the trend of the validation loss (He et al. 2017, Algorithm 2)."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from mtattr.errors import InputError, whole_number


def change_weights(current: Tensor, previous: Tensor) -> Tensor:
    """Weights `(T,)` from mean losses of two windows: |current - previous| over its mean.

    He et al. 2017, Algorithm 2, with its two factors multiplied out (`two_factor_weights`): the
    current loss cancels. Float64, at least 0, mean 1. A task whose mean is not finite in a window
    keeps weight 1, and the others average 1 among themselves; all are 1 if no loss changed.
    """
    current, previous = _float64(current, previous)
    change = (current - previous).abs()
    known = change.isfinite()
    mean = torch.where(known, change, 0).sum() / known.sum()
    return torch.where(known & (mean > 0), change / mean, 1)


def two_factor_weights(current: Tensor, previous: Tensor) -> Tensor:
    """Weights `(T,)` as He et al. 2017, Algorithm 2, prints them: normalised trend times loss.

    The trend is |current - previous| / current; each factor, and then their product, is divided by
    its mean across tasks. Float64; NaN where a current loss is 0 or where no loss changed.
    """
    current, previous = _float64(current, previous)
    trend = (current - previous).abs() / current
    product = (trend / trend.mean()) * (current / current.mean())
    return product / product.mean()


class WindowedWeights(nn.Module, ABC):
    """Task weights that change after every window of iterations, by the mean losses of two windows.

    A window's mean is that of a task's finite losses; NaN (no known label) and infinity count as
    unknown. A task without any is compared later with the last window that had one. All weights
    are 1 until the end of the second window. Subclasses set the weights in `_compare`. All state is
    in buffers, whose dtype must not change; `load_state_dict` refuses a state of another number of
    tasks or another interval with a `RuntimeError`.

    Args:
        num_tasks: T.
        interval: iterations of a window.
    """

    watches: str | None = None

    def __init__(self, num_tasks: int, interval: int) -> None:
        super().__init__()
        self.num_tasks = whole_number("num_tasks", num_tasks)
        self.interval = whole_number("interval", interval)
        self.register_buffer("weights", torch.ones(num_tasks, dtype=torch.float64))
        self.register_buffer("total", torch.zeros(num_tasks, dtype=torch.float64))
        self.register_buffer("known", torch.zeros(num_tasks, dtype=torch.float64))
        self.register_buffer("previous", torch.full((num_tasks,), torch.nan, dtype=torch.float64))
        self.register_buffer("window_length", torch.tensor(self.interval))
        self.register_buffer("iterations", torch.tensor(0))
        # A copy in Python: asking the buffer would wait for the device in every iteration.
        self._observed = 0
        self.register_load_state_dict_pre_hook(_same_interval)
        self.register_load_state_dict_post_hook(_count_from_buffer)

    def forward(self, losses: Tensor, features: Tensor | None = None) -> Tensor:
        """Sum of losses `(T,)` under the present weights, without a gradient to them."""
        check_losses(losses, self.num_tasks)
        # A copy: observe may change the weights before the gradients of this sum are computed.
        return (losses * self.weights.to(losses.dtype, copy=True)).sum()

    @torch.no_grad()
    def observe(self, losses: Tensor) -> None:
        """Take note of one iteration's losses `(T,)`, NaN = unknown; update after a window."""
        check_losses(losses, self.num_tasks)
        finite = losses.isfinite()
        self.total.add_(torch.where(finite, losses, 0))
        self.known.add_(finite)
        self.iterations.add_(1)
        self._observed += 1
        if self._observed % self.interval == 0:
            self._end_window()

    def trace(self) -> dict[str, Tensor]:
        """The present weights: `{"weight": (T,)}`."""
        return {"weight": self.weights.clone()}

    def _end_window(self) -> None:
        current = self.total / self.known  # 0 / 0 = NaN: no known loss in the window
        self._compare(current, self.previous)
        self.previous.copy_(torch.where(current.isnan(), self.previous, current))
        self.total.zero_()
        self.known.zero_()

    @abstractmethod
    def _compare(self, current: Tensor, previous: Tensor) -> None:
        """Set the weights from the means `(T,)` of the last two windows; NaN = unknown."""


class ValidationLossTrend(WindowedWeights):
    """Validation loss trend: tasks whose validation loss changes more weigh more.

    He et al. 2017, Algorithms 1 and 2. Every `interval` iterations (k, 200 in the paper) the
    weights become `change_weights` of the mean validation losses of the last two windows, first at
    iteration 2k. `observe` is given the losses of validation images once per iteration, before the
    objective. `change` `(T,)` is |current - previous| of the last update, NaN before. See
    `WindowedWeights` for unknown losses.
    """

    watches = "validation"

    def __init__(self, num_tasks: int, interval: int = 200) -> None:
        super().__init__(num_tasks, interval)
        self.register_buffer("change", torch.full((num_tasks,), torch.nan, dtype=torch.float64))

    def trace(self) -> dict[str, Tensor]:
        """Weights and changes of the validation loss: `{"weight": (T,), "change": (T,)}`."""
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
            "expected two losses for each task, "
            f"got shapes {tuple(current.shape)} and {tuple(previous.shape)}"
        )
    return current, previous


def _same_interval(
    module: WindowedWeights, state: dict[str, Tensor], prefix: str, *rest: object
) -> None:
    stored, errors = state.get(prefix + "window_length"), rest[-1]
    if stored is not None and int(stored) != module.interval:
        errors.append(
            f"{prefix}window_length: the state has an interval of {int(stored)} iterations, "
            f"expected {module.interval}"
        )


def _count_from_buffer(module: WindowedWeights, _: object) -> None:
    module._observed = int(module.iterations)
