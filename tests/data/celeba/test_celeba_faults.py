"""Each way in which a copy of CelebA can be damaged gives one line that names the file, and nothing is cached."""

import re
import shutil

import pytest
from mtattr.data import load_dataset
from mtattr.data.celeba import read_landmarks
from mtattr.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:.*its MD5 is not the published")

ATTRIBUTES, PARTITION, IDENTITIES, BOXES = (
    "list_attr_celeba.txt",
    "list_eval_partition.txt",
    "identity_CelebA.txt",
    "list_bbox_celeba.txt",
)
WITH_HEADER = (ATTRIBUTES, BOXES)


def fails(copy, fresh_home, *parts, **options):
    options = {"root": copy.root, "image_size": 16, "images": "wild", "crop": "box"} | options
    before = set(fresh_home.rglob("*.uint8"))
    with pytest.raises(InputError) as caught:
        load_dataset("celeba", options.pop("split", "train"), **options)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
    assert set(fresh_home.rglob("*.uint8")) == before


def test_another_file_under_the_name(celeba_copy, fresh_home):
    for content, expected in [
        (b"<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title></html>\n" * 40, "line 1: this is a web page"),
        (b"\xff\xd8\xff\xe0 a jpeg", "UTF-8"),
        (b"", "file"),
    ]:
        for table in [ATTRIBUTES, PARTITION, IDENTITIES, BOXES]:
            copy = celeba_copy()
            path = copy.table(table)
            path.write_bytes(content)
            fails(copy, fresh_home, str(path), expected)


def test_a_missing_table(celeba_copy, fresh_home):
    for table in [ATTRIBUTES, PARTITION, BOXES]:
        copy = celeba_copy()
        path = copy.table(table)
        path.unlink()
        fails(copy, fresh_home, str(path), "file missing", "Multimedia Laboratory")


def test_the_header_announces_another_number(celeba_copy, fresh_home):
    for shift in [-1, 1]:
        for table in WITH_HEADER:
            copy = celeba_copy()
            path = copy.table(table)
            path.write_text(path.read_text().replace("12", str(12 + shift), 1))
            fails(copy, fresh_home, str(path), f"announces {12 + shift} rows", "has 12")


def test_a_table_cut_short(celeba_copy, fresh_home):
    for table in WITH_HEADER:
        copy = celeba_copy()
        path = copy.table(table)
        lines = path.read_text().splitlines()
        path.write_text("\n".join(lines[:-2]))
        fails(copy, fresh_home, str(path), "announces 12 rows", "has 10")
        # The last line ends in the middle: too few values.
        path.write_text("\n".join(lines)[:-10])
        fails(copy, fresh_home, str(path), "line 14")


