import copy

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mtattr.adaptive_weighting import ValidationLossTrend, change_weights, two_factor_weights
from safetensors.torch import load, save

from cases import assert_refused
from reference import validation_loss_trend

NAN = float("nan")


def noise(iterations, tasks, seed=0):
    """Losses that fall at a rate of each task's own, with noise; above 0."""
    generator = torch.Generator().manual_seed(seed)
    rate = torch.rand(tasks, generator=generator) / 1000
    falling = torch.exp(-rate * torch.arange(iterations)[:, None])
    return falling * (0.2 + torch.rand(iterations, tasks, generator=generator))


def after(rows, interval, tasks=None):
    trend = ValidationLossTrend(tasks or len(rows[0]), interval)
    for row in rows:
        trend.observe(torch.as_tensor(row))
    return trend


@pytest.mark.parametrize(
    ("interval", "cuts"),
    [(1, []), (1, [1, 2, 3, 2500]), (7, []), (7, [3, 7, 10, 14, 20, 4321]), (200, []), (200, [1, 199, 200, 201, 399, 400, 3333])],
)
def test_equals_the_textbook_form_over_5000_iterations_also_when_saved_and_loaded(interval, cuts):
    losses = noise(5000, 6)
    expected = torch.tensor(validation_loss_trend(losses.tolist(), interval), dtype=torch.float64)
    trend, got = ValidationLossTrend(6, interval), []
    for done, row in enumerate(losses):
        if done in cuts:
            fresh = ValidationLossTrend(6, interval)
            fresh.load_state_dict(load(save(trend.state_dict())))
            trend = fresh
        trend.observe(row)
        got.append(trend.weights.clone())
    torch.testing.assert_close(torch.stack(got), expected, rtol=0, atol=1e-12)
    assert (expected[2 * interval - 1] != 1).all()
    assert (torch.stack(got)[: 2 * interval - 1] == 1).all()


rows = st.integers(2, 12).flatmap(
    lambda tasks: st.tuples(*[st.lists(st.floats(1e-3, 1e3), min_size=tasks, max_size=tasks) for _ in range(2)])
)
whole_rows = st.integers(1, 12).flatmap(
    lambda tasks: st.tuples(*[st.lists(st.integers(0, 1000), min_size=tasks, max_size=tasks) for _ in range(2)])
)


@given(rows)
def test_the_two_factors_of_the_paper_are_the_change(pair):
    current, previous = torch.tensor(pair, dtype=torch.float64)
    assume((current != previous).any())
    torch.testing.assert_close(change_weights(current, previous), two_factor_weights(current, previous), rtol=0, atol=1e-12)


@given(whole_rows)
def test_weights_average_one_and_none_is_negative(pair):
    weights = change_weights(*torch.tensor(pair))
    assert weights.mean().item() == pytest.approx(1, abs=1e-12)
    assert (weights >= 0).all()


@given(whole_rows, st.randoms(use_true_random=False))
def test_weights_follow_their_tasks_into_another_order(pair, random):
    current, previous = torch.tensor(pair)
    order = random.sample(range(len(current)), len(current))
    expected = change_weights(current, previous)[order]
    torch.testing.assert_close(change_weights(current[order], previous[order]), expected, rtol=0, atol=1e-12)


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(1, 1000), min_size=4, max_size=4), min_size=6, max_size=6), st.floats(1e-3, 1e3))
def test_the_scale_of_the_losses_does_not_matter(values, factor):
    losses = torch.tensor(values, dtype=torch.float64)
    torch.testing.assert_close(after(losses * factor, 3).weights, after(losses, 3).weights, rtol=0, atol=1e-9)


def test_weights_and_change_by_hand():
    trend = after([[1.0, 5.0, 2.0], [3.0, 5.0, 2.0]], interval=2)
    assert trend.change.isnan().all()
    for row in ([1.0, 4.0, 2.0], [1.0, 0.0, 2.0]):
        assert (trend.weights == 1).all()
        trend.observe(torch.tensor(row))
    assert trend.change.tolist() == [1.0, 3.0, 0.0]
    assert trend.weights.tolist() == [0.75, 2.25, 0.0]
    assert {name: value.tolist() for name, value in trend.trace().items()} == {"weight": [0.75, 2.25, 0.0], "change": [1.0, 3.0, 0.0]}


def test_what_a_trace_gave_does_not_change_later():
    trend = after([[1.0, 2.0], [3.0, 3.0]], interval=1)
    before = trend.trace()
    kept = copy.deepcopy(before)
    trend.observe(torch.tensor([3.0, 9.0]))
    assert all(torch.equal(before[name], kept[name]) for name in kept)
    assert not torch.equal(trend.weights, kept["weight"])


def test_losses_that_do_not_change_leave_all_weights_one():
    assert after([[1.0, 2.0, 0.0]] * 6, interval=2).weights.tolist() == [1.0, 1.0, 1.0]


def test_a_loss_of_zero_is_a_loss():
    assert after([[2.0, 1.0], [0.0, 0.0]], interval=1).weights.tolist() == pytest.approx([4 / 3, 2 / 3])


def test_one_task_keeps_weight_one():
    assert (after(noise(50, 1), interval=3).weights == 1).all()


