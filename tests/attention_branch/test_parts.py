import pytest
import torch

from mtattr.attention_branch.parts import Normalise, check_images, pooled_linear
from mtattr.errors import InputError


def test_images_are_normalised_by_hand():
    images = torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1).expand(2, 3, 2, 2)
    found = Normalise((0.5, 0.25, 0.0), (0.5, 0.25, 2.0))(images)
    assert torch.equal(found, torch.tensor([-1.0, 1.0, 0.5]).view(1, 3, 1, 1).expand(2, 3, 2, 2))


def test_the_default_is_the_training_set_of_cifar_as_released():
    grey = Normalise()(torch.full((1, 3, 1, 1), 0.5)).flatten()
    expected = [(0.5 - mean) / std for mean, std in zip((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010), strict=True)]
    torch.testing.assert_close(grey, torch.tensor(expected))


def test_statistics_of_the_images_are_no_weights():
    made = Normalise()
    assert made.state_dict() == {}
    assert not list(made.parameters())
    assert made.double()(torch.zeros(1, 3, 2, 2, dtype=torch.float64)).dtype == torch.float64


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 8)])
def test_a_pooled_linear_layer_takes_any_size(size):
    torch.manual_seed(0)
    made, features = pooled_linear(4, 3), torch.randn(2, 4, *size)
    *_, linear = made
    expected = torch.stack([sum(features[:, c].flatten(1).mean(1) * linear.weight[k, c] for c in range(4)) for k in range(3)], 1)
    torch.testing.assert_close(made(features), expected + linear.bias)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 1, 8, 8), r"images must be floats \(B, 3, H, W\) in \[0, 1\], got torch.float32 \(2, 1, 8, 8\)"),
        (torch.zeros(3, 8, 8), r"images must be floats .* got torch.float32 \(3, 8, 8\)"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.uint8), r"images must be floats .* got torch.uint8"),
        (torch.zeros(2, 3, 3, 8), "images of 3 x 8 px are smaller than the network's stride of 4 px"),
        (torch.zeros(2, 3, 8, 3), "images of 8 x 3 px are smaller than the network's stride of 4 px"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_images_that_no_network_can_take_are_refused(images, message, training):
    with pytest.raises(InputError, match=message) as caught:
        check_images(images, 4, training=training)
    assert "\n" not in str(caught.value)


def test_one_image_must_leave_two_values_for_batch_norm_in_training_alone():
    with pytest.raises(InputError, match="one image of 4 x 4 px leaves one value a channel"):
        check_images(torch.zeros(1, 3, 4, 4), 4, training=True)
    check_images(torch.zeros(1, 3, 4, 4), 4, training=False)
    for size in ((4, 5), (5, 4), (8, 4)):
        check_images(torch.zeros(1, 3, *size), 4, training=True)
    check_images(torch.zeros(2, 3, 4, 4), 4, training=True)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_floating_type_is_taken(dtype):
    check_images(torch.zeros(2, 3, 4, 4, dtype=dtype), 4, training=True)
