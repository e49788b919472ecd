import pytest
import torch
from captum.attr import Occlusion
from mtattr.errors import InputError
from mtattr.evaluation import occlusion_maps
from torch import nn


def test_equals_captum():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5))
    images = torch.rand(2, 3, 8, 8)
    ours = occlusion_maps(net, images, cells=4)
    baseline = images.mean(dim=(2, 3), keepdim=True).expand_as(images)
    for t in range(5):
        theirs = Occlusion(net).attribute(images, (3, 2, 2), strides=(3, 2, 2), baselines=baseline, target=t)
        torch.testing.assert_close(ours[:, t], theirs[:, 0, ::2, ::2])


def test_a_score_of_one_corner_falls_only_there():
    images = torch.zeros(1, 3, 6, 6)
    images[:, :, :3, 3:] = 1.0
    maps = occlusion_maps(lambda x: x[:, 0, :3, 3:].mean(dim=(1, 2))[:, None], images, cells=2)
    assert maps[0, 0].tolist() == [[0.0, 0.75], [0.0, 0.0]]


def test_the_grid_must_divide_the_image():
    with pytest.raises(InputError, match="5 x 5 cells does not divide"):
        occlusion_maps(lambda x: x.mean((2, 3)), torch.zeros(1, 3, 8, 8), cells=5)
