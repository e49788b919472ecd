"""DukeMTMC-reID from small copies of plain colours: official file names, and the attribute file as MATLAB holds it."""

import math
import random
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from mtattr.data import load_dataset
from mtattr.errors import InputError
from scipy.io import loadmat, savemat

# An invented copy has not the published digests.
pytestmark = [pytest.mark.filterwarnings("ignore:.*MD5"), pytest.mark.filterwarnings("ignore:.*withdrawn")]

BINARY = ("gender", "top", "boots", "shoes", "hat", "backpack", "bag", "handbag")
TASKS = (*BINARY, "up_colour", "down_colour")
COLOURS_TEXT = {"up": "black white red purple gray blue green brown", "down": "black white red gray blue green brown"}
COLOURS = {part: words.split() for part, words in COLOURS_TEXT.items()}
# The order of the fields differs between the two halves of the official file.
FIELDS_TEXT = {
    "train": (
        "backpack bag handbag boots gender hat shoes top downblack downwhite downred downgray downblue downgreen downbrown upblack "
        "upwhite upred uppurple upgray upblue upgreen upbrown"
    ),
    "test": (
        "boots shoes top gender hat backpack bag handbag downblack downwhite downred downgray downblue downgreen downbrown upblack "
        "upwhite upred upgray upblue upgreen uppurple upbrown"
    ),
}
FIELDS = {part: words.split() for part, words in FIELDS_TEXT.items()}
# Identities are sparse; 3 and 7139 stand in the gallery only and have attributes all the same.
PEOPLE = {"train": [1, 5, 8, 370, 679, *range(700, 760, 5)], "test": [2, 3, 4, 5951, 7139]}
NO_UP, NO_DOWN, TWO_DOWN, THREE_DOWN, NO_TOP = {5, 3}, {7139}, {2, 4}, {5951}, {370, 679}


def invented(chance, person):
    values = {f: chance.choice((1, 2)) for f in BINARY}
    if person in NO_TOP:
        values["top"] = 0
    amounts = {"up": 0 if person in NO_UP else 1}
    amounts["down"] = 0 if person in NO_DOWN else 2 if person in TWO_DOWN else 3 if person in THREE_DOWN else 1
    for part, colours in COLOURS.items():
        chosen = chance.sample(colours, amounts[part])
        values |= {part + c: 2 if c in chosen else 1 for c in colours}
    return values


@pytest.fixture
def duke_copy(tmp_path, official):
    def write(*, image_index=True, compressed=True, nested=False, seed=0):
        chance = random.Random(seed)
        top = Path(mkdtemp(dir=tmp_path)) / "copy"
        root = top / "DukeMTMC-reID" if nested else top
        truth, halves, code = {}, {}, 0
        for half in ("train", "test"):
            values = {p: invented(chance, p) for p in PEOPLE[half]}
            halves[half] = {f: np.array([[values[p][f] for p in PEOPLE[half]]], np.uint8) for f in FIELDS[half]}
            if image_index:
                names = np.empty((1, len(values)), object)
                names[0, :] = [f"{p:04d}" for p in PEOPLE[half]]
                halves[half]["image_index"] = names
            for p in PEOPLE[half]:
                for _ in range(2):
                    name = f"{p:04d}_c{chance.randint(1, 8)}_f{chance.randrange(10**7):07d}.jpg"
                    size = chance.randint(40, 90), chance.randint(100, 200)
                    official.save_picture(root / f"bounding_box_{half}" / name, code, size)
                    truth[name] = (code, half, values[p])
                    code += 1
        official.save_picture(root / "query/0002_c3_f0044900.jpg", 121, (50, 120))
        savemat(top / "duke_attribute.mat", {"duke_attribute": halves}, do_compression=compressed)
        return top, truth

    return write


def load(root, split, **options):
    return load_dataset("duke", split, root=root, **{"image_size": (64, 32), "accept_withdrawn": True, **options})


def short(key):
    return key.rsplit("/", 1)[-1]


def person_of(name):
    return int(name[:4])


def assert_read(data, truth, official):
    """Each picture shows what its key names; each label says what the file says of that person."""
    for key, image, labels in zip(data.keys, data.images, data.labels.tolist(), strict=True):
        code, _, values = truth[short(key)]
        assert official.code_of(image) == code, key
        for task, label in zip(BINARY, labels, strict=False):
            assert math.isnan(label) if values[task] == 0 else label == values[task] - 1, (key, task)
        for task, part in (("up_colour", "up"), ("down_colour", "down")):
            label, names = labels[TASKS.index(task)], data.tasks[TASKS.index(task)].values
            worn = [c for c in COLOURS[part] if values[part + c] == 2]
            if len(worn) == 1:
                assert names[int(label)] == worn[0], (key, task)
            else:
                assert math.isnan(label) or (worn and names[int(label)] == worn[0]), (key, task)


