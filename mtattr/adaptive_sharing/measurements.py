"""What is measured in a run, and what an answer that ignores the image reaches (Lu et al. 2017, Tables 1 and 2)."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence

import torch
from torch import Tensor, nn

from mtattr.adaptive_sharing.agreement import agreement, group_labels
from mtattr.adaptive_sharing.domains import columns_of
from mtattr.adaptive_sharing.layout import LAYERS
from mtattr.adaptive_sharing.network import BranchedVGG, count_weights, fold_batch_norm
from mtattr.data.image_data import ImageData
from mtattr.evaluation import accuracy, count_flops, latency, top_k_accuracy, top_k_recall
from mtattr.tasks import TaskSet
from mtattr.training import predict


def metrics(logits: Tensor, labels: Tensor, tasks: TaskSet) -> dict[str, float]:
    """Faces: mean accuracy and top-10 recall (mean over tasks); clothes: top-3 and top-5 accuracy; and the mean of both firsts.

    logits and labels `(N, T)`. Labels are cut at one half; an image counts for a domain if it has labels there.
    `selection_score` is what selects the epoch.
    """
    faces, clothes = columns_of(tasks)
    found = {}
    if faces:
        found["mean_accuracy"] = accuracy.mean_accuracy(
            logits[:, faces], labels[:, faces], tasks.select(faces)
        )
        found["top10_recall"] = top_k_recall(
            logits[:, faces], labels[:, faces], k=10, average="tasks"
        )
    if clothes:
        category = (
            labels[:, clothes]
            .argmax(1)
            .float()
            .masked_fill(labels[:, clothes].isnan().any(1), math.nan)
        )
        for k in (3, 5):
            found[f"top{k}_accuracy"] = top_k_accuracy(logits[:, clothes], category, k)
    firsts = [found[name] for name in ("mean_accuracy", "top3_accuracy") if name in found]
    return found | {"selection_score": sum(firsts) / len(firsts)}


def floors(labels: Tensor, tasks: TaskSet) -> dict[str, float]:
    """The metrics of a network that gives every image the share of each label: majority, most common attributes, most common clothes."""
    share = (labels > 0.5).sum(0) / (~labels.isnan()).sum(0)
    return metrics(share.logit(eps=1e-6).expand_as(labels), labels, tasks)


def task_metrics(logits: Tensor, labels: Tensor, tasks: TaskSet) -> dict[str, list[float]]:
    """Accuracy of every task and its floor."""
    return {
        "accuracy": accuracy.task_accuracy(logits, labels, tasks).tolist(),
        "floor": accuracy.task_floor(labels, tasks).tolist(),
    }


def analyse(
    known: Mapping[str, Sequence[Hashable]],
    teachers: Mapping[str, float],
    net: nn.Module,
    data: Mapping[str, ImageData],
    device: object,
) -> dict[str, float]:
    """Size and speed of the network, its groups against known ones, and how far it lies below the networks that taught it.

    known: name -> a group for each task; `<name>_index` is the adjusted Rand index of the groups at fc7 with it, and
    `<name>_p` the share of random deals that do as well. teachers: metric -> the value of the network for that domain
    alone; `<metric>_gap` is ours minus theirs on the same test images. milliseconds: median forward pass of one image with
    batch norm folded, on `device`, images of the run's size.
    """
    test = data["test"]
    example = torch.rand(1, *test.images.shape[1:], device=device)
    folded = fold_batch_norm(net)
    found = {
        "weights": float(count_weights(net)),
        "megaflops": count_flops(folded, example) / 1e6,
        "milliseconds": 1000 * latency(folded, example, repeats=30),
    }
    if isinstance(net, BranchedVGG):
        branches = group_labels(net.tree.tasks_of(LAYERS.index("fc7")), net.tree.num_tasks)
        for name, groups in known.items() if max(branches) else ():
            index = agreement(branches, groups)
            found |= {f"{name}_index": index["index"], f"{name}_p": index["p"]}
    if teachers:
        ours = metrics(predict(net, test.images), test.labels, test.tasks)
        found |= {f"{name}_gap": ours[name] - value for name, value in teachers.items()}
    return found


def analyse_training(
    history: Mapping[str, Tensor], net: nn.Module, data: Mapping[str, ImageData], device: object
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """`mean_validation_loss`: the loss of validation images, mean over tasks and over the epochs of the final training.

    The lower, the faster the network converged and the lower it ended.
    """
    return {"mean_validation_loss": history["validation_loss"].nanmean().item()}, {}
