"""Average precision, F1, and recall and accuracy among the k highest scores."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.errors import InputError
from mtattr.evaluation.counts import check_pair, counts, f1_from, positives

#: Tasks sorted at once: bounds the memory for sets with a thousand attributes.
_TASKS_AT_ONCE = 64


def _average_precision(scores: Tensor, labels: Tensor) -> Tensor:
    known = ~labels.isnan()
    # Unknown rows go last and add to neither count.
    order = torch.where(known, scores, -torch.inf).sort(dim=0, descending=True)
    hits = positives(labels).gather(0, order.indices).cumsum(0)
    seen = known.gather(0, order.indices).cumsum(0)
    n = len(scores)
    place = torch.arange(n, device=scores.device).unsqueeze(1)
    ends = torch.ones_like(known)
    ends[:-1] = order.values[:-1] != order.values[1:]
    # Equal scores share one cut: each row takes the precision at the end of its group of ties.
    end = torch.where(ends, place, n).flip(0).cummin(0).values.flip(0)
    precision = hits.gather(0, end).double() / seen.gather(0, end).clamp(min=1)
    gained = hits.diff(dim=0, prepend=torch.zeros_like(hits[:1]))
    result = (gained * precision).sum(0) / hits[-1]
    return result.masked_fill((scores.isnan() & known).any(0), torch.nan)


def average_precision(scores: Tensor, labels: Tensor) -> Tensor:
    """Area under the precision-recall steps of each binary task: float64 `(T,)` in [0, 1].

    From scores and labels `(N, T)`, NaN = unknown; tied scores form one cut. NaN for a task without
    positive labels or with a NaN score. The floor is the share of positives.
    """
    check_pair(scores, labels, "scores")
    if not len(scores):
        return scores.new_full((scores.shape[1],), torch.nan, dtype=torch.float64)
    parts = zip(scores.split(_TASKS_AT_ONCE, 1), labels.split(_TASKS_AT_ONCE, 1), strict=True)
    return torch.cat([_average_precision(s, y) for s, y in parts])


def f1(predictions: Tensor, labels: Tensor) -> Tensor:
    """F1 of each binary task over its known labels: float64 `(T,)` in [0, 1].

    From predictions (non-zero = present) and labels `(N, T)`; NaN where both have no positive, or
    a prediction is NaN.
    """
    check_pair(predictions, labels, "predictions")
    undefined = predictions.isnan()
    result = f1_from(counts(predictions.masked_fill(undefined, 0), labels))
    return result.masked_fill((undefined & ~labels.isnan()).any(0), torch.nan)


def _share_in_top_k(scores: Tensor, k: int) -> Tensor:
    """Chance `(N, C)` to be among the row's k highest, ties broken at random; NaN rows stay NaN."""
    if k < 1:
        raise InputError(f"k must be at least 1, got {k}")
    k = min(k, scores.shape[1])
    last = scores.topk(k, dim=1).values[:, -1:]
    above, tied = scores > last, scores == last
    share = (k - above.sum(1, keepdim=True)).double() / tied.sum(1, keepdim=True)
    return (above + tied * share).masked_fill(scores.isnan().any(1, keepdim=True), torch.nan)


def top_k_recall(scores: Tensor, labels: Tensor, k: int = 10, *, average: str = "images") -> float:
    """Share of the positive attributes that are among their image's k highest scores, in [0, 1].

    Ties at the k-th place count as if broken at random. NaN if there is no positive label.

    Args:
        scores: `(N, T)`, comparable between tasks.
        labels: `(N, T)`, NaN = unknown: such an attribute takes no place among the k.
        average: mean of the shares within "images" or within "tasks" that have a positive.

    Source: Lu et al. 2017, Table 1, which does not define it; their code averages over tasks.
    """
    check_pair(scores, labels, "scores")
    if average not in ("images", "tasks"):
        raise InputError(f"average {average!r} is not known; expected 'images' or 'tasks'")
    if not scores.is_floating_point():
        scores = scores.double()
    # Unknown attributes rank below every known one, even below a score of minus infinity.
    ranked = scores.clamp(min=torch.finfo(scores.dtype).min).masked_fill(labels.isnan(), -torch.inf)
    true = positives(labels)
    dim = 1 if average == "images" else 0
    recall = torch.where(true, _share_in_top_k(ranked, k), 0.0).sum(dim) / true.sum(dim)
    return recall[true.any(dim)].mean().item()


def top_k_accuracy(class_logits: Tensor, classes: Tensor, k: int) -> float:
    """Share of images whose class `(N,)` is among the k largest of their logits `(N, K)`.

    In [0, 1]; NaN classes are unknown. Ties count as in `top_k_recall`.
    """
    known = ~classes.isnan()
    inside = _share_in_top_k(class_logits[known], k)
    return inside.gather(1, classes[known].long().unsqueeze(1)).mean().item()
