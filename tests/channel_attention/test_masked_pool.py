import itertools

import pytest
import torch
from mtattr.channel_attention import ChannelMasks, masked_pool, pool_masked
from mtattr.errors import InputError
from torch.func import functional_call

from cases import each
from reference import classifiers_of_masks, masks_by_attribute

C, K = 3, 5
NAMES = ("features", "weight", "bias")


def given(kernel=3, *, count=K, channels=C, size=(4, 5), dtype=torch.float64, grad=NAMES):
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, channels, *size), (count * channels, channels, kernel, kernel), (count * channels,))
    made = [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes]
    return [value.requires_grad_(name in grad) for name, value in zip(NAMES, made, strict=True)]


def by_modules(features, weight, bias, keep_one=True):
    module = ChannelMasks(C, len(bias) // C, kernel_size=weight.shape[2])
    masks = functional_call(module, {"conv.weight": weight, "conv.bias": bias}, features)
    return pool_masked(features, masks, keep_one=keep_one), masks.mean((3, 4))


def gradients(outputs, inputs):
    loss = sum((i + 1) * value.double().square().sum() for i, value in enumerate(outputs))
    return torch.autograd.grad(loss, [value for value in inputs if value.requires_grad])


@each("kernel", [1, 3])
@each("chunk", [1, 2, K, K + 3])
@each("keep_one", [True, False])
@each(("dtype", "near"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_it_is_the_pool_under_the_masks_with_the_same_gradients(kernel, chunk, keep_one, dtype, near):
    inputs = given(kernel, dtype=dtype)
    found, expected = masked_pool(*inputs, chunk=chunk, keep_one=keep_one), by_modules(*inputs, keep_one)
    assert [value.dtype for value in found] == [dtype] * 2
    for one, other in zip((*found, *gradients(found, inputs)), (*expected, *gradients(expected, inputs)), strict=True):
        torch.testing.assert_close(one, other, rtol=near, atol=near)


@each("size", [(1, 1), (1, 6), (5, 3)])
@each("count", [1, 4])
@each("keep_one", [True, False])
def test_it_is_the_slow_loop(size, count, keep_one):
    features, weight, bias = given(count=count, size=size, grad=())
    masks = masks_by_attribute({"conv.weight": weight, "conv.bias": bias}, features, count)
    classifiers = {"weight": torch.ones(count, C, dtype=torch.float64), "bias": torch.zeros(count, dtype=torch.float64)}
    expected, _ = classifiers_of_masks(classifiers, features, masks, keep_one=keep_one)
    pooled, means = masked_pool(features, weight, bias, chunk=3, keep_one=keep_one)
    torch.testing.assert_close(pooled, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(means, masks.mean((3, 4)), rtol=0, atol=1e-12)


def test_by_hand():
    features = torch.tensor([[[[1.0, 3.0]]]])
    weight, bias = torch.zeros(2, 1, 1, 1), torch.tensor([0.0, 3.0]).log().nan_to_num(neginf=-1e4)
    pooled, means = masked_pool(features, weight, bias, chunk=1)
    torch.testing.assert_close(means, torch.tensor([[[0.0], [0.75]]]))
    torch.testing.assert_close(pooled, torch.tensor([[[2.0], [3.5]]]))
    torch.testing.assert_close(masked_pool(features, weight, bias, chunk=1, keep_one=False)[0], torch.tensor([[[0.0], [1.5]]]))


@each("grad", [names for n in range(4) for names in itertools.combinations(NAMES, n)])
@each("keep_one", [True, False])
def test_what_is_frozen_gets_no_gradient_and_the_rest_the_same(grad, keep_one):
    inputs = given(grad=grad)
    found, expected = masked_pool(*inputs, chunk=2, keep_one=keep_one), by_modules(*inputs, keep_one)
    assert all(value.requires_grad is bool(grad) for value in found)
    if not grad:
        return
    for one, other in zip(gradients(found, inputs), gradients(expected, inputs), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@each("which", [0, 1])
def test_one_of_both_outputs_may_be_used_alone(which):
    inputs = given()
    found, expected = (gradients([of[which]], inputs) for of in (masked_pool(*inputs, chunk=2), by_modules(*inputs)))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@each("kernel", [1, 3])
@each("keep_one", [True, False])
def test_gradients_are_those_of_small_differences(kernel, keep_one):
    inputs = given(kernel, count=3, channels=2, size=(2, 3))
    assert torch.autograd.gradcheck(lambda *of: masked_pool(*of, chunk=2, keep_one=keep_one), inputs)


def test_a_second_derivative_is_refused():
    inputs = given()
    pooled, _ = masked_pool(*inputs, chunk=2)
    first = torch.autograd.grad(pooled.square().sum(), inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first[1].sum().backward()


def test_the_inputs_are_left_as_they_were():
    inputs = given()
    before = [value.detach().clone() for value in inputs]
    gradients(masked_pool(*inputs, chunk=2), inputs)
    assert all(torch.equal(value, old) for value, old in zip(inputs, before, strict=True))


@each("chunk", [1, 3])
def test_nothing_but_the_inputs_is_kept_for_the_gradients(chunk):
    inputs, kept = given(size=(8, 8)), []
    with torch.autograd.graph.saved_tensors_hooks(lambda value: kept.append(value) or value, lambda value: value):
        masked_pool(*inputs, chunk=chunk)
    assert {value.data_ptr() for value in kept} == {value.data_ptr() for value in inputs}


def test_features_may_lie_in_memory_with_the_channels_last():
    features, weight, bias = given()
    inputs = [features.detach().contiguous(memory_format=torch.channels_last).requires_grad_(), weight, bias]
    found, expected = masked_pool(*inputs, chunk=2), by_modules(features, weight, bias)
    for one, other in zip(gradients(found, inputs), gradients(expected, (features, weight, bias)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@each("keep_one", [True, False])
def test_autocast_to_bfloat16_is_near_and_gives_gradients_of_the_inputs_type(keep_one):
    inputs = given(dtype=torch.float32, size=(8, 8))
    expected = masked_pool(*inputs, chunk=2, keep_one=keep_one)
    with torch.autocast("cpu", torch.bfloat16):
        found = masked_pool(*inputs, chunk=2, keep_one=keep_one)
    assert [value.dtype for value in found] == [torch.bfloat16] * 2
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.float(), other, rtol=0.03, atol=0.03)
    for one, other in zip(gradients(found, inputs), gradients(expected, inputs), strict=True):
        assert one.dtype == torch.float32
        assert torch.cosine_similarity(one.flatten(), other.flatten(), dim=0) > 0.99
        torch.testing.assert_close(one.norm(), other.norm(), rtol=0.05, atol=0)


@each("shape", [(K * C, C + 1, 3, 3), (K * C, 1, 3, 3), (K * C + 1, C, 3, 3), (C - 1, C, 3, 3), (K * C, C, 3), (K * C, C)])
def test_weights_of_other_channels_are_refused(shape):
    features, _, bias = given()
    with pytest.raises(InputError, match=r"expected a weight \(K C, C, k, k\) of C = 3 channels, got \("):
        masked_pool(features, torch.zeros(shape, dtype=torch.float64), bias, chunk=2)


@each("chunk", [0, -1, 1.0, None, True])
def test_a_chunk_is_a_whole_number(chunk):
    with pytest.raises(InputError, match="chunk must be a whole number of at least 1"):
        masked_pool(*given(), chunk=chunk)


@each(
    ("features", "weight", "bias"),
    [
        ((2, C, 4, 5), (K * C, C, 2, 2), (K * C,)),
        ((2, C, 4, 5), (K * C, C, 3, 1), (K * C,)),
        ((2, C, 4, 5), (K * C, C, 3, 3), (K * C - 1,)),
        ((2, C, 4), (K * C, C, 3, 3), (K * C,)),
        ((2,), (K * C, C, 3, 3), (K * C,)),
        ((2, C, 4, 5), (0, C, 3, 3), (0,)),
    ],
)
def test_whatever_else_does_not_fit_has_one_clear_line(features, weight, bias):
    with pytest.raises(InputError):
        masked_pool(torch.zeros(features), torch.zeros(weight), torch.zeros(bias), chunk=2)


def test_shapes_can_be_asked_for_without_a_device():
    pooled, means = masked_pool(*(value.to("meta") for value in given()), chunk=2)
    assert pooled.shape == means.shape == (2, K, C)
