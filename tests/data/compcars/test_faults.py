"""Each way in which a copy can be damaged gives one line that names the file, and nothing is cached."""

import shutil

import pytest
import scipy.io
from mtattr.data import load_dataset
from mtattr.data.held_out import is_validation
from mtattr.errors import InputError

HTML = b"<!DOCTYPE html>\n<html><body>Sign in to continue</body></html>\n"


def fails(copy, fresh_home, *parts, **options):
    options = {"root": copy.root, "image_size": 16, "tasks": ("model", "make", "type")} | options
    before = set(fresh_home.rglob("*.uint8"))
    with pytest.raises(InputError) as caught:
        load_dataset("compcars", options.pop("split", "train"), **options)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message
    assert set(fresh_home.rglob("*.uint8")) == before


def test_damaged_file(cars_copy, fresh_home):
    for content, expected in [(None, "file missing; CompCars"), (HTML, "web page"), (b"\xff\xd8\xff\xe0", "UTF-8")]:
        for file in ["train_test_split/classification/train.txt", "train_test_split/classification/test.txt", "misc/attributes.txt"]:
            copy = cars_copy()
            path = copy.data / file
            path.unlink()
            if content is not None:
                path.write_bytes(content)
            fails(copy, fresh_home, path, expected)


def test_no_list_and_no_root(cars_copy, fresh_home):
    copy = cars_copy()
    shutil.rmtree(copy.data / "train_test_split")
    fails(copy, fresh_home, copy.data, "train_test_split/classification/train.txt", "Multimedia Laboratory")
    fails(copy, fresh_home, "root is missing", "Multimedia Laboratory", root=None)
    fails(copy, fresh_home, "root folder missing", root=copy.root / "no")
    fails(copy, fresh_home, "train_test_split/classification_train.txt", which="arxiv2015")


LINES = {
    "3/21/2012": "make/model/year",
    "a/21/2012/x.jpg": "the make's number as a whole number, got 'a'",
    "3/x/2012/x.jpg": "the model's number as a whole number, got 'x'",
    "0/21/2012/x.jpg": "from 1 on",
    "3/21/../x.jpg": "make/model/year",
    "3/21/2012/": "make/model/year",
}


def test_a_line_that_is_no_picture(cars_copy, fresh_home):
    for line in LINES:
        copy = cars_copy()
        lines = copy.lists["train"]
        cars_copy.lines(copy.list_path("train"), [*lines[:3], line, *lines[3:]])
        fails(copy, fresh_home, copy.list_path("train"), "line 4", LINES[line])


def test_a_picture_given_twice(cars_copy, fresh_home):
    copy = cars_copy()
    cars_copy.lines(copy.list_path("train"), [*copy.lists["train"], copy.lists["train"][2]])
    fails(copy, fresh_home, copy.list_path("train"), f"line {len(copy.lists['train']) + 1}", "first in line 3")


def test_a_picture_in_both_lists(cars_copy, fresh_home):
    copy = cars_copy()
    cars_copy.lines(copy.list_path("test"), [*copy.lists["test"], copy.lists["train"][2]])
    fails(copy, fresh_home, copy.list_path("test"), f"line {len(copy.lists['test']) + 1}", "line 3 of", split="val")


def test_a_test_class_outside_training(cars_copy, fresh_home):
    for split in ["train", "test"]:
        for line, expected in [("3/307/2012/x.jpg", "the model 307"), ("4/21/2012/x.jpg", "the make 4")]:
            copy = cars_copy()
            cars_copy.lines(copy.list_path("test"), [line, *copy.lists["test"]])
            fails(copy, fresh_home, copy.list_path("test"), "line 1", expected, split=split)


def test_an_empty_list(cars_copy, fresh_home):
    copy = cars_copy()
    copy.list_path("test").write_text("\n\n")
    fails(copy, fresh_home, copy.list_path("test"), "lists none")


def test_one_make_only(cars_copy, fresh_home):
    copy = cars_copy()
    for part in ("train", "test"):
        cars_copy.lines(copy.list_path(part), [key for key in copy.lists[part] if key.startswith("3/")])
    fails(copy, fresh_home, copy.list_path("train"), "at least two makes")


def test_no_picture_left_to_train_on(cars_copy, fresh_home):
    copy = cars_copy()
    held_out = [key for key in copy.lists["train"] if is_validation(key)]
    cars_copy.lines(copy.list_path("train"), held_out)
    cars_copy.lines(copy.list_path("test"), [held_out[0].rsplit("/", 1)[0] + "/ffffffffffffff.jpg"])
    fails(copy, fresh_home, copy.list_path("train"), "the train split has no picture")


