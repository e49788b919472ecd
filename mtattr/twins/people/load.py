"""The pedestrian twins as `ImageData`."""

from __future__ import annotations

import torch

from mtattr.data.image_data import ImageData
from mtattr.data.options import ImageSize
from mtattr.twins.drawing.twin import check_twin_options, drawn_data
from mtattr.twins.people.annotation import LABEL_NOISE
from mtattr.twins.people.attributes import DOMAINS
from mtattr.twins.people.layout import image_keys
from mtattr.twins.people.people import NATIVE_SIZE, attribute_regions, render
from mtattr.twins.people.scene import SPLIT_SIZES, sample_scenes


def load_market1501_twin(
    split: str,
    *,
    root=None,
    image_size: ImageSize = NATIVE_SIZE,
    limit: int | None = None,
    draw: int = 0,
) -> ImageData:
    """One split of the twin of Market-1501: 12 tasks, six cameras; drawn once, memory-mapped.

    limit: the first so many images of the split, in the order of their names, so of whole
    identities; draw: number of the draw, another one has other people under the same numbers.
    Nothing is read from `root`, which must be
    None. `identities` int64 (N,) are the numbers in the file names; `regions(i)` is float32 (T, H,
    W), where toggling each task's attribute changes the image. Labels hold the errors of
    `LABEL_NOISE` and NaN for colours that nobody labelled.
    Raises `InputError` for an unknown split or a `root`.
    """
    return _load("market1501", split, root, image_size, limit, draw)


def load_duke_twin(
    split: str,
    *,
    root=None,
    image_size: ImageSize = NATIVE_SIZE,
    limit: int | None = None,
    draw: int = 0,
) -> ImageData:
    """One split of the twin of DukeMTMC-reID: 10 tasks, eight cameras."""
    return _load("duke", split, root, image_size, limit, draw)


def _load(
    domain: str, split: str, root, image_size: ImageSize, limit: int | None, draw: int
) -> ImageData:
    name = f"{domain}-twin"
    shape = check_twin_options(name, split, image_size, limit, root, domain)
    scenes = sample_scenes(domain, split, SPLIT_SIZES[split] if limit is None else limit, draw)
    spec = DOMAINS[domain]
    return drawn_data(
        name,
        split,
        drawn_by=render.__module__,
        image_shape=shape,
        scene_digest=scenes.digest,
        labels=scenes.labels,
        truth=scenes.truth,
        tasks=spec.tasks,
        keys=image_keys(scenes),
        identities=scenes.identities.clone(),
        render=lambda: render(scenes, shape),
        region_of=lambda i: attribute_regions(scenes.rows(torch.tensor([i])), shape),
        source=f"Generated pedestrians in the manner of {spec.title}; "
        "drawn by this package, no photograph involved",
        facts={
            "draw": draw,
            "label_noise": dict(LABEL_NOISE),
            "identities": len(scenes.identities.unique()),
        },
    )
