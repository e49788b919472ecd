import pytest
import torch
from mtattr.data import load_dataset
from mtattr.errors import InputError
from mtattr.twins.digits import TASKS, digit_masks, load, render, sample_scenes, write_to
from scipy.io import loadmat

svhn = pytest.importorskip("mtattr.data.svhn")


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_to(tmp_path_factory.mktemp("twin"), limit={"train": 120, "test": 30})


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_real_loader_reads_the_digits_back_equal(written, split):
    back = svhn.load(split, root=written, image_size=32)
    twin = load(split, limit=len(back))
    assert back.generated
    assert back.keys == twin.keys
    assert torch.equal(torch.as_tensor(back.images), torch.as_tensor(twin.images))
    assert torch.equal(back.labels, twin.labels)
    assert [(t.name, t.kind, t.values) for t in back.tasks] == [(t.name, t.kind, t.values) for t in twin.tasks]
    if split != "val":
        assert len(back) == {"train": 120, "test": 30}[split]


def test_files_are_as_the_official_ones(written):
    for part, file in (("train", "train_32x32.mat"), ("test", "test_32x32.mat")):
        tables = loadmat(written / file)
        n = tables["y"].shape[0]
        assert tables["X"].shape == (32, 32, 3, n)
        assert tables["X"].dtype == "uint8"
        assert tables["y"].shape == (n, 1)
        assert 10 in tables["y"]
        assert 0 not in tables["y"]
        assert part == "test" or n == 120 + int(svhn.validation_rows(n).sum())
    first = load("test", limit=1)
    assert (tables["X"][:, :, :, 0].transpose(2, 0, 1) == first.images[0].numpy()).all()


def test_bad_input_writes_nothing(tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(InputError, match="empty folder"):
        write_to(tmp_path, limit=2)
    with pytest.raises(InputError, match="32 x 32"):
        write_to(tmp_path / "new", limit=2, image_size=64)
    with pytest.raises(InputError, match="limit"):
        write_to(tmp_path / "new", limit=0)
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]


def test_load_gives_pictures_labels_and_regions():
    data = load_dataset("cluttered-digits", "val", image_size=48, limit=12)
    scenes = sample_scenes("val", 12)
    assert data.images.shape == (12, 3, 48, 48)
    assert data.tasks == TASKS
    assert data.tasks[0].values == tuple("0123456789")
    assert data.generated
    assert data.facts["scene_digest"] == scenes.digest
    assert torch.equal(data.images, render(scenes, 48))
    regions = data.subset([7]).regions(0)
    assert regions.shape == (1, 48, 48)
    assert torch.equal(regions, data.regions(7))
    assert torch.allclose(regions[0], digit_masks(scenes, 48)[7], atol=1e-6)


def test_limit_gives_a_prefix_and_splits_and_seeds_differ():
    long, short = load("train", limit=30), load("train", limit=10)
    assert torch.equal(long.images[:10], short.images)
    assert long.keys[:10] == short.keys
    prints = {load(split, limit=10, draw=draw).fingerprint for split, draw in (("train", 0), ("val", 0), ("train", 1))}
    assert len(prints) == 3
    assert not set(long.keys) & set(load("val", limit=30).keys)


def test_bad_input_is_named(tmp_path):
    with pytest.raises(InputError, match="holdout"):
        load("holdout", limit=2)
    with pytest.raises(InputError, match="root"):
        load("train", root=tmp_path, limit=2)
