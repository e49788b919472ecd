import copy
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mtattr.attention_branch import TaskBatchNorm2d
from mtattr.attention_branch.task_norm import STATISTICS
from mtattr.errors import InputError
from torch import nn

from cases import each
from reference import norm_of_passes

_spec = importlib.util.spec_from_file_location("process", Path(__file__).with_name("process.py"))
process = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(process)
B, T, C = 3, 4, 2
ALL = slice(0, T)


def made(statistics="task", *, tasks=T, **options):
    """A layer with scale, shift and running statistics of its own, none of them 0 or 1."""
    generator = torch.Generator().manual_seed(0)
    norm = TaskBatchNorm2d(tasks, C, statistics, **options).double()
    with torch.no_grad():
        for value in (*norm.parameters(), norm.running_mean):
            value.copy_(torch.randn(value.shape, generator=generator))
        norm.running_var.copy_(0.5 + torch.rand(norm.running_var.shape, generator=generator))
    return norm


def passes_of(tasks=T, batch=B, size=(5, 4), seed=1):
    x = torch.randn(batch, tasks, C, *size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    # Tasks of another mean and spread, or statistics of one would do for another.
    return x * torch.linspace(1, 3, tasks, dtype=x.dtype)[:, None, None, None] + torch.arange(tasks)[:, None, None, None]


def tensors(norm):
    return norm.weight, norm.bias, norm.running_mean, norm.running_var


def textbook(norm, x, training):
    how = {"statistics": norm.statistics, "training": training, "momentum": norm.momentum, "eps": norm.eps}
    passes, *running = norm_of_passes(list(x.unbind(1)), tensors(norm), **how)
    return torch.stack(passes, 1), *running


@each("training", [True, False])
@each("statistics", STATISTICS)
@each("options", [{}, {"momentum": 0.3, "eps": 0.01}])
def test_equals_batch_norm_by_hand(statistics, training, options):
    norm, x = made(statistics, **options).train(training), passes_of()
    expected, mean, variance = textbook(norm, x, training)
    torch.testing.assert_close(norm(x, ALL), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(norm.running_mean, mean, rtol=0, atol=1e-12)
    torch.testing.assert_close(norm.running_var, variance, rtol=0, atol=1e-12)


@each("training", [True, False])
@each("statistics", STATISTICS)
def test_learns_what_batch_norm_by_hand_learns(statistics, training):
    norm, x = made(statistics).train(training), passes_of().requires_grad_()
    pull = torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=x.dtype)
    leaves = [x, norm.weight, norm.bias]
    expected = torch.autograd.grad((textbook(norm, x, training)[0] * pull).sum(), leaves)
    for found, wanted in zip(torch.autograd.grad((norm(x, ALL) * pull).sum(), leaves), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10)


@each("statistics", ["task", "sequential"])
@each("size", [1, 2, 3])
def test_parts_one_after_the_other_equal_the_whole(statistics, size):
    whole, parts, x = made(statistics), made(statistics), passes_of()
    for _ in range(2):
        expected = whole(x, ALL)
        pieces = [slice(first, min(first + size, T)) for first in range(0, T, size)]
        found = torch.cat([parts(x[:, tasks], tasks) for tasks in pieces], 1)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(parts.state_dict()[name], value, rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.cat([parts.eval()(x[:, t : t + 1], slice(t, t + 1)) for t in range(T)], 1), whole.eval()(x, ALL))


def test_sequential_is_a_plain_layer_called_for_every_task():
    plain, ours, x = nn.BatchNorm2d(C).double(), TaskBatchNorm2d(T, C, "sequential").double(), passes_of()
    expected = torch.stack([plain(x[:, t]) for t in range(T)], 1)
    torch.testing.assert_close(ours(x, ALL), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(ours.running_mean, plain.running_mean, rtol=0, atol=1e-12)
    torch.testing.assert_close(ours.running_var, plain.running_var, rtol=0, atol=1e-12)


def test_task_is_a_plain_layer_of_its_own_for_every_task():
    plain, ours, x = [nn.BatchNorm2d(C).double() for _ in range(T)], TaskBatchNorm2d(T, C).double(), passes_of()
    expected = torch.stack([plain[t](x[:, t]) for t in range(T)], 1)
    torch.testing.assert_close(ours(x, ALL), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(ours.running_var, torch.stack([norm.running_var for norm in plain]), rtol=0, atol=1e-12)
    assert ours.statistics == "task"


def test_joint_is_a_plain_layer_on_all_passes():
    plain, ours, x = nn.BatchNorm2d(C).double(), TaskBatchNorm2d(T, C, "joint").double(), passes_of()
    torch.testing.assert_close(ours(x, ALL), plain(x.flatten(0, 1)).view_as(x), rtol=0, atol=1e-12)
    torch.testing.assert_close(ours.running_var, plain.running_var, rtol=0, atol=1e-12)


@each("tasks", [4, 20, 40])
def test_sequential_statistics_forget_the_first_tasks(tasks):
    norm = TaskBatchNorm2d(tasks, C, "sequential").double()
    x = torch.arange(float(tasks), dtype=torch.float64)[None, :, None, None, None].expand(2, tasks, C, 3, 3)
    norm(x, slice(0, tasks))
    # After one step task t of T holds m (1 - m)^(T - 1 - t) of the mean, and the beginning the rest.
    shares = [0.1 * 0.9 ** (tasks - 1 - t) for t in range(tasks)]
    torch.testing.assert_close(norm.running_mean, torch.full((C,), sum(t * share for t, share in enumerate(shares))).double())
    assert sum(shares[-10:]) == pytest.approx(1 - 0.9**10 if tasks >= 10 else 1 - 0.9**tasks)
    # The trap of the released run: 65 % of the statistics are those of the last ten tasks.
    if tasks == 40:
        assert sum(shares[-10:]) == pytest.approx(0.65, abs=0.002)
        assert sum(shares[-20:]) == pytest.approx(0.88, abs=0.002)


ORDER = [2, 0, 3, 1]


@each("training", [True, False])
@each("statistics", STATISTICS)
def test_permuted_tasks_are_normalised_the_same(statistics, training):
    norm, x = made(statistics).train(training), passes_of()
    moved = copy.deepcopy(norm)
    if statistics == "task":
        moved.running_mean, moved.running_var = norm.running_mean[ORDER], norm.running_var[ORDER]
    torch.testing.assert_close(moved(x[:, ORDER], ALL), norm(x, ALL)[:, ORDER], rtol=0, atol=1e-12)
    for name in ("running_mean", "running_var"):
        before, after = getattr(norm, name), getattr(moved, name)
        if statistics == "sequential" and training:
            assert (after - before).abs().max() > 0.01, "the order of tasks matters"
        else:
            torch.testing.assert_close(after, before[ORDER] if statistics == "task" else before, rtol=0, atol=1e-12)


@each("statistics", STATISTICS)
def test_without_learning_nothing_moves_and_the_answer_is_the_same(statistics):
    norm, still, x = made(statistics), made(statistics), passes_of()
    before = copy.deepcopy(still.state_dict())
    assert torch.equal(still(x, ALL, learn=False), norm(x, ALL))
    assert all(torch.equal(value, before[name]) for name, value in still.state_dict().items())
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items() if "running" not in name)
    assert not torch.equal(norm.running_mean, before["running_mean"])
    assert not torch.equal(norm.running_var, before["running_var"])


@each("learn", [True, False])
@each("statistics", STATISTICS)
def test_nothing_moves_in_evaluation_mode(statistics, learn):
    norm = made(statistics).eval()
    before = copy.deepcopy(norm.state_dict())
    norm(passes_of(), ALL, learn=learn)
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())


def test_only_the_statistics_of_the_passing_tasks_move():
    norm, x = made(), passes_of()
    before = copy.deepcopy(norm.state_dict())
    norm(x[:, 1:3], slice(1, 3))
    moved = [(value != before["running_mean"][t]).all().item() for t, value in enumerate(norm.running_mean)]
    assert moved == [False, True, True, False]


@each("statistics", STATISTICS)
def test_begins_as_the_layer_it_is_like(statistics):
    plain = nn.BatchNorm2d(C, eps=0.01, momentum=0.2)
    with torch.no_grad():
        for value in (plain.weight, plain.bias, plain.running_mean):
            value.normal_()
        plain.running_var.uniform_(0.5, 2)
    norm, x = TaskBatchNorm2d.like(plain, T, statistics), passes_of().float()
    expected = torch.stack([copy.deepcopy(plain).eval()(x[:, t]) for t in range(T)], 1)
    torch.testing.assert_close(norm.eval()(x, ALL), expected)
    assert (norm.momentum, norm.eps, norm.num_tasks, norm.statistics) == (0.2, 0.01, T, statistics)
    assert TaskBatchNorm2d.like(plain, T).statistics == "task"
    # With values of its own.
    with torch.no_grad():
        norm.weight.add_(1)
    norm.train()(x, ALL)
    torch.testing.assert_close(plain.eval()(x[:, 0]), expected[:, 0])


def test_one_task_is_plain_batch_norm_by_any_statistics():
    x = passes_of(1)
    plain = nn.BatchNorm2d(C).double()
    expected = plain(x[:, 0])
    for statistics in STATISTICS:
        norm = TaskBatchNorm2d(1, C, statistics).double()
        torch.testing.assert_close(norm(x, slice(0, 1))[:, 0], expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(norm.running_var.view(-1), plain.running_var, rtol=0, atol=1e-12)


@each("training", [True, False])
@each("statistics", ["task", "sequential"])
def test_a_nan_stays_in_the_pass_of_its_task(statistics, training):
    norm, x = made(statistics).train(training), passes_of()
    clean = copy.deepcopy(norm)(x, ALL)
    x[0, 1, 0, 2, 2] = torch.nan
    found = norm(x, ALL)
    others = [0, 2, 3]
    torch.testing.assert_close(found[:, others], clean[:, others], rtol=0, atol=1e-12)
    assert found[0, 1, 0].isnan().any()
    if training and statistics == "task":
        assert norm.running_mean.isnan().any(1).tolist() == [False, True, False, False]


@each("training", [True, False])
def test_joint_statistics_need_all_tasks(training):
    norm = made("joint").train(training)
    with pytest.raises(InputError, match="joint statistics need the passes of all 4 tasks, got 3"):
        norm(passes_of(3), slice(0, 3))


@each(
    ("given", "message"),
    [
        ({"statistics": "batch"}, "statistics 'batch' are unknown; there are task, sequential, joint"),
        ({"num_tasks": 0}, "num_tasks must be a whole number of at least 1 that fits 63 bits, got 0"),
    ],
)
def test_bad_input_has_one_clear_line(given, message):
    with pytest.raises(InputError, match=message):
        TaskBatchNorm2d(**({"num_tasks": T, "channels": C} | given))


@each("statistics", STATISTICS)
def test_works_under_bfloat16(statistics):
    norm, x = TaskBatchNorm2d(T, C, statistics), passes_of().float()
    exact = copy.deepcopy(norm)(x, ALL)
    with torch.autocast("cpu", torch.bfloat16):
        found = norm(x.bfloat16(), ALL)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), exact, rtol=0.03, atol=0.03)
    assert norm.running_mean.dtype == torch.float32


@pytest.mark.slow
def test_two_processes_share_the_statistics_of_every_task(tmp_path):
    x = passes_of(batch=4)
    pull = torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=x.dtype)
    torch.save((x, pull), tmp_path / "given")
    other = subprocess.Popen([sys.executable, process.__file__, str(tmp_path)], env=os.environ | {"OMP_NUM_THREADS": "1"})
    first = process.answers(tmp_path, 0)
    assert other.wait(timeout=120) == 0
    second = torch.load(tmp_path / "second")
    for statistics in STATISTICS:
        norm, whole = TaskBatchNorm2d(T, C, statistics).double(), x.clone().requires_grad_()
        made = norm(whole, ALL)
        (made * pull).sum().backward()
        expected = [made, whole.grad, norm.weight.grad, norm.bias.grad, norm.running_mean, norm.running_var]
        a, b = first[statistics], second[statistics]
        found = [torch.cat([a[0], b[0]]), torch.cat([a[1], b[1]]), a[2] + b[2], a[3] + b[3], *a[4:]]
        for ours, wanted in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-12)
        assert all(torch.equal(one, other) for one, other in zip(a[4:], b[4:], strict=True))
