import pytest
import torch

from mtattr.data import deepfashion
from mtattr.data.deepfashion_twin import ATTRIBUTES, CATEGORIES, load, write_to
from mtattr.data.deepfashion_twin.layout import OFFICIAL_CATEGORIES
from mtattr.errors import InputError

CLASSES = ("Blouse", "Tank", "Shorts", "Skirt")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_to(tmp_path_factory.mktemp("twin"), image_size=32, limit=24)


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_real_loader_reads_the_twin_back_equal(written, split):
    twin = load(split, image_size=32, limit=24)
    back = deepfashion.load(split, root=written, image_size=32, classes=CLASSES)
    assert back.keys == twin.keys
    assert torch.equal(torch.as_tensor(back.images), torch.as_tensor(twin.images))
    assert torch.equal(back.labels.nan_to_num(-1), twin.labels.nan_to_num(-1))
    assert back.tasks.names == twin.tasks.names
    assert back.tasks[0].values == twin.tasks[0].values
    assert [t.group for t in back.tasks] == [t.group for t in twin.tasks]


def test_official_ids_and_widths(written):
    assert len(OFFICIAL_CATEGORIES) == 50
    for name, (number, kind) in CATEGORIES.items():
        assert OFFICIAL_CATEGORIES[number - 1] == (name, kind)
    lines = (written / "Anno_coarse" / "list_attr_cloth.txt").read_text().splitlines()
    assert lines[0] == str(len(ATTRIBUTES))
    assert [line.rsplit(None, 1)[0] for line in lines[2:]] == [a.name for a in ATTRIBUTES]
    labels = {int(line.split()[1]) for line in (written / "Anno_coarse" / "list_category_img.txt").read_text().splitlines()[2:]}
    assert labels <= {3, 17, 32, 33}
    for line in (written / "Anno_coarse" / "list_landmarks.txt").read_text().splitlines()[2:]:
        fields = line.split()
        assert len(fields) == {"1": 20, "2": 14}[fields[1]]
    for line in (written / "Anno_coarse" / "list_bbox.txt").read_text().splitlines()[2:]:
        left, top, right, bottom = map(int, line.split()[1:])
        assert 0 <= left < right <= 32
        assert 0 <= top < bottom <= 32


def test_bad_input_writes_nothing(tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(InputError, match="empty folder"):
        write_to(tmp_path, limit=2)
    with pytest.raises(InputError, match="image_format"):
        write_to(tmp_path / "new", limit=2, image_format="gif")
    with pytest.raises(InputError, match="limit"):
        write_to(tmp_path / "new", limit=0)
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]


def test_jpeg_is_close_but_not_equal(tmp_path):
    root = write_to(tmp_path / "twin", image_size=64, limit=8, image_format="jpg")
    back = deepfashion.load("val", root=root, image_size=64)
    twin = load("val", image_size=64, limit=8)
    assert [key.removesuffix(".jpg") for key in back.keys] == [key.removesuffix(".png") for key in twin.keys]
    off = (back.images.float() - twin.images.float()).abs().mean()
    assert 0 < off < 6


def test_drawn_images_never_pass_for_photographs(tmp_path, fresh_home):
    root = write_to(tmp_path / "twin", image_size=32, limit=4)
    assert deepfashion.load("train", root=root, image_size=32).generated
    (root / "GENERATED.txt").unlink()
    assert not deepfashion.load("train", root=root, image_size=32).generated
