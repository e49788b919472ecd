"""CompCars from small copies: sparse ids, boxes counted from one, two ways to split, unknown types and unnamed models."""

import random
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
import torch
from mtattr.data import load_dataset
from mtattr.errors import InputError
from scipy.io import savemat

# An invented copy has not the published digests.
pytestmark = pytest.mark.filterwarnings("ignore:.*MD5")

TYPES = (
    "MPV",
    "SUV",
    "sedan",
    "hatchback",
    "minibus",
    "fastback",
    "estate",
    "pickup",
    "hardtop convertible",
    "sports",
    "crossover",
    "convertible",
)
# Sorted as text, 21 would come after 1000, and make 17 before make 3.
MODELS = {21: 3, 22: 3, 305: 17, 306: 17, 1000: 160}
TYPE_OF = {21: 3, 22: 4, 305: 12, 306: 0, 1000: 1}
OUTSIDE = 124


@pytest.fixture
def compcars_copy(tmp_path, official):
    def write(*, newline="\r\n", end="", data_folder="data", which=("cvpr2015", "arxiv2015"), names=True, seed=0):
        chance = random.Random(seed)
        root = Path(mkdtemp(dir=tmp_path)) / "copy"
        data = root / data_folder if data_folder else root
        truth, lists, code = {}, {}, 0
        for half, shots in (("train", 8), ("test", 2)):
            paths = []
            for model, make in MODELS.items():
                for shot in range(shots):
                    year = ("unknown", "2012", "2013")[shot % 3]
                    path = f"{make}/{model}/{year}/{chance.getrandbits(56):014x}.jpg"
                    # In pixels counted from one, both ends inside: columns 9 to 40, rows 17 to 48. Every other box ends at the border.
                    size = (40, 48) if shot % 2 else (56, 64)
                    official.save_picture(data / "image" / path, OUTSIDE, size, (8, 16, 40, 48), code)
                    label = [str((-1, 1, 2, 3, 4, 5)[shot % 6]), "1", "9 17 40 48"]
                    official.write_text((data / "label" / path).with_suffix(".txt"), label, newline, end)
                    truth[path] = (half, code, make, model)
                    paths.append(path)
                    code += 1
            lists[half] = chance.sample(paths, len(paths))
        split = data / "train_test_split"
        for half, paths in lists.items():
            if "cvpr2015" in which:
                official.write_text(split / f"classification/{half}.txt", paths, newline, end)
            if "arxiv2015" in which:
                # The later split takes the other half of the pictures to train.
                rest = [p for p in truth if p not in paths]
                official.write_text(split / f"classification_{half}.txt", rest, newline, end)
        rows = [f"{m} {180 + m % 7} {m % 3}.6 {m % 5} 5 {TYPE_OF[m]}" for m in MODELS]
        head = "model_id maximum_speed displacement door_number seat_number type"
        official.write_text(data / "misc/attributes.txt", [head, *rows], newline, end)
        if names:
            makes, models = np.empty((163, 1), object), np.empty((2004, 1), object)
            for cells, known in (
                (makes, {3: "BWM", 17: "Made Up ", 160: "ABT"}),
                (models, {m: f"Model {m} sp" for m in MODELS if m != 306}),
            ):
                for i in range(len(cells)):
                    cells[i, 0] = known.get(i + 1, np.zeros((0, 0)))
            savemat(data / "misc/make_model_name.mat", {"make_names": makes, "model_names": models})
        return root, truth

    return write


def load(root, split, **options):
    return load_dataset("compcars", split, root=root, **{"image_size": 32, "which": "cvpr2015", "crop": "box", **options})


def both(official, root, **options):
    return official.load_both("compcars", root, **{"image_size": 32, "which": "cvpr2015", "crop": "box", **options})


def path_of(key):
    return "/".join(key.split("/")[-4:])


