"""A small copy of CompCars in the official layout, written from the format's description and from nothing of ours."""

import itertools
import random
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

# (make, model) -> type of body; numbers are sparse, as in the real set.
MODELS = {(3, 21): 3, (3, 22): 4, (17, 305): 12, (17, 306): 0, (9, 40): 2}
MAKE_NAMES = {3: "Audi", 9: "BWM", 17: "Škoda "}
MODEL_NAMES = {21: "Audi A4L", 22: "Coupé", 305: "Mini GT", 40: "Coupé"}
YEARS = ("2012", "unknown", "2010")
TRAIN, TEST = 40, 9


@dataclass
class Copy:
    """What was written: the truth that a loader must find."""

    root: Path
    data: Path
    lists: dict[str, list[str]] = field(default_factory=dict)
    boxes: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)

    def list_path(self, part, which="cvpr2015"):
        name = f"classification/{part}.txt" if which == "cvpr2015" else f"classification_{part}.txt"
        return self.data / "train_test_split" / name

    def image(self, key):
        return self.data / "image" / key

    def label(self, key):
        return (self.data / "label" / key).with_suffix(".txt")


def write_lines(path, lines, newline="\n", end="\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((newline.join(map(str, lines)) + end).encode())


def cells(names, count):
    column = np.empty((count, 1), dtype=object)
    for i in range(count):
        column[i, 0] = names.get(i + 1, np.empty((0, 0)))
    return column


def write_names(path, make_names=MAKE_NAMES, model_names=MODEL_NAMES):
    scipy.io.savemat(path, {"make_names": cells(make_names, 17), "model_names": cells(model_names, 306)})


def write_copy(root, *, which="cvpr2015", data="data", newline="\n", end="\n", names=True, lists_at=None, misc_at=None):
    chance, copy = random.Random(4), Copy(root, root / data if data else root)
    for part, n in (("train", TRAIN), ("test", TEST)):
        keys = copy.lists[part] = []
        for i in range(n):
            make, model = list(MODELS)[i % len(MODELS)]
            key = f"{make}/{model}/{YEARS[i % 3]}/{chance.getrandbits(56):014x}.jpg"
            keys.append(key)
            width, height = chance.choice([(60, 44), (48, 48)])
            noise = np.random.RandomState(chance.randrange(10**6)).randint(0, 256, (6, 7, 3), dtype=np.uint8)
            copy.image(key).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).save(copy.image(key), quality=90)
            box = copy.boxes[key] = (
                1 + chance.randrange(6),
                1 + chance.randrange(9),
                width - chance.randrange(5),
                height - chance.randrange(7),
            )
            viewpoint = chance.choice([-1, 1, 2, 3, 4, 5])
            write_lines(copy.label(key), [viewpoint, 1, " ".join(map(str, box))], newline, end)
        chance.shuffle(keys)
        path = copy.list_path(part, which)
        write_lines(path if lists_at is None else root / lists_at / path.name, keys, newline, end)
    rows = [f"{model} 180 1.6 4 5 {kind}" for (_, model), kind in MODELS.items()]
    header = "model_id maximum_speed displacement door_number seat_number type"
    write_lines(copy.data / "misc" / "attributes.txt", [header, *rows, "999 0 0 0 0 7"], newline, end)
    if names:
        write_names(copy.data / "misc" / "make_model_name.mat")
    if misc_at is not None:
        (copy.data / "misc").rename(root / misc_at)
    return copy


@pytest.fixture
def cars_copy(tmp_path, fresh_home):
    """A function that writes the small copy below a fresh folder; its options are those of `write_copy`."""
    number = itertools.count()

    def write(**options):
        return write_copy(tmp_path / f"copy{next(number)}", **options)

    write.names, write.lines, write.models = write_names, write_lines, MODELS
    return write
