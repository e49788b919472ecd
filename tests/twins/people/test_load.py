import pytest
import torch
from mtattr.data import load_dataset
from mtattr.errors import InputError
from mtattr.twins.people import DUKE_TASKS, LABEL_NOISE, MARKET_TASKS, load_duke_twin, load_market1501_twin, render, sample_scenes


@pytest.fixture(autouse=True)
def own_home(fresh_home):
    return fresh_home


@pytest.mark.parametrize(("name", "tasks"), [("market1501-twin", MARKET_TASKS), ("duke-twin", DUKE_TASKS)])
def test_load_gives_pictures_labels_identities_and_regions(name, tasks):
    data = load_dataset(name, "val", image_size=(64, 32), limit=20)
    scenes = sample_scenes(name.removesuffix("-twin"), "val", 20)
    assert data.tasks == tasks
    assert data.generated
    assert torch.equal(data.images, render(scenes, (64, 32)))
    assert torch.equal(data.labels.nan_to_num(-1), scenes.labels.nan_to_num(-1))
    assert data.identities.tolist() == [int(key[:4]) for key in data.keys]
    assert list(data.keys) == sorted(data.keys)
    assert data.facts["scene_digest"] == scenes.digest
    assert data.facts["label_noise"] == LABEL_NOISE
    assert data.subset([7]).regions(0).shape == (len(tasks), 64, 32)


def test_identities_of_splits_are_disjoint_and_limit_gives_a_prefix():
    whole = {split: load_market1501_twin(split, image_size=16, limit=300) for split in ("train", "val", "test")}
    numbers = [set(data.identities.tolist()) for data in whole.values()]
    assert len(set.union(*numbers)) == sum(map(len, numbers))
    short = load_market1501_twin("train", image_size=16, limit=50)
    assert torch.equal(whole["train"].images[:50], short.images)
    assert whole["train"].keys[:50] == short.keys


def test_draws_differ_and_fingerprints_repeat():
    prints = [load_duke_twin("test", image_size=16, limit=8, draw=draw).fingerprint for draw in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize("load", [load_market1501_twin, load_duke_twin])
def test_bad_input_is_named(tmp_path, load):
    with pytest.raises(InputError, match="holdout"):
        load("holdout", limit=2)
    with pytest.raises(InputError, match="root"):
        load("train", root=tmp_path, limit=2)
