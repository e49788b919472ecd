import math

import pytest
import torch
from mtattr.attention_branch import AttentionBranchNet, MultitaskAttentionBranchNet, cifar_resnet
from mtattr.attention_branch.map_use import another_image, answers_by_map, map_use
from mtattr.data.image_data import ImageData
from mtattr.nets import Output
from mtattr.tasks import Task, TaskSet
from torch import nn

from cases import each

NAN, N = math.nan, 30
ATTRIBUTES, CLASS = TaskSet.binary("ab"), TaskSet([Task("class", "categorical", ("r", "g"))])
NETS = {
    "one map": lambda **how: AttentionBranchNet(cifar_resnet(14, 2, widths=(4, 6, 8), blocks=1), 2, **how),
    "a map each": lambda **how: MultitaskAttentionBranchNet(2, cifar_resnet(14, 2, widths=(4, 6, 8), blocks=1), **how),
}


def made(kind, **how):
    torch.manual_seed(0)
    net = NETS[kind](**how)
    for _ in range(3):
        net(torch.rand(8, 3, 16, 16))
    return net.eval()


def images_of(count=N):
    return torch.randint(0, 256, (count, 3, 16, 12), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def data_of(images, labels, tasks=CLASS):
    return ImageData(images, torch.tensor(labels), tasks, tuple(map(str, range(len(images)))), "toy", "test")


class Points(nn.Module):
    """Answers by the light under its map, which is 1 in the image's brighter half; channels are classes or tasks."""

    def forward(self, images, maps=None):
        if maps is None:
            left, right = images.chunk(2, dim=3)
            brighter = (left.mean((1, 2, 3)) > right.mean((1, 2, 3))).float()[:, None, None, None]
            maps = torch.cat([brighter * torch.ones_like(left[:, :1]), (1 - brighter) * torch.ones_like(right[:, :1])], 3)
        seen = (maps * images).sum((2, 3)) / maps.sum((2, 3))
        return Output(20 * seen[:, :2] - 10, maps)


def halves(classes, sides):
    """Images whose bright half shows the class's channel and whose dark half the other's, more of it."""
    images = torch.zeros(len(classes), 3, 8, 8, dtype=torch.uint8)
    for i, (k, side) in enumerate(zip(classes, sides, strict=True)):
        images[i, k, :, 4 * side : 4 * side + 4] = 200
        images[i, 2, :, 4 * side : 4 * side + 4] = 255
        images[i, 1 - k, :, 4 - 4 * side : 8 - 4 * side] = 255
    return images


@each("count", [2, 3, 7, 100])
def test_every_image_gets_another_one_and_each_is_taken_once(count):
    other = another_image(count)
    assert sorted(other.tolist()) == list(range(count))
    assert (other != torch.arange(count)).all()
    assert torch.equal(other, another_image(count))


def test_another_image_is_drawn_at_random():
    assert not torch.equal(another_image(50), another_image(50, seed=1))
    assert len(set((another_image(50) - torch.arange(50)).tolist())) > 10


@each("kind", NETS)
def test_answers_are_those_of_a_network_that_is_handed_the_map(kind):
    net, images = made(kind), images_of()
    found, other = answers_by_map(net, images), another_image(N)
    with torch.no_grad():
        own = net(images / 255)
        flat = own.maps.mean((2, 3), keepdim=True) * torch.ones_like(own.maps)
        expected = {"kept": own.maps, "flat": flat, "swapped": own.maps[other]}
        for name, maps in expected.items():
            torch.testing.assert_close(found[name], net(images / 255, maps).logits, rtol=1e-4, atol=1e-5)
            assert torch.equal(net(images / 255, maps).maps, maps)
        torch.testing.assert_close(found["kept"], own.logits, rtol=1e-4, atol=1e-5)
    assert (found["kept"] - found["flat"]).abs().max() > 1e-4
    assert (found["kept"] - found["swapped"]).abs().max() > 1e-4


def test_a_network_that_attends_to_nothing_loses_nothing():
    found = map_use(made("one map", attend=False), data_of(images_of(), [[float(i % 2)] for i in range(N)]))
    assert found["map_kept"] == found["map_flat"] == found["map_swapped"]
    assert all(value == 0 for name, value in found.items() if "_over_" in name)


def test_a_network_that_needs_its_map_loses_with_a_flat_one_and_with_one_of_an_image_that_looks_elsewhere():
    classes, sides = [i % 2 for i in range(N)], [i // 2 % 2 for i in range(N)]
    data = data_of(halves(classes, sides), [[float(k)] for k in classes])
    found, other = map_use(Points(), data), another_image(N).tolist()
    # With the whole image seen the wrong channel is the brighter one; so it is with the map of the other side.
    same_side = sum(sides[i] == sides[j] for i, j in enumerate(other)) / N
    assert found["map_kept"] == 1
    assert found["map_flat"] == 0
    assert found["map_swapped"] == pytest.approx(same_side)
    assert 0 < same_side < 1
    assert found["map_kept_over_flat"] == 1
    assert found["map_kept_over_swapped"] == pytest.approx(1 - same_side)
    # Logits differ by 20 * 200 / 255 with the map, and by 20 * 55 / 510 the other way without.
    kept, flat = (1 / (1 + math.exp(-d)) for d in (20 * 200 / 255, -20 * 55 / 510))
    assert found["map_kept_over_flat_probability"] == pytest.approx(kept - flat, rel=1e-4)


@each(("tasks", "labels"), [(CLASS, [[0.0], [1.0], [NAN], [0.0]]), (ATTRIBUTES, [[1.0, NAN], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])])
def test_probabilities_of_true_answers_by_hand(tasks, labels):
    net, data = made("one map"), data_of(images_of(4), labels, tasks)
    found, sure = map_use(net, data), {}
    for kind, logits in answers_by_map(net, data.images).items():
        if tasks is CLASS:
            sure[kind] = sum(logits[i].softmax(0)[int(k[0])].item() for i, k in enumerate(labels) if not math.isnan(k[0])) / 3
        else:
            yes = logits.sigmoid().tolist()
            first = (yes[0][0] + 1 - yes[1][0] + yes[2][0] + 1 - yes[3][0]) / 4
            sure[kind] = (first + (yes[1][1] + 1 - yes[2][1] + 1 - yes[3][1]) / 3) / 2
    for kind in ("flat", "swapped"):
        assert found[f"map_kept_over_{kind}_probability"] == pytest.approx(sure["kept"] - sure[kind], abs=1e-6)


def test_the_first_images_are_enough():
    images, labels = images_of(), [[float(i % 2)] for i in range(N)]
    assert map_use(made("one map"), data_of(images, labels), images=8) == map_use(made("one map"), data_of(images[:8], labels[:8]))
