from dataclasses import replace
from functools import partial

import pytest
import torch
from mtattr.data.batches import random_rows
from mtattr.errors import InputError
from mtattr.training import fit_or_load, per_task_loss
from mtattr.training.device import open_fabric
from mtattr.training.steering import steering_losses
from safetensors.torch import load_file

from training import toy

AT = {"seed": 0, "epoch": 1, "step": 2}


@pytest.mark.parametrize("norm", ["running", "batch"])
def test_steering_changes_no_bit_of_the_network(norm):
    plan, fabric = replace(toy.toy_plan(), steering_norm=norm), open_fabric(device="cpu", precision="32-true")
    net = plan.build().train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    data = plan.data["val"]
    losses = steering_losses(plan, net, data, data.images, fabric=fabric, batch=8, **AT)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert all(module.training for module in net.modules())
    assert not losses.requires_grad


def test_steering_losses_are_those_of_the_drawn_rows_in_evaluation_mode():
    plan, fabric = toy.toy_plan(), open_fabric(device="cpu", precision="32-true")
    net, data = plan.build(), plan.data["val"]
    losses = steering_losses(plan, net, data, data.images, fabric=fabric, batch=8, **AT)
    rows = random_rows(len(data), 8, **AT)
    net.eval()
    expected = per_task_loss(net(data.images[rows] / 255).logits, data.labels[rows], plan.tasks)
    torch.testing.assert_close(losses[:2], expected[:2].detach())
    assert losses[2].isnan()  # no image knows the third task


def test_statistics_of_the_batch_are_those_of_training_mode_without_dropout():
    plan, fabric = replace(toy.toy_plan(dropout=False), steering_norm="batch"), open_fabric(device="cpu", precision="32-true")
    net, data = plan.build(), plan.data["val"]
    losses = steering_losses(plan, net, data, data.images, fabric=fabric, batch=8, **AT)
    rows = random_rows(len(data), 8, **AT)
    expected = per_task_loss(net.train()(data.images[rows] / 255).logits, data.labels[rows], plan.tasks)
    torch.testing.assert_close(losses[:2], expected[:2].detach())
    with pytest.raises(InputError, match="running or batch"):
        replace(plan, steering_norm="none")


def weights_after(plan, home, monkeypatch):
    monkeypatch.setenv("MTATTR_HOME", str(home))
    return load_file(fit_or_load(toy.toy_spec(), plan=plan, device="cpu").folder / "weights.safetensors")


def test_training_with_a_steering_half_ends_with_the_bits_of_training_without(tmp_path, monkeypatch):
    plans = []
    for watches in ("validation", None):
        plan = toy.toy_plan()
        object.__setattr__(plan, "weighting", partial(toy.ToyWeighting, watches=watches, follows=False))
        plans.append(plan)
    a, b = (weights_after(plan, tmp_path / str(i), monkeypatch) for i, plan in enumerate(plans))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert any("running_mean" in name for name in a)


def test_the_record_tells_weights_and_validation_losses_by_epoch(fresh_home):
    record = fit_or_load(toy.toy_spec(), plan=toy.toy_plan(watches="validation"), device="cpu").record
    history = record["task_history"]
    assert {name: (len(rows), len(rows[0])) for name, rows in history.items()} == dict.fromkeys(history, (3, 3))
    assert history["weight"][0] != history["weight"][-1]
    assert history["never"] == [[None] * 3] * 3
    assert [row[2] for row in history["validation_loss"]] == [None] * 3
    weights = toy.toy_plan().task_weights
    for row, losses in zip(record["history"], history["validation_loss"], strict=True):
        assert row["val_loss"] == pytest.approx(float(weights[0]) * losses[0] + float(weights[1]) * losses[1], rel=1e-4)


def test_rows_are_uniform_and_depend_on_their_place_alone():
    rows = torch.cat([random_rows(5, 40, seed=0, epoch=0, step=step) for step in range(100)])
    assert torch.equal(random_rows(5, 40, seed=0, epoch=0, step=3), rows[120:160])
    assert (rows.bincount(minlength=5) - 800).abs().max() < 5 * (4000 * 0.2 * 0.8) ** 0.5


def test_steering_data_of_other_tasks_are_refused():
    plan = toy.toy_plan()
    with pytest.raises(InputError, match="steering images"):
        replace(plan, steering=plan.data["val"].select_tasks([0]))
    with pytest.raises(InputError, match="steering images"):
        replace(plan, steering=plan.data["val"].subset([]))
