"""Analysis of the task weights: ranks, persistence and sampling noise."""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor

from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.evaluation import rank_correlation


def halves(data: ImageData) -> tuple[ImageData, ImageData]:
    """Two halves of a split without a common identity: one sets the weights, one is held out.

    Images are halved where identities are unknown.
    """
    groups = range(len(data)) if data.identities is None else data.identities.tolist()
    # Not the hash that chose the validation identities, which would put all on one side.
    hashes = {n: hashlib.sha256(f"steering {n}".encode()).digest() for n in set(groups)}
    order = sorted(hashes, key=hashes.get)
    if len(order) < 2:
        where = f"{data.name} {data.split}"
        raise InputError(f"{where}: expected at least two identities or images, got {len(order)}")
    chosen = set(order[::2])
    steers = torch.tensor([number in chosen for number in groups])
    rows = torch.arange(len(data))
    return data.subset(rows[steers]), data.subset(rows[~steers])


def noise_floor(errors: Tensor, draws: int) -> Tensor:
    """Expected change of the validation loss of a network that no longer learns, `(T,)`.

    Means of two windows differ by |d|, d normal with mean 0 and variance 2 sigma² / draws; the mean
    of |d| is 2 sigma / sqrt(pi draws). Unknown labels make the window smaller.

    Args:
        errors: loss of every validation image and task, `(N, T)`, NaN = unknown.
        draws: images in a window, drawn with replacement: interval times half a batch.
    """
    known = ~errors.isnan()
    count = known.sum(0)
    mean = torch.where(known, errors, 0).sum(0) / count
    variance = torch.where(known, (errors - mean).square(), 0).sum(0) / count
    return 2 * (variance * len(errors) / (math.pi * draws * count)).sqrt()


def weight_metrics(weight: Tensor, validation_loss: Tensor) -> dict[str, float]:
    """Rank correlation over tasks of weights and losses, and of the weights of successive epochs.

    Both arguments are means per epoch, `(E, T)`. NaN where all weights are equal.
    """
    pairs = [rank_correlation(weight[e], weight[e + 1]) for e in range(len(weight) - 1)]
    known = [value for value in pairs if not math.isnan(value)]
    return {
        "weight_difficulty_correlation": rank_correlation(weight.mean(0), validation_loss.mean(0)),
        "weight_persistence": sum(known) / len(known) if known else math.nan,
    }


def noise_metrics(weight: Tensor, change: Tensor, floor: Tensor) -> dict[str, float]:
    """Share of sampling noise in the weights at the end of training.

    `noise_share` is floor over change, both summed over tasks: 1 if losses changed as much as they
    would without training. `noise_correlation` is the rank correlation of weights and floor.
    Weight and change `(T,)` are means of the last epoch, floor `(T,)` is the final `noise_floor`.
    """
    known = ~(floor.isnan() | change.isnan())
    return {
        "noise_share": (floor[known].sum() / change[known].sum()).item(),
        "noise_correlation": rank_correlation(weight, floor),
    }
