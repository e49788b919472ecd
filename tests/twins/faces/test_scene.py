import math

import pytest
import torch
from mtattr.data.celeba_attributes import CORRELATIONS
from mtattr.twins.faces.attributes import INDEX, NAMES, TRAIN_RATES
from mtattr.twins.faces.factors import HAIR_COLOURS
from mtattr.twins.faces.parameters import IDENTITY_PARAMETERS
from mtattr.twins.faces.scene import COLUMN, FIRST_IDENTITY, PARAMETERS, PICTURES, Scenes, label_correlation, sample_scenes

FIELDS = ("identities", "present", "parameters", "labels")


@pytest.fixture(scope="module")
def scenes():
    return sample_scenes("train", 40_000)


def test_shapes_and_ranges(scenes):
    assert scenes.present.shape == scenes.labels.shape == (40_000, 40)
    assert scenes.parameters.shape == (40_000, len(PARAMETERS))
    assert [COLUMN[name] for name in PARAMETERS] == list(range(len(PARAMETERS)))
    assert (scenes.present.dtype, scenes.labels.dtype, scenes.parameters.dtype) == (torch.bool, torch.float32, torch.float64)
    assert ((scenes.parameters >= 0) & (scenes.parameters < 1)).all()
    assert ((scenes.labels == 0) | (scenes.labels == 1)).all()
    assert scenes.identities.dtype == torch.int64


def test_rates_of_the_labels_are_the_published_ones(scenes):
    off = scenes.labels.double().mean(0) - torch.tensor(TRAIN_RATES)
    assert off.abs().max() < 0.015, dict(zip(NAMES, off.tolist(), strict=True))


def test_correlations_of_the_labels_are_the_published_ones():
    found = label_correlation()
    for pair, published in CORRELATIONS.items():
        first, second = (INDEX[name] for name in pair)
        assert float(found[first, second]) == pytest.approx(published, abs=0.1), pair


def test_label_correlation_is_phi(scenes):
    a, b = (scenes.labels[:, INDEX[name]].double() for name in ("Smiling", "Mouth_Slightly_Open"))
    both, a, b = float((a * b).mean()), float(a.mean()), float(b.mean())
    phi = (both - a * b) / (a * (1 - a) * b * (1 - b)) ** 0.5
    assert float(label_correlation()[INDEX["Smiling"], INDEX["Mouth_Slightly_Open"]]) == pytest.approx(phi, abs=1e-6)


def test_counts_and_floor_are_the_published_ones(scenes):
    assert float(scenes.labels.sum(1).mean()) == pytest.approx(9.03, abs=0.1)
    rates = scenes.labels.double().mean(0)
    assert float(torch.maximum(rates, 1 - rates).mean()) == pytest.approx(0.805, abs=0.005)


def test_hair_is_no_partition(scenes):
    colours = scenes.labels[:, [INDEX[name] for name in ("Bald", *HAIR_COLOURS)]].sum(1)
    assert float((colours == 0).double().mean()) == pytest.approx(0.36, abs=0.02)
    assert float((colours == 2).double().mean()) == pytest.approx(0.02, abs=0.006)
    both = scenes.labels[:, INDEX["Straight_Hair"]] * scenes.labels[:, INDEX["Wavy_Hair"]]
    assert float(both.double().mean()) == pytest.approx(0.006, abs=0.003)


def test_people_have_about_twenty_pictures_and_one_split():
    splits = {split: sample_scenes(split, n).identities for split, n in (("train", 20_000), ("val", 4_000), ("test", 10_000))}
    people = [set(identities.tolist()) for identities in splits.values()]
    assert sum(map(len, people)) == len(set.union(*people))
    assert min(set.union(*people)) == 1
    whole = splits["train"][: 15 * sum(PICTURES)].unique(return_counts=True)[1]
    assert 19 < float(whole.double().mean()) < 21
    assert (whole.min(), whole.max()) == (10, 30)


