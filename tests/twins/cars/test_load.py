import pytest
import torch
from mtattr.data import load_dataset
from mtattr.data.held_out import is_validation
from mtattr.errors import InputError
from mtattr.twins.cars import MAKES, MODELS, TASKS, load, render, sample_scenes


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path))


def test_load_gives_pictures_labels_and_regions():
    data = load_dataset("compcars-twin", "val", image_size=(32, 46), limit=20)
    assert data.images.shape == (20, 3, 32, 46)
    assert data.tasks == TASKS.select(["model", "make"])
    assert data.generated
    scenes = sample_scenes("val", 20)
    assert data.facts["scene_digest"] == scenes.digest
    assert sum(data.facts["viewpoints"].values()) == 20
    assert torch.equal(data.images, render(scenes, (32, 46)))
    assert torch.equal(data.labels, scenes.labels[:, :2])
    regions = data.subset([7]).regions(0)
    assert regions.shape == (2, 32, 46)
    assert torch.equal(regions, data.regions(7))
    assert regions[0].sum() > 0


def test_tasks_come_in_the_order_wanted():
    data = load("test", image_size=16, limit=30, tasks=("type", "model"))
    assert data.tasks.names == ("type", "model")
    assert torch.equal(data.labels.nan_to_num(-1), sample_scenes("test", 30).labels[:, [2, 0]].nan_to_num(-1))
    assert load("test", image_size=16, limit=5, tasks="make").tasks.names == ("make",)
    for wrong in (("model", "colour"), ("make", "make"), ()):
        with pytest.raises(InputError, match="task"):
            load("test", limit=2, tasks=wrong)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_paths_say_model_and_split(split):
    data = load(split, image_size=16, limit=60)
    for key, (model, make) in zip(data.keys, data.labels.long().tolist(), strict=True):
        folder, number, year, name = key.split("/")
        assert int(folder) == MAKES[make][1]
        assert int(number) == MODELS[model].id
        assert year == "unknown" or 2000 < int(year) < 2020
        assert len(name) == 18
        assert int(name.removesuffix(".jpg"), 16) >= 0
        assert split == "test" or is_validation(key) == (split == "val")


def test_limit_gives_a_prefix_and_splits_and_draws_differ():
    long, short = load("train", image_size=16, limit=30), load("train", image_size=16, limit=10)
    assert torch.equal(long.images[:10], short.images)
    assert long.keys[:10] == short.keys
    prints = {load(split, image_size=16, limit=10, draw=draw).fingerprint for split, draw in (("train", 0), ("val", 0), ("train", 1))}
    assert len(prints) == 3


def test_bad_input_is_named(tmp_path):
    with pytest.raises(InputError, match="holdout"):
        load("holdout", limit=2)
    with pytest.raises(InputError, match="root"):
        load("train", root=tmp_path, limit=2)
