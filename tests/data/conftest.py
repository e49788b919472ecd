"""A small copy of DeepFashion in the official layout, written from the format's description and from nothing of ours."""

import itertools
import random
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

UPPER = (
    "Anorak Blazer Blouse Bomber Button-Down Cardigan Flannel Halter Henley Hoodie Jacket Jersey Parka Peacoat Poncho Sweater Tank Tee Top "
    "Turtleneck"
)
LOWER = "Capris Chinos Culottes Cutoffs Gauchos Jeans Jeggings Jodhpurs Joggers Leggings Sarong Shorts Skirt Sweatpants Sweatshorts Trunks"
FULL = "Caftan Cape Coat Coverup Dress Jumpsuit Kaftan Kimono Nightdress Onesie Robe Romper Shirtdress Sundress"
CATEGORIES = [(name, kind) for kind, names in ((1, UPPER), (2, LOWER), (3, FULL)) for name in names.split()]

ATTRIBUTES = [("a-line", 3), ("abstract chevron print", 1), ("cotton blend", 2), ("v-neck", 4), ("chic", 5), ("3/4 sleeve", 4)]
FINE_ATTRIBUTES = [("floral", 1), ("long_sleeve", 2), ("no_dress", 3), ("v_neckline", 4), ("denim", 5), ("loose", 6)]

PHOTOS = [
    ("img/Made_Up_Blouse/img_00000001.jpg", 3, "train"),
    ("img/Made_Up_Blouse/img_00000002.jpg", 3, "val"),
    ("img/Made_Up_Blouse/img_00000003.jpg", 3, "test"),
    ("img/Toy-Knit_Tank/img_00000001.jpg", 17, "train"),
    ("img/Toy-Knit_Tank/img_00000002.jpg", 17, "test"),
    ("img/Toy-Knit_Tank/img_00000003.jpg", 17, "val"),
    ("img/Plain_St._John's_Shorts/img_00000001.jpg", 32, "train"),
    ("img/Plain_St._John's_Shorts/img_00000002.jpg", 32, "train"),
    ("img/Pleated_A-Line_Skirt/img_00000001.jpg", 33, "test"),
    ("img/Pleated_A-Line_Skirt/img_00000002.jpg", 33, "train"),
    ("img/Toy_Dress/img_00000001.jpg", 41, "train"),
    ("img/Toy_Dress/img_00000002.jpg", 41, "val"),
]


@dataclass
class Copy:
    """What was written: the truth that a loader must find."""

    root: Path
    annotations: Path
    pictures: Path
    values: dict[str, list[int]]
    boxes: dict[str, tuple[int, int, int, int]]
    category: dict[str, int] = field(default_factory=lambda: {name: c for name, c, _ in PHOTOS})
    split: dict[str, str] = field(default_factory=lambda: {name: s for name, _, s in PHOTOS})


def write_lines(path, lines, newline="\n", end=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((newline.join([*map(str, lines), ""]) + end).encode())


def write_copy(root, *, kind="coarse", folder="Anno_coarse", pictures="Img", newline="\n", end="", seed=0):
    chance = random.Random(seed)
    names = [name for name, _, _ in PHOTOS]
    attributes = ATTRIBUTES if kind == "coarse" else FINE_ATTRIBUTES
    allowed = (-1, -1, 1, 0) if kind == "coarse" else (0, 1)
    copy = Copy(root, root / folder, root / pictures, {n: [chance.choice(allowed) for _ in attributes] for n in names}, {})
    for name in names:
        width, height = chance.choice([(40, 60), (60, 44), (60, 60)])
        copy.boxes[name] = (chance.randrange(5), chance.randrange(9), width - chance.randrange(6), height - chance.randrange(7))
        noise = np.random.RandomState(chance.randrange(10**6)).randint(0, 256, (6, 5, 3), dtype=np.uint8)
        path = copy.pictures / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).save(path, quality=90)

    def table(name, columns, rows, parent=copy.annotations):
        # The official tables are not all in one order, and their columns are padded with runs of spaces.
        write_lines(parent / name, [len(rows), columns, *rows], newline, end)

    def mixed(rows):
        return chance.sample(rows, len(rows))

    table("list_category_cloth.txt", "category_name  category_type", [f"{n:<15}{t}" for n, t in CATEGORIES])
    table("list_attr_cloth.txt", "attribute_name  attribute_type", [f"{n:<29}{t}" for n, t in attributes])
    if kind == "coarse":
        split_rows = [f"{n:<70}{s}" for n, _, s in PHOTOS]
        table("list_eval_partition.txt", "image_name  evaluation_status", split_rows, root / "Eval")
        table("list_category_img.txt", "image_name  category_label", mixed([f"{n:<70}{c}" for n, c, _ in PHOTOS]))
        table(
            "list_bbox.txt",
            "image_name  x_1  y_1  x_2  y_2",
            mixed([f"{n:<70}" + " ".join(f"{v:03d}" for v in copy.boxes[n]) for n in names]),
        )
        table(
            "list_attr_img.txt",
            "image_name  attribute_labels",
            mixed([f"{n:<70}" + " ".join(f"{v:2d}" for v in copy.values[n]) for n in names]),
        )
        return copy
    for split in ("train", "val", "test"):
        here = mixed([name for name in names if copy.split[name] == split])
        write_lines(copy.annotations / f"{split}.txt", here, newline)
        write_lines(copy.annotations / f"{split}_attr.txt", [" ".join(map(str, copy.values[n])) + " " for n in here], newline)
        write_lines(copy.annotations / f"{split}_cate.txt", [copy.category[n] for n in here], newline)
        write_lines(copy.annotations / f"{split}_bbox.txt", [" ".join(map(str, copy.boxes[n])) for n in here], newline)
    return copy


@pytest.fixture
def deepfashion_copy(tmp_path, fresh_home):
    """A function that writes the small copy below a fresh folder; its options are those of `write_copy`."""
    number = itertools.count()

    def write(**options):
        return write_copy(tmp_path / f"copy{next(number)}", **options)

    return write
