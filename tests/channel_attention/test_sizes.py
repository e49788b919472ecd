from dataclasses import replace

import pytest
import torch
from mtattr.channel_attention import ChannelAttentionNet
from mtattr.channel_attention.sizes import PAPER, SIZES, load_splits, size_of
from mtattr.data import DATASETS
from mtattr.training.spec import SCALES

from cases import assert_refused


def test_faces_have_their_scales_and_what_is_drawn_is_no_data_of_the_paper():
    assert set(SIZES) == {("celeba", scale) for scale in SCALES} | {("celeba-twin", scale) for scale in SCALES[:2]}
    assert {name for name, _ in SIZES} <= set(DATASETS)
    assert all(size_of(*key) is size for key, size in SIZES.items())
    assert PAPER == "channel_attention"


def test_reduced_trains_by_one_cycle_and_is_judged_on_five_thousand_faces():
    size = SIZES["celeba-twin", "reduced"]
    assert (size.fit.optimizer, size.fit.schedule) == ("adamw", "one_cycle")
    assert size.test >= 4000
    assert size.train >= 16_000


def test_smoke_is_smaller_than_reduced():
    smoke, reduced = SIZES["celeba-twin", "smoke"], SIZES["celeba-twin", "reduced"]
    assert smoke.train * smoke.fit.epochs < reduced.train * reduced.fit.epochs
    assert all(getattr(smoke, split) < getattr(reduced, split) for split in ("train", "val", "test"))
    assert smoke.channels < reduced.channels < SIZES["celeba", "paper"].channels
    for scale in ("smoke", "reduced"):
        assert SIZES["celeba", scale] == SIZES["celeba-twin", scale]


def test_at_paper_scale_the_network_is_the_papers_and_every_image_is_used():
    size = SIZES["celeba", "paper"]
    assert (size.train, size.val, size.test) == (None, None, None)
    with torch.device("meta"):
        net, default = ChannelAttentionNet(40, size.channels, image_size=size.image_size, **size.network), ChannelAttentionNet()
    assert {name: value.shape for name, value in net.state_dict().items()} == {n: value.shape for n, value in default.state_dict().items()}
    assert net.masks.conv.weight.shape == (40 * 128, 128, 3, 3)


def test_the_rate_at_paper_scale_falls_to_a_tenth_at_60_and_80_per_cent():
    fit = SIZES["celeba", "paper"].fit
    found = [fit.rate_at(epoch * 10, fit.epochs * 10) for epoch in range(fit.epochs)]
    assert found == pytest.approx([1e-3] * 9 + [1e-4] * 3 + [1e-5] * 3)
    assert fit.optimizer == "adam"


def test_faces_are_mirrored_and_fit_the_stride():
    for key, size in SIZES.items():
        assert size.fit.flip, key
        with torch.device("meta"):
            net = ChannelAttentionNet(2, size.channels, image_size=size.image_size, **size.network)
        assert size.image_size % net.stride == 0, key
        assert net.chunk is not None, key


def test_splits_have_the_size_of_the_scale_and_regions(monkeypatch):
    monkeypatch.setitem(SIZES, ("celeba-twin", "smoke"), replace(SIZES["celeba-twin", "smoke"], train=6, val=4, test=5))
    splits = load_splits("celeba-twin", "smoke", root="not looked at")
    for split, count in (("train", 6), ("val", 4), ("test", 5)):
        data = splits[split]
        assert len(data) == count
        assert data.split == split
        assert data.images.shape[2:] == (32, 32)
        assert data.region_of is not None
        assert len(data.tasks) == 40


def test_what_has_no_recipe_is_refused_with_a_list():
    for name, scale, message in (
        ("svhn", "smoke", "channel_attention has no recipe for dataset 'svhn'; there are celeba, celeba-twin"),
        ("celeba-twin", "paper", "channel_attention has no scale 'paper' for celeba-twin; there are smoke, reduced"),
        ("celeba", "huge", "channel_attention has no scale 'huge' for celeba; there are smoke, reduced, paper"),
    ):
        for act in (size_of, load_splits):
            assert_refused(message, act, name, scale)
