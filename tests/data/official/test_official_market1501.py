"""Market-1501 from small copies: official file names, and the attribute file as MATLAB holds it."""

import random
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from mtattr.data import load_dataset
from mtattr.errors import InputError
from scipy.io import loadmat, savemat

# An invented copy has not the published digests.
pytestmark = pytest.mark.filterwarnings("ignore:.*MD5")

TASKS = ("gender", "hair", "age", "up", "down", "clothes", "hat", "backpack", "bag", "handbag", "up_colour", "down_colour")
UP = ["black", "white", "red", "purple", "gray", "blue", "green", "yellow"]
DOWN = ["black", "white", "pink", "gray", "blue", "green", "brown", "yellow", "purple"]
# The order of the fields differs between the two halves of the official file.
FIELDS_TEXT = {
    "train": (
        "age backpack bag handbag downblack downblue downbrown downgray downgreen downpink downpurple downwhite downyellow upblack "
        "upblue upgreen upgray uppurple upred upwhite upyellow clothes down up hair hat gender"
    ),
    "test": (
        "age backpack bag handbag clothes down up hair hat gender upblack upwhite upred uppurple upyellow upgray upblue upgreen "
        "downblack downwhite downpink downpurple downyellow downgray downblue downgreen downbrown"
    ),
}
FIELDS = {part: words.split() for part, words in FIELDS_TEXT.items()}
PEOPLE = {"train": [2, 7, 10, *range(11, 60, 3)], "test": [1, 3, 1500, 1501]}
NO_COLOUR = {10, 3}


def invented(chance, person):
    """The value of every field for one person; ages go to 4 and a colour may be missing."""
    values = {f: chance.choice((1, 2)) for f in ("gender", "hair", "up", "down", "clothes", "hat", "backpack", "bag", "handbag")}
    values["age"] = chance.choice((1, 2, 3, 4))
    for part, colours in (("up", UP), ("down", DOWN)):
        chosen = None if person in NO_COLOUR else chance.choice(colours)
        values |= {part + c: 2 if c == chosen else 1 for c in colours}
    return values


def labels_of(values):
    def colour_index(part, colours):
        return next((float(i) for i, c in enumerate(colours) if values[part + c] == 2), float("nan"))

    return [float(values[task] - 1) for task in TASKS[:-2]] + [colour_index("up", UP), colour_index("down", DOWN)]


