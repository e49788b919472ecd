import pytest
import torch
from mtattr.attention_branch import gated_conv2d
from mtattr.errors import InputError
from torch.nn.functional import conv2d

from cases import each
from reference import gated_convolution

# Kernel, stride, padding, height and width.
CASES = [
    (1, 1, 0, 5, 6),
    (1, 2, 0, 5, 6),
    (1, 2, 0, 6, 7),
    (1, 3, 0, 7, 7),
    (1, 1, 1, 4, 4),
    (1, 2, 1, 5, 4),
    (3, 1, 1, 5, 6),
    (3, 2, 1, 5, 6),
    (3, 2, 1, 6, 5),
    (3, 2, 1, 7, 7),
    (3, 1, 0, 5, 5),
    (3, 2, 0, 6, 7),
    (3, 3, 1, 7, 8),
    (3, 1, 2, 3, 4),
    (5, 1, 2, 6, 7),
    (5, 2, 2, 7, 6),
    (5, 2, 2, 8, 9),
    (5, 3, 1, 9, 7),
    (2, 1, 0, 4, 5),
    (2, 2, 0, 4, 6),
    (3, 1, 1, 1, 1),
    (3, 2, 1, 2, 1),
]


def given(kernel, height=5, width=6, *, batch=2, tasks=3, inputs=4, outputs=5, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = (batch, inputs, height, width), (batch, tasks, height, width), (outputs, inputs, kernel, kernel)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes]


def one_by_one(features, gates, weight, *, stride, padding):
    return torch.stack([conv2d(gate[:, None] * features, weight, stride=stride, padding=padding) for gate in gates.unbind(1)], 1)


@each(("kernel", "stride", "padding", "height", "width"), CASES)
def test_equals_the_naive_loops(kernel, stride, padding, height, width):
    features, gates, weight = given(kernel, height, width)
    expected = gated_convolution(features.numpy(), gates.numpy(), weight.numpy(), stride, padding)
    found = gated_conv2d(features, gates, weight, stride=stride, padding=padding)
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=0, atol=1e-12)


@each(("dtype", "close"), [(torch.float64, 1e-10), (torch.float32, 3e-5)])
@each(("kernel", "stride", "padding", "height", "width"), CASES)
def test_learns_what_a_convolution_of_each_task_learns(kernel, stride, padding, height, width, dtype, close):
    found = []
    for way in (gated_conv2d, one_by_one):
        tensors = [tensor.requires_grad_() for tensor in given(kernel, height, width, dtype=dtype)]
        made = way(*tensors, stride=stride, padding=padding)
        pull = torch.randn(made.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)
        found.append([made, *torch.autograd.grad((made * pull).sum(), tensors)])
    for fast, slow in zip(*found, strict=True):
        torch.testing.assert_close(fast, slow, rtol=close, atol=close)


def test_without_stride_and_padding_by_default():
    features, gates, weight = given(3)
    torch.testing.assert_close(gated_conv2d(features, gates, weight), one_by_one(features, gates, weight, stride=1, padding=0))


@each(("batch", "tasks", "inputs", "outputs"), [(1, 1, 1, 1), (3, 1, 2, 1), (1, 7, 1, 3)])
@each("kernel", [1, 3])
def test_any_numbers_of_images_tasks_and_channels(batch, tasks, inputs, outputs, kernel):
    features, gates, weight = given(kernel, batch=batch, tasks=tasks, inputs=inputs, outputs=outputs)
    how = {"stride": 2, "padding": kernel // 2}
    torch.testing.assert_close(gated_conv2d(features, gates, weight, **how), one_by_one(features, gates, weight, **how))


@each("kernel", [1, 3])
def test_gates_of_ones_leave_a_plain_convolution_and_zeros_nothing(kernel):
    features, _, weight = given(kernel)
    plain = conv2d(features, weight, padding=kernel // 2)
    gates = torch.stack([torch.ones(2, 5, 6), torch.zeros(2, 5, 6)], 1).double()
    found = gated_conv2d(features, gates, weight, padding=kernel // 2)
    torch.testing.assert_close(found[:, 0], plain)
    assert not found[:, 1].any()


@each("kernel", [1, 3])
def test_tasks_do_not_influence_each_other_not_even_by_a_nan(kernel):
    features, gates, weight = given(kernel)
    clean = gated_conv2d(features, gates, weight, padding=kernel // 2)
    gates[0, 1, 2, 3] = torch.nan
    found = gated_conv2d(features, gates, weight, padding=kernel // 2)
    assert found[0, 1].isnan().any()
    found[0, 1] = clean[0, 1]
    torch.testing.assert_close(found, clean)


def test_inputs_are_left_alone():
    tensors = given(3)
    before = [tensor.clone() for tensor in tensors]
    gated_conv2d(*tensors, padding=1)
    assert all(torch.equal(a, b) for a, b in zip(tensors, before, strict=True))


@each("kernel", [1, 3])
def test_every_layout_in_memory_is_taken(kernel):
    features, gates, weight = given(kernel)
    expected = gated_conv2d(features, gates, weight, padding=kernel // 2)
    odd = [tensor.contiguous(memory_format=torch.channels_last) for tensor in (features, gates, weight)]
    torch.testing.assert_close(gated_conv2d(*odd, padding=kernel // 2), expected)


@each(
    ("features", "gates", "message"),
    [
        ((2, 4, 5, 6), (2, 3, 5, 5), "expected features"),
        ((2, 4, 5, 6), (1, 3, 5, 6), "expected features"),
        ((2, 4, 5, 6), (2, 5, 6), "expected features"),
        ((4, 5, 6), (4, 3, 5, 6), "expected features"),
        ((2, 5, 5, 6), (2, 3, 5, 6), r"expected a weight of 5 input channels, got \(5, 4, 3, 3\)"),
    ],
)
def test_sizes_that_disagree_are_refused(features, gates, message):
    with pytest.raises(InputError, match=message):
        gated_conv2d(torch.zeros(features), torch.zeros(gates), torch.zeros(5, 4, 3, 3))
