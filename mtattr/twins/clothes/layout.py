"""The clothing twin on disk, in the official layout of DeepFashion's attribute benchmark."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from torch import Tensor

from mtattr.data.options import ImageSize, check_options, image_shape_of
from mtattr.files import write_atomically
from mtattr.twins.clothes.attributes import ATTRIBUTES, CATEGORIES, NAMES, TYPES, chosen_classes
from mtattr.twins.clothes.garments import draw, landmarks
from mtattr.twins.clothes.scene import SPLIT_SIZES, Scenes, sample_scenes
from mtattr.twins.drawing.batches import grey_levels, map_batches
from mtattr.twins.drawing.writing import (
    image_quality,
    mark_generated,
    new_folder,
    save_image,
    sizes_of,
)

#: The official list of 50 categories with their clothes types (1 upper, 2 lower, 3 full); the id is
#: the position from 1.
OFFICIAL_CATEGORIES = tuple(
    (name, kind)
    for kind, names in (
        (1, "Anorak Blazer Blouse Bomber Button-Down Cardigan Flannel Halter Henley Hoodie"),
        (1, "Jacket Jersey Parka Peacoat Poncho Sweater Tank Tee Top Turtleneck"),
        (2, "Capris Chinos Culottes Cutoffs Gauchos Jeans Jeggings Jodhpurs Joggers"),
        (2, "Leggings Sarong Shorts Skirt Sweatpants Sweatshorts Trunks"),
        (3, "Caftan Cape Coat Coverup Dress Jumpsuit Kaftan Kimono Nightdress Onesie Robe"),
        (3, "Romper Shirtdress Sundress"),
    )
    for name in names.split()
)

_FIRST_NUMBER = {"train": 1, "val": 30_000_001, "test": 60_000_001}
_PATH_WIDTH = 70


def image_key(scenes: Scenes, split: str, i: int, suffix: str = "png") -> str:
    """Official name of image i of a split: `img/<Item_Name>/img_<8 digits>.<suffix>`."""
    shown = scenes.present[i].nonzero()[:, 0].tolist()
    item = [NAMES[k].title().replace(" ", "_") for k in shown[:1]] + [
        scenes.classes[int(scenes.categories[i])]
    ]
    return f"img/{'_'.join(item)}/img_{_FIRST_NUMBER[split] + i:08d}.{suffix}"


def write_to(
    folder: str | os.PathLike,
    *,
    image_size: ImageSize = 64,
    limit: int | dict[str, int] | None = None,
    seed: int = 0,
    image_format: str = "png",
    classes: str | Sequence[str] | None = None,
) -> Path:
    """Write all three splits to `folder` so that the loader of the real benchmark reads them.

    Makes `Anno_coarse`, `Eval` and `Img`. limit: images per split, one number or {split: number};
    None = the default sizes. image_format: "png" reads back equal; "jpg" is what the benchmark
    uses, and lossy. Unknown labels are written as 0, landmarks are the garment's own corners.
    classes: categories to draw, as in `load`. Returns the folder.
    Raises `InputError` if the folder holds anything or the format or a category is unknown.
    """

    quality = image_quality("deepfashion-twin", image_format)
    names = chosen_classes(classes)
    folder = new_folder(folder)
    sizes = sizes_of(SPLIT_SIZES, limit)
    for count in sizes.values():
        check_options("deepfashion-twin", "train", image_size, count)
    shape = image_shape_of(image_size)
    rows = []
    for split, count in sizes.items():
        rows += _write_split(
            folder, split, sample_scenes(split, count, seed, names), shape, image_format, quality
        )
    mark_generated(folder, "deepfashion-twin", "DeepFashion")
    _write_tables(folder, rows)
    return folder


def _write_split(
    folder: Path,
    split: str,
    scenes: Scenes,
    shape: tuple[int, int],
    image_format: str,
    quality: dict,
) -> list[dict]:
    keys = [image_key(scenes, split, i, image_format) for i in range(len(scenes))]
    numbers = [CATEGORIES[name].number for name in scenes.classes]
    for parent in {(folder / "Img" / key).parent for key in keys}:
        parent.mkdir(parents=True, exist_ok=True)

    def work(batch: slice) -> list[dict]:
        part = scenes.rows(batch)
        c = draw(part, shape)
        for key, image in zip(keys[batch], grey_levels(c.picture), strict=True):
            save_image(folder / "Img" / key, image, quality)
        rows = zip(keys[batch], part.labels.tolist(), c.visible, c.kinds, landmarks(c), strict=True)
        return [
            {
                "key": key,
                "split": split,
                "number": numbers[int(labels[0])],
                "values": labels[1:],
                "box": _box(mask),
                "kind": kind,
                "points": points,
            }
            for key, labels, mask, kind, points in rows
        ]

    return [row for rows in map_batches(work, len(scenes), shape) for row in rows]


def _box(mask: Tensor) -> tuple[int, int, int, int]:
    found = (mask > 0.3).nonzero()
    if not len(found):
        return (0, 0, mask.shape[1] - 1, mask.shape[0] - 1)
    (top, left), (bottom, right) = found.amin(0).tolist(), found.amax(0).tolist()
    return (left, top, max(right, left + 1), max(bottom, top + 1))


def _write_tables(folder: Path, rows: list[dict]) -> None:
    coarse = folder / "Anno_coarse"
    _write(
        coarse / "list_category_cloth.txt",
        "category_name  category_type",
        [f"{name:<15}{kind}" for name, kind in OFFICIAL_CATEGORIES],
    )
    _write(
        coarse / "list_attr_cloth.txt",
        "attribute_name  attribute_type",
        [f"{a.name:<29}{TYPES[a.type]}" for a in ATTRIBUTES],
    )

    def table(path: Path, header: str, tails: Iterable[str]) -> None:
        _write(
            path,
            header,
            [f"{row['key']:<{_PATH_WIDTH}} {tail}" for row, tail in zip(rows, tails, strict=True)],
        )

    table(
        coarse / "list_category_img.txt",
        "image_name  category_label",
        (str(row["number"]) for row in rows),
    )
    table(
        coarse / "list_attr_img.txt",
        "image_name  attribute_labels",
        (" ".join(map(_sign, row["values"])) for row in rows),
    )
    table(
        coarse / "list_bbox.txt",
        "image_name  x_1  y_1  x_2  y_2",
        (" ".join(f"{v:03d}" for v in row["box"]) for row in rows),
    )
    places = "  ".join(
        f"landmark_visibility_{k}  landmark_location_x_{k}  landmark_location_y_{k}"
        for k in range(1, 9)
    )
    table(
        coarse / "list_landmarks.txt",
        f"image_name  clothes_type  {places}",
        (
            f"{row['kind']}  " + " ".join(f"{v} {x:03d} {y:03d}" for v, x, y in row["points"])
            for row in rows
        ),
    )
    table(
        folder / "Eval" / "list_eval_partition.txt",
        "image_name  evaluation_status",
        (row["split"] for row in rows),
    )


def _sign(value: float) -> str:
    return f"{0 if value != value else 1 if value > 0.5 else -1:2d}"


def _write(path: Path, header: str, lines: list[str]) -> None:
    write_atomically(path, "\n".join([str(len(lines)), header, *lines]) + "\n")