@pytest.mark.parametrize("unknown", [NAN, float("inf"), -float("inf")])
def test_a_window_mean_is_that_of_its_known_losses(unknown):
    got = after([[1.0, 1.0], [unknown, 3.0], [2.0, 4.0], [6.0, unknown]], interval=2)
    assert got.change.tolist() == [3.0, 2.0]


@pytest.mark.parametrize("hidden", [[0], [1], [0, 1]])
def test_a_task_unknown_in_a_window_keeps_weight_one_and_the_others_average_one(hidden):
    losses = noise(8, 3).double()
    for window in hidden:
        losses[window * 4 : window * 4 + 4, 1] = NAN
    got = after(losses, interval=4)
    assert got.weights[1] == 1
    torch.testing.assert_close(got.weights[[0, 2]], after(losses[:, [0, 2]], interval=4).weights)
    assert got.change.isnan().tolist() == [False, True, False]


def test_a_task_without_any_label_never_gets_another_weight():
    losses = noise(100, 2)
    losses[:, 0] = NAN
    assert after(losses, interval=3).weights.tolist() == [1.0, 1.0]


def test_a_task_unknown_in_one_window_is_compared_with_the_last_one_that_had_a_value():
    trend = after([[5.0, 1.0], [NAN, 2.0]], interval=1)
    assert trend.weights.tolist() == [1.0, 1.0]
    trend.observe(torch.tensor([3.0, 4.0]))
    assert trend.change.tolist() == [2.0, 2.0]
    trend.observe(torch.tensor([2.0, 7.0]))
    assert trend.weights.tolist() == [0.5, 1.5]


def test_a_copy_goes_on_alone_from_where_its_model_stood():
    losses = noise(40, 3)
    model = after(losses[:10], interval=7)
    twin, before = copy.deepcopy(model), copy.deepcopy(model.state_dict())
    for row in losses[10:]:
        twin.observe(row)
    assert all(torch.equal(value.nan_to_num(), model.state_dict()[name].nan_to_num()) for name, value in before.items())
    assert torch.equal(twin.weights, after(losses, interval=7).weights)


def test_it_resumes_within_a_module_that_holds_it():
    losses = noise(40, 3)
    holder, fresh = (torch.nn.ModuleDict({"weighting": ValidationLossTrend(3, 7)}) for _ in range(2))
    for half in (losses[:17], losses[17:]):
        for row in half:
            holder["weighting"].observe(row)
        fresh.load_state_dict(holder.state_dict())
        holder, fresh = fresh, holder
    assert torch.equal(holder["weighting"].weights, after(losses, interval=7).weights)


def test_a_state_of_another_size_or_interval_is_refused():
    for other in (ValidationLossTrend(4, 5), ValidationLossTrend(3, 6)):
        with pytest.raises(RuntimeError, match="ValidationLossTrend"):
            other.load_state_dict(ValidationLossTrend(3, 5).state_dict())


def test_the_objective_is_the_weighted_sum_and_its_gradient_the_weights():
    trend = after([[1.0, 1.0], [2.0, 4.0]], interval=1)
    losses = torch.tensor([2.0, 3.0], requires_grad=True)
    objective = trend(losses)
    trend.observe(torch.tensor([9.0, 4.0]))
    objective.backward()
    assert (objective.item(), objective.dtype, objective.shape) == (5.5, torch.float32, ())
    assert losses.grad.tolist() == [0.5, 1.5]
    assert not list(trend.parameters())


def test_the_objective_does_not_notice_an_update_before_its_gradient_is_asked_for():
    trend = after([[1.0, 1.0], [2.0, 4.0]], interval=1)
    losses = torch.tensor([2.0, 3.0], dtype=torch.float64, requires_grad=True)
    objective = trend(losses)
    trend.observe(torch.tensor([9.0, 4.0]))
    objective.backward()
    assert losses.grad.tolist() == [0.5, 1.5]


def test_nothing_observed_keeps_a_graph():
    trend, losses = ValidationLossTrend(2, 1), torch.tensor([2.0, 3.0], requires_grad=True)
    for factor in (1, 2, 3):
        trend.observe(losses * factor)
    assert not any(value.requires_grad for value in trend.state_dict(keep_vars=True).values())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_observing_does_not_wait_for_the_device():
    losses = noise(30, 5).cuda()
    trend = ValidationLossTrend(5, 4).cuda()
    mode = torch.cuda.get_sync_debug_mode()
    try:
        torch.cuda.set_sync_debug_mode("error")
        for row in losses:
            trend(row)
            trend.observe(row)
    finally:
        torch.cuda.set_sync_debug_mode(mode)
    torch.testing.assert_close(trend.weights.cpu(), after(losses.cpu(), interval=4).weights, rtol=0, atol=1e-12)


def test_what_does_not_fit_is_refused():
    for shape in ((), (1,), (3, 1), (4,)):
        for act in (ValidationLossTrend(3).observe, ValidationLossTrend(3)):
            assert_refused("3 tasks", act, torch.ones(shape))
    for value in (0, -1, 2.0, True, "3", None):
        assert_refused("num_tasks", ValidationLossTrend, value, 5)
        assert_refused("interval", ValidationLossTrend, 3, interval=value)
    for current, previous in (((2,), (3,)), ((), ()), ((0,), (0,)), ((2, 2), (2, 2))):
        for form in (change_weights, two_factor_weights):
            assert_refused("two losses", form, torch.ones(current), torch.ones(previous))
