"""Measurements of Maeda et al. 2020: metrics, floors, interventions on the estimated attributes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mtattr.attribute_estimation.explain import localisation
from mtattr.attribute_estimation.interventions import (
    accuracy_with,
    attribute_effects,
    effect_agreement,
    flip_rates,
    middle_layer,
    shuffle_drop,
)
from mtattr.data.image_data import ImageData
from mtattr.evaluation import accuracy, average_precision, choose_thresholds, f1, predict
from mtattr.tasks import TaskSet


def metrics(logits: Tensor, labels: Tensor, tasks: TaskSet) -> dict[str, float]:
    """Class accuracy; micro and mean accuracy, F1 and average precision of attributes, if any."""
    result = {"class_accuracy": accuracy.class_accuracy(logits, labels, tasks)}
    if len(tasks) > 1:
        binary = list(tasks.binary_indices)
        attribute_logits, attribute_labels, attribute_tasks = (
            logits[:, tasks[0].num_units :],
            labels[:, binary],
            tasks.select(binary),
        )
        result |= {
            "attribute_micro_accuracy": accuracy.micro_accuracy(logits, labels, tasks),
            "attribute_mean_accuracy": accuracy.mean_accuracy(
                attribute_logits, attribute_labels, attribute_tasks
            ),
            "attribute_f1": f1(predict(attribute_logits, attribute_tasks), attribute_labels)
            .nanmean()
            .item(),
            "attribute_average_precision": average_precision(attribute_logits, attribute_labels)
            .nanmean()
            .item(),
        }
    return result


def floors(labels: Tensor, tasks: TaskSet) -> dict[str, float]:
    """Metrics of a constant guess: largest class, no attribute, majority, rate."""
    result = {"class_accuracy": accuracy.class_floor(labels, tasks)}
    if len(tasks) > 1:
        binary = list(tasks.binary_indices)
        result |= {
            "attribute_micro_accuracy": accuracy.micro_floor(labels, tasks),
            "attribute_mean_accuracy": accuracy.mean_accuracy_floor(
                labels[:, binary], tasks.select(binary)
            ),
            "attribute_average_precision": labels[:, binary].nanmean(dim=0).nanmean().item(),
        }
    return result


def task_metrics(logits: Tensor, labels: Tensor, tasks: TaskSet) -> dict[str, list[float]]:
    """Accuracy of every task and average precision of every attribute (NaN for the class)."""
    ranking = (
        average_precision(logits[:, tasks[0].num_units :], labels[:, 1:]).tolist()
        if len(tasks) > 1
        else []
    )
    return {
        "accuracy": accuracy.task_accuracy(logits, labels, tasks).tolist(),
        "floor": accuracy.task_floor(labels, tasks).tolist(),
        "average_precision": [float("nan"), *ranking],
    }


def analyse(
    net: nn.Module, data: Mapping[str, ImageData], device: object, *, supervised: bool
) -> dict[str, float]:
    """Interventions on o_a, localisation, and F1 with thresholds chosen on validation."""
    result: dict[str, float] = {}
    if net.variant == "Ideal" or not supervised:
        return (
            result
            if net.variant == "Ideal"
            else {"shuffle_drop": shuffle_drop(net, middle_layer(net, data["test"], device=device))}
        )
    result |= localisation(
        net, data["test"], images=min(256, len(data["test"]) // 8), device=device
    )
    val, test = (middle_layer(net, data[split], device=device) for split in ("val", "test"))
    rows = {split: ~data[split].labels[:, 0].isnan() for split in ("val", "test", "train")}
    thresholds = choose_thresholds(val.attributes.cpu(), data["val"].labels[rows["val"], 1:])
    result["attribute_f1_chosen_thresholds"] = (
        f1(test.attributes.cpu() > thresholds, data["test"].labels[rows["test"], 1:])
        .nanmean()
        .item()
    )
    if net.variant == "PM":
        effects = attribute_effects(net, test)
        truth = data["test"].labels[rows["test"], 1:].to(test.attributes)
        told = torch.where(truth.isnan(), test.attributes, truth)
        train_labels = data["train"].labels[rows["train"]]
        result |= {
            "shuffle_drop": shuffle_drop(net, test),
            "told_gain": accuracy_with(net, test, told) - accuracy_with(net, test, test.attributes),
            "flip_rate": flip_rates(net, test).mean().item(),
            "effect_agreement": effect_agreement(effects, train_labels[:, 1:], train_labels[:, 0]),
        }
    return result
