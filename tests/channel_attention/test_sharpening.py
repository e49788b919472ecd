import copy

import pytest
import torch
from mtattr.channel_attention import ChannelAttentionNet, MultiLabelNet, noisy_logits, sharpen
from mtattr.errors import InputError
from torch import nn

from cases import each

C, K, N = 6, 4, 5
SMALL = {"front_end": "light", "width": 0.0625, "image_size": 16}


def masks_of(*shape, seed=0):
    return torch.rand(shape or (2, 3, C, 4, 5), generator=torch.Generator().manual_seed(seed))


def made(**how):
    torch.manual_seed(0)
    net = ChannelAttentionNet(K, C, **(SMALL | how))
    with torch.no_grad():
        for value in net.masks.parameters() if net.masks is not None else ():
            value.mul_(5)
    return net.eval()


def images_of(count=N):
    return torch.randint(0, 256, (count, 3, 16, 24), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_by_hand():
    masks = torch.tensor([[0.1, 0.3], [0.0, 0.4]])
    # Squares 1 9 0 16 of mean 6.5, to a mean of 0.2.
    torch.testing.assert_close(sharpen(masks, 2), 0.2 / 6.5 * torch.tensor([[1.0, 9.0], [0.0, 16.0]]))


def test_power_1_leaves_the_masks():
    torch.testing.assert_close(sharpen(masks_of(), 1), masks_of())


@each("power", [0, 0.3, 1, 2, 4, 9.5])
def test_every_map_keeps_its_mean_and_the_order_of_its_positions(power):
    masks = masks_of()
    found = sharpen(masks, power)
    torch.testing.assert_close(found.mean((-2, -1)), masks.mean((-2, -1)))
    assert (found >= 0).all()
    if power:
        assert torch.equal(found.flatten(-2).argsort(-1), masks.flatten(-2).argsort(-1))


@each("power", [1.5, 4])
def test_powers_above_1_sharpen_and_below_flatten(power):
    masks = masks_of()
    spread = masks.flatten(-2).std(-1)
    assert (sharpen(masks, power).flatten(-2).std(-1) > spread).all()
    assert (sharpen(masks, 1 / power).flatten(-2).std(-1) < spread).all()


def test_power_0_makes_each_map_its_mean():
    masks = masks_of()
    torch.testing.assert_close(sharpen(masks, 0), masks.mean((-2, -1), keepdim=True).expand_as(masks))


@each("power", [0, 0.5, 1, 4])
def test_maps_of_zeros_stay(power):
    masks = masks_of()
    masks[0] = 0
    found = sharpen(masks, power)
    assert not found[0].any()
    torch.testing.assert_close(found[1], sharpen(masks[1], power))


@each("power", [0.5, 4])
def test_constant_maps_stay(power):
    torch.testing.assert_close(sharpen(torch.full((2, 3, 3), 0.7), power), torch.full((2, 3, 3), 0.7))


def test_maps_do_not_see_each_other():
    masks = masks_of()
    torch.testing.assert_close(sharpen(masks, 3)[1, 2, 4], sharpen(masks[1, 2, 4], 3))


@each("level", [1e-10, 1e-13])
def test_masks_near_zero_keep_their_mean_too(level):
    masks = level * masks_of()
    torch.testing.assert_close(sharpen(masks, 4).mean((-2, -1)), masks.mean((-2, -1)), rtol=1e-4, atol=0)


@each("power", [-1, -1e-9, float("inf"), float("nan")])
def test_powers_below_0_are_refused(power):
    with pytest.raises(InputError, match=f"power must be a number of at least 0, got {power}"):
        sharpen(masks_of(), power)


@each("how", [{}, {"keep_one": False}, {"mask": "single"}, {"mask_activation": "relu"}, {"classifier_hidden": 2}, {"chunk": 2}])
def test_without_noise_and_with_power_1_the_logits_are_the_networks(how):
    net, images = made(**how), images_of()
    found = noisy_logits(net, images)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, net(images / 255).logits.detach(), rtol=1e-5, atol=1e-5)


@each("keep_one", [True, False])
def test_sharper_masks_take_the_place_of_the_masks(keep_one):
    net, images = made(keep_one=keep_one), images_of()
    with torch.no_grad():
        features = net.extractor(images / 255)
        masks = net.masks(features)
        squares = masks**2 / (masks**2).mean((3, 4), keepdim=True) * masks.mean((3, 4), keepdim=True)
        expected = torch.einsum("kc,bkc->bk", net.classifiers.weight, ((keep_one + squares) * features[:, None]).mean((3, 4)))
    torch.testing.assert_close(noisy_logits(net, images, power=2), expected + net.classifiers.bias, rtol=1e-4, atol=1e-5)


def test_noise_is_that_of_its_seed_whatever_the_power_and_the_batches():
    net, images = made(), images_of()
    seen = []
    net.extractor.register_forward_pre_hook(lambda _, args: seen.append(args[0].clone()))
    for how in ({}, {"power": 4.0}, {"batch_size": 2}, {"seed": 1}):
        noisy_logits(net, images, noise=0.2, **how)
    first, powered, other = seen[0], seen[1], seen[-1]
    assert torch.equal(first, powered)
    torch.testing.assert_close(torch.cat(seen[2:-1]), first)
    assert not torch.equal(first, other)
    assert torch.equal(noisy_logits(net, images, noise=0.2), noisy_logits(net, images, noise=0.2))


def test_noise_has_its_deviation_and_stays_within_the_range_of_pixels():
    net, seen = made(), []
    net.extractor.register_forward_pre_hook(lambda _, args: seen.append(args[0].clone()))
    images = torch.full((40, 3, 16, 16), 127, dtype=torch.uint8)
    noisy_logits(net, images, noise=0.1, batch_size=64)
    added = seen[0] - 127 / 255
    assert added.std().item() == pytest.approx(0.1, rel=0.03)
    assert added.mean().item() == pytest.approx(0, abs=0.003)
    noisy_logits(net, images, noise=9.0, batch_size=64)
    assert seen[1].min() == 0
    assert seen[1].max() == 1


def test_the_network_is_asked_in_evaluation_and_left_as_it_was():
    net, images = made(batch_norm=True), images_of()
    before, expected = copy.deepcopy(net.state_dict()), noisy_logits(net, images, noise=0.1, power=2)
    found = noisy_logits(net.train(), images, noise=0.1, power=2)
    assert not found.requires_grad
    assert torch.equal(found, expected)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@each(
    "net", [lambda: made(mask="none"), lambda: made(mask_activation="tanh"), lambda: MultiLabelNet(K, C, **SMALL), lambda: nn.Linear(1, 1)]
)
def test_masks_that_can_not_be_sharpened_are_refused(net):
    with pytest.raises(InputError, match="sharpening needs a ChannelAttentionNet with masks of at least 0"):
        noisy_logits(net(), images_of())


@each("how", [{"power": "2"}, {"power": None}, {"noise": -0.1}, {"noise": "0.1"}, {"noise": float("nan")}])
def test_noise_and_power_that_are_no_such_numbers_have_one_clear_line(how):
    with pytest.raises(InputError, match=f"{next(iter(how))} must be a number of at least 0"):
        noisy_logits(made(), images_of(), **how)
