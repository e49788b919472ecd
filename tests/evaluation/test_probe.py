import numpy as np
import pytest
import torch
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.evaluation.probe import coarse_pixels, linear_probe
from mtattr.tasks import Task, TaskSet
from sklearn.linear_model import Ridge

TASKS = TaskSet([Task("class", "categorical", ("a", "b", "c")), Task("bright"), Task("soft")])


def made(n, seed, tasks=TASKS, side=8):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, 3, side, side), dtype=torch.uint8, generator=generator)
    classes = torch.randint(0, 3, (n,), generator=generator).float()
    bright = (images[:, 0, :4].float().mean((1, 2)) > 127).float()
    bright[torch.rand(n, generator=generator) < 0.2] = float("nan")
    labels = torch.stack([classes, bright, torch.rand(n, generator=generator)], 1)
    return ImageData(images=images, labels=labels, tasks=tasks, keys=tuple(map(str, range(n))), name="toy", split="train")


@pytest.mark.parametrize("ridge", [0.01, 1.0])
def test_agrees_with_scikit_learn(ridge):
    train, test = made(300, 0), made(50, 1)
    (found,) = linear_probe(train, test, side=4, ridge=ridge)

    def features(data):
        blocks = data.images.numpy().astype(float).reshape(len(data), 3, 4, 2, 4, 2).mean((3, 5)).reshape(len(data), -1)
        return blocks / 255

    inputs, asked = features(train), features(test)
    mean, spread = inputs.mean(0), inputs.std(0, ddof=1)
    columns = [np.where(train.labels[:, 0] == c, 1.0, -1.0) for c in range(3)]
    columns += [2 * train.labels[:, t].double().numpy() - 1 for t in (1, 2)]
    for unit, column in enumerate(columns):
        known = ~np.isnan(column)
        oracle = Ridge(alpha=ridge * known.sum()).fit(((inputs - mean) / spread)[known], column[known])
        assert np.allclose(found[:, unit], oracle.predict((asked - mean) / spread), atol=1e-5), unit


def test_finds_a_linear_attribute_and_not_a_random_one():
    train, test = made(2000, 0), made(500, 1)
    (logits,) = linear_probe(train, test, side=8)
    known = ~test.labels[:, 1].isnan()
    assert ((logits[:, 3] > 0) == (test.labels[:, 1] > 0.5))[known].float().mean() > 0.85
    assert (logits[:, :3].argmax(1) == test.labels[:, 0]).float().mean() < 0.5


def test_pixels_are_averages():
    data = made(3, 0)
    assert coarse_pixels(data, 1).shape == (3, 3)
    assert torch.allclose(coarse_pixels(data, 1), data.images.double().mean((2, 3)) / 255)


def test_bad_arguments():
    with pytest.raises(InputError, match="same tasks"):
        linear_probe(made(20, 0), made(20, 1, TaskSet([*TASKS][::-1]).select([2, 1, 0]).select([0, 2, 1])))
    with pytest.raises(InputError, match="ridge"):
        linear_probe(made(20, 0), ridge=0)
