"""From drawn scenes to `ImageData`, the same way for every twin."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mtattr.code import code_digest
from mtattr.data.cache import cached_images
from mtattr.data.image_data import ImageData
from mtattr.data.options import check_options, image_shape_of
from mtattr.errors import InputError
from mtattr.tasks import TaskSet


def check_twin_options(
    name: str, split: str, image_size, limit: int | None, root, real: str
) -> tuple[int, int]:
    """Image shape (height, width) after `check_options`; a twin takes no `root`."""
    check_options(name, split, image_size, limit)
    if root is not None:
        raise InputError(
            f"{name}: the images are generated and need no root, got {str(root)!r}; "
            f"for files use the dataset {real}"
        )
    return image_shape_of(image_size)


def drawn_data(
    name: str,
    split: str,
    *,
    drawn_by: str,
    image_shape: tuple[int, int],
    scene_digest: str,
    labels: Tensor,
    truth: Tensor,
    tasks: TaskSet,
    keys: Sequence[str],
    render: Callable[[], Tensor],
    region_of: Callable[[int], Tensor],
    source: str,
    facts: dict,
    identities: Tensor | None = None,
) -> ImageData:
    """A split of a twin: drawn by `render()` (N, 3, H, W) on first use, then memory-mapped.

    Args:
        drawn_by: dotted name of the module that renders; a change of code that it can reach draws
            anew.
        region_of: the regions of the image at a position in 0..N-1.
    """
    shape = (len(labels), 3, *image_shape)
    key = {
        "scenes": scene_digest,
        "code": drawing_digest(drawn_by),
        "image_size": list(image_shape),
    }

    def fill(out) -> None:
        torch.from_numpy(out).copy_(render())

    return ImageData(
        images=cached_images(name, key, shape, fill),
        labels=labels,
        truth=truth,
        tasks=tasks,
        keys=tuple(keys),
        name=name,
        split=split,
        identities=identities,
        region_of=lambda i: region_of(range(len(labels))[i]),
        generated=True,
        source=source,
        terms="Free of rights of others; to be shown as generated",
        facts={"scene_digest": scene_digest} | facts,
    )


@functools.cache
def drawing_digest(module: str) -> str:
    """SHA-256 of the code that decides pixels: cached images never outlive a change of the drawing.

    Args:
        module: dotted name of the module that renders.
    """
    return code_digest([module])
