import pytest
import torch
from mtattr.channel_attention.classifiers import apply_masks
from mtattr.channel_attention.masks import ACTIVATIONS, ChannelMasks
from mtattr.errors import InputError
from mtattr.evaluation import count_parameters

from cases import each
from reference import masks_by_attribute

C, K = 4, 5
FORMS = [(layers, single, kernel) for layers in (1, 2) for single in (False, True) for kernel in (1, 3)]


def made(layers=1, single=False, kernel=3, *, activation="sigmoid", count=K):
    torch.manual_seed(0)
    return ChannelMasks(C, count, kernel_size=kernel, layers=layers, activation=activation, single=single).double()


def features_of(size=(5, 6), channels=C):
    return torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@each(
    ("how", "expected"),
    [
        ({}, 5_903_360),
        ({"kernel_size": 1}, 660_480),
        ({"single": True}, 40 * (9 * 128 + 1)),
        ({"layers": 2}, 2 * 5_903_360),
        ({"layers": 2, "kernel_size": 1, "single": True}, 660_480 + 40 * 129),
    ],
)
def test_sizes_at_128_channels_and_40_attributes(how, expected):
    with torch.device("meta"):
        assert count_parameters(ChannelMasks(**how)) == expected


@each("size", [(1, 1), (2, 7), (5, 6)])
@each(("layers", "single", "kernel"), FORMS)
def test_every_attribute_has_a_map_for_each_channel_or_a_single_one(layers, single, kernel, size):
    masks = made(layers, single, kernel)
    assert masks(features_of(size)).shape == (3, K, 1 if single else C, *size)
    assert masks.mask_channels == (1 if single else C)


@each("activation", ACTIVATIONS)
@each(("layers", "single", "kernel"), FORMS)
@each("count", [1, K])
def test_one_convolution_equals_one_for_each_attribute(layers, single, kernel, activation, count):
    masks, features = made(layers, single, kernel, activation=activation, count=count), features_of()
    expected = masks_by_attribute(masks.state_dict(), features, count, activation)
    torch.testing.assert_close(masks(features), expected, rtol=0, atol=1e-12)


@each("attributes", [slice(0, 1), slice(1, 4), slice(3, 5), slice(0, 5), slice(2, None), slice(2), slice(-2, None)])
@each(("layers", "single", "kernel"), FORMS)
def test_masks_of_some_attributes_are_a_part_of_all(layers, single, kernel, attributes):
    masks, features = made(layers, single, kernel), features_of()
    torch.testing.assert_close(masks(features, attributes), masks(features)[:, attributes], rtol=0, atol=1e-13)


@each(("layers", "single", "kernel"), FORMS)
def test_weights_of_one_attribute_change_its_mask_alone(layers, single, kernel):
    masks, features = made(layers, single, kernel), features_of()
    before = masks(features)
    convs = [masks.conv] if layers == 1 else [masks.conv, masks.hidden]
    for conv in convs:
        each = conv.out_channels // K
        with torch.no_grad():
            conv.weight[2 * each : 3 * each] += 1
            conv.bias[2 * each : 3 * each] -= 1
        after = masks(features)
        changed = (after != before).flatten(2).any(2).all(0)
        assert changed.tolist() == [k == 2 for k in range(K)]
        before = after


@each(("layers", "single", "kernel"), FORMS)
def test_one_mask_teaches_the_weights_of_its_attribute_alone(layers, single, kernel):
    masks = made(layers, single, kernel)
    masks(features_of())[:, 3].sum().backward()
    for value in masks.parameters():
        taught = (value.grad.reshape(K, -1) != 0).any(1)
        assert taught.tolist() == [k == 3 for k in range(K)]


@each(("activation", "low", "high"), [("sigmoid", 0, 1), ("tanh", -1, 1), ("relu", 0, None)])
def test_range_of_the_masks_and_the_default_of_the_gate(activation, low, high):
    features = 3 * features_of((9, 9))
    found = made(activation=activation)(features)
    assert low <= found.min() < found.max()
    assert found.max() <= high if high is not None else found.max() > 1
    if activation == "sigmoid":
        assert torch.equal(ChannelMasks(C, K).double()(features) > 0, torch.ones_like(found, dtype=torch.bool))
        gate = apply_masks(torch.ones_like(features), found)
        assert gate.min() > 1
        assert gate.max() < 2


def test_masks_are_of_one_layer_of_3x3_by_default():
    masks = ChannelMasks(C, K)
    assert masks.hidden is None
    assert masks.conv.weight.shape == (K * C, C, 3, 3)
    assert masks.activation == "sigmoid"


@each(
    ("given", "message"),
    [
        ({"channels": 0}, "channels must be a whole number of at least 1 that fits 63 bits, got 0"),
        ({"num_attributes": 2.0}, "num_attributes must be a whole number of at least 1 that fits 63 bits, got 2.0"),
        ({"kernel_size": 5}, "masks have kernels of 1 or 3 and 1 or 2 layers, got kernel_size 5 and layers 1"),
        ({"layers": 0}, "masks have kernels of 1 or 3 and 1 or 2 layers, got kernel_size 3 and layers 0"),
        ({"activation": "softmax"}, "activation 'softmax' is unknown; there are sigmoid, tanh, relu"),
    ],
)
def test_bad_input_has_one_clear_line(given, message):
    with pytest.raises(InputError, match=message):
        ChannelMasks(**({"channels": C, "num_attributes": K} | given))


@each("shape", [(3, C + 1, 5, 6), (C, 5, 6), (3, 1, 5, 6)])
def test_features_of_other_channels_are_refused(shape):
    with pytest.raises(InputError, match=rf"expected features \(B, {C}, h, w\) for masks of as many channels, got \({shape[0]}, "):
        ChannelMasks(C, K)(torch.zeros(shape))


@each("attributes", [slice(0, K, 2), slice(None, None, -1), slice(2, 2), slice(4, 1), slice(K, None)])
@each("layers", [1, 2])
def test_attributes_that_do_not_follow_each_other_are_refused(layers, attributes):
    with pytest.raises(InputError, match="expected attributes that follow each other, of 0 to 4, got slice"):
        made(layers)(features_of(), attributes)