def test_a_damaged_row(celeba_copy, fresh_home):
    for table, pattern, replacement, expected in [
        (ATTRIBUTES, r"( -?1)$", " 0", ["line 3", "attribute value '0' is not one of -1, 1"]),
        (ATTRIBUTES, r"( -?1)$", " 2", ["line 3", "attribute value '2' is not one of -1, 1"]),
        (ATTRIBUTES, r"( -?1)$", " nan", ["line 3", "attribute value 'nan'"]),
        (ATTRIBUTES, r"( -?1)$", "", ["line 3", "expected an image name and 40 values, got 39"]),
        (ATTRIBUTES, r"( -?1)$", r"\1 1", ["line 3", "expected an image name and 40 values, got 41"]),
        (ATTRIBUTES, "000004.jpg", "000099.jpg", ["line ", "image '000099.jpg' is in no split"]),
        (ATTRIBUTES, "000004.jpg", "000005.jpg", ["line ", "'000005.jpg' is given again, first in line"]),
        (ATTRIBUTES, "000004.jpg", "4.jpg", ["line ", "image '4.jpg' is in no split"]),
        (ATTRIBUTES, "^12$", "twelve", ["line 1", "the number of rows as a whole number, got 'twelve'"]),
        (ATTRIBUTES, " Young ", " ", ["40 official attribute names", "got 39", "'Young'"]),
        (ATTRIBUTES, "Young ", "Old ", ["40 official attribute names", "'Old'"]),
        (ATTRIBUTES, "Wearing_Hat", "Bald", ["40 official attribute names", "'Wearing_Hat'"]),
        (ATTRIBUTES, "Young ", "Young Young ", ["40 official attribute names", "got 41"]),
        (ATTRIBUTES, "^5_o_Clock_Shadow.*\n", "", ["40 official attribute names"]),
        (PARTITION, "000004.jpg 0", "000004.jpg 3", ["line 4", "'3' is not one of 0, 1, 2"]),
        (PARTITION, "000004.jpg 0", "000004.jpg -1", ["line 4", "is not one of 0, 1, 2"]),
        (PARTITION, "000004.jpg 0", "000004.jpg train", ["line 4", "'train'"]),
        (PARTITION, "000004.jpg 0", "000004.jpg", ["line 4", "an image name and 1 value, got 0"]),
        (PARTITION, "000004.jpg 0", "000004.jpg 0 0", ["line 4", "an image name and 1 value, got 2"]),
        (PARTITION, "000004.jpg", "000003.jpg", ["line 4", "'000003.jpg' is given again, first in line 3"]),
        (PARTITION, "000004.jpg", "4.jpg", ["line 4", "six digits", "'4.jpg'"]),
        (PARTITION, "000004.jpg", "../004.jpg", ["line 4", "six digits"]),
        (PARTITION, "^000001", "12\n000001", ["line 1", "six digits", "'12'"]),
        (IDENTITIES, r"000004.jpg \d+", "000004.jpg 0", ["line ", "an identity number 0 is outside 1..2147483647"]),
        (IDENTITIES, r"000004.jpg \d+", "000004.jpg -3", ["line ", "an identity number -3 is outside 1.."]),
        (IDENTITIES, r"000004.jpg \d+", "000004.jpg Ann", ["line ", "an identity number as a whole number, got 'Ann'"]),
        (IDENTITIES, r"000004.jpg \d+", "000004.jpg", ["line ", "expected an image name and 1 value, got 0"]),
        (IDENTITIES, r"000004.jpg \d+", "000005.jpg 1", ["line ", "'000005.jpg' is given again"]),
        (BOXES, r"(000004.jpg +\d+ +\d+).*", r"\1 0 50", ["line ", "box of at least one pixel", "width 0"]),
        (BOXES, r"(000004.jpg +\d+ +\d+).*", r"\1 50 -5", ["line ", "box of at least one pixel", "height -5"]),
        (BOXES, r"(000004.jpg +\d+ +\d+).*", r"\1 50 5.5", ["line ", "a whole number, got '5.5'"]),
        (BOXES, r"(000004.jpg +\d+ +\d+).*", r"\1 50", ["line ", "expected an image name and 4 values, got 3"]),
        (
            BOXES,
            r"(000004.jpg +\d+ +\d+).*",
            r"\1 50 99999999999999999999",
            ["line ", "a position in pixels 99999999999999999999 is outside"],
        ),
        (BOXES, "000004.jpg", "000077.jpg", ["no row for image '000004.jpg'"]),
    ]:
        copy = celeba_copy()
        path = copy.table(table)
        with path.open(newline="") as file:
            text = file.read().replace("\r\n", "\n")
        text, n = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
        assert n == 1
        path.write_text(text)
        fails(copy, fresh_home, str(path), *expected)


def test_a_row_too_few(celeba_copy, fresh_home):
    for table in [ATTRIBUTES, IDENTITIES]:
        copy = celeba_copy()
        path = copy.table(table)
        lines = [line for line in path.read_text().replace("\n12\n", "").splitlines() if not line.startswith("000007.jpg")]
        lines[0] = "11" if table == ATTRIBUTES else lines[0]
        path.write_text("\n".join(lines))
        fails(copy, fresh_home, str(path), "no row for image '000007.jpg'")


def test_a_damaged_csv(celeba_copy, fresh_home):
    for table, pattern, replacement, expected in [
        ("list_attr_celeba.csv", "image_id", "name", ["line 1", "begins with image_id"]),
        ("list_attr_celeba.csv", ",Young", "", ["40 official attribute names", "got 39"]),
        ("list_attr_celeba.csv", r",-?1$", ",0", ["line 2", "attribute value '0'"]),
        ("list_attr_celeba.csv", r",-?1$", ",", ["line 2", "attribute value ''"]),
        ("list_eval_partition.csv", "000004.jpg,0", "000004.jpg,9", ["line 5", "is not one of 0, 1, 2"]),
        ("list_eval_partition.csv", "^image_id.*\n", "", ["line 1", "begins with image_id"]),
    ]:
        copy = celeba_copy(layout="kaggle", newline="\n")
        path = copy.table(table)
        text, n = re.subn(pattern, replacement, path.read_text(), count=1, flags=re.MULTILINE)
        assert n == 1
        path.write_text(text)
        fails(copy, fresh_home, str(path), *expected, images="aligned", crop="none")