def test_test_is_the_gallery_with_its_sparse_identities(duke_copy, official):
    for image_index, compressed, nested in [(True, True, False), (False, True, False), (True, False, True), (False, False, True)]:
        root, truth = duke_copy(image_index=image_index, compressed=compressed, nested=nested)
        data = load(root, "test")
        assert data.tasks.names == TASKS
        assert {short(key) for key in data.keys} == {name for name, (_, half, _) in truth.items() if half == "test"}
        assert_read(data, truth, official)
        official.assert_same_people(data, person_of)


def test_train_and_val_share_the_training_folder_but_no_person(duke_copy, official):
    for image_index in [True, False]:
        root, truth = duke_copy(image_index=image_index)
        train, val = official.load_both("duke", root, image_size=(64, 32), accept_withdrawn=True)
        assert {short(key) for key in train.keys + val.keys} == {name for name, (_, half, _) in truth.items() if half == "train"}
        assert not {person_of(short(k)) for k in train.keys} & {person_of(short(k)) for k in val.keys}
        assert not set(train.identities.tolist()) & set(val.identities.tolist())
        for data in (train, val):
            assert_read(data, truth, official)


def test_tasks_are_the_eight_binary_fields_and_two_colours(duke_copy):
    tasks = load(duke_copy()[0], "test").tasks
    assert [task.name for task in tasks if task.kind == "binary"] == list(BINARY)
    assert {c.casefold() for c in tasks[8].values} == set(COLOURS["up"])
    assert {c.casefold() for c in tasks[9].values} == set(COLOURS["down"])


def test_the_two_people_with_a_zero_are_unknown(duke_copy, official):
    root, _ = duke_copy()
    for data in official.load_both("duke", root, image_size=(64, 32), accept_withdrawn=True):
        zero = [person_of(short(key)) in NO_TOP for key in data.keys]
        assert data.labels[:, 1].isnan().tolist() == zero


def test_a_withdrawn_set_needs_consent_of_its_reader(duke_copy):
    for options in [{}, {"accept_withdrawn": False}]:
        root, _ = duke_copy()
        with pytest.raises(InputError, match=r"(?i)withdr.*accept_withdrawn|accept_withdrawn.*withdr"):
            load_dataset("duke", "test", root=root, image_size=(64, 32), **options)


def test_a_reader_is_told_of_the_withdrawal(duke_copy):
    root, _ = duke_copy()
    with pytest.warns(UserWarning, match=r"(?is)duke.*2019"):
        load(root, "test")


def test_no_address_is_offered():
    with pytest.raises(InputError) as caught:
        load_dataset("duke", "test", accept_withdrawn=True)
    assert "http" not in str(caught.value)
    assert "www" not in str(caught.value)


def test_a_misnamed_picture_is_named(duke_copy, official):
    for name in ["0005_c2s1_f0046985.jpg", "0005_c9_f0046985.jpg", "picture.jpg"]:
        root, _ = duke_copy()
        official.save_picture(root / "bounding_box_test" / name, 3, (64, 128))
        with pytest.raises(InputError, match=name):
            load(root, "test")


def test_values_out_of_range_are_named(duke_copy):
    for field, value in [("gender", 3), ("shoes", 9), ("upred", 3), ("downblue", 200)]:
        root, _ = duke_copy()
        stored = loadmat(root / "duke_attribute.mat")["duke_attribute"]
        stored[0, 0]["test"][0, 0][field][0, 1] = value
        savemat(root / "duke_attribute.mat", {"duke_attribute": stored})
        with pytest.raises(InputError, match=rf"duke_attribute\.mat.*{field}"):
            load(root, "test")


def test_a_damaged_attribute_file_is_named(duke_copy):
    for damage in ["missing", "cut", "page", "unequal"]:
        root, _ = duke_copy()
        path = root / "duke_attribute.mat"
        raw = path.read_bytes()
        stored = loadmat(path)["duke_attribute"]
        path.unlink()
        if damage == "cut":
            path.write_bytes(raw[: len(raw) // 2])
        elif damage == "page":
            path.write_text("<!DOCTYPE html>\n" * 40)
        elif damage == "unequal":
            half = stored[0, 0]["test"]
            half[0, 0]["boots"] = half[0, 0]["boots"][:, :-1]
            savemat(path, {"duke_attribute": stored})
        with pytest.raises(InputError, match=r"duke_attribute\.mat"):
            load(root, "test")
