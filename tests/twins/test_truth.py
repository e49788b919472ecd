import pytest
import torch
from mtattr.data import TWIN_WRITERS, load_dataset
from mtattr.errors import InputError
from mtattr.twins import cars, clothes, digits, faces, people

from cases import each

SCENES = {
    "celeba-twin": faces.sample_scenes("test", 6000),
    "deepfashion-twin": clothes.sample_scenes("test", 6000),
    "compcars-twin": cars.sample_scenes("test", 6000),
    "cluttered-digits": digits.sample_scenes("test", 6000),
    "market1501-twin": people.sample_scenes("market1501", "test", 6000),
    "duke-twin": people.sample_scenes("duke", "test", 6000),
}


def wrong(scenes) -> torch.Tensor:
    """Share of the labels of each task that differ from the truth where both are known."""
    known = ~scenes.labels.isnan() & ~scenes.truth.isnan()
    return ((scenes.labels != scenes.truth) & known).sum(0) / known.sum(0)


@each("name", sorted(SCENES))
def test_labels_differ_from_the_truth_and_not_by_much(name):
    scenes = SCENES[name]
    assert scenes.truth.shape == scenes.labels.shape
    assert scenes.truth.dtype == torch.float32
    assert 0 < wrong(scenes).mean() < 0.1
    assert (wrong(scenes) < 0.2).all()


def test_the_share_of_wrong_labels_is_the_documented_one():
    documented = torch.tensor([faces.LABEL_NOISE[name] for name in faces.NAMES])
    torch.testing.assert_close(wrong(SCENES["celeba-twin"]), documented, atol=0.02, rtol=0)
    assert wrong(SCENES["cluttered-digits"]).item() == pytest.approx(0.01, abs=0.005)
    garments = SCENES["deepfashion-twin"]
    noise = clothes.LABEL_NOISE
    assert wrong(garments)[0].item() == pytest.approx(noise["category_wrong"], abs=0.01)
    present = (garments.truth[:, 1:] == 1) & ~garments.labels[:, 1:].isnan()
    missed = (garments.labels[:, 1:] == 0) & present
    assert (missed.sum() / present.sum()).item() == pytest.approx(noise["positive_missed"], abs=0.02)


@each("name", sorted(TWIN_WRITERS))
def test_a_draw_is_another_set_and_draw_0_is_the_usual_one(name):
    size = (16, 8) if name in ("market1501-twin", "duke-twin") else 16
    usual, same, other = (load_dataset(name, "test", image_size=size, limit=48, **given) for given in ({}, {"draw": 0}, {"draw": 3}))
    assert usual.fingerprint == same.fingerprint != other.fingerprint
    assert other.fingerprint == load_dataset(name, "test", image_size=size, limit=48, seed=3).fingerprint
    assert not (other.images == usual.images).flatten(1).all(1).any()
    part = usual.subset([5, 2])
    assert torch.equal(part.truth.nan_to_num(-1), usual.truth[[5, 2]].nan_to_num(-1))
    assert torch.equal(usual.select_tasks([0]).truth.nan_to_num(-1), usual.truth[:, :1].nan_to_num(-1))


def test_a_real_set_is_read_and_not_drawn():
    with pytest.raises(InputError, match="draw is for generated sets"):
        load_dataset("celeba", "test", draw=1)
    assert load_dataset("digits", "test").truth is None
