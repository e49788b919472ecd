import pytest
import torch
from mtattr.data import load_dataset
from mtattr.errors import InputError
from mtattr.twins.clothes import FOUR_CLASSES, TASKS, load, render, sample_scenes


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path))


def test_load_gives_pictures_labels_and_regions():
    data = load_dataset("deepfashion-twin", "val", image_size=32, limit=20)
    assert data.images.shape == (20, 3, 32, 32)
    assert data.tasks == TASKS
    assert data.generated
    assert data.facts["scene_digest"] == sample_scenes("val", 20).digest
    assert torch.equal(data.images, render(sample_scenes("val", 20), 32))
    regions = data.subset([7]).regions(0)
    assert regions.shape == (len(TASKS), 32, 32)
    assert torch.equal(regions, data.regions(7))
    assert regions[0].sum() > 0


def test_limit_gives_a_prefix_and_splits_and_draws_differ():
    long, short = load("train", image_size=16, limit=30), load("train", image_size=16, limit=10)
    assert torch.equal(long.images[:10], short.images)
    assert long.keys[:10] == short.keys
    prints = {load(split, image_size=16, limit=10, draw=draw).fingerprint for split, draw in (("train", 0), ("val", 0), ("train", 1))}
    assert len(prints) == 3
    assert not set(long.keys) & set(load("val", image_size=16, limit=30).keys)


def test_fingerprint_is_repeatable():
    assert load("test", image_size=16, limit=5).fingerprint == load("test", image_size=16, limit=5).fingerprint


def test_the_four_classes_are_the_data_of_the_recorded_runs():
    train = load("train", image_size=48, limit=64, classes=FOUR_CLASSES)
    assert train.fingerprint == "fde00715adaf3bb8d87c406e105d8755892c7d400992f45fc1dfd236a94c1bf8"
    assert train.facts["scene_digest"] == "fb69f23867ad71a7b03742621b68d0825b33241312389d776e11a69b6d1b87f6"
    test = load("test", image_size=64, limit=32, classes="Blouse,Tank,Shorts,Skirt")
    assert test.fingerprint == "3423644de76c74198cac47dd054883f9c12bb5bc8c5ee358fc2a62f773b65a86"


def test_classes_are_the_values_of_the_first_task():
    data = load("val", image_size=16, limit=40, classes=("Skirt", "Coat", "Tee"))
    assert data.tasks[0].values == ("Skirt", "Coat", "Tee")
    assert sum(data.facts["counts"].values()) == 40
    assert data.facts["counts"]["Tee"] == int((data.labels[:, 0] == 2).sum())


def test_bad_input_is_named(tmp_path):
    with pytest.raises(InputError, match="holdout"):
        load("holdout", limit=2)
    with pytest.raises(InputError, match="root"):
        load("train", root=tmp_path, limit=2)
    with pytest.raises(InputError, match="'Gown'"):
        load("train", limit=2, classes=("Blouse", "Gown"))