@pytest.fixture
def market_copy(tmp_path, official):
    def write(*, image_index=True, compressed=True, dtype=np.uint8, nested=False, seed=0, people=PEOPLE):
        chance = random.Random(seed)
        top = Path(mkdtemp(dir=tmp_path)) / "copy"
        root = top / "Market-1501-v15.09.15" if nested else top
        truth, halves, code = {"train": {}, "test": {}}, {}, 0
        for half, folder in (("test", "bounding_box_test"), ("train", "bounding_box_train")):
            values = {p: invented(chance, p) for p in people[half]}
            halves[half] = {f: np.array([[values[p][f] for p in people[half]]], dtype) for f in FIELDS[half]}
            if image_index:
                names = np.empty((1, len(values)), object)
                names[0, :] = [f"{p:04d}" for p in people[half]]
                halves[half]["image_index"] = names
            for p in people[half]:
                for shot in range(2):
                    name = f"{p:04d}_c{chance.randint(1, 6)}s{chance.randint(1, 9)}_{chance.randrange(10**6):06d}_{shot + 1:02d}.jpg"
                    official.save_picture(root / folder / name, code, (64, 128))
                    truth[half][name] = (code, labels_of(values[p]))
                    code += 1
            (root / folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
        for name in ("-1_c1s1_000777_02.jpg", "-1_c3s2_000778_01.jpg", "0000_c2s1_000042_05.jpg"):
            official.save_picture(root / "bounding_box_test" / name, 120, (64, 128))
        for folder in ("query", "gt_bbox"):
            official.save_picture(root / folder / "0001_c1s1_001000_00.jpg", 121, (64, 128))
        (root / "readme.txt").write_text("an invented readme\n")
        savemat(top / "market_attribute.mat", {"market_attribute": halves}, do_compression=compressed)
        return top, truth

    return write


def load(root, split, **options):
    return load_dataset("market1501", split, root=root, **{"image_size": (64, 32), **options})


def person_of(name):
    return int(name[:4])


def test_test_is_the_gallery_without_distractors_and_junk(market_copy, official):
    for compressed, dtype in [(True, np.uint8), (False, np.float64)]:
        for image_index in [True, False]:
            for nested in [False, True]:
                root, truth = market_copy(image_index=image_index, compressed=compressed, dtype=dtype, nested=nested)
                data = load(root, "test")
                assert data.tasks.names == TASKS
                assert data.images.shape[1:] == (3, 64, 32)
                official.assert_joined(data, truth["test"])
                official.assert_same_people(data, person_of)


def test_train_and_val_share_the_training_folder_but_no_person(market_copy, official):
    for image_index in [True, False]:
        root, truth = market_copy(image_index=image_index)
        train, val = official.load_both("market1501", root, image_size=(64, 32))
        both = {**truth["train"]}
        for data in (train, val):
            official.assert_joined(data, {key.rsplit("/", 1)[-1]: both.pop(key.rsplit("/", 1)[-1]) for key in data.keys})
            official.assert_same_people(data, person_of)
        assert not both
        assert not set(train.identities.tolist()) & set(val.identities.tolist())
        assert not {person_of(k.rsplit("/", 1)[-1]) for k in train.keys} & {person_of(k.rsplit("/", 1)[-1]) for k in val.keys}


def test_names_of_classes_are_in_the_order_of_the_official_script(market_copy):
    tasks = load(market_copy()[0], "test").tasks
    assert tasks[tasks.index("up_colour")].values == tuple(UP)
    assert tasks[tasks.index("down_colour")].values == tuple(DOWN)
    assert tasks[tasks.index("age")].values == ("young", "teenager", "adult", "old")
    assert [t.name for t in tasks if t.kind == "categorical"] == ["age", "up_colour", "down_colour"]


def test_a_person_without_a_colour_is_unknown_and_not_black(market_copy):
    data = load(market_copy()[0], "test")
    bare = [person_of(key.rsplit("/", 1)[-1]) == 3 for key in data.keys]
    colours = data.labels[:, [10, 11]]
    assert sum(bare) == 2
    assert colours[bare].isnan().all()
    assert not colours[[not b for b in bare]].isnan().any()


def test_one_person_is_enough_for_a_half(market_copy, official):
    root, truth = market_copy(people={"train": PEOPLE["train"], "test": [1501]})
    official.assert_joined(load(root, "test"), truth["test"])


def test_a_misnamed_picture_is_named(market_copy, official):
    root, _ = market_copy()
    official.save_picture(root / "bounding_box_test/holiday.jpg", 3, (64, 128))
    with pytest.raises(InputError, match=r"holiday\.jpg"):
        load(root, "test")


def test_a_person_without_attributes_is_named(market_copy, official):
    root, _ = market_copy()
    official.save_picture(root / "bounding_box_test/0999_c1s1_000001_01.jpg", 3, (64, 128))
    with pytest.raises(InputError, match="0999"):
        load(root, "test")


def test_folders_and_attributes_that_do_not_fit_are_named_without_an_index(market_copy, official):
    root, _ = market_copy(image_index=False)
    official.save_picture(root / "bounding_box_test/0999_c1s1_000001_01.jpg", 3, (64, 128))
    with pytest.raises(InputError, match=r"(?s)market_attribute.mat.*[45].*[45]"):
        load(root, "test")


def test_values_out_of_range_are_named(market_copy):
    for field, value in [("gender", 3), ("gender", 0), ("age", 5), ("upred", 3), ("hat", 255)]:
        root, _ = market_copy()
        stored = loadmat(root / "market_attribute.mat")["market_attribute"]
        stored[0, 0]["test"][0, 0][field][0, 1] = value
        savemat(root / "market_attribute.mat", {"market_attribute": stored})
        with pytest.raises(InputError, match=rf"market_attribute\.mat.*{field}"):
            load(root, "test")


def test_a_damaged_attribute_file_is_named(market_copy):
    for damage in ["missing", "cut", "page", "other variable"]:
        root, _ = market_copy()
        path = root / "market_attribute.mat"
        raw = path.read_bytes()
        path.unlink()
        if damage == "cut":
            path.write_bytes(raw[: len(raw) // 2])
        elif damage == "page":
            path.write_text("<!DOCTYPE html>\n" * 40)
        elif damage == "other variable":
            savemat(path, {"duke_attribute": {"train": {"gender": np.ones((1, 3))}}})
        with pytest.raises(InputError, match=r"market_attribute\.mat"):
            load(root, "test")
        path.write_bytes(raw)
        assert len(load(root, "test")) == 8


def test_a_missing_folder_is_named(market_copy):
    for folder in ["bounding_box_train", "bounding_box_test"]:
        root, _ = market_copy()
        (root / folder).rename(root / "elsewhere")
        with pytest.raises(InputError, match=folder):
            load(root, "test" if folder == "bounding_box_test" else "train")
