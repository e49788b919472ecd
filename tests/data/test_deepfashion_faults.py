"""Each way in which a copy can be damaged gives one line that names the file, and nothing is cached."""

import re
import shutil

import pytest
from mtattr.data import load_dataset
from mtattr.errors import InputError

HTML = "<!DOCTYPE html>\n<html><body>Sign in to continue</body></html>\n"
COARSE = (
    "Anno_coarse/list_category_cloth.txt",
    "Anno_coarse/list_attr_cloth.txt",
    "Anno_coarse/list_category_img.txt",
    "Anno_coarse/list_attr_img.txt",
    "Anno_coarse/list_bbox.txt",
    "Eval/list_eval_partition.txt",
)
FINE = tuple(f"Anno_fine/{split}{part}.txt" for split in ("train", "val", "test") for part in ("", "_attr", "_cate", "_bbox"))


def fails(copy, fresh_home, *parts, **options):
    options = {"root": copy.root, "image_size": 16, "crop": "box"} | options
    before = set(fresh_home.rglob("*.uint8"))
    with pytest.raises(InputError) as caught:
        load_dataset("deepfashion", options.pop("split", "train"), **options)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
    assert set(fresh_home.rglob("*.uint8")) == before


def copy_with(deepfashion_copy, file):
    return deepfashion_copy(kind="fine", folder="Anno_fine") if file in FINE else deepfashion_copy()


def test_damaged_file(deepfashion_copy, fresh_home):
    for content, expected in [
        (None, ["file missing", "Multimedia Laboratory"]),
        (HTML.encode(), ["web page"]),
        (b"\xff\xd8\xff\xe0 a jpeg", ["UTF-8"]),
    ]:
        for file in COARSE + FINE:
            copy = copy_with(deepfashion_copy, file)
            path = copy.root / file
            path.unlink()
            if content is not None:
                path.write_bytes(content)
            fails(copy, fresh_home, str(path), *expected)


def test_header_count_disagrees(deepfashion_copy, fresh_home):
    for shift in [-1, 1]:
        for file in COARSE:
            copy = deepfashion_copy()
            path = copy.root / file
            first, rest = path.read_text().split("\n", 1)
            path.write_text(f"{int(first) + shift}\n{rest}")
            fails(copy, fresh_home, str(path), f"announces {int(first) + shift} rows", f"has {first}")


def test_a_file_cut_short(deepfashion_copy, fresh_home):
    for file in COARSE:
        copy = deepfashion_copy()
        path = copy.root / file
        lines = path.read_text().splitlines()
        path.write_text("\n".join(lines[:-2]))
        fails(copy, fresh_home, str(path), f"announces {lines[0]} rows", f"has {int(lines[0]) - 2}")
        path.write_text(lines[0])
        fails(copy, fresh_home, str(path), "two header lines")
        path.write_text("")
        fails(copy, fresh_home, str(path), "two header lines")


def test_damaged_row(deepfashion_copy, fresh_home):
    for file, pattern, replacement, expected in [
        ("Anno_coarse/list_attr_img.txt", r" 0\b", " 2", ["line ", "attribute value '2' is not one of -1, 0, 1"]),
        ("Anno_coarse/list_attr_img.txt", r" (-?\d)$", "", ["line 3", "expected an image name and 6 values, got 5"]),
        ("Anno_coarse/list_attr_img.txt", r" (-?\d)$", r" \1 1", ["line 3", "expected an image name and 6 values, got 7"]),
        ("Anno_coarse/list_attr_img.txt", "Toy_Dress", "Foreign_Dress", ["line ", "img/Foreign_Dress/img_0000000", "in no split"]),
        ("Anno_coarse/list_attr_img.txt", r"(?<=Blouse/img_0000000)1", "2", ["line ", "img_00000002.jpg' is given again"]),
        ("Eval/list_eval_partition.txt", r"\bval\b", "valid", ["line 4", "split 'valid' is not one of train, val, test"]),
        ("Eval/list_eval_partition.txt", r"(?<=Blouse/img_0000000)2", "1", ["line 4", "img_00000001.jpg' is given again, first in line 3"]),
        ("Eval/list_eval_partition.txt", r" train$", "", ["line 3", "expected an image name and 1 value, got 0"]),
        ("Anno_coarse/list_category_img.txt", r"41$", "51", ["line ", "category id 51 is outside 1..50"]),
        ("Anno_coarse/list_category_img.txt", r"41$", "0", ["line ", "category id 0 is outside 1..50"]),
        ("Anno_coarse/list_category_img.txt", r"41$", "Dress", ["line ", "expected category id as a whole number, got 'Dress'"]),
        ("Anno_coarse/list_category_img.txt", "Toy_Dress", "Foreign_Dress", ["line ", "img/Foreign_Dress/img_0000000", "in no split"]),
        ("Anno_coarse/list_bbox.txt", "Toy_Dress", "Foreign_Dress", ["line ", "img/Foreign_Dress/img_0000000", "in no split"]),
        ("Anno_coarse/list_bbox.txt", r" \d+$", "", ["line 3", "expected an image name and 4 values, got 3"]),
        ("Anno_coarse/list_bbox.txt", r"\d+ (\d+) \d+ (\d+)$", r"9 \1 9 \2", ["line 3", "x_1 < x_2"]),
        ("Anno_coarse/list_attr_cloth.txt", "5$", "6", ["attribute 'chic' has the type 6, outside 1..5"]),
        ("Anno_coarse/list_attr_cloth.txt", "5$", "", ["line 7", "got 'chic'"]),
        ("Anno_coarse/list_attr_cloth.txt", "5$", "x", ["line 7", "a type after the name as a whole number, got 'x'"]),
        ("Anno_coarse/list_attr_cloth.txt", r"v-neck +4", "a-line 3", ["line 6", "'a-line' is given again, first in line 3"]),
        ("Anno_coarse/list_category_cloth.txt", "^50", "fifty", ["line 1", "the number of rows as a whole number, got 'fifty'"]),
        ("Anno_fine/train_attr.txt", r"\b0\b", "-1", ["line ", "attribute value '-1' is not one of 0, 1"]),
        ("Anno_fine/train_attr.txt", r"^.*\n", "", ["expected 6 rows, one per image, got 5"]),
        ("Anno_fine/val_attr.txt", r"^(.*)\n", r"\1\n\1\n", ["expected 3 rows, one per image, got 4"]),
        ("Anno_fine/test_cate.txt", r"\d+", "0", ["line 1", "category id 0 is outside 1..50"]),
        ("Anno_fine/test_cate.txt", r"^(.*)\n", r"\1\n\1\n", ["expected 3 rows, one per image, got 4"]),
        ("Anno_fine/train_bbox.txt", r" \d+$", "", ["line 1", "expected 4 values, got 3"]),
    ]:
        copy = copy_with(deepfashion_copy, file)
        path = copy.root / file
        once = 0 if "Foreign" in replacement else 1
        text, n = re.subn(pattern, replacement, path.read_text(), count=once, flags=re.MULTILINE)
        assert n
        path.write_text(text)
        fails(copy, fresh_home, str(path), *expected)


