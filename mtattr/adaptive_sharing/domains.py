"""Faces, clothes and both, each label a binary task (Lu et al. 2017, Sec. 4.1 and 4.3)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.tasks import Task, TaskSet

#: Group of the tasks that stand for a category of clothes.
CLOTHES = "clothes"


def one_task_per_category(data: ImageData) -> ImageData:
    """The images of `data` with one binary task per value of the first categorical task.

    Other tasks are dropped; an unknown category makes all values unknown. Raises `InputError` if no
    task is categorical. Source: Sec. 4 trains DeepFashion as 50 sigmoid outputs.
    """
    if not data.tasks.categorical_indices:
        raise InputError(f"{data.name}: expected a categorical task, but all are binary")
    t = data.tasks.categorical_indices[0]
    values = data.tasks[t].values

    def split(category: Tensor) -> Tensor:
        labels = (category[:, None] == torch.arange(len(values))).float()
        return labels.masked_fill(category[:, None].isnan(), torch.nan)

    return replace(
        data,
        labels=split(data.labels[:, t]),
        truth=None if data.truth is None else split(data.truth[:, t]),
        tasks=TaskSet(Task(value, group=CLOTHES) for value in values),
        region_of=None,
    )


def join(faces: ImageData, clothes: ImageData) -> ImageData:
    """The images and tasks of both domains, faces first; labels of the other domain are NaN."""
    sizes = tuple(faces.images.shape[2:]), tuple(clothes.images.shape[2:])
    if sizes[0] != sizes[1]:
        raise InputError(f"both domains need images of one size, got {sizes[0]} and {sizes[1]}")

    def side_by_side(of_faces: Tensor, of_clothes: Tensor) -> Tensor:
        labels = torch.full(
            (len(faces) + len(clothes), len(faces.tasks) + len(clothes.tasks)), torch.nan
        )
        labels[: len(faces), : len(faces.tasks)] = of_faces
        labels[len(faces) :, len(faces.tasks) :] = of_clothes
        return labels

    drawn = faces.truth is not None and clothes.truth is not None
    facts = {
        f"{of.name} {name}": fact
        for of in (faces, clothes)
        for name, fact in of.facts.items()
        if not name.endswith("_digest")
    }
    return ImageData(
        torch.cat([faces.images, clothes.images]),
        side_by_side(faces.labels, clothes.labels),
        TaskSet((*faces.tasks, *clothes.tasks)),
        (*(f"face {key}" for key in faces.keys), *(f"clothes {key}" for key in clothes.keys)),
        f"{faces.name}+{clothes.name}",
        faces.split,
        truth=side_by_side(faces.truth, clothes.truth) if drawn else None,
        generated=faces.generated or clothes.generated,
        source=f"{faces.source}; {clothes.source}",
        terms=f"{faces.terms}; {clothes.terms}",
        # Pixels of drawn images must not tell machines apart, so their own fingerprints stand in.
        facts=facts | {"files_digest": faces.fingerprint + clothes.fingerprint},
    )


def fill_unknown(data: ImageData, probabilities: Tensor) -> ImageData:
    """`data` with unknown labels replaced by the answers `(N, T)` of another network (Sec. 4.3)."""
    answers = probabilities.to(data.labels.dtype)
    return replace(data, labels=torch.where(data.labels.isnan(), answers, data.labels))


def columns_of(tasks: TaskSet) -> tuple[list[int], list[int]]:
    """Positions of the tasks of faces, which are all but clothes, and of those of clothes."""
    clothes = [t for t, task in enumerate(tasks) if task.group == CLOTHES]
    return [t for t in range(len(tasks)) if t not in clothes], clothes
