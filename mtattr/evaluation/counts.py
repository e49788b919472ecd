"""Confusion counts of binary tasks over the known labels, and the rates that follow from them."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.errors import InputError


def positives(labels: Tensor) -> Tensor:
    """Binary labels above 0.5 (soft ones included), as bool; unknown ones are False."""
    return labels > 0.5


def check_pair(first: Tensor, labels: Tensor, name: str) -> None:
    """Raise `InputError` unless both are `(N, T)`; broadcasting would hide a mix-up."""
    if first.ndim != 2 or first.shape != labels.shape:
        raise InputError(
            f"{name} and labels must both be (N, T), "
            f"got {tuple(first.shape)} and {tuple(labels.shape)}"
        )


def counts(predictions: Tensor, labels: Tensor) -> Tensor:
    """Confusion counts of each binary task over its known labels: int64 `(T, 2, 2)`.

    Indexed by [task, label, prediction], `[[TN, FP], [FN, TP]]`, from predictions (non-zero =
    present) and labels `(N, T)`, NaN = unknown.
    """
    check_pair(predictions, labels, "predictions")
    known = ~labels.isnan()
    if (predictions.isnan() & known).any():
        raise InputError("predictions: NaN where the label is known; expected true or false")
    said, true = predictions.bool(), positives(labels)
    cells = [
        (known & (true == bool(row)) & (said == bool(column))).sum(0)
        for row in (0, 1)
        for column in (0, 1)
    ]
    return torch.stack(cells, dim=-1).reshape(-1, 2, 2)


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Quotient in float64; NaN (undefined, never 0) where the denominator is 0."""
    return numerator.double() / denominator.double()


def precision_from(cells: Tensor) -> Tensor:
    """TP / (TP + FP), `(T,)` in [0, 1], from counts; NaN for a task that is never predicted."""
    return ratio(cells[:, 1, 1], cells[:, :, 1].sum(1))


def recall_from(cells: Tensor) -> Tensor:
    """TP / (TP + FN), `(T,)` in [0, 1]; NaN for a task without positive labels."""
    return ratio(cells[:, 1, 1], cells[:, 1].sum(1))


def f1_from(cells: Tensor) -> Tensor:
    """2 TP / (2 TP + FP + FN), `(T,)` in [0, 1]; NaN without positive labels and answers."""
    return ratio(2 * cells[:, 1, 1], 2 * cells[:, 1, 1] + cells[:, 0, 1] + cells[:, 1, 0])
