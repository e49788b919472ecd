"""Selection of the attributes that tell most about the class."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.errors import InputError, whole_number


def mutual_information(attributes: Tensor, classes: Tensor) -> Tensor:
    """Mutual information of each binary attribute with the class in nats, float64 `(A,)`.

    The plug-in estimate from the 2 x C table of counts; Maeda et al., Sec. 3, do not name theirs.

    Args:
        attributes: `(N, A)` in {0, 1}; NaN = unknown, left out of its own column.
        classes: indices `(N,)`.
    """
    values, classes = torch.as_tensor(attributes).double(), torch.as_tensor(classes)
    if values.ndim != 2 or not len(values) or classes.shape != values.shape[:1]:
        shapes = f"{tuple(values.shape)} and {tuple(classes.shape)}"
        raise InputError(f"expected attributes (N, A) and classes (N,) with N > 0, got {shapes}")
    known = ~values.isnan()
    if ((values != 0) & (values != 1) & known).any():
        raise InputError("attributes must be 0 or 1, or NaN where unknown")
    if ((classes < 0) | (classes != classes.long())).any():
        raise InputError("classes must be indices: whole numbers of at least 0")
    one_hot = torch.nn.functional.one_hot(classes.long()).double()
    present = torch.where(known, values, 0).T @ one_hot
    counts = torch.stack([known.double().T @ one_hot - present, present])  # (2, A, C)
    joint = counts / counts.sum(dim=(0, 2), keepdim=True).clamp(min=1)
    independent = joint.sum(dim=2, keepdim=True) * joint.sum(dim=0, keepdim=True)
    terms = joint * torch.log(joint / independent.clamp(min=1e-300))
    return torch.where(joint > 0, terms, 0).sum(dim=(0, 2)).clamp(min=0)


def select_attributes(attributes: Tensor, classes: Tensor, k: int) -> Tensor:
    """Columns of the k attributes with the highest mutual information, long `(k,)`, best first.

    Ties go to the earlier column. Pass training labels only: a choice made on the test split would
    leak its answers. Source: Maeda et al. 2020, Sec. 3.
    """
    # Rounding keeps the order of equal columns independent of the order of summation.
    scores = mutual_information(attributes, classes).round(decimals=12)
    if not 1 <= whole_number("k", k, 0) <= len(scores):
        raise InputError(f"k must be in 1..{len(scores)}, the number of attributes, got {k!r}")
    return scores.argsort(descending=True, stable=True)[:k]
