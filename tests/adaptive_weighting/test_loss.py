import math

import pytest
import torch
from mtattr.adaptive_weighting.loss import losses, square_error, square_errors
from mtattr.nets import Output
from mtattr.tasks import Task, TaskSet
from mtattr.training import Batch, per_task_loss
from torch.utils._python_dispatch import TorchDispatchMode

from cases import assert_refused

TASKS = TaskSet([Task("hat"), Task("colour", "categorical", tuple("rgb")), Task("bag"), Task("age", "categorical", tuple("abcd"))])


def draw(images=9, *, unknown=0.3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.randn(images, TASKS.num_units, generator=generator, dtype=torch.float64)
    sizes = torch.tensor([1, 3, 1, 4])
    labels = (torch.rand(images, 4, generator=generator, dtype=torch.float64) * sizes).floor()
    labels[:, 0] = torch.rand(images, generator=generator)
    labels[:, 2] = (torch.rand(images, generator=generator) < 0.5).double()
    labels[torch.rand(images, 4, generator=generator) < unknown] = math.nan
    return outputs, labels


def one_by_one(output, label, task, start):
    """Half squared distance of one image's task, NaN where unknown."""
    if math.isnan(label):
        return math.nan
    if task.kind == "binary":
        return (output[start] - (2 * label - 1)) ** 2 / 2
    total = 0.0
    for v in range(len(task.values)):
        total += (output[start + v] - (1 if v == label else -1)) ** 2 / 2
    return total / len(task.values)


def slow(outputs, labels, tasks):
    rows = []
    for i in range(len(labels)):
        start, row = 0, []
        for t, task in enumerate(tasks):
            row.append(one_by_one(outputs[i].tolist(), labels[i, t].item(), task, start))
            start += max(1, len(task.values))
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("unknown", [0.0, 0.3])
def test_equals_the_slow_form(unknown):
    outputs, labels = draw(unknown=unknown)
    expected = slow(outputs, labels, TASKS)
    torch.testing.assert_close(square_errors(outputs, labels, TASKS), expected, equal_nan=True)
    torch.testing.assert_close(square_error(outputs, labels, TASKS), expected.nanmean(0))


def test_one_image_by_hand():
    outputs = torch.tensor([[0.0, 1.0, -1.0, 1.0, -3.0, 0.0, 0.0, 0.0, 0.0]])
    labels = torch.tensor([[1.0, 0.0, 0.0, 3.0]])
    assert square_error(outputs, labels, TASKS).tolist() == pytest.approx([0.5, 4 / 6, 2.0, 0.5])


def test_an_unknown_label_gives_neither_loss_nor_gradient():
    outputs, labels = draw()
    labels[:, 1] = math.nan
    outputs.requires_grad_()
    found = square_error(outputs, labels, TASKS)
    assert found[1] == 0
    found.sum().backward()
    known = ~labels[:, [0, 1, 1, 1, 2, 3, 3, 3, 3]].isnan()
    assert torch.equal(outputs.grad != 0, known)


def test_gradients_are_right():
    outputs, labels = draw(4)
    assert torch.autograd.gradcheck(lambda x: square_error(x, labels, TASKS), outputs.requires_grad_())


def test_halves_with_the_global_counts_average_to_the_whole():
    outputs, labels = draw(10)
    known = (~labels.isnan()).sum(0).float() / 2
    halves = [square_error(outputs[part], labels[part], TASKS, known=known) for part in (slice(0, 3), slice(3, 10))]
    torch.testing.assert_close(sum(halves) / 2, square_error(outputs, labels, TASKS))


def test_low_precision_is_computed_in_float32_with_the_contract_of_the_other_loss():
    outputs, labels = draw()
    for kind in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        ours, other = (loss(outputs.to(kind), labels.float(), TASKS) for loss in (square_error, per_task_loss))
        assert (ours.dtype, ours.shape) == (other.dtype, other.shape)
    rounded = outputs.bfloat16()
    torch.testing.assert_close(
        square_error(rounded, labels.float(), TASKS), square_error(rounded.double(), labels, TASKS).float(), rtol=1e-4, atol=1e-4
    )


def test_a_first_call_under_inference_mode_does_not_spoil_training():
    tasks = TaskSet([Task("seen in inference first"), Task("c", "categorical", tuple("xyz"))])
    outputs, labels = torch.randn(2, 4), torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    with torch.inference_mode():
        square_error(outputs, labels, tasks)
    square_error(outputs.requires_grad_(), labels, tasks).sum().backward()
    assert outputs.grad.abs().min() > 0


def test_a_sum_over_units_is_their_mean_times_their_number():
    outputs, labels = draw()
    sizes = torch.tensor([1, 3, 1, 4])
    torch.testing.assert_close(square_error(outputs, labels, TASKS, units="sum"), square_error(outputs, labels, TASKS) * sizes)
    summed = square_errors(outputs, labels, TASKS, units="sum")
    torch.testing.assert_close(summed, square_errors(outputs, labels, TASKS) * sizes, equal_nan=True)
    assert_refused("mean or sum", square_error, outputs, labels, TASKS, units="max")


def test_what_a_plan_trains_is_the_square_error():
    outputs, labels = draw()
    known = torch.tensor([3.0, 4, 5, 6])
    for units in ("mean", "sum"):
        found = losses(Output(outputs), Batch(None, labels, known), TASKS, units=units)
        assert torch.equal(found, square_error(outputs, labels, TASKS, known=known, units=units))


def test_shapes_that_would_be_broadcast_are_refused():
    for outputs, labels in (((4, 1), (4, 4)), ((1, 9), (4, 4)), ((4,), (4, 4)), ((4, 9), (1, 4)), ((4, 9), (4, 1)), ((4, 8), (4, 4))):
        assert_refused(r"outputs \(B, 9\) and labels \(B, 4\)", square_error, torch.zeros(outputs), torch.zeros(labels), TASKS)


class Sums(TorchDispatchMode):
    """Whether each sum over segments checks its lengths first."""

    def __init__(self):
        super().__init__()
        self.checked = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.segment_reduce.default:
            self.checked.append(not kwargs.get("unsafe", False))
        return function(*args, **(kwargs or {}))


def test_the_sum_over_units_does_not_read_its_lengths():
    # On a GPU a read value is a wait for all that was queued before.
    with Sums() as sums:
        square_error(*draw(unknown=0), TASKS)
    assert sums.checked == [False]
