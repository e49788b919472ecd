import pytest
import torch
from mtattr.channel_attention.classifiers import MaskedClassifiers, apply_masks, pool_masked
from mtattr.errors import InputError
from mtattr.evaluation import count_parameters
from torch import nn

from cases import each
from reference import classifiers_of_masks

C, K = 4, 5
FEATURES = torch.tensor([[[[1.0, -2.0], [3.0, 4.0]], [[10.0, 20.0], [-30.0, 0.0]]]])
MASKS = torch.tensor([[[[[0.5, 0.0], [1.0, -2.0]], [[0.0, 0.0], [1.0, 1.0]]], [[[0.0, 1.0], [0.0, 0.5]], [[0.1, 0.2], [0.3, 0.4]]]]])


def random(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def given(channels=C, size=(5, 6), seed=1):
    return random(3, C, *size, seed=seed), random(3, K, channels, *size, seed=seed + 1)


def made(hidden=None):
    torch.manual_seed(0)
    return MaskedClassifiers(C, K, hidden=hidden).double()


def test_eq_2_by_hand():
    first = [[[1.5, -2.0], [6.0, -4.0]], [[10.0, 20.0], [-60.0, 0.0]]]
    second = [[[1.0, -4.0], [3.0, 6.0]], [[11.0, 24.0], [-39.0, 0.0]]]
    torch.testing.assert_close(apply_masks(FEATURES, MASKS), torch.tensor([[first, second]]))
    torch.testing.assert_close(pool_masked(FEATURES, MASKS), torch.tensor([[[0.375, -7.5], [1.5, -1.0]]]))


def test_a_single_map_is_that_of_every_channel():
    single = MASKS[:, :, :1]
    torch.testing.assert_close(apply_masks(FEATURES, single), apply_masks(FEATURES, single.expand_as(MASKS)))
    torch.testing.assert_close(pool_masked(FEATURES, single), pool_masked(FEATURES, single.expand_as(MASKS)))


def test_without_the_one_the_masks_alone_are_left():
    torch.testing.assert_close(apply_masks(FEATURES, MASKS, keep_one=False), MASKS * FEATURES[:, None])
    added = apply_masks(FEATURES, MASKS) - apply_masks(FEATURES, MASKS, keep_one=False)
    torch.testing.assert_close(added, FEATURES[:, None].expand_as(MASKS))
    assert not pool_masked(FEATURES, torch.zeros_like(MASKS), keep_one=False).any()


@each("keep_one", [True, False])
@each("channels", [C, 1])
@each("size", [(1, 1), (5, 6)])
def test_pooled_is_the_mean_of_what_is_applied(keep_one, channels, size):
    features, masks = given(channels, size)
    expected = apply_masks(features, masks, keep_one=keep_one).mean((3, 4))
    torch.testing.assert_close(pool_masked(features, masks, keep_one=keep_one), expected, rtol=0, atol=1e-13)


def test_masks_of_zeros_pool_the_features_exactly():
    features, masks = given()
    expected = features.mean((2, 3))[:, None].expand(-1, K, -1)
    assert torch.equal(pool_masked(features, torch.zeros_like(masks)), expected)
    assert torch.equal(apply_masks(features, torch.zeros_like(masks)), features[:, None].expand_as(masks))


@each("hidden", [None, 1, 3])
@each("keep_one", [True, False])
@each("channels", [C, 1])
def test_logits_by_slow_loops(hidden, keep_one, channels):
    classifiers, (features, masks) = made(hidden), given(channels)
    pooled = classifiers.pool(features, masks, keep_one=keep_one)
    expected_pooled, expected = classifiers_of_masks(classifiers.state_dict(), features, masks, keep_one=keep_one)
    torch.testing.assert_close(pooled, expected_pooled, rtol=0, atol=1e-12)
    torch.testing.assert_close(classifiers(pooled), expected, rtol=0, atol=1e-12)


def test_classifiers_are_as_many_linear_layers():
    classifiers, pooled = made(), random(3, K, C)
    layers = [nn.Linear(C, 1).double() for _ in range(K)]
    with torch.no_grad():
        for k, layer in enumerate(layers):
            layer.weight.copy_(classifiers.weight[k : k + 1])
            layer.bias.copy_(classifiers.bias[k : k + 1])
    torch.testing.assert_close(classifiers(pooled), torch.cat([layer(pooled[:, k]) for k, layer in enumerate(layers)], 1))


def test_hidden_classifiers_are_as_many_networks():
    classifiers, (features, masks) = made(3), given()
    pool = [nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    nets = [nn.Sequential(nn.Conv2d(C, 3, 3, padding=1), *pool, nn.Linear(3, 1)) for _ in range(K)]
    with torch.no_grad():
        for k, net in enumerate(nets):
            net.double()[0].weight.copy_(classifiers.hidden.weight[3 * k : 3 * k + 3])
            net[0].bias.copy_(classifiers.hidden.bias[3 * k : 3 * k + 3])
            net[4].weight.copy_(classifiers.weight[k : k + 1])
            net[4].bias.copy_(classifiers.bias[k : k + 1])
    expected = torch.cat([net((1 + masks[:, k]) * features) for k, net in enumerate(nets)], 1)
    torch.testing.assert_close(classifiers(classifiers.pool(features, masks)), expected, rtol=0, atol=1e-12)


@each("hidden", [None, 3])
@each("keep_one", [True, False])
@each("attributes", [slice(0, 1), slice(1, 3), slice(3, 5), slice(0, 5)])
def test_some_attributes_pool_a_part_of_all(hidden, keep_one, attributes):
    classifiers, (features, masks) = made(hidden), given()
    found = classifiers.pool(features, masks[:, attributes], attributes, keep_one=keep_one)
    torch.testing.assert_close(found, classifiers.pool(features, masks, keep_one=keep_one)[:, attributes], rtol=0, atol=1e-13)


@each("hidden", [None, 3])
def test_an_attribute_answers_to_its_own_mask_and_weights(hidden):
    classifiers, (features, masks) = made(hidden), given()
    classifiers(classifiers.pool(features, masks.requires_grad_()))[:, 2].sum().backward()
    assert (masks.grad != 0).flatten(2).any(2).tolist() == [[k == 2 for k in range(K)]] * 3
    for value in classifiers.parameters():
        assert (value.grad.reshape(K, -1) != 0).any(1).tolist() == [k == 2 for k in range(K)]


@each("hidden", [None, 3])
def test_other_attributes_order_gives_logits_of_that_order(hidden):
    classifiers, (features, masks) = made(hidden), given()
    before = classifiers(classifiers.pool(features, masks))
    order = torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        for value in classifiers.parameters():
            value.copy_(value.reshape(K, -1)[order].reshape(value.shape))
    after = classifiers(classifiers.pool(features, masks[:, order]))
    torch.testing.assert_close(after, before[:, order], rtol=0, atol=1e-12)


def test_images_have_masks_of_their_own():
    features, masks = given()
    for n in range(3):
        torch.testing.assert_close(pool_masked(features, masks)[n : n + 1], pool_masked(features[n : n + 1], masks[n : n + 1]))


def test_sizes_of_the_classifiers():
    with torch.device("meta"):
        assert count_parameters(MaskedClassifiers()) == 5_160
        assert count_parameters(MaskedClassifiers(hidden=7)) == 40 * (7 * 9 * 128 + 7 + 7 + 1)


def test_a_logit_is_a_sum_over_channels():
    classifiers, pooled = made(), random(3, K, C)
    shares = classifiers.weight * pooled
    torch.testing.assert_close(classifiers(pooled), shares.sum(2) + classifiers.bias)
    assert classifiers.weight.shape == (K, C)


@each("function", [apply_masks, pool_masked, lambda *both: MaskedClassifiers(C, K, hidden=2).pool(*both)])
@each(
    ("features", "masks", "message"),
    [
        ((2, C, 3, 3), (2, K, C, 3, 4), r"expected features \(B, C, h, w\) and masks \(B, K, C, h, w\), got \(2, 4, 3, 3\) and"),
        ((2, C, 3, 3), (1, K, C, 3, 3), r"expected features .* got \(2, 4, 3, 3\) and \(1, 5, 4, 3, 3\)"),
        ((2, C, 3, 3), (2, C, 3, 3), "expected features"),
        ((C, 3, 3), (C, K, C, 3, 3), "expected features"),
        ((2, C, 3, 3), (2, K, 3, 3, 3), "masks have 3 channels and features 4; expected as many, or a single one"),
        ((2, 1, 3, 3), (2, K, C, 3, 3), "masks have 4 channels and features 1"),
    ],
)
def test_masks_that_do_not_fit_are_refused(function, features, masks, message):
    with pytest.raises(InputError, match=message) as caught:
        function(torch.zeros(features), torch.zeros(masks))
    assert "\n" not in str(caught.value)


@each(
    ("how", "message"),
    [
        ({"channels": 0}, "channels must be a whole number of at least 1 that fits 63 bits, got 0"),
        ({"num_attributes": "5"}, "num_attributes must be a whole number of at least 1 that fits 63 bits, got '5'"),
        ({"hidden": 0}, "hidden must be a whole number of at least 1 that fits 63 bits, got 0"),
    ],
)
def test_bad_input_has_one_clear_line(how, message):
    with pytest.raises(InputError, match=message):
        MaskedClassifiers(**({"channels": C, "num_attributes": K} | how))
