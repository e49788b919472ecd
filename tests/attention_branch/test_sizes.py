from dataclasses import replace

import pytest
from mtattr.attention_branch.backbones import PAPER_BACKBONES, SMALL_BACKBONES
from mtattr.attention_branch.sizes import BACKBONE, SIZES, load_splits, size_of
from mtattr.data import DATASETS
from mtattr.training.spec import SCALES

from cases import assert_refused

REAL = ["cifar10", "cifar100", "svhn", "imagenet", "compcars", "celeba"]
DRAWN = ["cluttered-digits", "compcars-twin", "celeba-twin"]


def test_every_dataset_has_its_scales():
    # What is drawn is no data of the paper.
    assert set(SIZES) == {(name, scale) for name in REAL for scale in SCALES} | {(name, scale) for name in DRAWN for scale in SCALES[:2]}
    assert {name for name, _ in SIZES} <= set(DATASETS)


def test_every_dataset_has_a_network_of_that_scale():
    for (name, scale), size in SIZES.items():
        assert BACKBONE[name.removesuffix("-twin")] in (SMALL_BACKBONES if size.small else PAPER_BACKBONES), (name, scale)
        assert size.small is (scale != "paper"), (name, scale)
        assert size_of(name, scale) is size


def test_smoke_is_smaller_than_reduced():
    for name in (*REAL, *DRAWN):
        smoke, reduced = SIZES[name, "smoke"], SIZES[name, "reduced"]
        assert smoke.train * smoke.fit.epochs < reduced.train * reduced.fit.epochs, name
        assert all(getattr(smoke, split) <= getattr(reduced, split) for split in ("train", "val", "test")), name


def test_at_paper_scale_every_image_is_used():
    for name in REAL:
        size = SIZES[name, "paper"]
        assert (size.train, size.val, size.test) == (None, None, None), name
        assert (size.width, size.stem_stride) == (1, 1), name


@pytest.mark.parametrize(
    ("name", "size", "epochs", "rate", "batch", "milestones"),
    [
        ("cifar10", 32, 300, 0.1, 256, (150, 225)),
        ("cifar100", 32, 300, 0.1, 256, (150, 225)),
        ("svhn", 32, 40, 0.1, 256, (20, 30)),
        ("imagenet", 224, 90, 0.1, 256, (45, 67.5)),
        ("compcars", (224, 323), 50, 0.01, 32, (25, 35)),
        ("celeba", 224, 10, 0.01, 8, (4, 8)),
    ],
)
def test_the_papers_recipe(name, size, epochs, rate, batch, milestones):
    found = SIZES[name, "paper"]
    assert found.image_size == size
    fit = found.fit
    assert (fit.epochs, fit.learning_rate, fit.batch_size, fit.optimizer, fit.momentum) == (epochs, rate, batch, "sgd", 0.9)
    # A tenth from each of these epochs on.
    steps = 1000
    for epoch in range(epochs):
        passed = sum(epoch >= milestone for milestone in milestones)
        assert fit.rate_at(epoch * steps, epochs * steps) == pytest.approx(rate * 0.1**passed), epoch


def test_the_papers_augmentation():
    cifar = dict.fromkeys(("cifar10", "cifar100", "svhn"), (True, 4))
    for name, expected in {**cifar, "imagenet": (True, 16), "compcars": (False, 0), "celeba": (False, 0)}.items():
        fit = SIZES[name, "paper"].fit
        assert (fit.flip, fit.shift) == expected, name


def test_wide_networks_decay_more():
    for name in ("cifar10", "cifar100", "svhn"):
        size = SIZES[name, "paper"]
        decay = {backbone: size.decay.get(backbone, size.fit.weight_decay) for backbone in PAPER_BACKBONES}
        assert {backbone for backbone, value in decay.items() if value == 5e-4} == {"wrn", "resnext"}, name
        assert set(decay.values()) == {1e-4, 5e-4}


def test_digits_are_not_mirrored_and_cars_and_faces_are():
    for scale in ("smoke", "reduced"):
        mirrored = {name for name in DRAWN if SIZES[name, scale].fit.flip}
        assert mirrored == {"compcars-twin", "celeba-twin"}
        assert SIZES["svhn", scale] == SIZES["cluttered-digits", scale]
        assert SIZES["celeba", scale] == SIZES["celeba-twin", scale]


@pytest.mark.parametrize("name", DRAWN)
def test_splits_have_the_size_of_the_scale_and_regions(name, monkeypatch):
    monkeypatch.setitem(SIZES, (name, "smoke"), replace(SIZES[name, "smoke"], train=12, val=8, test=10))
    splits = load_splits(name, "smoke", root="not looked at")
    size = SIZES[name, "smoke"].image_size
    for split, count in (("train", 12), ("val", 8), ("test", 10)):
        data = splits[split]
        assert len(data) == count
        assert data.split == split
        assert data.images.shape[2:] == (size if isinstance(size, tuple) else (size, size))
        assert data.region_of is not None
    kinds = {"cluttered-digits": ("class",), "compcars-twin": ("model", "make")}
    assert splits["train"].tasks.names == kinds.get(name, splits["train"].tasks.names)
    assert len(splits["train"].tasks) == {"celeba-twin": 40}.get(name, len(kinds.get(name, ())))


def test_the_paper_trains_on_the_extra_house_numbers_as_well():
    assert SIZES["svhn", "paper"].options == {"extra": True}
    assert not SIZES["svhn", "smoke"].options


def test_what_has_no_recipe_is_refused_with_a_list():
    for name, scale, message in (
        ("market1501", "smoke", "attention_branch has no recipe for dataset 'market1501'; there are celeba, celeba-twin, cifar10"),
        ("celeba-twin", "paper", "attention_branch has no scale 'paper' for celeba-twin; there are smoke, reduced"),
        ("celeba", "huge", "attention_branch has no scale 'huge' for celeba; there are smoke, reduced, paper"),
    ):
        for act in (size_of, load_splits):
            assert_refused(message, act, name, scale)
