"""Small copies of Market-1501 and DukeMTMC-reID, written from the formats' descriptions and from nothing of ours."""

import itertools
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

FIELDS_TEXT = {
    "market1501": {
        "train": "age backpack bag handbag downblack downblue downbrown downgray downgreen downpink downpurple downwhite downyellow "
        "upblack upblue upgreen upgray uppurple upred upwhite upyellow clothes down up hair hat gender",
        "test": "age backpack bag handbag clothes down up hair hat gender upblack upwhite upred uppurple upyellow upgray upblue upgreen "
        "downblack downwhite downpink downpurple downyellow downgray downblue downgreen downbrown",
    },
    "duke": {
        "train": "backpack bag handbag boots gender hat shoes top downblack downwhite downred downgray downblue downgreen downbrown "
        "upblack upwhite upred uppurple upgray upblue upgreen upbrown",
        "test": "boots shoes top gender hat backpack bag handbag downblack downwhite downred downgray downblue downgreen downbrown "
        "upblack upwhite upred upgray upblue upgreen uppurple upbrown",
    },
}
UP = {"market1501": "black white red purple gray blue green yellow", "duke": "black white red purple gray blue green brown"}
DOWN = {"market1501": "black white pink gray blue green brown yellow purple", "duke": "black white red gray blue green brown"}
TASKS_TEXT = {
    "market1501": "gender hair age up down clothes hat backpack bag handbag up_colour down_colour",
    "duke": "gender top boots shoes hat backpack bag handbag up_colour down_colour",
}
VARIABLE = {"market1501": "market_attribute", "duke": "duke_attribute"}
# Numbers of people whose position in the file differs from their number; some validate (3 21 28 31 33 34 58 do).
PEOPLE = {
    "market1501": {"train": [2, 3, 7, 10, 21, 28, 1500], "test": [1, 4, 9, 1501]},
    "duke": {"train": [3, 8, 21, 28, 370, 679, 5951], "test": [2, 4, 5, 7139]},
}


@dataclass
class Copy:
    """What was written. values: identity -> field -> number in the file; files: folder -> image names."""

    name: str
    root: Path
    base: Path
    mat: Path
    values: dict[int, dict[str, int]]
    files: dict[str, list[str]]

    def folder(self, name):
        return self.base / name

    def expected(self, identity):
        """The labels that this person should get, None = unknown."""
        value = self.values[identity]
        labels = []
        for task in TASKS_TEXT[self.name].split():
            if not task.endswith("_colour"):
                labels.append(None if value[task] == 0 else value[task] - 1)
                continue
            part = task.removesuffix("_colour")
            colours = {"up": UP, "down": DOWN}[part][self.name].split()
            flagged = [i for i, colour in enumerate(colours) if value[part + colour] == 2]
            labels.append(flagged[0] if len(flagged) == 1 else None)
        return labels

    def people(self, half):
        return PEOPLE[self.name][half]

    def write_mat(self, *, image_index=True, dtype=np.uint8, change=None, compressed=True, path=None):
        """change: a function of the two halves, {half: {field: array}}, that edits them before they are written."""
        halves = {}
        for half in ("test", "train") if self.name == "market1501" else ("train", "test"):
            people, fields = self.people(half), FIELDS_TEXT[self.name][half].split()
            halves[half] = {field: np.array([[self.values[p][field] for p in people]], dtype=dtype) for field in fields}
            if image_index:
                halves[half]["image_index"] = np.empty((1, len(people)), dtype=object)
                halves[half]["image_index"][0, :] = [f"{p:04d}" for p in people]
        if change is not None:
            change(halves)
        (path or self.mat).parent.mkdir(parents=True, exist_ok=True)
        savemat(path or self.mat, {VARIABLE[self.name]: halves}, do_compression=compressed)


def write_copy(name, top, *, nested=False, mat="beside", seed=0, **options):
    """nested: the official folder lies below root. mat: "beside" the folders, in "attribute", or "above" them."""
    chance = random.Random(seed)
    base = top / {"market1501": "Market-1501-v15.09.15", "duke": "DukeMTMC-reID"}[name] if nested else top
    files = f"{VARIABLE[name]}.mat"
    where = {"beside": base / files, "attribute": base / "attribute" / files, "above": base.parent / files}[mat]
    fields = sorted(set(FIELDS_TEXT[name]["train"].split()))
    values = {}
    for identity in (*PEOPLE[name]["train"], *PEOPLE[name]["test"]):
        values[identity] = {field: chance.choice((1, 2)) for field in fields}
        if name == "market1501":
            values[identity]["age"] = chance.choice((1, 2, 3, 4))
        for part, colours in (("up", UP[name].split()), ("down", DOWN[name].split())):
            chosen = chance.choice(colours)
            values[identity] |= {part + colour: 2 if colour == chosen else 1 for colour in colours}
    copy = Copy(name, top, base, where, values, {})

    def picture(folder, image):
        size = (64, 128) if name == "market1501" else (chance.randrange(40, 90), chance.randrange(90, 180))
        noise = np.random.RandomState(chance.randrange(10**6)).randint(0, 256, (5, 4, 3), dtype=np.uint8)
        (base / folder).mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(base / folder / image)
        copy.files.setdefault(folder, []).append(image)

    def image_name(identity, shot):
        camera = 1 + (identity + shot) % 6
        if name == "duke":
            return f"{identity:04d}_c{camera}_f{chance.randrange(10**7):07d}.jpg"
        return f"{identity:04d}_c{camera}s{1 + shot}_{chance.randrange(10**6):06d}_{shot:02d}.jpg"

    for half, people in PEOPLE[name].items():
        for identity in people:
            for shot in range(2 + identity % 2):
                picture(f"bounding_box_{half}", image_name(identity, shot))
    for identity in PEOPLE[name]["test"][:2]:
        picture("query", image_name(identity, 0))
    if name == "market1501":
        for image in ("-1_c1s1_000777_02.jpg", "-1_c6s2_070777_11.jpg", "0000_c2s1_000042_05.jpg"):
            picture("bounding_box_test", image)
    copy.write_mat(**options)
    return copy


@pytest.fixture
def pedestrian_copy(tmp_path, fresh_home):
    """A function that writes a small copy of "market1501" or "duke"; its options are those of `write_copy`."""
    number = itertools.count()

    def write(name, **options):
        return write_copy(name, tmp_path / f"copy{next(number)}", **options)

    return write


@pytest.fixture
def check_split():
    """A function that compares one loaded split with the truth: every image, label, key and identity."""

    def check(data, copy):
        folder = copy.folder("bounding_box_test" if data.split == "test" else "bounding_box_train")
        assert list(data.keys) == sorted(data.keys)
        for key, image, labels, identity in zip(data.keys, data.images, data.labels.tolist(), data.identities.tolist(), strict=True):
            assert identity == int(key[:4])
            assert [None if label != label else label for label in labels] == copy.expected(identity)
            with Image.open(folder / key) as opened:
                expected = np.asarray(opened.resize((image.shape[2], image.shape[1]), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
            np.testing.assert_array_equal(image, expected)

    return check