def test_an_image_in_two_fine_splits(deepfashion_copy, fresh_home):
    copy = deepfashion_copy(kind="fine", folder="Anno_fine")
    path = copy.root / "Anno_fine/test.txt"
    path.write_text((copy.root / "Anno_fine/train.txt").read_text())
    fails(copy, fresh_home, str(path), "is given again, first in train.txt")


def test_missing_root(deepfashion_copy, fresh_home):
    for options in [{"root": None}, {"root": "no/such/folder"}]:
        fails(deepfashion_copy(), fresh_home, "root", "DeepFashion project page", **options)


def test_folder_without_annotations(deepfashion_copy, fresh_home):
    copy = deepfashion_copy()
    fails(copy, fresh_home, str(copy.root), "expected one of Anno_fine", annotation="fine")
    shutil.rmtree(copy.annotations)
    fails(copy, fresh_home, str(copy.root), "expected one of Anno_coarse, Anno, Anno_fine", "DeepFashion project page")


def test_missing_pictures(deepfashion_copy, fresh_home):
    copy = deepfashion_copy()
    shutil.rmtree(copy.pictures)
    fails(copy, fresh_home, str(copy.root / "img"), "image folder missing", "DeepFashion project page")
    (copy.root / "Img").mkdir()
    (copy.root / "Img" / "img.zip").write_bytes(b"PK")
    fails(copy, fresh_home, str(copy.root / "Img" / "img.zip"), "unpack")


def test_box_outside_the_picture(deepfashion_copy, fresh_home):
    copy = deepfashion_copy()
    path = copy.annotations / "list_bbox.txt"
    path.write_text(re.sub(r"\d+ \d+ \d+ \d+$", "900 900 950 950", path.read_text(), flags=re.MULTILINE))
    fails(copy, fresh_home, ".jpg", "outside the image")


def test_bad_option(deepfashion_copy, fresh_home):
    for options, expected in [
        ({"classes": ()}, "at least two"),
        ({"classes": ("Blouse",)}, "at least two"),
        ({"classes": ("Blouse", "Blouse")}, "classes must be different names out of Anorak, Blazer"),
        ({"classes": ("Skirt", "Skirts")}, "at least two"),
        ({"classes": ("Blouse", "Sock")}, "classes must be different names out of Anorak, Blazer"),
        ({"classes": ("Blouse", "Cape")}, "'Cape' has no image"),
        ({"classes": ("Shorts", "Dress"), "split": "test"}, "no image of the categories Shorts, Dress"),
        ({"attributes": ("chic", "sock")}, "attributes must be different names out of a-line"),
        ({"attributes": ("chic", "chic")}, "attributes must be different"),
        ({"annotation": "medium"}, "coarse, fine"),
        ({"crop": "tight"}, "none, box"),
        ({"unknown": "guess"}, "mask, negative"),
        ({"colour": "red"}, "'colour' is unknown; there are root, image_size, limit, seed, classes"),
    ]:
        fails(deepfashion_copy(), fresh_home, expected, **options)


def test_a_count_of_thousands_of_digits(deepfashion_copy, fresh_home):
    copy = deepfashion_copy()
    path = copy.root / COARSE[0]
    path.write_text("9" * 5000 + path.read_text())
    fails(copy, fresh_home, str(path), "whole number")


def test_a_category_that_is_given_twice(deepfashion_copy, fresh_home):
    copy = deepfashion_copy()
    path = copy.annotations / "list_category_cloth.txt"
    path.write_text(path.read_text().replace("Capris", "Blouse"))
    fails(copy, fresh_home, str(path), "'Blouse' is given twice")


def test_classes_that_are_no_names(deepfashion_copy, fresh_home):
    fails(deepfashion_copy(), fresh_home, "classes must be different names", classes=5)
    fails(deepfashion_copy(), fresh_home, "classes must be different names", classes=(1, 2))


def test_an_odd_image_says_one_thing_only(deepfashion_copy, fresh_home, recwarn):
    copy = deepfashion_copy()
    path = copy.pictures / next(name for name, split in copy.split.items() if split == "train")
    path.write_bytes(b"II*\0\x08\0\0\0" + b"\xff" * 32)  # a TIFF whose table is cut short: Pillow warns before it fails
    fails(copy, fresh_home, str(path), "damaged or cut short")
    assert not list(recwarn)
