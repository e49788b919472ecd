"""What holds for every twin: the drawn truth beside the labels, and draws that share nothing."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from mtattr.data import TWIN_WRITERS, load_dataset
from mtattr.twins import cars, clothes, digits, faces, people

from cases import each

SAMPLE = {
    "celeba-twin": faces.sample_scenes,
    "deepfashion-twin": clothes.sample_scenes,
    "compcars-twin": cars.sample_scenes,
    "cluttered-digits": digits.sample_scenes,
    "market1501-twin": partial(people.sample_scenes, "market1501"),
    "duke-twin": partial(people.sample_scenes, "duke"),
}
MANY = 5000


@pytest.fixture(scope="module")
def scenes():
    return {name: sample("test", MANY) for name, sample in SAMPLE.items()}


@pytest.fixture(scope="module")
def loaded():
    """A few images of every twin, which are drawn small."""
    return {name: load(name) for name in SAMPLE}


def load(name, split="test", **given):
    return load_dataset(name, split, image_size=(16, 8) if name in ("market1501-twin", "duke-twin") else 16, limit=48, **given)


def near(share, documented, count):
    """Within four standard errors of `count` independent labels, and the last digit of the documented share."""
    return abs(share - documented) < 4 * (documented * (1 - documented) / count) ** 0.5 + 0.0005


def wrong(scenes, t, among=slice(None)):
    """Share of the known labels of a task that differ from the truth, and their number."""
    label, truth = scenes.labels[among, t], scenes.truth[among, t]
    known = ~label.isnan()
    return float((label != truth)[known].double().mean()), int(known.sum())


@each("name", sorted(SAMPLE))
def test_the_truth_is_known_wherever_the_label_is(name, scenes):
    labels, truth = scenes[name].labels, scenes[name].truth
    assert truth.shape == labels.shape
    assert truth.dtype == torch.float32
    assert not (truth.isnan() & ~labels.isnan()).any()
    if name not in ("market1501-twin", "duke-twin"):
        assert not truth.isnan().any()


def test_wrong_labels_of_faces_are_as_many_as_documented(scenes):
    for t, name in enumerate(faces.NAMES):
        assert near(*wrong(scenes["celeba-twin"], t)[:1], faces.LABEL_NOISE[name], MANY), name


def test_wrong_labels_of_digits_and_cars_are_as_many_as_documented(scenes):
    assert near(wrong(scenes["cluttered-digits"], 0)[0], digits.LABEL_NOISE["class_wrong"], MANY)
    share, of_these = cars.LABEL_NOISE["model_wrong"], cars.LABEL_NOISE["of_these_other_make"]
    model, make, kind = (wrong(scenes["compcars-twin"], t)[0] for t in range(3))
    assert near(model, share, MANY)
    assert near(make, share * of_these, MANY)
    assert make < kind <= model * 1.1


def test_wrong_labels_of_garments_are_as_many_as_documented(scenes):
    garments, noise = scenes["deepfashion-twin"], clothes.LABEL_NOISE
    assert near(wrong(garments, 0)[0], noise["category_wrong"], MANY)
    for t, name in enumerate(clothes.TASKS.names[1:], 1):
        present = garments.truth[:, t] == 1
        assert near(float(garments.labels[:, t].isnan().double().mean()), noise["unknown"], MANY), name
        if present.sum() > 50:
            assert near(wrong(garments, t, present)[0], noise["positive_missed"], wrong(garments, t, present)[1]), name


@each("name", ["market1501-twin", "duke-twin"])
def test_wrong_labels_of_pedestrians_are_as_many_as_documented(name, scenes):
    shown = scenes[name]
    first = torch.tensor([(shown.identities == who).nonzero()[0, 0] for who in shown.identities.unique()])
    for t, task in enumerate(load(name).tasks):
        # All images of a person have the same labels, so that people count and not images. Of a binary
        # attribute the rarer value is missed.
        truth = shown.truth[first, t]
        rarer = float((truth == 1).double().mean() < 0.5)
        among = first if task.kind == "categorical" else first[truth == rarer]
        kind = {"age": "age", "up_colour": "colour", "down_colour": "colour"}.get(task.name, "binary")
        share, count = wrong(shown, t, among)
        if count > 30:
            assert near(share, people.LABEL_NOISE[kind], count), task.name


@each("name", sorted(SAMPLE))
def test_labels_and_truth_of_the_loader_are_those_of_the_scenes(name, loaded):
    data, scenes = loaded[name], SAMPLE[name]("test", 48)
    columns = range(len(data.tasks))  # of cars the first two of three
    for got, expected in ((data.labels, scenes.labels), (data.truth, scenes.truth)):
        assert torch.equal(got.nan_to_num(-1), expected[:, columns].nan_to_num(-1))


@each("twin, name", [(faces, "celeba-twin"), (clothes, "deepfashion-twin"), (cars, "compcars-twin"), (people, "duke-twin")])
def test_regions_follow_what_is_drawn_and_not_the_label(twin, name):
    scene = SAMPLE[name]("test", 3).rows(slice(2, 3))
    mislabelled = {"filed": (scene.filed + 5) % 48} if twin is cars else {"labels": torch.ones_like(scene.labels) - scene.labels}
    shape = (32, 16) if twin is people else 32
    regions = twin.attribute_regions(scene, shape)
    assert torch.equal(twin.attribute_regions(replace(scene, **mislabelled), shape), regions)
    # What is drawn does decide them.
    assert not torch.equal(twin.attribute_regions(SAMPLE[name]("test", 2).rows(slice(1, 2)), shape), regions)


@each("name", sorted(SAMPLE))
def test_no_scene_is_in_two_draws_or_two_splits(name):
    rows, errors = [], set()
    for draw in (*range(5), *range(100, 105)):
        splits = [SAMPLE[name](split, 300, draw) for split in ("train", "val", "test")]
        # A person has several images that agree in a part of the parameters, so whole rows count.
        rows += [row for scenes in splits for row in map(tuple, scenes.parameters.tolist())]
        errors.add(tuple(flag for scenes in splits for flag in (scenes.labels != scenes.truth).flatten().tolist()))
    assert len(set(rows)) == len(rows) == 10 * 3 * 300
    assert len(errors) == 10


@each("name", ["celeba-twin", "market1501-twin", "duke-twin"])
def test_no_person_is_in_two_draws(name):
    from mtattr.twins.faces.parameters import IDENTITY_PARAMETERS
    from mtattr.twins.people.scene import OF_IDENTITY

    columns = len(IDENTITY_PARAMETERS if name == "celeba-twin" else OF_IDENTITY)
    seen = set()
    for draw in (*range(5), 100, 101):
        looks = {tuple(row) for row in SAMPLE[name]("train", 600, draw).parameters[:, :columns].tolist()}
        assert not seen & looks
        seen |= looks


@each("name", sorted(TWIN_WRITERS))
def test_a_draw_is_another_set_and_draw_0_is_the_usual_one(name, loaded):
    usual, other = loaded[name], load(name, draw=3)
    assert usual.fingerprint == load(name, draw=0).fingerprint != other.fingerprint
    assert torch.equal(usual.images, load(name, draw=0).images)
    assert other.fingerprint == load(name, seed=3).fingerprint == load(name, seed=3, draw=3).fingerprint
    assert not (other.images == usual.images).flatten(1).all(1).any()
    assert other.facts["draw"] == 3


def test_a_set_that_is_read_has_no_drawn_truth():
    assert load_dataset("digits", "test", limit=5).truth is None
