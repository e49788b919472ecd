import pytest
import torch
from mtattr.data import load_dataset
from mtattr.errors import InputError
from mtattr.twins.faces import LABEL_NOISE, SPLIT_SIZES, TASKS, load, render, sample_scenes

pytestmark = pytest.mark.usefixtures("fresh_home")


def test_load_gives_pictures_labels_people_and_regions():
    data = load_dataset("celeba-twin", "val", image_size=32, limit=20)
    scenes = sample_scenes("val", 20)
    assert data.images.shape == (20, 3, 32, 32)
    assert data.tasks == TASKS
    assert data.generated
    assert torch.equal(data.labels, scenes.labels)
    assert torch.equal(data.identities, scenes.identities)
    assert torch.equal(torch.as_tensor(data.images), render(scenes, 32))
    regions = data.subset([7]).regions(0)
    assert regions.shape == (40, 32, 32)
    assert torch.equal(regions, data.regions(7))
    assert regions.flatten(1).any(1).sum() > 30


def test_facts_say_what_was_drawn():
    data = load("test", image_size=16, limit=50, draw=3)
    scenes = sample_scenes("test", 50, 3)
    assert data.facts["scene_digest"] == scenes.digest
    assert data.facts["draw"] == 3
    assert data.facts["label_noise"] == LABEL_NOISE
    assert data.facts["identities"] == len(set(scenes.identities.tolist()))
    assert data.facts["rates"]["Male"] == pytest.approx(float(scenes.labels[:, 20].mean()))
    assert set(data.facts["rates"]) == set(TASKS.names)


def test_default_sizes():
    assert SPLIT_SIZES == {"train": 20_000, "val": 4_000, "test": 10_000}


def test_limit_gives_a_prefix_and_splits_and_draws_differ():
    long, short = load("train", image_size=16, limit=30), load("train", image_size=16, limit=10)
    assert torch.equal(torch.as_tensor(long.images)[:10], torch.as_tensor(short.images))
    assert long.keys[:10] == short.keys
    assert torch.equal(long.identities[:10], short.identities)
    prints = {load(split, image_size=16, limit=10, draw=draw).fingerprint for split, draw in (("train", 0), ("val", 0), ("train", 1))}
    assert len(prints) == 3
    assert load("train", image_size=16, limit=10).fingerprint == short.fingerprint
    assert not set(long.keys) & set(load("val", image_size=16, limit=30).keys)


def test_images_may_be_higher_than_wide():
    assert load("val", image_size=(40, 32), limit=3).images.shape == (3, 3, 40, 32)


def test_bad_input_is_named(tmp_path):
    with pytest.raises(InputError, match="holdout"):
        load("holdout", limit=2)
    with pytest.raises(InputError, match="celeba"):
        load("train", root=tmp_path, limit=2)
    with pytest.raises(InputError, match="19,962"):
        load("test", limit=20_000)
    with pytest.raises(InputError, match="limit"):
        load("train", limit=0)
