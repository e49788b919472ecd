"""Batches of decoded images: order, shares of processes, transfer and augmentation.

Nothing has hidden state: all randomness is a function of seed, epoch and the image's position in
the epoch. A resumed training and one on two processes see the same batches as an undisturbed one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from mtattr.errors import InputError


def epoch_order(n: int, *, seed: int, epoch: int) -> Tensor:
    """The order of n images in one epoch: an int64 permutation `(n,)`."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(_mix("order", seed, epoch)))


def batch_rows(
    order: Tensor, *, batch_size: int, rank: int = 0, world: int = 1, drop_last: bool = False
) -> Iterator[Tensor]:
    """Yield, batch by batch, the rows of one process; the parts in order of rank are the batch.

    Parts of one batch differ by at most one image; only in a last batch smaller than `world` one
    can be empty.

    Args:
        order: rows `(n,)`; `torch.arange(n)` yields the positions that `augment` needs.
        batch_size: images of all processes together, at least `world`.
        rank, world: this process, and the number of processes.
    """
    if not 0 <= rank < world:
        raise InputError(f"rank must be in 0..{world - 1}, got {rank}")
    if batch_size < world:
        raise InputError(f"batch_size {batch_size} is less than one image for {world} processes")
    n = len(order)
    for start in range(0, n - n % batch_size if drop_last else n, batch_size):
        batch = order[start : start + batch_size]
        yield batch[len(batch) * rank // world : len(batch) * (rank + 1) // world]


def random_rows(n: int, count: int, *, seed: int, epoch: int, step: int) -> Tensor:
    """`count` of n rows drawn at random with replacement: int64."""
    return torch.randint(
        n, (count,), generator=torch.Generator().manual_seed(_mix("rows", seed, epoch, step))
    )


def take(images: Tensor, rows: Tensor, device: torch.device | str = "cpu") -> Tensor:
    """Rows of images uint8 `(N, 3, H, W)` as float32 in [0, 1] on `device`."""
    batch = images.index_select(0, rows.to(images.device))
    device = torch.device(device)
    if device.type == "cuda" and not batch.is_cuda:
        # Bytes travel, not floats, and from pinned memory the copy overlaps the computation.
        batch = batch.pin_memory().to(device, non_blocking=True)
    return batch.to(device).to(torch.float32).div_(255)


def augment(
    batch: Tensor, *, seed: int, epoch: int, positions: Tensor, flip: bool = True, shift: int = 0
) -> Tensor:
    """The images, each flipped left to right with probability 1/2 and shifted at random.

    Args:
        batch: `(B, 3, H, W)` of any type and device.
        positions: int64 `(B,)`, the place of each image in the epoch's order, which with seed and
            epoch decides what happens to it.
        shift: largest shift in pixels, down and right; the border is filled by reflection.
    """
    height, width = batch.shape[-2:]
    if not 0 <= shift < min(height, width):
        raise InputError(f"shift must be in 0..{min(height, width) - 1} pixels, got {shift}")
    if not flip and shift == 0:
        return batch
    where = positions.cpu().numpy()
    columns = torch.arange(width).expand(len(batch), width)
    if flip:
        flipped = torch.from_numpy(_draws("flip", seed, epoch, where) % np.uint64(2) == 1)
        columns = torch.where(flipped[:, None], width - 1 - columns, columns)
    if shift:
        rows = _reflect(torch.arange(height) + _offsets("down", seed, epoch, where, shift), height)
        batch = batch.gather(
            2, rows.to(batch.device)[:, None, :, None].expand(-1, batch.shape[1], -1, width)
        )
        moved = _reflect(torch.arange(width) + _offsets("right", seed, epoch, where, shift), width)
        columns = columns.gather(1, moved)
    return batch.gather(
        3, columns.to(batch.device)[:, None, None, :].expand(-1, batch.shape[1], height, -1)
    )


def _offsets(purpose: str, seed: int, epoch: int, positions: np.ndarray, shift: int) -> Tensor:
    draws = _draws(purpose, seed, epoch, positions) % np.uint64(2 * shift + 1)
    return torch.from_numpy(draws.astype(np.int64))[:, None] - shift


def _reflect(index: Tensor, length: int) -> Tensor:
    index = index.abs()
    return torch.where(index >= length, 2 * (length - 1) - index, index)


def _mix(*parts: object) -> int:
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def _draws(purpose: str, seed: int, epoch: int, positions: np.ndarray) -> np.ndarray:
    return splitmix64(_mix(purpose, seed, epoch), positions)


def splitmix64(state: int, steps: np.ndarray) -> np.ndarray:
    """One random uint64 per step by SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        z = np.uint64(state) + steps.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
