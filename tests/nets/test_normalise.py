import torch
from mtattr.nets import Normalise, check_images
from mtattr.nets.vgg import VGG16_BLOCKS, VGG16_WIDTHS
from torchvision.models import vgg16

from cases import assert_refused


def test_images_are_normalised_by_hand():
    images = torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1).expand(2, 3, 2, 2)
    found = Normalise((0.5, 0.25, 0.0), (0.5, 0.25, 2.0))(images)
    assert torch.equal(found, torch.tensor([-1.0, 1.0, 0.5]).view(1, 3, 1, 1).expand(2, 3, 2, 2))


def test_the_default_is_the_training_set_of_cifar_as_released():
    grey = Normalise()(torch.full((1, 3, 1, 1), 0.5)).flatten()
    expected = [(0.5 - mean) / std for mean, std in zip((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010), strict=True)]
    torch.testing.assert_close(grey, torch.tensor(expected))


def test_statistics_of_the_images_are_no_weights_unless_asked_for():
    made = Normalise()
    assert made.state_dict() == {}
    assert not list(made.parameters())
    assert made.double()(torch.zeros(1, 3, 2, 2, dtype=torch.float64)).dtype == torch.float64
    assert list(Normalise(persistent=True).state_dict()) == ["mean", "std"]


def test_images_of_another_kind_are_refused():
    bytes_ = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    for images, how, message in (
        (torch.zeros(2, 1, 8, 8), {}, r"images must be floats \(B, 3, H, W\) in \[0, 1\], got torch.float32 \(2, 1, 8, 8\)"),
        (torch.zeros(3, 8, 8), {}, "images must be floats"),
        (bytes_, {}, "got torch.uint8"),
        (torch.zeros(2, 3, 8, 9), {"size": (8, 8)}, r"floats \(B, 3, 8, 8\)"),
        (torch.zeros(2, 3, 3, 8), {"stride": 4}, "3 x 8 px are smaller than the network's stride of 4 px"),
        (torch.zeros(2, 3, 8, 3), {"stride": 4}, "8 x 3 px are smaller"),
    ):
        assert_refused(message, check_images, images, **how)
    check_images(torch.zeros(2, 3, 8, 9), (8, 9), stride=8)


def test_vgg_16_is_that_of_torchvision():
    with torch.device("meta"):
        net = vgg16()
    assert tuple(layer.out_channels for layer in net.features if isinstance(layer, torch.nn.Conv2d)) == VGG16_WIDTHS[:13]
    assert tuple(layer.out_features for layer in net.classifier if isinstance(layer, torch.nn.Linear)) == (*VGG16_WIDTHS[13:], 1000)
    assert [len(block) for block in VGG16_BLOCKS] == [2, 2, 3, 3, 3]
