import pytest
import torch
from mtattr.data import deepfashion
from mtattr.errors import InputError
from mtattr.twins.clothes import ATTRIBUTES, CATEGORIES, FOUR_CLASSES, load, write_to
from mtattr.twins.clothes.layout import OFFICIAL_CATEGORIES


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_to(tmp_path_factory.mktemp("twin"), image_size=32, limit=24, classes=FOUR_CLASSES)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """All categories, with as many images that each is among those of the training split."""
    return write_to(tmp_path_factory.mktemp("whole"), image_size=16, limit={"train": 500, "val": 20, "test": 20})


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_real_loader_reads_the_twin_back_equal(written, split):
    twin = load(split, image_size=32, limit=24, classes=FOUR_CLASSES)
    back = deepfashion.load(split, root=written, image_size=32, classes=FOUR_CLASSES)
    same(back, twin)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_real_loader_reads_all_categories_back_equal(whole, split):
    back = deepfashion.load(split, root=whole, image_size=16)
    assert back.tasks[0].values == tuple(CATEGORIES)
    same(back, load(split, image_size=16, limit=len(back)))


def same(back, twin):
    assert back.keys == twin.keys
    assert torch.equal(torch.as_tensor(back.images), torch.as_tensor(twin.images))
    assert torch.equal(back.labels.nan_to_num(-1), twin.labels.nan_to_num(-1))
    assert back.tasks.names == twin.tasks.names
    assert back.tasks[0].values == twin.tasks[0].values
    assert [t.group for t in back.tasks] == [t.group for t in twin.tasks]


def test_official_ids_and_widths(written):
    assert len(OFFICIAL_CATEGORIES) == 50
    for name, category in CATEGORIES.items():
        assert OFFICIAL_CATEGORIES[category.number - 1] == (name, category.kind)
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


def test_every_clothes_type_has_its_landmarks(whole):
    """Fields per row are those of the official format, and corners of the right names lie left of right and above each other."""
    widths = {"1": 20, "2": 14, "3": 26}
    number = {
        line.split()[0]: int(line.split()[1]) for line in (whole / "Anno_coarse" / "list_category_img.txt").read_text().splitlines()[2:]
    }
    kinds = {category.number: str(category.kind) for category in CATEGORIES.values()}
    agree = []
    for line in (whole / "Anno_coarse" / "list_landmarks.txt").read_text().splitlines()[2:]:
        key, kind, *places = line.split()
        assert len(places) + 2 == widths[kind]
        agree.append(kinds[number[key]] == kind)
        points = [tuple(map(int, places[i : i + 3])) for i in range(0, len(places), 3)]
        for left, right in zip(points[::2], points[1::2], strict=True):
            if left[0] < 2 and right[0] < 2:
                assert left[1] <= right[1]
        if points[0][0] < 2 and points[-1][0] < 2:
            assert points[0][2] <= points[-1][2]
    assert 0.9 < sum(agree) / len(agree) < 1.0


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
