import numpy as np
import pytest
import torch
from mtattr.data import compcars
from mtattr.errors import InputError
from mtattr.twins.cars import MAKES, MODELS, TYPES, car_boxes, load, sample_scenes, write_to
from PIL import Image
from scipy.io import loadmat

LIMITS = {"train": 400, "val": 40, "test": 40}
SIZE = (28, 40)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_to(tmp_path_factory.mktemp("twin"), image_size=SIZE, limit=LIMITS)


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_real_loader_reads_the_twin_back_equal(written, split):
    tasks = ("type", "model", "make")
    twin = load(split, image_size=SIZE, limit=LIMITS[split], tasks=tasks)
    back = compcars.load(split, root=written, image_size=SIZE, tasks=tasks, crop="none")
    assert back.keys == twin.keys
    assert torch.equal(torch.as_tensor(back.images), torch.as_tensor(twin.images))
    assert torch.equal(back.labels.nan_to_num(-1), twin.labels.nan_to_num(-1))
    assert [task.values for task in back.tasks] == [task.values for task in twin.tasks]
    assert [task.group for task in back.tasks] == [task.group for task in twin.tasks]
    assert back.generated


def test_the_real_loader_cuts_to_the_boxes(written):
    whole, cut = (compcars.load("test", root=written, image_size=SIZE, crop=crop) for crop in ("none", "box"))
    scenes = sample_scenes("test", LIMITS["test"])
    for i, (left, top, right, bottom) in enumerate(car_boxes(scenes, SIZE)):
        if (left, top, right, bottom) == (1, 1, SIZE[1], SIZE[0]):
            assert torch.equal(cut.images[i], whole.images[i])
    assert (cut.images.float() - whole.images.float()).abs().mean() > 5
    assert cut.facts["viewpoints"] == {str(v): int((scenes.viewpoints == v).sum()) for v in range(1, 6)}


def test_files_follow_the_official_formats(written):
    lists = {
        name: (written / "data" / "train_test_split" / "classification" / f"{name}.txt").read_text().splitlines()
        for name in ("train", "test")
    }
    assert len(lists["train"]) == LIMITS["train"] + LIMITS["val"]
    assert len(lists["test"]) == LIMITS["test"]
    for line in lists["train"] + lists["test"]:
        assert line.count("/") == 3
        assert line.endswith(".jpg")
        with Image.open(written / "data" / "image" / line) as picture:
            assert picture.size == (SIZE[1], SIZE[0])
        viewpoint, boxes, box = (written / "data" / "label" / line).with_suffix(".txt").read_text().splitlines()
        assert viewpoint in "12345"
        assert boxes == "1"
        left, top, right, bottom = map(int, box.split())
        assert 1 <= left < right <= SIZE[1]
        assert 1 <= top < bottom <= SIZE[0]
    assert (written / "GENERATED.txt").exists()


def test_tables_give_names_and_types_by_sparse_ids(written):
    tables = loadmat(written / "data" / "misc" / "make_model_name.mat")
    makes, models = tables["make_names"], tables["model_names"]
    assert makes.shape == (MAKES[-1][1], 1)
    assert models.shape == (MODELS[-1].id, 1)
    for _, number, _, _ in MAKES:
        assert makes[number - 1, 0].size == 1
    assert sum(cell.size > 0 for cell in models[:, 0]) == len(MODELS)
    assert all(models[m.id - 1, 0][0] == m.short_name for m in MODELS)
    rows = np.loadtxt(written / "data" / "misc" / "attributes.txt", skiprows=1)
    assert rows.shape == (len(MODELS), 6)
    for row, model in zip(rows, MODELS, strict=True):
        assert row[0] == model.id
        assert row[5] == (0 if model.type is None else model.type + 1)
    types = loadmat(written / "data" / "misc" / "car_type.mat")["types"]
    assert tuple(cell[0] for cell in types.ravel()) == TYPES


def test_bad_input_writes_nothing(tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(InputError, match="empty folder"):
        write_to(tmp_path, limit=2)
    with pytest.raises(InputError, match="image_format"):
        write_to(tmp_path / "new", limit=2, image_format="gif")
    with pytest.raises(InputError, match="limit"):
        write_to(tmp_path / "new", limit=0)
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]


def test_a_copy_that_the_real_loader_would_refuse_is_not_written(tmp_path):
    with pytest.raises(InputError, match="without a training image"):
        write_to(tmp_path / "small", image_size=32, limit=20)
    assert not (tmp_path / "small").exists()
