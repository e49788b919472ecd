"""The loop: the losses of a plan, trainings that begin elsewhere, are watched, stop early and go on; clipping."""

import json
from dataclasses import replace

import pytest
import torch
from mtattr.nets import Output
from mtattr.training import FitSettings, Initial, fit, fit_or_load, per_task_loss, task_losses
from mtattr.training.checkpoint import load_tensors
from mtattr.training.fit import step_seed
from torch import nn

from training import toy
from training.toy import same, toy_loop, toy_plan


class TwoAnswers(toy.ToyNet):
    """A toy that answers a second time, beside its logits."""

    def __init__(self) -> None:
        super().__init__()
        self.second = nn.Linear(6, toy.TASKS.num_units)

    def forward(self, images):
        pooled = self.body(images).mean(dim=(2, 3))
        return Output(self.head(pooled), extra={"second": self.second(pooled)})


def of_both(output, batch, tasks):
    losses = task_losses(output, batch, tasks)
    if batch.images is None:  # validation: logits alone
        return losses
    return losses + per_task_loss(output.extra["second"], batch.labels, tasks, known=batch.known)


def plan_with(losses=of_both, **changes):
    return replace(toy_plan(), build=TwoAnswers, losses=losses, **changes)


def test_the_second_answer_learns_where_the_losses_ask_for_it(tmp_path):
    torch.manual_seed(0)
    start = TwoAnswers().state_dict()
    taught, alone = (fit(plan_with(losses), toy_loop(tmp_path / losses.__name__)).last for losses in (of_both, task_losses))
    assert (taught["second.weight"] - start["second.weight"]).abs().max() > 1e-3
    assert torch.equal(alone["second.weight"], start["second.weight"])
    # What both answers read learns from both.
    assert not torch.equal(taught["body.0.weight"], alone["body.0.weight"])


def test_a_step_goes_down_the_weighted_sum_of_the_losses(tmp_path):
    settings = FitSettings(epochs=1, batch_size=84, learning_rate=1.0, optimizer="sgd", momentum=0.0)

    def build():
        net = TwoAnswers()
        net.body[3].p = 0.0
        return net

    plan = replace(plan_with(), settings=settings, build=build)
    torch.manual_seed(0)
    net, train = build().train(), plan.data["train"]
    output = net(train.images / 255)
    losses = [per_task_loss(logits, train.labels, toy.TASKS) for logits in (output.logits, output.extra["second"])]
    (sum(losses) * plan.task_weights).sum().backward()
    last = fit(plan, toy_loop(tmp_path / "a")).last
    for name, value in net.named_parameters():
        torch.testing.assert_close(last[name], (value - value.grad).detach(), rtol=1e-4, atol=1e-6)