def assert_read(official, data, truth, tasks=("model", "make", "type")):
    for key, image, labels in zip(data.keys, data.images, data.labels.tolist(), strict=True):
        _, code, make, model = truth[path_of(key)]
        assert official.code_of(image) == code, key
        kind = TYPE_OF[model]
        expected = {"model": sorted(MODELS).index(model), "make": sorted(set(MODELS.values())).index(make)}
        for task, label in zip(tasks, labels, strict=True):
            if task == "type":
                if kind == 0:
                    assert np.isnan(label), key
                else:
                    values = data.tasks[tasks.index("type")].values
                    assert values[int(label)].casefold() == TYPES[kind - 1].casefold(), key
            else:
                assert label == expected[task], (key, task)


def test_splits_and_labels(compcars_copy, official):
    for newline, end in [("\r\n", ""), ("\n", ""), ("\n", "\n")]:
        for data_folder in ["data", ""]:
            root, truth = compcars_copy(newline=newline, end=end, data_folder=data_folder)
            options = {"tasks": ("model", "make", "type")}
            test = load(root, "test", **options)
            train, val = both(official, root, **options)
            assert test.tasks.names == train.tasks.names == ("model", "make", "type")
            assert all(task.kind == "categorical" for task in test.tasks)
            assert test.tasks == train.tasks
            assert {path_of(k) for k in test.keys} == {p for p, row in truth.items() if row[0] == "test"}
            assert {path_of(k) for k in train.keys + val.keys} == {p for p, row in truth.items() if row[0] == "train"}
            for data in (test, train, val):
                assert_read(official, data, truth)


def test_the_number_of_classes_follows_from_the_lists(compcars_copy):
    data = load(compcars_copy()[0], "test", tasks=("model", "make"))
    assert [task.num_units for task in data.tasks] == [5, 3]


def test_tasks_are_chosen(compcars_copy, official):
    for tasks in [("model",), ("make",), ("type", "model")]:
        root, truth = compcars_copy()
        data = load(root, "test", tasks=tasks)
        assert data.tasks.names == tasks
        assert_read(official, data, truth, tasks)


def test_two_classification_splits_exist(compcars_copy, official):
    for which in ["cvpr2015", "arxiv2015"]:
        root, truth = compcars_copy()
        other = {"train": "test", "test": "train"}
        expected = {p for p, row in truth.items() if (row[0] if which == "cvpr2015" else other[row[0]]) == "test"}
        data = load(root, "test", which=which)
        assert {path_of(k) for k in data.keys} == expected
        assert_read(official, data, truth, data.tasks.names)


def test_a_split_that_is_not_there_is_named(compcars_copy):
    for which in ["cvpr2015", "arxiv2015"]:
        root, _ = compcars_copy(which=("arxiv2015" if which == "cvpr2015" else "cvpr2015",))
        with pytest.raises(InputError, match=r"train_test_split|classification"):
            load(root, "test", which=which)


def test_boxes_count_from_one_and_hold_both_ends(compcars_copy, official):
    root, truth = compcars_copy()
    data = load(root, "test")
    for key, image in zip(data.keys, data.images, strict=True):
        inside = torch.tensor(official.colour(truth[path_of(key)][1]), dtype=torch.float32)
        assert (image.float() - inside[:, None, None]).abs().max() < 8, key


def test_without_a_crop_the_whole_picture_is_kept(compcars_copy, official):
    root, _ = compcars_copy()
    data = load(root, "test", crop="none")
    corner = data.images[:, :, :3, :3].float().mean((2, 3))
    assert (corner - torch.tensor(official.colour(OUTSIDE), dtype=torch.float32)).abs().max() < 12


def test_names_are_for_display_only(compcars_copy):
    root, _ = compcars_copy()
    values = load(root, "test", tasks=("model", "make")).tasks
    assert len(set(values[0].values)) == 5
    assert len(set(values[1].values)) == 3
    assert any("BWM" in name for name in values[1].values)


