"""A small copy of CelebA in each layout in use, written from the format's description and from nothing of ours."""

import itertools
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

NAMES_TEXT = """
5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair Blurry Brown_Hair
Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male Mouth_Slightly_Open Mustache
Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks Sideburns Smiling Straight_Hair Wavy_Hair
Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace Wearing_Necktie Young
"""
SPLITS = {"train": "0", "val": "1", "test": "2"}
LANDMARK_HEADER = "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y"


@dataclass
class Copy:
    """What was written: the truth that a loader must find. values: -1 or 1; folder: of the tables; boxes: x y width height."""

    root: Path
    folder: Path
    pictures: Path
    wild: Path
    names: list[str]
    split: dict[str, str]
    values: dict[str, list[int]]
    identity: dict[str, int]
    boxes: dict[str, list[int]]
    landmarks: dict[str, list[int]]
    wild_landmarks: dict[str, list[int]]

    def table(self, name):
        return next(path for path in self.root.rglob("*") if path.name == name)

    def of(self, split):
        return [name for name in self.names if self.split[name] == split]

    def shown(self, name, height, width, box=None, folder=None, suffix=".jpg"):
        """The picture as Pillow alone reads it: uint8 (3, H, W)."""
        with Image.open((folder or self.pictures) / Path(name).with_suffix(suffix)) as image:
            part = image if box is None else image.crop((box[0], box[1], box[0] + box[2], box[1] + box[3]))
            return np.asarray(part.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)).transpose(2, 0, 1)


def write_copy(root, *, layout="nested", newline="\r\n", end="", pictures=None, png=False, shuffled=True, seed=0):
    chance = random.Random(seed)
    names = [f"{i:06d}.jpg" for i in range(1, 13)]
    base = {"torchvision": root / "celeba"}.get(layout, root)
    nested = layout == "nested"
    anno, evaluation = (base / "Anno", base / "Eval") if nested else (base, base)
    doubled = "img_align_celeba/img_align_celeba" if layout == "kaggle" else "img_align_celeba"
    copy = Copy(
        root=root,
        folder=anno,
        pictures=base / (pictures or ("Img/" if nested else "") + doubled),
        wild=base / ("Img/img_celeba" if nested else "img_celeba"),
        names=names,
        split={name: ("train", "val", "test")[0 if i < 6 else 1 if i < 9 else 2] for i, name in enumerate(names)},
        values={name: [chance.choice((-1, 1)) for _ in NAMES_TEXT.split()] for name in names},
        identity={name: chance.choice((1, 17, 204, 9001, 10177)) for name in names},
        boxes={name: [chance.randrange(9), chance.randrange(9), chance.randrange(15, 60), chance.randrange(15, 60)] for name in names},
        landmarks={name: [chance.randrange(30, 180) for _ in range(10)] for name in names},
        wild_landmarks={name: [chance.randrange(-20, 900) for _ in range(10)] for name in names},
    )
    noise = np.random.RandomState(seed)

    def picture(path, width, height):
        path.parent.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(noise.randint(0, 256, (7, 6, 3), dtype=np.uint8))
        small.resize((width, height), Image.Resampling.BICUBIC).save(path.with_suffix(".png") if png else path)

    for name in names:
        picture(copy.pictures / name, 45, 55)
        picture(copy.wild / name, *chance.choice([(70, 90), (90, 64), (61, 61)]))

    def text(path, lines):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((newline.join([*lines, ""]) + end).encode())

    def mixed(rows):
        return chance.sample(list(rows), len(names)) if shuffled else list(rows)

    columns = NAMES_TEXT.split()
    if layout == "kaggle":
        rows = mixed(",".join([name, *map(str, copy.values[name])]) for name in names)
        text(anno / "list_attr_celeba.csv", [",".join(["image_id", *columns]), *rows])
        rows = mixed(f"{name},{SPLITS[copy.split[name]]}" for name in names)
        text(evaluation / "list_eval_partition.csv", ["image_id,partition", *sorted(rows)])
        rows = mixed(",".join([name, *map(str, copy.landmarks[name])]) for name in names)
        text(anno / "list_landmarks_align_celeba.csv", ["image_id," + LANDMARK_HEADER.replace(" ", ","), *rows])
        return copy
    rows = mixed(f"{name} " + " ".join(f"{v:2d}" for v in copy.values[name]).lstrip() for name in names)
    text(anno / "list_attr_celeba.txt", [str(len(names)), " ".join(columns) + " ", *rows])
    text(evaluation / "list_eval_partition.txt", [f"{name} {SPLITS[copy.split[name]]}" for name in names])
    text(anno / "identity_CelebA.txt", mixed(f"{name} {copy.identity[name]}" for name in names))
    rows = mixed("{} {:5d}{:4d}{:4d}{:4d}".format(name, *copy.boxes[name]) for name in names)
    text(anno / "list_bbox_celeba.txt", [str(len(names)), "image_id x_1 y_1 width height", *rows])
    for table, points in (("list_landmarks_align_celeba", copy.landmarks), ("list_landmarks_celeba", copy.wild_landmarks)):
        rows = mixed(f"{name} {points[name][0]:2d} " + " ".join(f"{v:4d}" for v in points[name][1:]) for name in names)
        text(anno / f"{table}.txt", [str(len(names)), LANDMARK_HEADER, *rows])
    return copy


@pytest.fixture
def celeba_copy(tmp_path, fresh_home):
    """A function that writes the small copy below a fresh folder; its options are those of `write_copy`."""
    number = itertools.count()

    def write(**options):
        return write_copy(tmp_path / f"copy{next(number)}", **options)

    return write
