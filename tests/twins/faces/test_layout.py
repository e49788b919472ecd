import re

import pytest
import torch
from mtattr.data import celeba
from mtattr.errors import InputError
from mtattr.twins.faces import NAMES, load, sample_scenes, write_to
from mtattr.twins.faces.faces import landmarks
from mtattr.twins.faces.layout import image_keys

pytestmark = pytest.mark.usefixtures("fresh_home")


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_real_loader_reads_the_twin_back_equal(written_faces, split):
    root, limit = written_faces
    twin = load(split, image_size=(40, 32), limit=limit[split])
    back = celeba.load(split, root=root, image_size=(40, 32))
    assert back.keys == twin.keys
    assert torch.equal(torch.as_tensor(back.images), torch.as_tensor(twin.images))
    assert torch.equal(back.labels, twin.labels)
    assert torch.equal(back.identities, twin.identities)
    assert back.tasks.names == twin.tasks.names
    assert [task.group for task in back.tasks] == [task.group for task in twin.tasks]
    assert back.generated


def test_the_real_loader_reads_the_landmarks_back(written_faces):
    root, limit = written_faces
    expected = landmarks(sample_scenes("val", limit["val"]), (40, 32)).round().long()
    assert torch.equal(celeba.read_landmarks(root, image_keys("val", limit["val"])), expected)


def test_attribute_table_has_the_official_separators(table):
    count, header, *rows = table("Anno/list_attr_celeba.txt")
    assert int(count) == len(rows) == 52
    assert header == " ".join(NAMES) + " "
    # A first value of 1 is one character shorter than -1; all other values take two.
    assert {len(row) for row in rows} == {129, 130}
    for row in rows:
        assert re.fullmatch(r"\d{6}\.jpg (1|-1)(  1| -1){39}", row)
        assert len(row) == (130 if row[11] == "-" else 129)


def test_other_tables_have_the_official_form(table):
    names = [row.split()[0] for row in table("Anno/list_attr_celeba.txt")[2:]]
    partition = table("Eval/list_eval_partition.txt")
    assert partition == [f"{name} {digit}" for name, digit in zip(names, "0" * 24 + "1" * 12 + "2" * 16, strict=True)]
    identities = table("Anno/identity_CelebA.txt")
    assert [row.split(" ")[0] for row in identities] == names
    assert all(1 <= int(row.split(" ")[1]) <= 10_177 for row in identities)
    count, header, *rows = table("Anno/list_landmarks_align_celeba.txt")
    assert int(count) == len(rows) == 52
    assert header == "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y"
    assert all(re.fullmatch(r"\d{6}\.jpg [ \d]\d( {3}[ \d]\d){9}", row) for row in rows)
    count, header, *rows = table("Anno/list_bbox_celeba.txt")
    assert int(count) == len(rows) == 52
    assert header == "image_id x_1 y_1 width height"
    for row in rows:
        assert len(row) == 28
        left, top, width, height = map(int, row.split()[1:])
        assert 0 <= left < left + width <= 32
        assert 0 <= top < top + height <= 40


def test_boxes_hold_the_landmarks(written_faces, table):
    for split, first in (("train", 0), ("val", 24), ("test", 36)):
        points = landmarks(sample_scenes(split, written_faces[1][split]), (40, 32))
        for row, (x, y) in zip(table("Anno/list_bbox_celeba.txt")[2 + first :], points.transpose(1, 2), strict=False):
            left, top, width, height = map(int, row.split()[1:])
            assert left <= x.min()
            assert x.max() <= left + width
            assert top <= y.min()
            assert y.max() <= top + height


def test_images_carry_official_names_and_lose_nothing(written_faces, picture_format):
    folder = written_faces[0] / "Img" / "img_align_celeba"
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"{n:06d}.jpg" for first, count in ((1, 24), (162_771, 12), (182_638, 16)) for n in range(first, first + count)]
    assert {picture_format(folder / name) for name in names} == {("PNG", (32, 40))}
    assert "not the CelebA dataset" in (written_faces[0] / "GENERATED.txt").read_text()


def test_native_size_is_that_of_the_aligned_images(tmp_path, picture_format):
    root = write_to(tmp_path / "twin", limit=2, image_format="jpg")
    assert picture_format(root / "Img" / "img_align_celeba" / "000002.jpg") == ("JPEG", (178, 218))
    twin = load("val", image_size=(218, 178), limit=2)
    back = celeba.load("val", root=root, image_size=(218, 178))
    off = (torch.as_tensor(back.images).float() - torch.as_tensor(twin.images).float()).abs().mean()
    assert 0 < off < 6


def test_the_seed_decides_what_is_written(written_faces, tmp_path):
    root = write_to(tmp_path / "twin", image_size=16, limit=written_faces[1], seed=1)
    name = "Anno/list_attr_celeba.txt"
    assert (root / name).read_bytes() != (written_faces[0] / name).read_bytes()
    assert torch.equal(celeba.load("test", root=root, image_size=16).labels, load("test", image_size=16, limit=16, draw=1).labels)


def test_bad_input_writes_nothing(tmp_path):
    for options, message in (
        ({"image_format": "gif"}, "image_format"),
        ({"limit": 0}, "limit"),
        ({"image_size": 4}, "image_size"),
        ({"limit": {"val": 19_868}}, "19,867"),
    ):
        with pytest.raises(InputError, match=message):
            write_to(tmp_path / "new", **{"limit": 2} | options)
        assert not list(tmp_path.iterdir()), options


def test_a_folder_in_use_is_left_alone(tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(InputError, match="empty folder"):
        write_to(tmp_path, limit=2)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
