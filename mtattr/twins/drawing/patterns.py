"""Patterns and noise that belong to a scene, not to an image size: stripes, cells, smooth noise."""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor


def stripes(u: Tensor, period, width, pixel, offset=0.0) -> Tensor:
    """Opacity of stripes across u: `width` of every `period`, in the units of u."""
    phase = u / period + offset
    distance = (phase - phase.floor() - 0.5).abs() * period - width / 2
    return torch.clamp(0.5 - distance / pixel, 0, 1)


def zigzag(u: Tensor, period, height) -> Tensor:
    """A triangular wave of the given period and height, as for chevrons."""
    phase = u / period
    return (phase - phase.floor() - 0.5).abs() * 2 * height


@functools.cache
def _random_table(device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(20_161_127)
    return (
        (torch.randint(0, 2**20, (4, 4096), generator=generator).double() / 2**20)
        .float()
        .to(device)
    )


def cells(
    u: Tensor, v: Tensor, period, seed: Tensor, jitter: float = 0.0, brick: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Coordinates (x, y) from the centres of square cells, and random numbers (4, n, h, w).

    `seed` is int64 (n, 1, 1). `jitter` in [0, 1] moves the centres by up to that share of half a
    cell; `brick` shifts every other row by half a cell.
    """
    v = v / period
    row = v.floor()
    u = u / period + (row * 0.5 if brick else 0)
    column = u.floor()
    index = (column.long() * 1597 + row.long() * 51749 + seed * 7919) & 4095
    random = _random_table(u.device)[:, index]
    x, y = u - column - 0.5, v - row - 0.5
    if jitter:
        x, y = x - (random[0] - 0.5) * jitter, y - (random[1] - 0.5) * jitter
    return x * period, y * period, random


@functools.cache
def _noise_tiles(device: torch.device) -> Tensor:
    """Thirty-two periodic 64 x 64 tiles of smooth noise, first row and column repeated."""
    generator = torch.Generator().manual_seed(19_381_130)
    tiles = torch.randint(0, 2**20, (32, 1, 16, 16), generator=generator).double() / 2**20
    tiles = F.interpolate(
        F.pad(tiles, (2, 2, 2, 2), mode="circular"), scale_factor=4, mode="bicubic"
    )[:, :, 8:-8, 8:-8]
    tiles = (tiles - tiles.mean((2, 3), keepdim=True)) / tiles.std((2, 3), keepdim=True)
    return F.pad(tiles, (0, 1, 0, 1), mode="circular").float().to(device)


def noise(u: Tensor, v: Tensor, tile: Tensor) -> Tensor:
    """Smooth noise, mean 0, variance about 1, period 1 in u and v, 16 bumps per period.

    `tile` int64 (n,) chooses one of 32 fixed tiles for each image, so the noise belongs to the
    scene, not to the size.
    """
    grid = torch.stack([u - u.floor(), v - v.floor()], -1) * 2 - 1
    tiles = _noise_tiles(u.device)[tile % 32]
    return F.grid_sample(tiles, grid, mode="bilinear", padding_mode="border", align_corners=True)[
        :, 0
    ]