def test_losses_are_given_images_in_training_and_logits_alone_on_validation(tmp_path):
    plan, seen = toy_plan(), []

    def watch(output, batch, tasks):
        assert tasks == toy.TASKS
        seen.append(batch.images is not None)
        if batch.images is None:
            assert batch.known is None
            assert not output.extra
            assert len(output.logits) == len(plan.data["val"])
        else:
            assert torch.is_grad_enabled()
            assert output.logits.shape == (16, 5)
            assert output.extra["second"].requires_grad
            assert batch.images.shape == (16, 3, 8, 8)
            assert 0 <= batch.images.min() < batch.images.max() <= 1
            assert batch.known.tolist() == (~batch.labels.isnan()).sum(0).tolist()
        return task_losses(output, batch, tasks)

    watched, plain = fit(plan_with(watch), toy_loop(tmp_path / "a")), fit(plan_with(task_losses), toy_loop(tmp_path / "b"))
    assert seen == ([True] * (len(plan.data["train"]) // 16) + [False]) * 3
    same(watched.last, plain.last)
    net, val = TwoAnswers(), plan.data["val"]
    net.load_state_dict(watched.last)
    losses = per_task_loss(net.eval()(val.images / 255).logits, val.labels, plan.tasks)
    assert watched.history[-1]["val_loss"] == pytest.approx((losses * plan.task_weights).sum().item(), rel=1e-4)


class Watcher(torch.nn.Module):
    """Counts batches and adds up what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("batches", torch.tensor(0))
        self.register_buffer("total", torch.tensor(0.0, dtype=torch.float64))

    def observe(self, logits, labels):
        assert not logits.requires_grad
        assert len(logits) == len(labels)
        self.batches += 1
        self.total += logits.double().sum() + labels.nan_to_num(0).double().sum()


# Five steps an epoch: inside an epoch, at its end, and beyond the whole schedule.
@pytest.mark.parametrize("stops", [(2,), (5,), (3, 5, 7), (1, 2, 14, 15), (40,)])
def test_a_stopped_training_goes_on_as_if_undisturbed(tmp_path, stops):
    plan, whole, parts = plan_with(), Watcher(), Watcher()
    undisturbed = fit(plan, toy_loop(tmp_path / "one"), observer=whole)
    for stop in stops:
        fit(plan, toy_loop(tmp_path / "two"), observer=parts, stop_after=stop)
        state = load_tensors(tmp_path / "two")[1]["state"]
        assert state["epoch"] * 5 + state["step"] == min(stop, 15)
        parts = Watcher()  # what it saw must come back from the checkpoint
    stopped = fit(plan, toy_loop(tmp_path / "two"), observer=parts)
    same(stopped.last, undisturbed.last)
    same(stopped.selected, undisturbed.selected)
    assert stopped.history == undisturbed.history
    assert whole.batches == parts.batches == 15
    assert torch.equal(whole.total, parts.total)


def test_an_observer_changes_nothing(tmp_path):
    plan = toy_plan()
    watched = fit(plan, toy_loop(tmp_path / "one"), observer=Watcher())
    same(watched.last, fit(plan, toy_loop(tmp_path / "two")).last)


def weights(seed=9):
    torch.manual_seed(seed)
    return {name: value.clone() for name, value in toy.ToyNet().state_dict().items()}


def still(plan, **changes):
    return replace(plan, settings=replace(plan.settings, learning_rate=1e-12), **changes)


def test_a_training_begins_where_the_plan_says_and_a_search_tells_what_it_found(fresh_home):
    built, asked = [], []

    def build(structure=None):
        built.append(structure)
        return toy.ToyNet()

    def train(plan, loop):
        asked.append((loop.checkpoint.name, loop.seed))
        return replace(fit(plan, loop), findings={"rounds": 3}, metrics={"rank": 0.5})

    plan = still(toy_plan(epochs=1), build=build, initial=lambda: Initial({"wide": 6}, weights()), train=train)
    run = fit_or_load(toy.toy_spec(), plan=plan, progress=False, precision="32-true")
    assert asked == [("checkpoint.safetensors", 0)]
    assert built[-1] == {"wide": 6}
    assert run.record["structure"] == {"wide": 6}
    assert run.record["search"] == {"rounds": 3}
    assert [values["rank"] for values in run.metrics.values()] == [0.5, 0.5]
    torch.testing.assert_close(run.network(plan).state_dict()["head.weight"], weights()["head.weight"])
    assert built[-1] == {"wide": 6}
    assert json.loads((run.folder / "result.json").read_text())["structure"] == {"wide": 6}


def test_what_fit_is_given_to_begin_with_goes_before_the_plans(tmp_path):
    plan = still(toy_plan(epochs=1), initial=lambda: pytest.fail("the plan's beginning was asked for"))
    last = fit(plan, toy_loop(tmp_path / "a"), initial=Initial(weights=weights())).last
    torch.testing.assert_close(last["head.weight"], weights()["head.weight"])


def test_clipping_bounds_the_step_and_leaves_short_gradients_alone(tmp_path):
    def moved(clip, name):
        plan = toy_plan(epochs=1, dropout=False)
        settings = FitSettings(epochs=1, batch_size=80, learning_rate=1.0, optimizer="sgd", momentum=0.0, clip_norm=clip)
        torch.manual_seed(0)
        before = toy.ToyNet().state_dict()
        last = fit(replace(plan, settings=settings), toy_loop(tmp_path / name)).last
        names = [name for name, _ in toy.ToyNet().named_parameters()]
        return torch.cat([(last[name] - before[name]).flatten() for name in names])

    free = moved(None, "free")
    length = free.norm().item()
    torch.testing.assert_close(moved(length * 2, "loose"), free)
    torch.testing.assert_close(moved(length / 4, "tight"), free / 4, rtol=1e-4, atol=1e-6)


def test_seeds_of_steps_differ():
    seeds = {step_seed(s, e, k, r) for s in range(3) for e in range(3) for k in range(5) for r in range(2)}
    assert len(seeds) == 3 * 3 * 5 * 2