def test_a_split_without_an_image(celeba_copy, fresh_home):
    copy = celeba_copy()
    path = copy.table(PARTITION)
    path.write_text(path.read_text().replace(" 1\n", " 0\n"))
    fails(copy, fresh_home, str(path), "the val split has no image", split="val")


def test_unusable_options(celeba_copy, fresh_home):
    for options, expected in [
        ({"root": None}, "CelebA project page"),
        ({"root": "no/such/folder"}, "CelebA project page"),
        ({"root": 5}, "path"),
        ({"images": "square"}, "images 'square' is not one of aligned, wild"),
        ({"crop": "face"}, "crop 'face' is not one of none, box"),
        ({"images": "aligned"}, 'crop "box" needs images="wild"'),
        ({"split": "valid"}, "split 'valid' is not one of"),
        ({"limit": 0}, "limit"),
    ]:
        fails(celeba_copy(), fresh_home, expected, **options)


def test_an_empty_folder(celeba_copy, fresh_home, tmp_path):
    (tmp_path / "empty").mkdir()
    fails(celeba_copy(), fresh_home, str(tmp_path / "empty"), "list_attr_celeba.txt: file missing", root=tmp_path / "empty")


def test_missing_pictures(celeba_copy, fresh_home):
    copy = celeba_copy()
    shutil.rmtree(copy.root / "Img")
    aligned = {"images": "aligned", "crop": "none"}
    fails(copy, fresh_home, "img_align_celeba: image folder missing", "CelebA project page", **aligned)
    fails(copy, fresh_home, "img_celeba: image folder missing", "CelebA project page")
    (copy.root / "img_align_celeba.zip").write_bytes(b"PK")
    fails(copy, fresh_home, "img_align_celeba.zip: unpack this archive first", **aligned)
    (copy.root / "img_align_celeba").mkdir()
    fails(copy, fresh_home, str(copy.root / "img_align_celeba" / "000001.jpg"), "image file missing", **aligned)


def test_a_damaged_picture(celeba_copy, fresh_home):
    for place in ["aligned", "wild"]:
        for damage in ["missing", "cut short", "text", "empty", "a folder"]:
            copy = celeba_copy()
            folder = copy.pictures if place == "aligned" else copy.wild
            options = {"images": place, "crop": "none", "image_size": 16}
            path = folder / "000003.jpg"
            whole = path.read_bytes()
            path.unlink()
            if damage == "a folder":
                path.mkdir()
            elif damage != "missing":
                path.write_bytes({"cut short": whole[: len(whole) // 2], "text": b"not a picture", "empty": b""}[damage])
            fails(copy, fresh_home, str(path), **options)
            data = load_dataset("celeba", "train", root=copy.root, skip_bad=True, **options)
            assert data.facts["skipped"] == ["000003.jpg"]
            assert data.keys == tuple(name for name in copy.of("train") if name != "000003.jpg")
            for key, image, labels in zip(data.keys, data.images, data.labels.tolist(), strict=True):
                assert (image.numpy() == copy.shown(key, 16, 16, folder=folder)).all()
                assert labels == [(v + 1) // 2 for v in copy.values[key]]


def test_no_picture_is_whole(celeba_copy):
    copy = celeba_copy()
    for name in copy.of("train"):
        (copy.pictures / name).write_bytes(b"")
    with pytest.raises(InputError, match=r"000001\.jpg: this and all other images of the train split"):
        load_dataset("celeba", "train", root=copy.root, image_size=16, skip_bad=True)


def test_a_box_outside_its_photograph(celeba_copy, fresh_home):
    copy = celeba_copy()
    path = copy.table(BOXES)
    rows = ["000002.jpg 900 900 40 50" if line.startswith("000002.jpg") else line for line in path.read_text().splitlines()]
    path.write_text("\n".join(rows))
    fails(copy, fresh_home, str(copy.wild / "000002.jpg"), "lies outside the image")


def test_landmarks_of_nobody(celeba_copy):
    copy = celeba_copy()
    with pytest.raises(InputError, match=r"list_landmarks_align_celeba\.txt: no row for image '000099\.jpg'"):
        read_landmarks(copy.root, ["000001.jpg", "000099.jpg"])
    with pytest.raises(InputError, match="'3d' is not one of aligned, wild"):
        read_landmarks(copy.root, ["000001.jpg"], images="3d")
    path = copy.table("list_landmarks_align_celeba.txt")
    path.write_text(re.sub(r" \d+$", "", path.read_text(), flags=re.MULTILINE))
    with pytest.raises(InputError, match="line 3: expected an image name and 10 values, got 9"):
        read_landmarks(copy.root, ["000001.jpg"])
