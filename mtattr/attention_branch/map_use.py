"""Use of the map: answers of a trained network that is given another map than its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtattr.data.batches import take
from mtattr.data.image_data import ImageData
from mtattr.evaluation import accuracy, batched

#: Images of the test split that are answered with three maps each.
IMAGES = 2000


def another_image(n: int, *, seed: int = 0) -> Tensor:
    """A fixed image other than i for each i of n images, each taken once: int64 `(n,)`."""
    circle = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    other = torch.empty(n, dtype=torch.long)
    other[circle] = circle.roll(1)
    return other


def answers_by_map(net: nn.Module, images: Tensor, *, device: object = "cpu") -> dict[str, Tensor]:
    """Logits `(N, U)` of images uint8 `(N, 3, H, W)` with three kinds of map.

    "kept" is the network's own map; "flat" has the mean of each own map at every place;
    "swapped" is the map of `another_image`.
    """
    other = another_image(len(images))

    def answer(x: Tensor, rows: Tensor) -> tuple[Tensor, ...]:
        own = net(x)
        flat = own.maps.mean((2, 3), keepdim=True).expand_as(own.maps)
        foreign = net(take(images, other[rows], device)).maps
        return own.logits, net(x, flat).logits, net(x, foreign).logits

    found = batched(net, images, answer, device=device)
    return dict(zip(("kept", "flat", "swapped"), found, strict=True))


def map_use(
    net: nn.Module, data: ImageData, *, images: int = IMAGES, device: object = "cpu"
) -> dict[str, float]:
    """How much of the answers on the first images depends on the map, and on its places.

    `map_kept`, `map_flat` and `map_swapped` are class or mean accuracies of `answers_by_map`.
    `map_kept_over_flat` and `map_kept_over_swapped` are differences of accuracies, and
    `..._probability` of the mean probability of the true answer. A network that does not use where
    its map points loses nothing with a flat one. A raw map of an attribute also carries the
    attention branch's answer, so that a swapped one misleads for a second reason.
    """
    data = data.subset(range(min(images, len(data))))
    classes = data.tasks[0].kind == "categorical"
    measure = accuracy.class_accuracy if classes else accuracy.mean_accuracy
    score, sure = {}, {}
    for kind, logits in answers_by_map(net, data.images, device=device).items():
        score[kind] = measure(logits, data.labels, data.tasks)
        sure[kind] = _probability(logits, data.labels, classes)
    found = {f"map_{kind}": value for kind, value in score.items()}
    for kind in ("flat", "swapped"):
        found[f"map_kept_over_{kind}"] = score["kept"] - score[kind]
        found[f"map_kept_over_{kind}_probability"] = sure["kept"] - sure[kind]
    return found


def _probability(logits: Tensor, labels: Tensor, classes: bool) -> float:
    """Mean probability of the true answers, over images, then over tasks."""
    known = ~labels.isnan()
    if classes:
        given = logits.softmax(1).gather(1, labels[:, :1].nan_to_num(0).long())
        return given[known[:, :1]].mean().item()
    yes = logits.sigmoid()
    given = torch.where(labels > 0.5, yes, 1 - yes)
    return given.where(known, torch.nan).nanmean(0).nanmean().item()
