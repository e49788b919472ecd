"""The functions that the book shows as the papers' equations are those that training calls."""

import importlib
import sys
from types import CodeType

import mtattr
import pytest
import torch
from mtattr import adaptive_sharing, adaptive_weighting, attention_branch, attribute_estimation, channel_attention
from mtattr.data.image_data import ImageData
from mtattr.tasks import Task, TaskSet
from mtattr.training import RunSpec, fit, per_task_loss, plan_for
from mtattr.twins import faces

from training.toy import toy_loop

STEP = importlib.import_module("mtattr.training.fit").training_step.__code__
SIX = faces.TASKS.select(["Male", "No_Beard", "Smiling", "Eyeglasses", "Wearing_Hat", "Black_Hair"])
CLASS = TaskSet([Task("class", "categorical", tuple("abc")), *map(Task, ("p", "q", "r"))])
trend, net = adaptive_weighting.ValidationLossTrend, adaptive_sharing.BranchedVGG
#: Variant, dataset, settings, tasks; what a training step calls; what is called besides.
CASES = {
    "adaptive_sharing": (
        ("branch-32-2.0-scratch", "celeba-twin", {"interval": 3, "epochs": 1, "alpha": 50}, SIX.select([0, 1, 2])),
        (per_task_loss, adaptive_sharing.ErrorAffinity.observe),
        (adaptive_sharing.search, adaptive_sharing.branch_affinity, adaptive_sharing.choose_branches, net.widen),
    ),
    "adaptive_weighting": (
        ("weighted", "celeba-twin", {"interval": 1}, SIX),
        (adaptive_weighting.square_error, adaptive_weighting.change_weights, trend.observe, trend.forward),
        (),
    ),
    "attention_branch": (("abn", "celeba-twin", {}, SIX), (attention_branch.attention_branch_loss,), ()),
    "attribute_estimation": (("PM", "digits", {}, CLASS), (attribute_estimation.joint_loss,), (attribute_estimation.loss_weights,)),
    "channel_attention": (("mcan", "celeba-twin", {}, SIX), (channel_attention.channel_attention_loss,), ()),
}


def splits_of(tasks, side):
    made = {}
    for split, count in (("train", 96), ("val", 8), ("test", 8)):
        generator = torch.Generator().manual_seed(count)
        images = torch.randint(0, 256, (count, 3, side, side), generator=generator, dtype=torch.uint8)
        labels = (torch.rand(count, len(tasks), generator=generator) < 0.5).float()
        made[split] = ImageData(images, labels, tasks, tuple(f"{split}{i}" for i in range(count)), "toy", split)
    return made


def called(act) -> tuple[set[CodeType], set[CodeType]]:
    """The code of all functions that `act()` calls, and of those that it calls within a training step."""
    anywhere, in_step, depth = set(), set(), 0

    def watch(frame, event, _):
        nonlocal depth
        if frame.f_code is STEP and event in ("call", "return"):
            depth += 1 if event == "call" else -1
        elif event == "call":
            anywhere.add(frame.f_code)
            if depth:
                in_step.add(frame.f_code)

    sys.setprofile(watch)
    try:
        act()
    finally:
        sys.setprofile(None)
    return anywhere, in_step


@pytest.mark.parametrize("paper", mtattr.PAPERS)
def test_a_step_of_training_calls_the_public_loss_of_the_paper(paper, tmp_path):
    (variant, dataset, settings, tasks), by_step, besides = CASES[paper]
    spec = RunSpec(paper, variant, dataset, "smoke", 0, settings)

    def train():
        plan = plan_for(spec, data=splits_of(tasks, 16 if dataset == "digits" else 32))
        loop = toy_loop(tmp_path / "checkpoint.safetensors")
        plan.train(plan, loop) if plan.train else fit(plan, loop, stop_after=2)

    anywhere, in_step = called(train)
    for function in by_step:
        assert function.__code__ in in_step, f"{function.__qualname__} is not what trains"
    for function in besides:
        assert function.__code__ in anywhere, f"{function.__qualname__} is not called"
    # Weights are not only computed: the weighted sum of the losses is what goes backward.
    assert torch.autograd.backward.__code__ in in_step
