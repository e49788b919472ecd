"""Grids of images, and images with a region laid over them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mtattr.errors import InputError
from mtattr.plots.style import as_array, figure, to_picture


def image_grid(
    images: ArrayLike | torch.Tensor,
    titles: Sequence[str] | None = None,
    *,
    columns: int = 4,
    size: float = 1.8,
    title: str = "",
) -> Figure:
    """A grid of images, each under its title.

    Args:
        images: `(N, 3, H, W)`, `(N, H, W, 3)` or grey `(N, H, W)`; uint8 or float in [0, 1].
        titles: one per image.
        columns: images per row.
        size: width of an image in inches.
        title: one line above all, the place to name scale and generated data.
    """
    pictures = [to_picture(image) for image in images]
    if not pictures:
        raise InputError("image_grid: expected at least one image")
    if titles is not None and len(titles) != len(pictures):
        raise InputError(f"image_grid: {len(pictures)} images but {len(titles)} titles")
    columns = min(columns, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    lines = max((text.count("\n") + 1 for text in titles), default=0) if titles is not None else 0
    height, width = pictures[0].shape[:2]
    tall = rows * (size * height / width + 0.2 * lines) + 0.35 * bool(title)
    fig, axes = figure(columns * size, tall, rows=rows, columns=columns)
    for i, place in enumerate(np.atleast_1d(axes).flat):
        place.set_axis_off()
        if i < len(pictures):
            place.imshow(pictures[i])
            place.set_title(titles[i] if titles is not None else "", fontsize=10, loc="center")
    fig.suptitle(title, fontsize=12)
    return fig


def overlay(
    image: ArrayLike | torch.Tensor,
    region: ArrayLike | torch.Tensor,
    *,
    outline: ArrayLike | torch.Tensor | None = None,
    title: str = "",
    color: str = "#D55E00",
    strength: float = 0.7,
    axes: Axes | None = None,
) -> Axes:
    """An image with a region or an explanation map laid over it in one colour.

    Args:
        image: as one image of `image_grid`.
        region: `(h, w)`, not negative; divided by its maximum and enlarged by repeating pixels.
        outline: `(H, W)` in [0, 1], for example the true region; its line at one half is drawn.
        title: of the axes.
        color: of the region.
        strength: opacity where the region is largest, in [0, 1].
        axes: where to draw; a new figure if None.
    """
    picture = to_picture(image)
    weight = as_array(region).astype(float)
    if weight.ndim != 2 or not np.isfinite(weight).all() or (weight < 0).any():
        expected = "expected a region (h, w), not negative"
        raise InputError(f"overlay: {expected}, got shape {weight.shape}")
    height, width = picture.shape[:2]
    rows = np.arange(height) * weight.shape[0] // height
    weight = weight[rows][:, np.arange(width) * weight.shape[1] // width]
    weight = strength * weight / max(weight.max(), 1e-12)
    if axes is None:
        _, axes = figure(3.2, 3.4)
    axes.imshow(picture * (1 - weight[..., None]) + np.array(to_rgb(color)) * weight[..., None])
    if outline is not None:
        draw_outline(axes, outline, (height, width))
    axes.set_axis_off()
    axes.set_title(title, fontsize=10, loc="center")
    return axes


def draw_outline(axes: Axes, outline: ArrayLike | torch.Tensor, shape: tuple[int, int]) -> None:
    """Draw in black on white where a region of `shape` (H, W) in [0, 1] crosses one half."""
    edge = as_array(outline).astype(float)
    if edge.shape != tuple(shape):
        raise InputError(f"overlay: expected an outline of shape {tuple(shape)}, got {edge.shape}")
    if edge.min() < 0.5 < edge.max():
        axes.contour(edge, levels=[0.5], colors="white", linewidths=3)
        axes.contour(edge, levels=[0.5], colors="black", linewidths=1)
