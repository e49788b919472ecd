"""Linear probe: ridge regression on coarse pixels, a second floor after the constant guess."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from mtattr.data.image_data import ImageData
from mtattr.errors import InputError


def linear_probe(
    train: ImageData, *others: ImageData, side: int = 16, ridge: float = 0.03
) -> list[Tensor]:
    """Logits of a ridge regression from coarse pixels to -1 (absent) and +1 (present).

    Float32 `(N, U)` for each of `others`; `predict` reads them like a network's. NaN labels are
    left out, a soft label y becomes 2 y - 1.

    Args:
        side: pixels are averaged to `side` x `side` and standardised on the training split.
        ridge: penalty per training image, above 0.
    """
    if any(other.tasks != train.tasks for other in others):
        raise InputError("linear_probe: all splits must have the same tasks")
    if not ridge > 0:
        raise InputError(f"linear_probe: ridge must be positive, got {ridge!r}")
    inputs = coarse_pixels(train, side)
    mean, spread = inputs.mean(0), inputs.std(0).clamp(min=1e-6)
    inputs = (inputs - mean) / spread
    weights, offsets = zip(*_solutions(inputs, _targets(train), ridge), strict=True)
    weights, offsets = torch.cat(weights, 1), torch.cat(offsets)
    return [
        ((coarse_pixels(other, side) - mean) / spread @ weights + offsets).float()
        for other in others
    ]


def coarse_pixels(data: ImageData, side: int) -> Tensor:
    """Pixels averaged to `side` x `side`, float64 `(N, 3 side^2)` in [0, 1]."""
    parts = [
        F.adaptive_avg_pool2d(data.images[rows].double(), side).flatten(1)
        for rows in torch.arange(len(data)).split(512)
    ]
    return torch.cat(parts) / 255


def _targets(data: ImageData) -> list[Tensor]:
    """Targets -1 and +1 of each task: float64 `(N, units)`, NaN rows where unknown."""
    targets = []
    for t, task in enumerate(data.tasks):
        label = data.labels[:, t].double()
        if task.kind == "categorical":
            units = F.one_hot(label.nan_to_num(0).long(), task.num_units).double()
            label = units.masked_fill(label.isnan()[:, None], torch.nan)
        targets.append(2 * label.view(len(data), -1) - 1)
    return targets


def _solutions(
    inputs: Tensor, targets: list[Tensor], ridge: float
) -> Iterator[tuple[Tensor, Tensor]]:
    # Tasks that know the same rows share one factorisation.
    factors: dict[bytes, tuple[Tensor, Tensor, Tensor]] = {}
    for target in targets:
        known = ~target[:, 0].isnan()
        name = known.numpy().tobytes()
        if name not in factors:
            rows = inputs[known]
            centre = rows.mean(0)
            rows = rows - centre
            gram = rows.T @ rows + ridge * max(len(rows), 1) * torch.eye(
                rows.shape[1], dtype=rows.dtype
            )
            factors[name] = (rows, centre, torch.linalg.cholesky(gram))
        rows, centre, factor = factors[name]
        answer = target[known].mean(0)
        weights = torch.cholesky_solve(rows.T @ (target[known] - answer), factor)
        yield weights, answer - centre @ weights
