"""Measurements of a run, and the floors that a constant answer reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mtattr.attention_branch.localisation import (
    IMAGES,
    classes_of,
    faithfulness,
    localisation,
    map_distance,
    on_both_regions,
)
from mtattr.attention_branch.map_use import map_use
from mtattr.attention_branch.maps import explanation_maps, methods_of
from mtattr.attention_branch.sanity import sanity
from mtattr.data.batches import take
from mtattr.data.image_data import ImageData
from mtattr.evaluation import accuracy
from mtattr.tasks import TaskSet


def metrics(logits: Tensor, labels: Tensor, tasks: TaskSet) -> dict[str, float]:
    """Accuracy of a class, or mean and mean balanced accuracy of attributes, in [0, 1]."""
    if tasks[0].kind == "categorical":
        return {"class_accuracy": accuracy.class_accuracy(logits, labels, tasks)}
    return {
        "mean_accuracy": accuracy.mean_accuracy(logits, labels, tasks),
        "balanced_accuracy": accuracy.balanced_accuracy(logits, labels, tasks).nanmean().item(),
    }


def main_metric(tasks: TaskSet) -> str:
    """Metric that selects the epoch and that the paper's tables print."""
    return "class_accuracy" if tasks[0].kind == "categorical" else "mean_accuracy"


def floors(labels: Tensor, tasks: TaskSet) -> dict[str, float]:
    """Metrics of the most frequent answer."""
    if tasks[0].kind == "categorical":
        return {"class_accuracy": accuracy.class_floor(labels, tasks)}
    return {"mean_accuracy": accuracy.mean_accuracy_floor(labels, tasks), "balanced_accuracy": 0.5}


def analyse(
    whole: Mapping[str, ImageData],
    rivals: Sequence[nn.Module],
    net: nn.Module,
    data: Mapping[str, ImageData],
    device: object,
    *,
    seed: int = 0,
) -> dict[str, float]:
    """Localisation, faithfulness, sanity and use of the maps, and accuracy of the attention branch.

    Args:
        whole: splits with all their tasks, of which `data` may have only one.
        rivals: none, or two networks of another task, the first of this run's seed. Then
            `task_distance_over_seed` is the distance of this network's maps from the first's minus
            that of the second's: whether another task changes maps more than another seed.
        seed: of the run, with which `sanity` shuffles.
    """
    test = data["test"]
    found = localisation(net, test, device=device) | faithfulness(net, test, device=device)
    found |= sanity(net, test, seed=seed, device=device)
    if "attention" not in methods_of(net):
        return found
    found |= map_use(net, test, device=device)
    perception, attention = (
        metrics(logits, test.labels, test.tasks) for logits in _both_logits(net, test, device)
    )
    found |= {f"attention_branch_{name}": value for name, value in attention.items()}
    main = main_metric(test.tasks)
    found["perception_over_attention"] = perception[main] - attention[main]
    how = {"classes": classes_of(test, IMAGES), "device": device}
    maps, *others = (
        explanation_maps(one.to(device), test.images[:IMAGES], "attention", **how)
        for one in (net, *rivals)
    )
    found["map_spread"] = maps.std(dim=(2, 3)).mean().item()
    if len(whole["test"].tasks) > len(test.tasks) and test.region_of is not None:
        found |= on_both_regions(whole, maps)
    if others:
        found["task_distance"] = map_distance(maps, others[0])
        found["seed_distance"] = map_distance(others[1], others[0])
        found["task_distance_over_seed"] = found["task_distance"] - found["seed_distance"]
    return found


@torch.no_grad()
def _both_logits(net: nn.Module, test: ImageData, device: object) -> list[Tensor]:
    """Logits of perception and attention branch for the whole split."""
    net.eval()
    made = []
    for rows in torch.arange(len(test)).split(256):
        output = net(take(test.images, rows, device))
        both = output.logits, output.extra["attention_logits"]
        made.append([logits.float().cpu() for logits in both])
    return [torch.cat(logits) for logits in zip(*made, strict=True)]
