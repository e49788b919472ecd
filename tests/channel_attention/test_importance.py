import copy

import pytest
import torch
from mtattr.channel_attention import ChannelAttentionNet, MultiLabelNet, channel_contributions, mask_means, mask_spread, top_channels
from mtattr.errors import InputError
from torch import nn

from cases import each
from reference import classifiers_of_masks, masks_by_attribute, spread_of_means

C, K, N = 6, 5, 7
SMALL = {"front_end": "light", "width": 0.0625, "image_size": 16, "batch_norm": True}


def made(**how):
    torch.manual_seed(0)
    net = ChannelAttentionNet(K, C, **(SMALL | how))
    with torch.no_grad():
        for _ in range(3):
            net(torch.rand(8, 3, 16, 24))
        for value in net.masks.parameters() if net.masks is not None else ():
            value.mul_(5)
        net.classifiers.bias.add_(torch.arange(K))
    return net.eval()


def images_of(count=N):
    return torch.randint(0, 256, (count, 3, 16, 24), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def part(net, name):
    return {key.removeprefix(f"{name}."): value for key, value in net.state_dict().items() if key.startswith(f"{name}.")}


def masks_by_hand(net, images, activation="sigmoid"):
    features = net.extractor(images / 255).detach()
    return features, masks_by_attribute(part(net, "masks"), features, K, activation)


@each("how", [{}, {"chunk": 2}, {"mask": "single"}, {"mask_activation": "tanh"}, {"mask_activation": "relu", "mask_layers": 2}])
def test_means_of_masks_by_a_slow_loop(how):
    net, images = made(**how), images_of()
    _, masks = masks_by_hand(net, images, how.get("mask_activation", "sigmoid"))
    found = mask_means(net, images)
    assert found.shape == (N, K, 1 if how.get("mask") == "single" else C)
    assert found.dtype == torch.float32
    for n in range(N):
        for k in range(K):
            for c in range(found.shape[2]):
                expected = sum(abs(value) for value in masks[n, k, c].flatten().tolist()) / masks[n, k, c].numel()
                assert found[n, k, c].item() == pytest.approx(expected, abs=1e-5)


@each("how", [{}, {"chunk": 2}, {"keep_one": False}, {"mask": "single"}, {"mask_activation": "tanh"}, {"mask_kernel": 1}])
def test_contributions_and_the_bias_are_the_logit(how):
    net, images = made(**how), images_of()
    found = channel_contributions(net, images)
    assert found.shape == (N, K, C)
    torch.testing.assert_close(found.sum(2) + net.classifiers.bias, net(images / 255).logits, rtol=0, atol=1e-5)


@each("keep_one", [True, False])
def test_a_contribution_is_the_weight_times_the_pooled_channel(keep_one):
    net, images = made(keep_one=keep_one), images_of(2)
    features, masks = masks_by_hand(net, images)
    pooled, _ = classifiers_of_masks(part(net, "classifiers"), features, masks, keep_one=keep_one)
    torch.testing.assert_close(channel_contributions(net, images), net.classifiers.weight * pooled, rtol=0, atol=1e-5)


@each("function", [mask_means, channel_contributions])
@each("batch_size", [1, 3, N])
def test_batches_change_nothing(function, batch_size):
    net, images = made(), images_of()
    torch.testing.assert_close(function(net, images, batch_size=batch_size), function(net, images))


@each("function", [mask_means, channel_contributions])
def test_the_network_is_asked_in_evaluation_and_left_as_it_was(function):
    net, images = made(), images_of()
    before, expected = copy.deepcopy(net.state_dict()), function(net, images)
    found = function(net.train(), images)
    torch.testing.assert_close(found, expected)
    assert not found.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@each("function", [mask_means, channel_contributions])
def test_networks_without_masks_are_refused(function):
    for net in (made(mask="none"), MultiLabelNet(K, C, **SMALL), nn.Linear(1, 1)):
        with pytest.raises(InputError):
            function(net, images_of())
    for net, got in ((made(mask="none"), "one without"), (MultiLabelNet(K, C, **SMALL), "MultiLabelNet")):
        with pytest.raises(InputError, match=f"expected a ChannelAttentionNet with masks, got {got}"):
            mask_means(net, images_of())


def test_classifiers_that_mix_channels_have_no_contributions_but_means():
    net = made(classifier_hidden=2)
    with pytest.raises(InputError, match="contributions of channels need classifiers that are linear after the pool"):
        channel_contributions(net, images_of())
    assert mask_means(net, images_of()).shape == (N, K, C)


def test_top_channels_by_hand_with_the_first_of_equal_ones_first():
    importance = torch.tensor([[0.1, 0.9, 0.5, 0.5], [0.2, 0.2, 0.2, 0.2], [4.0, 3.0, 2.0, 1.0]])
    assert top_channels(importance).tolist() == [[1, 2, 3], [0, 1, 2], [0, 1, 2]]
    assert top_channels(importance, 1).tolist() == [[1], [0], [0]]
    assert top_channels(importance, 4).tolist() == [[1, 2, 3, 0], [0, 1, 2, 3], [0, 1, 2, 3]]
    assert top_channels(importance).dtype == torch.int64
    assert top_channels(torch.full((2, 300), 0.5), 5).tolist() == [[0, 1, 2, 3, 4]] * 2


@each(("shape", "count"), [((K, C), 0), ((K, C), C + 1), ((K,), 1), ((N, K, C), 2)])
def test_top_channels_need_means_and_channels_enough(shape, count):
    with pytest.raises(InputError, match=r"expected mean masks \(K, C\) and at most C channels to take, got \("):
        top_channels(torch.zeros(shape), count)


def test_constant_masks_spread_over_nothing():
    assert mask_spread(torch.full((3, K, C), 0.25)) == {"mean": 0.25, "attributes": 0, "channels": 0, "own": 0, "images": 0}


def test_masks_of_attributes_or_channels_alone_have_nothing_of_their_own():
    level = torch.tensor([1.0, 3.0])
    found = mask_spread(level[:, None].expand(4, 2, 3))
    assert found == pytest.approx({"mean": 2, "attributes": 1, "channels": 0, "own": 0, "images": 0})
    found = mask_spread(level.expand(4, 3, 2))
    assert found == pytest.approx({"mean": 2, "attributes": 0, "channels": 1, "own": 0, "images": 0})
    found = mask_spread((level[:, None] + level).expand(4, 2, 2))
    assert found["own"] == pytest.approx(0)


def test_spread_by_hand():
    # Rows 1 2 and 3 6: column deviations 1 and 2, row deviations 0.5 and 1.5; beyond the levels 0.5 each.
    table = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    found = mask_spread(torch.stack([table - 1, table + 1]))
    assert found == pytest.approx({"mean": 3, "attributes": 1.5, "channels": 1, "own": 0.5, "images": 1})


@each("shape", [(4, K, C), (1, K, C), (3, 1, C), (3, K, 1)])
def test_spread_by_slow_loops(shape):
    means = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    assert mask_spread(means) == pytest.approx(spread_of_means(means), abs=1e-12)


@each("shape", [(), (3,), (2, 3), (1, 2, 3, 4), (0, 2, 3), (2, 0, 3), (2, 3, 0)])
def test_spread_of_anything_but_mean_masks_is_refused(shape):
    with pytest.raises(InputError, match=r"expected mean masks \(N, K, C\)"):
        mask_spread(torch.zeros(shape))
