import math
from dataclasses import replace

import pytest
import torch
from mtattr.adaptive_weighting.measurements import analyse, analyse_training, floors, metrics, rare_tasks
from mtattr.data.image_data import ImageData
from mtattr.nets import Output
from mtattr.tasks import Task, TaskSet


def test_metrics_by_hand():
    tasks = TaskSet([Task("often"), Task("rare"), Task("colour", "categorical", ("red", "green"))])
    train = torch.tensor([[1.0, 0, 0]] * 10 + [[0.0, 0, 1]] * 9 + [[0.0, 1, 1]])
    assert rare_tasks(train, tasks) == (1,)
    logits = torch.tensor([[1.0, -1, 1, -1], [-1, 1, -1, 1], [1, -1, 1, -1], [1, -1, 0.5, 1]])
    labels = torch.tensor([[1.0, 0, 0], [0, 1, 1], [0, 1, torch.nan], [1, 0, 0]])
    found = metrics(logits, labels, tasks, rare=(1,))
    assert found["mean_accuracy"] == pytest.approx((3 / 4 + 3 / 4 + 2 / 3) / 3)
    assert found["rare_balanced_accuracy"] == pytest.approx((1 + 1 / 2) / 2)
    # Half of one squared distance of 4 in four for the binary tasks; the colours' last answer is 0.25 and 4 away.
    assert found["square_error"] == pytest.approx((0.5 + 0.5 + (0.25 + 4) / 2 / 2 / 3) / 3)
    assert floors(labels, tasks, rare=(1,)) == pytest.approx(
        {"mean_accuracy": (1 / 2 + 1 / 2 + 2 / 3) / 3, "balanced_accuracy": 0.5, "rare_balanced_accuracy": 0.5}
    )


class AnswersByHalf(torch.nn.Module):
    """Right on images whose first pixel is 0, undecided on others."""

    def __init__(self, units: int):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(units))

    def forward(self, images):
        return Output(torch.where(images[:, 0, 0, 0, None] == 0, -1.0, 0.0) * self.scale)


def half_of_images(shade: int) -> ImageData:
    images = torch.full((4, 3, 8, 8), shade, dtype=torch.uint8)
    return ImageData(images, torch.zeros(4, 3), TaskSet.binary("abc"), tuple("wxyz"), "toy", "val")


def test_optimism_is_what_the_held_out_half_loses_more_than_the_half_that_steers():
    steering, held = half_of_images(0), half_of_images(255)
    found = analyse(steering, steering, held, AnswersByHalf(3), {}, "cpu")
    assert found == {"validation_loss": 0.0, "optimism": 0.5}


def test_a_diverged_task_shows_in_every_mean_and_an_unknown_one_in_none():
    tasks = TaskSet.binary("abc")
    logits, labels = torch.ones(4, 3), torch.tensor([[0.0, 1, torch.nan], [1, 0, torch.nan], [1, 1, torch.nan], [0, 0, torch.nan]])
    sound = metrics(logits, labels, tasks, rare=(0, 2))
    assert sound["balanced_accuracy"] == sound["rare_balanced_accuracy"] == 0.5
    assert sound["square_error"] == pytest.approx(1.0)
    logits[:, 0] = torch.nan
    assert all(math.isnan(value) for value in metrics(logits, labels, tasks, rare=(0, 2)).values())


def test_the_noise_floor_is_that_of_the_images_that_steer():
    history = {"weight": torch.ones(1, 3), "validation_loss": torch.ones(1, 3), "change": torch.ones(1, 3)}
    undecided = half_of_images(255)
    undecided.labels[:2] = torch.nan
    mixed = replace(undecided, images=torch.cat([half_of_images(0).images[:2], undecided.images[2:]]), labels=torch.zeros(4, 3))
    _, still = analyse_training(undecided, 8, "mean", history, AnswersByHalf(3), {"val": mixed}, "cpu")
    _, moving = analyse_training(mixed, 8, "mean", history, AnswersByHalf(3), {"val": undecided}, "cpu")
    assert still["noise_floor"] == [0.0] * 3
    # Half of the losses are 0 and half 1/2: sigma 1/4.
    assert moving["noise_floor"] == pytest.approx([2 * 0.25 / math.sqrt(math.pi * 8)] * 3, rel=1e-4)