ATTRIBUTES = {
    "no header": (["21 1 1 1 1 1"], "line 1", "column names"),
    "too few values": (["HEADER", "21 180 1.6 4 3"], "line 2", "expected 6 values, got 5"),
    "type out of range": (["HEADER", "21 180 1.6 4 5 13"], "line 2", "outside 0..12"),
    "no number": (["HEADER", "21 180 1.6 4 5 SUV"], "line 2", "a type of body as a whole number"),
    "given twice": (["HEADER", "21 180 1.6 4 5 1", "21 180 1.6 4 5 2"], "line 3", "given again"),
}


def test_bad_attributes(cars_copy, fresh_home):
    for case in ATTRIBUTES:
        copy = cars_copy()
        lines, *expected = ATTRIBUTES[case]
        path = copy.data / "misc" / "attributes.txt"
        cars_copy.lines(path, [line.replace("HEADER", path.read_text().split("\n")[0]) for line in lines])
        fails(copy, fresh_home, path, *expected)


def test_bad_names(cars_copy, fresh_home):
    copy = cars_copy()
    path = copy.data / "misc" / "make_model_name.mat"
    whole = path.read_bytes()
    for content in (b"", HTML * 9, whole[:300], whole[:-40]):
        path.write_bytes(content)
        fails(copy, fresh_home, path, "MATLAB")
    scipy.io.savemat(path, {"make_names": [1]})
    fails(copy, fresh_home, path, "model_names is missing")


LABELS = {
    "two lines": (["1", "1"], "got 2 lines"),
    "viewpoint": (["6", "1", "1 1 9 9"], "line 1", "viewpoint 6"),
    "viewpoint 0": (["0", "1", "1 1 9 9"], "line 1", "viewpoint 0"),
    "no number": (["front", "1", "1 1 9 9"], "line 1", "whole number"),
    "too many boxes": (["1", "2", "1 1 9 9"], "line 2", "announces 2 boxes"),
    "three corners": (["1", "1", "1 1 9"], "line 3", "got 3 values"),
    "fraction": (["1", "1", "1 1 9 9.5"], "line 3", "9.5"),
    "counted from 0": (["1", "1", "0 1 9 9"], "line 3", "boxes count from 1"),
    "sides first": (["1", "1", "1 9 20 9"], "line 3", "y_1 < y_2"),
    "outside": (["1", "1", "900 900 950 950"], "outside the image"),
}


def test_a_bad_label(cars_copy, fresh_home):
    for case in LABELS:
        copy = cars_copy()
        key = copy.lists["test"][3]
        lines, *expected = LABELS[case]
        cars_copy.lines(copy.label(key), lines)
        fails(copy, fresh_home, copy.image(key) if case == "outside" else copy.label(key), *expected, split="test")


def test_a_missing_label(cars_copy, fresh_home):
    copy = cars_copy()
    copy.label(copy.lists["test"][3]).unlink()
    fails(copy, fresh_home, copy.label(copy.lists["test"][3]), "file missing", split="test")


def test_a_bad_picture(cars_copy, fresh_home):
    for damage in ["missing", "cut", "empty", "web page"]:
        copy = cars_copy()
        path = copy.image(copy.lists["test"][3])
        whole = path.read_bytes()
        path.unlink()
        if damage != "missing":
            path.write_bytes({"cut": whole[:-300], "empty": b"", "web page": HTML}[damage])
        expected = ["1 of 9", "skip_bad=True"] if damage == "missing" else ["damaged"]
        fails(copy, fresh_home, path, *expected, split="test")


def test_no_usable_picture(cars_copy, fresh_home):
    copy = cars_copy()
    for key in copy.lists["test"]:
        copy.image(key).write_bytes(b"")
    with pytest.raises(InputError, match="all other images of the test split"):
        load_dataset("compcars", "test", root=copy.root, image_size=16, skip_bad=True)
    assert not list(fresh_home.rglob("*.uint8"))
    shutil.rmtree(fresh_home)
    shutil.rmtree(copy.data / "image")
    fails(copy, fresh_home, copy.data / "image", "folder with the pictures missing", split="test")
    shutil.rmtree(copy.data / "label")
    fails(copy, fresh_home, copy.data / "label", "all other label files", split="test", skip_bad=True)


def test_unusable_options(cars_copy, fresh_home):
    for option, value in [
        ("crop", "center"),
        ("which", "2015"),
        ("tasks", ("model", "colour")),
        ("tasks", ()),
        ("tasks", ("make", "make")),
        ("tasks", 2),
    ]:
        fails(cars_copy(), fresh_home, option, **{option: value})
