import pytest
import torch
from mtattr.data.digits import split_rows
from mtattr.twins.digits.scans import handwriting, legible_rows
from mtattr.twins.digits.scene import LABEL_NOISE, PARAMETERS, sample_scenes


def test_no_glyph_is_in_two_splits():
    _, classes = handwriting()
    official = split_rows(classes)
    seen = {split: set(sample_scenes(split, 4_000).glyphs.flatten().tolist()) for split in ("train", "val", "test")}
    assert not seen["train"] & seen["val"]
    assert not seen["train"] & seen["test"]
    assert not seen["val"] & seen["test"]
    for split, used in seen.items():
        assert used <= set(official[split].tolist())
        assert used == set(legible_rows(split)[0].tolist())


def test_classes_are_those_of_the_glyphs_and_nearly_equal_in_number():
    scenes = sample_scenes("train", 10_000)
    assert torch.equal(scenes.classes, torch.from_numpy(handwriting()[1])[scenes.glyphs[:, 0]])
    shares = torch.bincount(scenes.classes, minlength=10) / len(scenes)
    assert (shares - 0.1).abs().max() < 0.015


def test_label_noise_is_what_is_documented():
    scenes = sample_scenes("train", 20_000)
    labels = scenes.labels[:, 0].long()
    wrong = labels != scenes.classes
    assert float(wrong.float().mean()) == pytest.approx(LABEL_NOISE["class_wrong"], abs=0.003)
    assert labels.unique().tolist() == list(range(10))
    assert len(((labels - scenes.classes)[wrong] % 10).unique()) == 9


def test_streams_are_repeatable_prefixes_and_disjoint():
    long, short = sample_scenes("train", 700), sample_scenes("train", 300)
    for field in ("glyphs", "classes", "parameters", "labels"):
        assert torch.equal(getattr(long, field)[:300], getattr(short, field))
    others = [sample_scenes(split, 300, seed).parameters[:, 0] for split, seed in (("val", 0), ("test", 0), ("train", 1))]
    every = torch.cat([short.parameters[:, 0], *others])
    assert len(torch.unique(every)) > 0.999 * len(every)


def test_parameters_are_uniform_and_have_one_name_each():
    assert len(set(PARAMETERS)) == len(PARAMETERS)
    parameters = sample_scenes("train", 5_000).parameters
    assert parameters.shape[1] == len(PARAMETERS)
    assert (parameters.mean(0) - 0.5).abs().max() < 0.02
    assert 0 <= parameters.min() < parameters.max() < 1


def test_scenes_are_the_same_on_every_machine():
    assert sample_scenes("test", 300, seed=5).digest == "13010c2a1f8012a64234a029f2ca461f8be31ca20aa1630d4995d36e46afbed6"
