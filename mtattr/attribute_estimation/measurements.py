"""Measurements of Maeda et al. 2020: metrics, floors, interventions on the estimated attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor, nn

from mtattr.attribute_estimation.correction import curve_metrics, order_by_error
from mtattr.attribute_estimation.explain import localisation
from mtattr.attribute_estimation.interventions import (
    MiddleLayer,
    attribute_effects,
    effect_agreement,
    flip_rates,
    middle_layer,
    rounded_drop,
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
    net: nn.Module,
    data: Mapping[str, ImageData],
    device: object,
    *,
    classes: bool,
    attributes: bool,
) -> dict[str, float]:
    """Localisation, F1 with thresholds chosen on validation, and interventions on o_a.

    Args:
        classes: the class branch was trained on labels of the class.
        attributes: the attribute branch was trained on labels of the attributes.
    """
    if net.attribute_branch is None:
        return {}
    test, result = middle_layer(net, data["test"], device=device), {}
    if attributes:
        images = min(256, len(data["test"]) // 8)
        result |= localisation(net, data["test"], images=images, device=device)
        val = middle_layer(net, data["val"], device=device)
        result["attribute_f1_chosen_thresholds"] = _f1_at_chosen_thresholds(val, test)
    if not classes or not net.reads_attributes:
        return result
    test = replace(test, labels=_truth(data["test"]).to(test.labels))
    result["shuffle_drop"] = shuffle_drop(net, test)
    if attributes:
        train, effects = data["train"].labels, attribute_effects(net, test)
        train = train[~train[:, 0].isnan()]
        result |= curve_metrics(net, test, order_by_error(val.attributes, val.labels[:, 1:]))
        result |= {
            "rounded_drop": rounded_drop(net, test),
            "flip_rate": flip_rates(net, test).mean().item(),
            "effect_agreement": effect_agreement(effects, train[:, 1:], train[:, 0]),
        }
    return result


def _truth(data: ImageData) -> Tensor:
    """What is drawn, or the labels `(N, T)` of data that nobody drew."""
    return data.labels if data.truth is None else data.truth


def _f1_at_chosen_thresholds(val: MiddleLayer, test: MiddleLayer) -> float:
    thresholds = choose_thresholds(val.attributes, val.labels[:, 1:])
    return f1(test.attributes > thresholds, test.labels[:, 1:]).nanmean().item()
