"""What is measured in a run, and what an answer that ignores the image reaches."""

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
from mtattr.attention_branch.maps import explanation_maps, methods_of
from mtattr.data.batches import take
from mtattr.data.image_data import ImageData
from mtattr.evaluation import accuracy
from mtattr.tasks import TaskSet


def metrics(logits: Tensor, labels: Tensor, tasks: TaskSet) -> dict[str, float]:
    """Accuracy of a class; of attributes mean accuracy and balanced accuracy over tasks. All in [0, 1]."""
    if tasks[0].kind == "categorical":
        return {"class_accuracy": accuracy.class_accuracy(logits, labels, tasks)}
    return {
        "mean_accuracy": accuracy.mean_accuracy(logits, labels, tasks),
        "balanced_accuracy": accuracy.balanced_accuracy(logits, labels, tasks).nanmean().item(),
    }


def main_metric(tasks: TaskSet) -> str:
    """The metric that selects the epoch and that the paper's tables print."""
    return "class_accuracy" if tasks[0].kind == "categorical" else "mean_accuracy"


def floors(labels: Tensor, tasks: TaskSet) -> dict[str, float]:
    """What the most frequent answer reaches."""
    if tasks[0].kind == "categorical":
        return {"class_accuracy": accuracy.class_floor(labels, tasks)}
    return {"mean_accuracy": accuracy.mean_accuracy_floor(labels, tasks), "balanced_accuracy": 0.5}


def task_metrics(logits: Tensor, labels: Tensor, tasks: TaskSet) -> dict[str, list[float]]:
    """Accuracy of every task and its floor."""
    return {
        "accuracy": accuracy.task_accuracy(logits, labels, tasks).tolist(),
        "floor": accuracy.task_floor(labels, tasks).tolist(),
    }


def analyse(
    whole: Mapping[str, ImageData],
    rivals: Sequence[nn.Module],
    net: nn.Module,
    data: Mapping[str, ImageData],
    device: object,
) -> dict[str, float]:
    """Localisation and faithfulness of the maps, accuracy of the attention branch, and where maps of two tasks differ.

    whole: the splits with all their tasks, of which `data` has one where each network learns one. rivals: two networks of another
    task, the first of this run's seed: `task_distance_over_seed` is how much further this network's maps are from the first's than the
    second's are, that is, whether another task changes the maps more than another seed does.
    """
    test = data["test"]
    found = localisation(net, test, device=device) | faithfulness(net, test, device=device)
    both = _both_logits(net, test, device)
    if both is not None:
        perception, attention = (metrics(logits, test.labels, test.tasks) for logits in both)
        found |= {f"attention_branch_{name}": value for name, value in attention.items()}
        main = main_metric(test.tasks)
        found["perception_over_attention"] = perception[main] - attention[main]
    if "attention" not in methods_of(net):
        return found

    def maps_of(one: nn.Module) -> Tensor:
        return explanation_maps(
            one.to(device),
            test.images[:IMAGES],
            "attention",
            classes=classes_of(test, IMAGES),
            device=device,
        )

    maps = maps_of(net)
    found["map_spread"] = maps.std(dim=(2, 3)).mean().item()
    if len(whole["test"].tasks) > len(test.tasks) and test.region_of is not None:
        found |= on_both_regions(whole, maps)
    if rivals:
        first, second = (maps_of(rival) for rival in rivals)
        found["task_distance"], found["seed_distance"] = (
            map_distance(maps, first),
            map_distance(second, first),
        )
        found["task_distance_over_seed"] = found["task_distance"] - found["seed_distance"]
    return found


@torch.no_grad()
def _both_logits(net: nn.Module, test: ImageData, device: object) -> tuple[Tensor, Tensor] | None:
    """Logits of perception and attention branch for the whole split, None for a network without branches."""
    net.eval()
    made = []
    for rows in torch.arange(len(test)).split(256):
        output = net(take(test.images, rows, device))
        if "attention_logits" not in output.extra:
            return None
        made.append((output.logits.float().cpu(), output.extra["attention_logits"].float().cpu()))
    perception, attention = (torch.cat(parts) for parts in zip(*made, strict=True))
    return perception, attention
