"""What the weights did, and whether they could have known better."""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor

from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.evaluation import rank_correlation


def halves(data: ImageData) -> tuple[ImageData, ImageData]:
    """Two halves of a split: the one that may steer the weights and the one held out from them.

    Identities, so that none lies on both sides, or images where nobody knows these, are dealt in turn in the order of
    their hashes. Raises `InputError` for fewer than two.
    """
    groups = range(len(data)) if data.identities is None else data.identities.tolist()
    # A hash of its own: the one that chose the validation identities would put them all on one side.
    order = sorted(
        set(groups), key=lambda number: hashlib.sha256(f"steering {number}".encode()).digest()
    )
    if len(order) < 2:
        raise InputError(
            f"{data.name} {data.split}: expected at least two identities or images to halve, got {len(order)}"
        )
    chosen = set(order[::2])
    steers = torch.tensor([number in chosen for number in groups])
    rows = torch.arange(len(data))
    return data.subset(rows[steers]), data.subset(rows[~steers])


def noise_floor(errors: Tensor, draws: int) -> Tensor:
    """The change of the validation loss that a network which has stopped learning would show, `(T,)`.

    errors: loss of every validation image and task `(N, T)`, NaN = unknown. draws: images in a window, interval x half
    batch, drawn with replacement. Two such means differ by |d| with d normal around 0 and of variance 2 sigma² / draws, so
    the mean of |d| is 2 sigma / sqrt(pi draws); an unknown label makes the window smaller.
    """
    known = ~errors.isnan()
    count = known.sum(0)
    mean = torch.where(known, errors, 0).sum(0) / count
    variance = torch.where(known, (errors - mean).square(), 0).sum(0) / count
    return 2 * (variance * len(errors) / (math.pi * draws * count)).sqrt()


def weight_metrics(weight: Tensor, validation_loss: Tensor) -> dict[str, float]:
    """Whether hard tasks get more weight, and whether an epoch's weights resemble those of the epoch before.

    weight and validation_loss `(E, T)` by epoch. Rank correlations over tasks, NaN where all weights are equal.
    """
    pairs = [rank_correlation(weight[e], weight[e + 1]) for e in range(len(weight) - 1)]
    known = [value for value in pairs if not math.isnan(value)]
    return {
        "weight_difficulty_correlation": rank_correlation(weight.mean(0), validation_loss.mean(0)),
        "weight_persistence": sum(known) / len(known) if known else math.nan,
    }


def noise_metrics(weight: Tensor, change: Tensor, floor: Tensor) -> dict[str, float]:
    """How much of the weights is sampling noise at the end of training.

    weight `(T,)` and change `(T,)` are the last epoch's means, floor `(T,)` is `noise_floor` of the network it leaves.
    noise_share: floor over change, both summed over tasks; 1 says that the losses changed no more than they would have
    without training. noise_correlation: rank correlation over tasks of the weights with the floor.
    """
    known = ~(floor.isnan() | change.isnan())
    return {
        "noise_share": (floor[known].sum() / change[known].sum()).item(),
        "noise_correlation": rank_correlation(weight, floor),
    }
