"""One decision threshold per attribute, chosen on the validation split."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.errors import InputError
from mtattr.evaluation.counts import check_pair, positives


def choose_thresholds(scores: Tensor, labels: Tensor) -> Tensor:
    """Threshold of each attribute with the highest F1 on these scores: `(T,)` in [0, 1].

    An attribute counts as present when its score exceeds its threshold. A cut between two
    neighbouring scores lies halfway, or at 0.5 where 0.5 is between them; of cuts with equal F1 the
    one nearest 0.5 wins, then the higher one. Choose on the validation split.

    Args:
        scores: probabilities `(N, T)`.
        labels: `(N, T)`, NaN = unknown; without a positive label the threshold is 0.5.

    Source: Maeda et al. 2020 have one threshold per attribute and do not say how it is set; the
    rule is ours.
    """
    check_pair(scores, labels, "scores")
    known = ~labels.isnan()
    if not ((scores >= 0) & (scores <= 1) | ~known).all():
        raise InputError("scores: expected probabilities in [0, 1] wherever the label is known")
    if not len(scores):
        return scores.new_full((scores.shape[1],), 0.5)

    # -1 is below every score, so unknown rows come last and are never part of a cut.
    order = torch.where(known, scores, -1.0).sort(dim=0, descending=True)
    upper = order.values
    hits = positives(labels).gather(0, order.indices).cumsum(0)
    said = torch.arange(1, len(scores) + 1, device=scores.device).unsqueeze(1)
    f1 = 2 * hits / (said + hits[-1]).double()

    # Below the last known score there is nothing: that cut calls every score above 0 present.
    lower = torch.cat([upper[1:], torch.full_like(upper[:1], -1.0)]).clamp(min=0)
    middle = (upper + lower) / 2
    # Between adjacent floating-point numbers the middle rounds to one of them, possibly the upper.
    middle = torch.where(middle < upper, middle, lower)
    cut = torch.where((lower <= 0.5) & (upper > 0.5), 0.5, middle)
    # Ties are no cut, nor are unknown rows, whose upper end is -1.
    f1 = f1.masked_fill(~(upper > lower), -1.0)

    best = f1.max(0).values
    distance = (cut - 0.5).abs().masked_fill(f1 < best, torch.inf)
    chosen = cut.gather(0, distance.argmin(0, keepdim=True)).squeeze(0)
    return torch.where(best > 0, chosen, 0.5).to(scores.dtype)
