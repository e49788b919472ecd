"""`baseline_plan`: the plain multi-task network on any data, what a method has to beat."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from mtattr.data.image_data import ImageData
from mtattr.evaluation.accuracy import mean_accuracy, mean_accuracy_floor, task_accuracy
from mtattr.nets.backbones import build_backbone
from mtattr.nets.multitask import MultiTaskNet
from mtattr.training.plan import Measures, Plan
from mtattr.training.settings import FitSettings

#: Metrics of any multi-task network: mean accuracy, and accuracy per task.
MEASURES = Measures(
    metrics=lambda logits, labels, tasks: {"mean_accuracy": mean_accuracy(logits, labels, tasks)},
    select_by="mean_accuracy",
    floors=lambda labels, tasks: {"mean_accuracy": mean_accuracy_floor(labels, tasks)},
    task_metrics=lambda logits, labels, tasks: {
        "accuracy": task_accuracy(logits, labels, tasks).tolist()
    },
)


def baseline_plan(
    data: Mapping[str, ImageData],
    *,
    backbone: str = "small_xception",
    settings: FitSettings | None = None,
    stem_stride: int = 2,
) -> Plan:
    """Plan of one trunk and one linear head, every task with the same weight; for `fit_or_load`.

    Args:
        data: a split per name "train", "val" and "test", with the same tasks.
        backbone: name of the trunk.
        settings: by default Adam for 6 epochs, its rate falling from 0.003 to 0.
        stem_stride: stride of the first layer.
    """
    tasks = data["train"].tasks
    quick = FitSettings(epochs=6, batch_size=64, learning_rate=3e-3, schedule="cosine")
    return Plan(
        data=data,
        build=lambda: MultiTaskNet(
            build_backbone(backbone, stem_stride=stem_stride), tasks.num_units
        ),
        settings=settings or quick,
        measures=MEASURES,
        task_weights=torch.full((len(tasks),), 1 / len(tasks)),
    )
