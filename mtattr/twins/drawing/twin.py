"""From drawn scenes to `ImageData`, the same way for every twin."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from mtattr.data.cache import cached_images
from mtattr.data.image_data import ImageData
from mtattr.data.options import check_options, image_shape_of
from mtattr.errors import InputError
from mtattr.tasks import TaskSet

#: Files of a twin's package that do not decide pixels.
_NOT_DRAWING = ("__init__.py", "load.py", "layout.py")


def check_twin_options(
    name: str, split: str, image_size, limit: int | None, root, real: str
) -> tuple[int, int]:
    """The image shape (height, width), after the checks of `check_options`; a twin takes no `root`, and `real` names what does."""
    check_options(name, split, image_size, limit)
    if root is not None:
        raise InputError(
            f"{name}: the images are generated and need no root, got {str(root)!r}; for files use the dataset {real}"
        )
    return image_shape_of(image_size)


def drawn_data(
    name: str,
    split: str,
    *,
    package: Path,
    image_shape: tuple[int, int],
    scene_digest: str,
    labels: Tensor,
    tasks: TaskSet,
    keys: Sequence[str],
    render: Callable[[], Tensor],
    region_of: Callable[[int], Tensor],
    source: str,
    facts: dict,
    identities: Tensor | None = None,
) -> ImageData:
    """A split of a twin: drawn by `render()` uint8 (N, 3, H, W) on first use, and memory-mapped from then on.

    package: the folder with the twin's drawing code, whose change draws anew. `region_of(i)` takes a position in 0..N-1.
    """
    shape = (len(labels), 3, *image_shape)
    key = {"scenes": scene_digest, "code": drawing_digest(package), "image_size": list(image_shape)}

    def fill(out) -> None:
        torch.from_numpy(out).copy_(render())

    return ImageData(
        images=cached_images(name, key, shape, fill),
        labels=labels,
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
def drawing_digest(package: Path) -> str:
    """SHA-256 of the source that decides pixels, so that cached images never outlive a change of the drawing."""
    digest = hashlib.sha256()
    shared = [
        path
        for path in sorted(Path(__file__).parent.glob("*.py"))
        if path.name not in ("twin.py", "writing.py")
    ]
    for path in [
        *shared,
        *(path for path in sorted(package.glob("*.py")) if path.name not in _NOT_DRAWING),
    ]:
        digest.update(path.read_bytes())
    return digest.hexdigest()
