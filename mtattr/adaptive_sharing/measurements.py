"""Metrics of a run and their floors (Lu et al. 2017, Tables 1 and 2)."""

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
from mtattr.evaluation import (
    accuracy_by_task,
    count_flops,
    latency,
    mean_accuracy,
    top_k_accuracy,
    top_k_recall,
)
from mtattr.tasks import TaskSet
from mtattr.training import predict

task_metrics = accuracy_by_task


def metrics(logits: Tensor, labels: Tensor, tasks: TaskSet) -> dict[str, float]:
    """Mean accuracy and top-10 recall of faces, top-3 and top-5 accuracy of clothes.

    `selection_score`, the mean over the domains of the first metric of each, selects the epoch.
    Logits and labels are `(N, T)`; an image counts for a domain if it has labels there.
    """
    faces, clothes = columns_of(tasks)
    found = {}
    if faces:
        ours, truth = logits[:, faces], labels[:, faces]
        found["mean_accuracy"] = mean_accuracy(ours, truth, tasks.select(faces))
        found["top10_recall"] = top_k_recall(ours, truth, k=10, average="tasks")
    if clothes:
        ours, truth = logits[:, clothes], labels[:, clothes]
        category = truth.argmax(1).float().masked_fill(truth.isnan().any(1), math.nan)
        for k in (3, 5):
            found[f"top{k}_accuracy"] = top_k_accuracy(ours, category, k)
    firsts = [found[name] for name in ("mean_accuracy", "top3_accuracy") if name in found]
    return found | {"selection_score": sum(firsts) / len(firsts)}


def floors(labels: Tensor, tasks: TaskSet) -> dict[str, float]:
    """Metrics of a network that answers every image with the share of each label."""
    share = (labels > 0.5).sum(0) / (~labels.isnan()).sum(0)
    return metrics(share.logit(eps=1e-6).expand_as(labels), labels, tasks)


def analyse(
    known: Mapping[str, Sequence[Hashable]],
    teachers: Mapping[str, float],
    net: nn.Module,
    data: Mapping[str, ImageData],
    device: object,
) -> dict[str, float]:
    """Size and speed of the network, and its agreement with known groups and with its teachers.

    Args:
        known: name -> a group for each task. Adds `<name>_index`, the adjusted Rand index with the
            groups at fc7, and `<name>_p`, the share of random deals that reach it.
        teachers: metric -> value of the network of that domain alone. Adds `<metric>_gap`, our
            value on the test images minus theirs.
        device: where `milliseconds` are taken, the median for one image with batch norm folded.
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
    """`mean_validation_loss`, a mean over tasks and over the epochs of the final training.

    A network that converges faster or ends lower has a lower one.
    """
    return {"mean_validation_loss": history["validation_loss"].nanmean().item()}, {}