def test_an_unnamed_model_is_still_a_class(compcars_copy):
    root, _ = compcars_copy()
    data = load(root, "test")
    rows = [i for i, key in enumerate(data.keys) if "/306/" in f"/{key}"]
    assert len(rows) == 2
    assert data.labels[rows, data.tasks.index("model")].tolist() == [3.0, 3.0]


def test_a_test_model_that_was_never_trained_is_named(compcars_copy, official):
    root, _ = compcars_copy()
    path = root / "data/train_test_split/classification/test.txt"
    extra = "160/1999/2010/00000000000000.jpg"
    official.save_picture(root / "data/image" / extra, 3, (56, 64))
    official.write_text(root / f"data/label/{extra[:-4]}.txt", ["1", "1", "1 1 56 64"])
    path.write_bytes(path.read_bytes() + f"{extra}\r\n".encode())
    with pytest.raises(InputError, match="1999"):
        load(root, "test")


def test_a_listed_picture_that_is_not_there(compcars_copy):
    for damage in ["missing", "cut"]:
        root, truth = compcars_copy()
        gone = next(p for p, row in truth.items() if row[0] == "test")
        path = root / "data/image" / gone
        raw = path.read_bytes()
        path.unlink()
        if damage == "cut":
            path.write_bytes(raw[: len(raw) // 2])
        with pytest.raises(InputError, match=gone):
            load(root, "test")
        data = load(root, "test", skip_bad=True)
        assert len(data) == 9
        assert [path_of(str(key)) for key in data.facts["skipped"]] == [gone]


def test_a_wrong_box_is_named(compcars_copy, official):
    for lines, expected in [
        (["4", "1", "0 17 40 48"], 3),
        (["4", "1", "40 17 9 48"], 3),
        (["4", "1", "9 17 40"], 3),
        (["4", "1", "9 17 forty 48"], 3),
        (["4"], None),
        ([], None),
    ]:
        root, truth = compcars_copy()
        path = next(p for p, row in truth.items() if row[0] == "test")
        official.write_text(root / f"data/label/{path[:-4]}.txt", lines)
        name = path.rsplit("/", 1)[1][:-4]
        with pytest.raises(InputError, match=rf"{name}.*{expected or ''}"):
            load(root, "test")


def test_a_box_that_overruns_the_picture_ends_at_its_edge(compcars_copy, official):
    """Copies have such boxes; what lies in the picture is used."""
    root, truth = compcars_copy()
    path = next(p for p, row in truth.items() if row[0] == "test")
    label = root / f"data/label/{path[:-4]}.txt"
    official.write_text(label, ["4", "1", "9 17 56 48"])
    inside = load(root, "test")
    official.write_text(label, ["4", "1", "9 17 99 48"])
    overrun = load(root, "test")
    assert torch.equal(inside.images[inside.keys.index(path)], overrun.images[overrun.keys.index(path)])


def test_a_wrong_line_of_a_list_is_named(compcars_copy):
    for line in ["3/21/2012", "no path at all", "3/x/2012/00aa.jpg", "0/21/2012/00aa.jpg", "../../../secret.jpg"]:
        root, _ = compcars_copy()
        path = root / "data/train_test_split/classification/test.txt"
        path.write_bytes(f"{line}\r\n".encode() + path.read_bytes())
        with pytest.raises(InputError, match=r"test\.txt.*1"):
            load(root, "test")


def test_a_wrong_type_is_named(compcars_copy):
    for old, new in [(b" 3\r\n", b" 13\r\n"), (b" 3\r\n", b"\r\n"), (b" 3\r\n", b" x\r\n")]:
        root, _ = compcars_copy()
        path = root / "data/misc/attributes.txt"
        raw = path.read_bytes()
        assert raw.count(old) == 1
        path.write_bytes(raw.replace(old, new))
        with pytest.raises(InputError, match=r"attributes\.txt.*2"):
            load(root, "test", tasks=("type",))


def test_names_are_not_needed(compcars_copy, official):
    root, truth = compcars_copy(names=False)
    data = load(root, "test")
    assert_read(official, data, truth, data.tasks.names)
