"""Region of an attribute: the pixels that change when it alone is toggled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mtattr.twins.drawing.batches import drawn
from mtattr.twins.drawing.scenes import SceneTable


def changed_regions(with_it: Tensor, without: Tensor, *, share: float = 0.98) -> Tensor:
    """The region of each of K changes, float32 (K, H, W) in {0, 1}, from pictures (K, 3, H, W).

    The smallest set of pixels that holds `share` of the squared change, closed over gaps of about
    1/20 of the image so that a print's region is the printed cloth, not its ink. Empty where no
    pixel changes by three grey levels.
    """
    change = ((with_it - without) ** 2).sum(1)
    return _close(_densest(change, share))


def toggled_regions(
    draw: Callable,
    scene: SceneTable,
    count: int,
    only: Sequence[int] | None,
    image_shape: tuple[int, int],
    device: torch.device | str = "cpu",
) -> Tensor:
    """Regions of a twin's `count` tasks in one scene, float32 (count, H, W), found by toggling.

    Args:
        draw: gives the finished canvas of (scenes, image_shape, device).
        only: positions of the tasks wanted, which saves time; the others stay empty.
    """
    wanted = [k for k in range(count) if only is None or k in only]
    regions = torch.zeros(count, *image_shape)
    if wanted:
        variants = scene.joined([scene, *(scene.toggled(k) for k in wanted)])
        pictures = drawn(draw, variants, image_shape, device)
        regions[wanted] = changed_regions(pictures[1:], pictures[:1])
    return regions


def _densest(change: Tensor, share: float) -> Tensor:
    """The smallest set of pixels with `share` of each map's sum; empty if none changes visibly."""
    flat = change.flatten(1)
    ordered, order = flat.sort(1, descending=True)
    before = ordered.cumsum(1) - ordered
    keep = (
        (before < share * flat.sum(1, keepdim=True))
        & (flat.amax(1, keepdim=True) > 3 * (3 / 255) ** 2)
        & (ordered > 0)
    )
    return torch.zeros_like(flat).scatter(1, order, keep.float()).view_as(change)


def _close(mask: Tensor) -> Tensor:
    """Fill gaps up to about 1/20 of the image: dilate, then erode, never losing a pixel."""
    down, right = (max(1, round(length / 40)) for length in mask.shape[-2:])
    size = (2 * down + 1, 2 * right + 1)
    border = (right, right, down, down)
    grown = F.max_pool2d(F.pad(mask[:, None], border), size, 1)
    shrunk = -F.max_pool2d(F.pad(-grown, border, mode="replicate"), size, 1)
    return torch.maximum(mask, shrunk[:, 0])
