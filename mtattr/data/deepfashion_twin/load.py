"""The clothing twin as `ImageData`."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import torch

from mtattr.data import shapes
from mtattr.data.cache import cached_images
from mtattr.data.deepfashion_twin.attributes import CATEGORIES, TASKS
from mtattr.data.deepfashion_twin.garments import attribute_regions, render
from mtattr.data.deepfashion_twin.layout import image_key
from mtattr.data.deepfashion_twin.scene import LABEL_NOISE, sample_scenes
from mtattr.data.image_data import ImageData
from mtattr.data.options import check_options
from mtattr.errors import InputError

#: Images of each split when no limit is given.
SPLIT_SIZES = {"train": 12_000, "val": 2_000, "test": 4_000}


def load(split: str, *, root=None, image_size: int = 64, limit: int | None = None, seed: int = 0) -> ImageData:
    """One split, drawn on first use and memory-mapped from then on.

    limit: the first so many scenes of the split (more than the default size may be asked for); seed: another draw of
    the whole set. Nothing is read from `root`, which must be None. `regions(i)` is float32 (T, H, W): task 0 the visible
    garment, then for every attribute where toggling it changes the image (see `attribute_regions`).
    `facts` gives the digest of the scenes, the label noise, and the images per category.
    Raises `InputError` for an unknown split or a `root`.
    """
    check_options("deepfashion-twin", split, image_size, limit)
    if root is not None:
        raise InputError(
            f"deepfashion-twin: the images are generated and need no root, got {str(root)!r}; for files use the dataset deepfashion"
        )
    count = SPLIT_SIZES[split] if limit is None else limit
    scenes = sample_scenes(split, count, seed)
    key = {"scenes": scenes.digest, "code": drawing_digest(), "image_size": image_size}

    def fill(out) -> None:
        torch.from_numpy(out).copy_(render(scenes, image_size))

    return ImageData(
        images=cached_images("deepfashion-twin", key, (count, 3, image_size, image_size), fill),
        labels=scenes.labels,
        tasks=TASKS,
        keys=tuple(image_key(scenes, split, i) for i in range(count)),
        name="deepfashion-twin",
        split=split,
        region_of=lambda i: attribute_regions(scenes.rows(torch.tensor([range(count)[i]])), image_size),
        generated=True,
        source="Generated garments in the manner of DeepFashion; drawn by this package, no photograph involved",
        terms="Free of rights of others; to be shown as generated",
        facts={
            "scene_digest": scenes.digest,
            "seed": seed,
            "label_noise": dict(LABEL_NOISE),
            "counts": {name: int((scenes.labels[:, 0] == k).sum()) for k, name in enumerate(CATEGORIES)},
        },
    )


@functools.cache
def drawing_digest() -> str:
    """SHA-256 of the source that decides pixels, so that cached images never outlive a change of the drawing."""
    digest = hashlib.sha256()
    for path in [Path(shapes.__file__), *sorted(Path(__file__).parent.glob("*.py"))]:
        if path.name not in ("__init__.py", "load.py", "layout.py"):
            digest.update(path.read_bytes())
    return digest.hexdigest()
