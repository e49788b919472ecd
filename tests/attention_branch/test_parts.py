import pytest
import torch
from mtattr.attention_branch.parts import check_images, pooled_linear
from mtattr.errors import InputError

from cases import each


@each("size", [(1, 1), (3, 5), (8, 8)])
def test_a_pooled_linear_layer_takes_any_size(size):
    torch.manual_seed(0)
    made, features = pooled_linear(4, 3), torch.randn(2, 4, *size)
    *_, linear = made
    expected = torch.stack([sum(features[:, c].flatten(1).mean(1) * linear.weight[k, c] for c in range(4)) for k in range(3)], 1)
    torch.testing.assert_close(made(features), expected + linear.bias)


@each(
    ("images", "message"),
    [
        (torch.zeros(2, 1, 8, 8), r"images must be floats \(B, 3, H, W\) in \[0, 1\], got torch.float32 \(2, 1, 8, 8\)"),
        (torch.zeros(3, 8, 8), r"images must be floats .* got torch.float32 \(3, 8, 8\)"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.uint8), r"images must be floats .* got torch.uint8"),
        (torch.zeros(2, 3, 3, 8), "images of 3 x 8 px are smaller than the network's stride of 4 px"),
        (torch.zeros(2, 3, 8, 3), "images of 8 x 3 px are smaller than the network's stride of 4 px"),
    ],
)
@each("training", [True, False])
def test_images_that_no_network_can_take_are_refused(images, message, training):
    with pytest.raises(InputError, match=message) as caught:
        check_images(images, 4, training=training)
    assert "\n" not in str(caught.value)


def test_one_image_must_leave_two_values_for_batch_norm_in_training_alone():
    with pytest.raises(InputError, match="one image of 4 x 4 px leaves one value per channel"):
        check_images(torch.zeros(1, 3, 4, 4), 4, training=True)
    check_images(torch.zeros(1, 3, 4, 4), 4, training=False)
    for size in ((4, 5), (5, 4), (8, 4)):
        check_images(torch.zeros(1, 3, *size), 4, training=True)
    check_images(torch.zeros(2, 3, 4, 4), 4, training=True)


@each("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_floating_type_is_taken(dtype):
    check_images(torch.zeros(2, 3, 4, 4, dtype=dtype), 4, training=True)
