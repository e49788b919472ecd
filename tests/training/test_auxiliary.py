import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mtattr.nets import Output
from mtattr.training import FitSettings, fit_or_load, per_task_loss
from mtattr.training.device import open_fabric
from mtattr.training.fit import fit
from torch import nn

_spec = importlib.util.spec_from_file_location("toy", Path(__file__).with_name("toy.py"))
toy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(toy)


class TwoAnswers(toy.ToyNet):
    """A toy that answers a second time, beside its logits."""

    def __init__(self) -> None:
        super().__init__()
        self.second = nn.Linear(6, toy.TASKS.num_units)

    def forward(self, images):
        pooled = self.body(images).mean(dim=(2, 3))
        return Output(self.head(pooled), extra={"second": self.second(pooled)})


def of_the_second(output, images, labels, tasks, *, known=None):
    return per_task_loss(output.extra["second"], labels, tasks, known=known)


def plan_with(auxiliary=of_the_second, **changes):
    return replace(toy.toy_plan(), build=TwoAnswers, auxiliary_losses=auxiliary, **changes)


def fitted(plan, path, **more):
    fabric = open_fabric(device="cpu", precision="32-true")
    return fit(plan, fabric=fabric, seed=0, checkpoint=path, identity={"a": 1}, progress=False, **more)[1]


def test_the_second_answer_learns_and_without_it_stays(tmp_path):
    torch.manual_seed(0)
    start = TwoAnswers().state_dict()
    taught, alone = fitted(plan_with(), tmp_path / "a").last, fitted(plan_with(None), tmp_path / "b").last
    assert (taught["second.weight"] - start["second.weight"]).abs().max() > 1e-3
    assert torch.equal(alone["second.weight"], start["second.weight"])
    # What both answers read learns from both.
    assert not torch.equal(taught["body.0.weight"], alone["body.0.weight"])


def test_a_step_goes_down_the_sum_of_both_losses(tmp_path):
    settings = FitSettings(epochs=1, batch_size=84, learning_rate=1.0, optimizer="sgd", momentum=0.0)
    base = toy.toy_plan(dropout=False)
    plan = replace(plan_with(), settings=settings, data=base.data)

    def build():
        net = TwoAnswers()
        net.body[3].p = 0.0
        return net

    torch.manual_seed(0)
    net, train = build().train(), base.data["train"]
    output = net(train.images / 255)
    losses = [per_task_loss(logits, train.labels, toy.TASKS) for logits in (output.logits, output.extra["second"])]
    (sum(losses) * plan.task_weights).sum().backward()
    last = fitted(replace(plan, build=build), tmp_path / "a").last
    for name, value in net.named_parameters():
        torch.testing.assert_close(last[name], (value - value.grad).detach(), rtol=1e-4, atol=1e-6)


def test_an_auxiliary_loss_like_the_first_doubles_the_training_loss_and_no_validation_loss(tmp_path):
    def again(output, images, labels, tasks, *, known=None):
        return per_task_loss(output.logits, labels, tasks, known=known)

    def twice(*given, **more):
        return 2 * per_task_loss(*given, **more)

    auxiliary, doubled = fitted(plan_with(again), tmp_path / "a"), fitted(plan_with(None, losses=twice), tmp_path / "b")
    for name, value in auxiliary.last.items():
        torch.testing.assert_close(value, doubled.last[name])
    for ours, theirs in zip(auxiliary.history, doubled.history, strict=True):
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-5)
        assert ours["val_loss"] == pytest.approx(theirs["val_loss"] / 2, rel=1e-5)
    for ours, theirs in zip(auxiliary.task_history["validation_loss"], doubled.task_history["validation_loss"], strict=True):
        assert ours[:2] == pytest.approx([value / 2 for value in theirs[:2]], rel=1e-5)


def test_the_reported_validation_loss_is_that_of_the_logits(tmp_path):
    plan = plan_with()
    found = fitted(plan, tmp_path / "a")
    net, val = TwoAnswers(), plan.data["val"]
    net.load_state_dict(found.last)
    losses = per_task_loss(net.eval()(val.images / 255).logits, val.labels, plan.tasks)
    assert found.history[-1]["val_loss"] == pytest.approx((losses * plan.task_weights).sum().item(), rel=1e-4)


def test_it_is_given_what_the_network_saw_and_said(tmp_path):
    plan, seen = toy.toy_plan(), []

    def watch(output, images, labels, tasks, *, known):
        assert torch.is_grad_enabled()
        assert tasks == toy.TASKS
        assert output.logits.shape == (16, 5)
        assert output.extra["second"].requires_grad
        assert images.shape == (16, 3, 8, 8)
        assert 0 <= images.min() < images.max() <= 1
        assert known.tolist() == (~labels.isnan()).sum(0).tolist()
        seen.append(output)
        return torch.zeros(3)

    watched, alone = fitted(plan_with(watch), tmp_path / "a"), fitted(plan_with(None), tmp_path / "b")
    assert len(seen) == 3 * (len(plan.data["train"]) // 16)
    # A loss of 0 changes nothing.
    assert watched.history == alone.history
    assert all(torch.equal(value, alone.last[name]) for name, value in watched.last.items())


@pytest.mark.parametrize("stops", [(2,), (5,), (3, 7, 11)])
def test_a_stopped_training_goes_on_as_if_undisturbed(tmp_path, stops):
    undisturbed = fitted(plan_with(), tmp_path / "one")
    for stop in stops:
        fitted(plan_with(), tmp_path / "two", stop_after=stop)
    stopped = fitted(plan_with(), tmp_path / "two")
    for ours, theirs in ((stopped.last, undisturbed.last), (stopped.selected, undisturbed.selected)):
        assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    assert stopped.history == undisturbed.history


def test_a_record_of_such_a_run_is_read_back(fresh_home):
    run = fit_or_load(toy.toy_spec(), plan=plan_with(), progress=False)
    assert fit_or_load(toy.toy_spec(), plan=plan_with(), progress=False).record == run.record
    assert run.predictions()["test_last"].shape == (31, 5)
