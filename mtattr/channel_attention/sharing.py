"""Sharing of channels: correlations of masks against likeness of attributes, and chance."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import torch
from torch import Tensor

from mtattr.channel_attention.correlation import attribute_correlation, feature_correlation
from mtattr.evaluation import mantel_test, phi_coefficients
from mtattr.tasks import TaskSet
from mtattr.twins.faces import INDEX, PART_OF, loading_table


def likenesses(tasks: TaskSet, labels: Tensor) -> dict[str, Tensor]:
    """Likeness of every two attributes, `(K, K)`, by four measures.

    "labels": phi of the training labels. "absolute_labels": its size, for opposites say as much
    about each other. If all attributes have names of CelebA, "factors": size of the correlation of
    their scores in the twin's factor graph; "parts": 1 for the same part of the picture, else 0.
    """
    phi = phi_coefficients(torch.where(labels.isnan(), labels, labels.round()))
    found = {"labels": phi, "absolute_labels": phi.abs()}
    if all(name in INDEX for name in tasks.names):
        rows = loading_table()[[INDEX[name] for name in tasks.names]]
        parts = [PART_OF[name] for name in tasks.names]
        found["factors"] = (rows @ rows.T).abs()
        found["parts"] = torch.tensor([[float(a == b) for b in parts] for a in parts])
    return found


def sharing_metrics(
    importance: Tensor, untrained: Tensor, weights: Tensor | None, likeness: Mapping[str, Tensor]
) -> dict[str, float]:
    """Rank correlations of masks with each likeness, and correlations of channels.

    For each likeness: `masks_follow_<it>`, `_p` of a permutation test, `_over_chance`, above its
    95 % quantile, `_over_untrained`, and with weights `weights_follow_<it>` and
    `masks_follow_<it>_over_weights`. `feature_correlation` is the mean size over pairs of channels,
    `feature_correlation_top` the mean over channels of the highest, `_own` without each attribute's
    mean; each also `untrained_`.

    Args:
        importance, untrained: mean masks `(K, C)` after and before training.
        weights: of the classifiers, `(K, C)`, or None.
        likeness: names and matrices `(K, K)`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # constant masks give NaN, which the record shows
        own, before = attribute_correlation(importance), attribute_correlation(untrained)
        of_weights = None if weights is None else attribute_correlation(weights)
        found = _channel_metrics(importance)
        found |= {f"untrained_{name}": value for name, value in _channel_metrics(untrained).items()}
    for name in ("feature_correlation_top", "feature_correlation_own_top"):
        found[f"{name}_over_untrained"] = found[name] - found[f"untrained_{name}"]
    for name, target in likeness.items():
        test, control = mantel_test(own, target), mantel_test(before, target, permutations=0)
        key = f"masks_follow_{name}"
        found[key], found[f"{key}_p"] = test["correlation"], test["p"]
        found[f"{key}_over_chance"] = test["correlation"] - test["chance"]
        found[f"untrained_{key}"] = control["correlation"]
        found[f"{key}_over_untrained"] = test["correlation"] - control["correlation"]
        if of_weights is not None:
            rival = mantel_test(of_weights, target, permutations=0)["correlation"]
            found[f"weights_follow_{name}"] = rival
            found[f"{key}_over_weights"] = found[key] - rival
    return found


def _channel_metrics(means: Tensor) -> dict[str, float]:
    found = {}
    for suffix, values in (("", means), ("_own", means - means.mean(1, keepdim=True))):
        correlation = feature_correlation(values).fill_diagonal_(torch.nan)
        found[f"feature_correlation{suffix}"] = correlation.abs().nanmean().item()
        highest = correlation.nan_to_num(-torch.inf).amax(1)
        highest = highest[highest.isfinite()]  # Empty, with mean NaN, if no channel has any.
        found[f"feature_correlation{suffix}_top"] = highest.mean().item()
    return found
