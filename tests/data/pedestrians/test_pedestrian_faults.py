"""Each way in which a copy of Market-1501 or DukeMTMC-reID can be damaged gives one line that names it, and nothing is cached."""

import numpy as np
import pytest
from mtattr.data import load_dataset
from mtattr.errors import InputError
from scipy.io import loadmat, savemat

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*its MD5 is not the published"),
    pytest.mark.filterwarnings("ignore:DukeMTMC was withdrawn"),
]

SETS = ("market1501", "duke")
OBTAIN = {"market1501": "Liang Zheng", "duke": "withdrawn"}


def load(copy, split, **options):
    consent = {"accept_withdrawn": True} if copy.name == "duke" else {}
    return load_dataset(copy.name, split, **{"root": copy.root, "image_size": (32, 16)} | consent | options)


def fails(copy, fresh_home, *parts, split="test", **options):
    before = set(fresh_home.rglob("*.uint8"))
    with pytest.raises(InputError) as caught:
        load(copy, split, **options)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
    assert set(fresh_home.rglob("*.uint8")) == before


def test_another_file_under_the_name(pedestrian_copy, fresh_home):
    for content in [b"", b"MATLAB", b"<!DOCTYPE html>\n" * 60, b"\x89HDF\r\n\x1a\n" + bytes(600), bytes(4000)]:
        for name in SETS:
            copy = pedestrian_copy(name)
            copy.mat.write_bytes(content)
            fails(copy, fresh_home, str(copy.mat), OBTAIN[name])