def test_no_split_of_the_real_size_reaches_the_people_of_the_next(scenes):
    # Every 1,270 pictures show 64 people with the next 64 numbers.
    assert sum(PICTURES) == 1270
    blocks = [set(part.tolist()) for part in scenes.identities[: 3 * 1270].split(1270)]
    assert blocks == [set(range(1 + 64 * k, 65 + 64 * k)) for k in range(3)]
    for split, after, images in (("train", "val", 162_770), ("val", "test", 19_867)):
        last = FIRST_IDENTITY[split] + 64 * math.ceil(images / 1270) - 1
        assert last < FIRST_IDENTITY[after]
        assert sample_scenes(split, 2000).identities.min() == FIRST_IDENTITY[split]


def test_people_keep_their_numbers_and_bones_but_not_their_smile(scenes):
    def change_within(name):
        """Variance within people as a share of that over all pictures: 0 = never changes, 1 = nothing of the person in it."""
        shown = scenes.present[:, INDEX[name]].double()
        index = scenes.identities - 1
        count = torch.bincount(index).double()
        mean = torch.bincount(index, shown) / count
        return float(((shown - mean[index]) ** 2).mean() / shown.var())

    own = scenes.parameters[:, : len(IDENTITY_PARAMETERS)]
    for identity in range(1, 40):
        rows = own[scenes.identities == identity]
        assert (rows == rows[0]).all()
    assert change_within("Male") == 0
    for name in ("Big_Nose", "Bald", "Oval_Face", "Pointy_Nose", "Big_Lips", "Young"):
        assert change_within(name) < 0.3, name
    for name in ("Smiling", "Mouth_Slightly_Open", "Blurry", "Wearing_Hat"):
        assert change_within(name) > 0.85, name


@pytest.mark.parametrize(("long", "short"), [(700, 300), (3000, 1270), (1271, 1)])
def test_a_shorter_draw_is_a_prefix(long, short):
    long, short = sample_scenes("train", long), sample_scenes("train", short)
    for field in FIELDS:
        assert torch.equal(getattr(long, field)[: len(short)], getattr(short, field))


def test_a_short_draw_shows_many_people():
    assert len(sample_scenes("val", 100).identities.unique()) > 40


def test_splits_and_seeds_are_separate_streams():
    streams = [sample_scenes(split, 300, seed) for split, seed in (("train", 0), ("val", 0), ("test", 0), ("train", 1))]
    every = torch.cat([scenes.parameters[:, COLUMN["scale"]] for scenes in streams])
    assert len(every.unique()) > 0.999 * len(every)


def test_scenes_and_labels_are_the_same_on_every_machine():
    scenes = sample_scenes("test", 1500, seed=5)
    assert scenes.digest == "983614fb769a4ce7984638afc28cd58a92c05c5cf20aabcbad079c8d53e8580b"
    shown, labelled = scenes.present.sum(0).tolist(), scenes.labels.sum(0).int().tolist()
    assert [shown[INDEX[name]] for name in ("Male", "Smiling", "Bald")] == [608, 762, 54]
    assert [labelled[INDEX[name]] for name in ("Male", "Smiling", "Bald")] == [611, 757, 50]


def test_toggling_flips_one_attribute_and_nothing_else():
    scenes = sample_scenes("val", 200)
    for attribute in ("Bald", "No_Beard", INDEX["Black_Hair"]):
        other = scenes.toggled(attribute)
        k = INDEX[attribute] if isinstance(attribute, str) else attribute
        changed = (other.present != scenes.present).sum(0)
        assert changed[k] == len(scenes)
        assert changed.sum() == len(scenes)
        for field in ("identities", "parameters", "labels"):
            assert torch.equal(getattr(other, field), getattr(scenes, field))
        assert torch.equal(other.toggled(attribute).present, scenes.present)


def test_rows_keep_scenes_whole():
    scenes = sample_scenes("val", 50)
    picked = scenes.rows(torch.tensor([7, 3]))
    assert isinstance(picked, Scenes)
    for field in FIELDS:
        assert torch.equal(getattr(picked, field), getattr(scenes, field)[[7, 3]])
