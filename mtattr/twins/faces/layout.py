"""The face twin on disk, in the official layout of CelebA."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from mtattr.data.options import SPLITS, ImageSize, check_options, image_shape_of
from mtattr.errors import InputError
from mtattr.files import write_atomically
from mtattr.twins.drawing.batches import map_batches
from mtattr.twins.drawing.writing import (
    image_quality,
    mark_generated,
    new_folder,
    save_image,
    sizes_of,
)
from mtattr.twins.faces import faces
from mtattr.twins.faces.attributes import NAMES
from mtattr.twins.faces.scene import Scenes, sample_scenes

#: Images of each split when no limit is given.
SPLIT_SIZES = {"train": 20_000, "val": 4_000, "test": 10_000}
#: Height and width of the aligned images of the real set.
NATIVE_SIZE = (218, 178)

# The official numbers of the splits, so that a key does not depend on how many images the split
# before it has.
_NUMBERS = {
    "train": range(1, 162_771),
    "val": range(162_771, 182_638),
    "test": range(182_638, 202_600),
}
_LANDMARKS = tuple(
    f"{point}_{axis}"
    for point in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
    for axis in "xy"
)
# Pictures drawn before they are saved: enough for the threads, few enough for the memory.
_CHUNK = 1024


def image_keys(split: str, count: int) -> tuple[str, ...]:
    """Official file names of the first `count` images of a split, "000001.jpg" and so on.

    Raises `InputError` if the range is shorter.
    """
    numbers = _NUMBERS[split]
    if count > len(numbers):
        raise InputError(
            f"celeba-twin: the {split} split has the official {len(numbers):,} file names, "
            f"got limit {count:,}"
        )
    return tuple(f"{number:06d}.jpg" for number in numbers[:count])


def write_to(
    folder: str | os.PathLike,
    *,
    image_size: ImageSize = NATIVE_SIZE,
    limit: int | dict[str, int] | None = None,
    seed: int = 0,
    image_format: str = "png",
) -> Path:
    """Write all three splits to `folder` so that the loader of the real set reads them.

    Makes `Anno`, `Eval` and `Img/img_align_celeba`. limit: images per split, one number or {split:
    number}; None = the default sizes. image_format: "png" reads back equal; "jpg" is what the real
    set uses, and lossy; both are called .jpg as in the tables. The numbers of the images are
    official, so they leave gaps between the splits. The boxes are those of the faces in these
    images; in the real set they refer to the photographs before alignment. Returns the folder.
    Raises `InputError` if the folder holds anything, the format is unknown, or a split has too few
    file names.
    """
    quality = image_quality("celeba-twin", image_format)
    folder = new_folder(folder)
    sizes = sizes_of(SPLIT_SIZES, limit)
    for split, count in sizes.items():
        check_options("celeba-twin", split, image_size, count)
    keys = {split: image_keys(split, count) for split, count in sizes.items()}
    shape = image_shape_of(image_size)
    mark_generated(folder, "celeba-twin", "CelebA")
    (folder / "Img" / "img_align_celeba").mkdir(parents=True)
    scenes = {split: sample_scenes(split, sizes[split], seed) for split in SPLITS}
    for split in SPLITS:
        _save_images(
            folder / "Img" / "img_align_celeba", keys[split], scenes[split], shape, quality
        )
    _write_tables(folder, keys, scenes, shape)
    return folder


def _save_images(
    folder: Path, keys: tuple[str, ...], scenes: Scenes, shape: tuple[int, int], quality: dict
) -> None:
    for start in range(0, len(keys), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        names, images = keys[chunk], faces.render(scenes.rows(chunk), shape)

        def save(part: slice, names=names, images=images) -> None:
            for name, image in zip(names[part], images[part], strict=True):
                save_image(folder / name, image, quality)

        map_batches(save, len(names), shape)


def _write_tables(
    folder: Path,
    keys: dict[str, tuple[str, ...]],
    scenes: dict[str, Scenes],
    shape: tuple[int, int],
) -> None:
    names = [key for split in SPLITS for key in keys[split]]
    labels = torch.cat([scenes[split].labels for split in SPLITS])
    identities = torch.cat([scenes[split].identities for split in SPLITS])
    points = torch.cat([faces.landmarks(scenes[split], shape) for split in SPLITS])
    splits = [number for number, split in enumerate(SPLITS) for _ in keys[split]]

    def table(path: str, tails: Iterable[str], header: str | None = None) -> None:
        rows = [f"{name} {tail}" for name, tail in zip(names, tails, strict=True)]
        _write(folder / path, rows if header is None else [str(len(rows)), header, *rows])

    # The header of the attributes alone ends with a space, and a value is padded to two characters
    # except the first.
    signs = (labels * 2 - 1).int().tolist()
    table(
        "Anno/list_attr_celeba.txt",
        (" ".join(f"{v:2d}" for v in row).lstrip() for row in signs),
        " ".join(NAMES) + " ",
    )
    table("Anno/identity_CelebA.txt", map(str, identities.tolist()))
    pixels = points.round().int().flatten(1).tolist()
    table(
        "Anno/list_landmarks_align_celeba.txt",
        (f"{row[0]:2d}" + "".join(f"{v:5d}" for v in row[1:]) for row in pixels),
        " ".join(_LANDMARKS),
    )
    boxes = _face_boxes(points, shape).tolist()
    table(
        "Anno/list_bbox_celeba.txt",
        (f"{x:5d} {y:3d} {w:3d} {h:3d}" for x, y, w, h in boxes),
        "image_id x_1 y_1 width height",
    )
    table("Eval/list_eval_partition.txt", map(str, splits))


def _face_boxes(points: Tensor, shape: tuple[int, int]) -> Tensor:
    """Boxes about the faces, int64 (N, 4): left, top, width, height, from landmarks (N, 5, 2)."""
    eyes, mouth = points[:, :2].mean(1), points[:, 3:].mean(1)
    # Aligned faces have one proportion in pixels of a square picture; here both axes are stretched,
    # so each has its own unit.
    across, down = (points[:, 1, 0] - points[:, 0, 0]).abs(), (mouth[:, 1] - eyes[:, 1]).abs()
    left, right = eyes[:, 0] - 1.25 * across, eyes[:, 0] + 1.25 * across
    top, bottom = eyes[:, 1] - 1.3 * down, mouth[:, 1] + 0.9 * down
    height, width = shape
    left, right = left.floor().clamp(0, width - 2), right.ceil().clamp(1, width)
    top, bottom = top.floor().clamp(0, height - 2), bottom.ceil().clamp(1, height)
    corners = torch.stack(
        [
            left,
            top,
            torch.maximum(right - left, torch.ones_like(left)),
            torch.maximum(bottom - top, torch.ones_like(top)),
        ],
        1,
    )
    return corners.long()


def _write(path: Path, lines: list[str]) -> None:
    write_atomically(path, "\r\n".join([*lines, ""]))