def test_an_attribute_file_cut_short_anywhere(pedestrian_copy, fresh_home):
    for name in SETS:
        for compressed in [True, False]:
            copy = pedestrian_copy(name, compressed=compressed)
            whole = copy.mat.read_bytes()
            for size in range(0, len(whole), max(len(whole) // 25, 1)):
                copy.mat.write_bytes(whole[:size])
                fails(copy, fresh_home, str(copy.mat))


def test_flipped_bytes_never_escape_as_another_error(pedestrian_copy):
    for name in SETS:
        copy = pedestrian_copy(name, compressed=False)
        whole = copy.mat.read_bytes()
        chance = np.random.RandomState(0)
        refused = []
        for _ in range(60):
            damaged = bytearray(whole)
            for place in chance.randint(128, len(whole), 3):
                damaged[place] ^= 1 << chance.randint(8)
            copy.mat.write_bytes(bytes(damaged))
            try:
                load(copy, "test", limit=1)
            except InputError as error:
                refused.append(str(error))
        assert refused
        assert all(str(copy.mat) in message and "\n" not in message for message in refused)


def test_no_attribute_file(pedestrian_copy, fresh_home):
    for name in SETS:
        copy = pedestrian_copy(name)
        copy.mat.unlink()
        fails(copy, fresh_home, str(copy.mat), "file missing", OBTAIN[name])
        fails(copy, fresh_home, "elsewhere.mat: file missing", attributes=copy.root / "elsewhere.mat")
        fails(copy, fresh_home, "attributes must be the path", attributes=5)


def test_another_variable(pedestrian_copy, fresh_home):
    for name in SETS:
        copy = pedestrian_copy(name)
        variable = copy.mat.stem
        halves = {half: {"gender": np.ones((1, 4), np.uint8)} for half in ("train", "test")}
        for content, expected in [
            ({"attributes": halves}, f"expected the struct '{variable}'"),
            ({variable: np.ones((3, 3))}, f"expected the struct '{variable}'"),
            ({variable: {"train": halves["train"]}}, "expected the fields train and test"),
            ({variable: halves | {"test": np.ones((1, 4))}}, f"expected a struct in {variable}.test"),
            ({variable: halves}, "missing; there are gender"),
        ]:
            savemat(copy.mat, content)
            fails(copy, fresh_home, str(copy.mat), expected)


def test_a_field_is_missing_short_or_no_number(pedestrian_copy, fresh_home):
    copy = pedestrian_copy("market1501")
    words = np.empty((1, 4), dtype=object)
    words[0, :] = ["yes", "no", "no", "no"]
    for change, expected in [
        (lambda test: test.pop("hat"), "field test.hat missing"),
        (lambda test: test.pop("downpink"), "field test.downpink missing"),
        (lambda test: test.update(hat=test["hat"][:, :-1]), "test.hat has 3 values, test.gender has 4"),
        (lambda test: test.update(upred=np.ones((1, 9), np.uint8)), "test.upred has 9 values, test.gender has 4"),
        (lambda test: test.update(bag=np.empty((1, 0))), "expected numbers in test.bag"),
        (lambda test: test.update(bag=words), "expected numbers in test.bag"),
        (lambda test: test.update(bag="2211"), "expected numbers in test.bag"),
        (lambda test: test.update(bag={"train": 1}), "expected numbers in test.bag"),
        (lambda test: test.update(bag=np.full((1, 4), 1 + 1j)), "complex numbers"),
    ]:
        copy.write_mat(change=lambda halves, change=change: change(halves["test"]))
        fails(copy, fresh_home, str(copy.mat), expected)
    copy.write_mat(change=lambda halves: halves["train"].pop("hat"))
    fails(copy, fresh_home, "field train.hat missing", split="train")


def test_values_out_of_range(pedestrian_copy, fresh_home):
    for name, field, value, allowed in [
        ("market1501", "gender", 3, "1, 2"),
        ("market1501", "gender", 0, "1, 2"),
        ("market1501", "age", 0, "1, 2, 3, 4"),
        ("market1501", "age", 5, "1, 2, 3, 4"),
        ("market1501", "upblue", 0, "1, 2"),
        ("market1501", "downpurple", 3, "1, 2"),
        ("market1501", "hat", 1.5, "1, 2"),
        ("market1501", "hat", -1, "1, 2"),
        ("market1501", "hat", np.nan, "1, 2"),
        ("market1501", "hat", np.inf, "1, 2"),
        ("duke", "top", 3, "0, 1, 2"),
        ("duke", "shoes", -1, "0, 1, 2"),
        ("duke", "upbrown", 0, "1, 2"),
        ("duke", "downblack", 4, "1, 2"),
    ]:
        copy = pedestrian_copy(name, dtype=np.float64)
        person = copy.people("test")[2]
        copy.values[person][field] = value
        copy.write_mat(dtype=np.float64)
        fails(copy, fresh_home, str(copy.mat), f"test.{field} of identity {person:04d}, entry 3 is {value:g}, not one of {allowed}")
        # The other half is sound.
        assert len(load(copy, "train")) > 0


def test_a_damaged_index(pedestrian_copy, fresh_home):
    for entries, expected in [
        (["0001", "0004", "0009", "0009"], "names identity 0009 twice"),
        (["0001", "0004", "0009", "-1"], "holds '-1', expected an identity number"),
        (["0001", "0004", "0009", "four"], "holds 'four'"),
        (["0001", "0004", "0009", ""], "holds ''"),
        (["0001", "0004", "0009"], "image_index has 3 entries for 4 values"),
        (["0001", "0004", "0009", "1500"], "has no test identity 1501"),
    ]:
        copy = pedestrian_copy("market1501")
        index = np.empty((1, len(entries)), dtype=object)
        index[0, :] = entries
        copy.write_mat(change=lambda halves, index=index: halves["test"].update(image_index=index))
        fails(copy, fresh_home, str(copy.mat), expected)


def test_a_person_without_labels(pedestrian_copy, fresh_home):
    for name in SETS:
        copy = pedestrian_copy(name)
        folder = copy.folder("bounding_box_test")
        old = folder / sorted(copy.files["bounding_box_test"])[-1]
        (folder / ("0999" + old.name[4:])).write_bytes(old.read_bytes())
        fails(copy, fresh_home, f"0999{old.name[4:]}", str(copy.mat), "no test identity 0999 (1 images have none)")
        # Without names in the file nobody can tell which of the five is too much.
        copy.write_mat(image_index=False)
        fails(copy, fresh_home, str(copy.mat), "labels 4 identities", "shows 5")


def test_people_are_in_one_half_only(pedestrian_copy, fresh_home):
    copy = pedestrian_copy("market1501")
    name = copy.files["bounding_box_train"][0]
    (copy.folder("bounding_box_test") / name).write_bytes((copy.folder("bounding_box_train") / name).read_bytes())
    fails(copy, fresh_home, name, "no test identity 0002")


def test_a_misnamed_picture(pedestrian_copy, fresh_home):
    for set_name, image in [
        ("market1501", "holiday.jpg"),
        ("market1501", "2_c1s1_000123_01.jpg"),
        ("market1501", "0001_c7s1_000123_01.jpg"),
        ("market1501", "0001_c0s1_000123_01.jpg"),
        ("market1501", "0001_c1_f0046985.jpg"),
        ("market1501", "-2_c1s1_000123_01.jpg"),
        ("market1501", "0001_c1s1_000123_01 (copy).jpg"),
        ("duke", "0002_c9_f0046985.jpg"),
        ("duke", "0002_c1s1_000123_01.jpg"),
        ("duke", "-1_c1_f0046985.jpg"),
        ("duke", "0002_c1_f46985.jpg"),
    ]:
        copy = pedestrian_copy(set_name)
        folder = copy.folder("bounding_box_test")
        before = load(copy, "test", skip_bad=True).keys
        (folder / image).write_bytes((folder / before[0]).read_bytes())
        with pytest.raises(InputError, match="expected a name such as 0") as caught:
            load(copy, "test")
        assert str(folder / image) in str(caught.value)
        data = load(copy, "test", skip_bad=True)
        assert data.keys == before
        assert data.facts["skipped"] == [image]


def test_a_damaged_picture(pedestrian_copy, fresh_home, check_split):
    for damage in ["cut short", "text", "empty"]:
        for name in SETS:
            copy = pedestrian_copy(name)
            images = sorted(image for image in copy.files["bounding_box_test"] if int(image.split("_")[0]) > 0)
            path = copy.folder("bounding_box_test") / images[1]
            whole = path.read_bytes()
            path.write_bytes({"cut short": whole[: len(whole) // 2], "text": b"not a picture", "empty": b""}[damage])
            fails(copy, fresh_home, str(path))
            data = load(copy, "test", skip_bad=True)
            assert data.facts["skipped"] == [images[1]]
            assert list(data.keys) == images[:1] + images[2:]
            check_split(data, copy)


def test_no_picture_is_whole(pedestrian_copy):
    for name in SETS:
        copy = pedestrian_copy(name)
        for image in copy.files["bounding_box_test"]:
            (copy.folder("bounding_box_test") / image).write_bytes(b"")
        with pytest.raises(InputError, match=r"\.jpg: this and all other images of the test split"):
            load(copy, "test", skip_bad=True)


def test_folders(pedestrian_copy, fresh_home, tmp_path):
    for name in SETS:
        copy = pedestrian_copy(name)
        (tmp_path / "empty").mkdir(exist_ok=True)
        fails(copy, fresh_home, "root is missing", OBTAIN[name], root=None)
        fails(copy, fresh_home, "root folder missing", OBTAIN[name], root="no/such/folder")
        fails(copy, fresh_home, "bounding_box_train: folder missing", OBTAIN[name], root=tmp_path / "empty")
        test = copy.folder("bounding_box_test")
        test.rename(tmp_path / f"moved {name}")
        fails(copy, fresh_home, str(test), "image folder missing", OBTAIN[name])
        assert len(load(copy, "train")) > 0


def test_an_empty_image_folder(pedestrian_copy, fresh_home):
    for name in SETS:
        copy = pedestrian_copy(name)
        for path in copy.folder("bounding_box_test").iterdir():
            path.unlink()
        fails(copy, fresh_home, str(copy.folder("bounding_box_test")), "expected images with names such as", "the folder has none")


def test_only_junk_and_distractors(pedestrian_copy, fresh_home):
    copy = pedestrian_copy("market1501")
    for image in copy.files["bounding_box_test"]:
        if int(image.split("_")[0]) > 0:
            (copy.folder("bounding_box_test") / image).unlink()
    fails(copy, fresh_home, str(copy.folder("bounding_box_test")), "the test split has no image")


def test_the_file_of_the_other_set(pedestrian_copy, fresh_home):
    market = pedestrian_copy("market1501")
    stored = loadmat(market.mat)["market_attribute"]
    savemat(market.mat, {"duke_attribute": stored})
    fails(market, fresh_home, str(market.mat), "expected the struct 'market_attribute'")


def test_unusable_options(pedestrian_copy, fresh_home):
    for name in SETS:
        for options, expected in [({"split": "valid"}, "split 'valid'"), ({"limit": 0}, "limit"), ({"image_size": 4}, "8..1024")]:
            fails(pedestrian_copy(name), fresh_home, expected, **options)
