"""Correlations of binary labels, of two orders of the same tasks, and of two matrices."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.errors import InputError, whole_number


def phi_coefficients(labels: Tensor) -> Tensor:
    """Phi (Pearson correlation of two binary variables) of each pair of columns: float64 `(A, A)`.

    From labels `(N, A)` of 0, 1 and NaN = unknown, over the rows that know both; NaN where a column
    is constant there.
    """
    known = ~labels.isnan()
    if labels.ndim != 2 or not ((labels == 0) | (labels == 1) | ~known).all():
        raise InputError(
            "phi_coefficients: expected labels (N, A) of 0, 1 and NaN, "
            f"got shape {tuple(labels.shape)}"
        )
    k, x = known.double(), labels.nan_to_num(0).double()
    both, joint = k.T @ k, x.T @ x
    # Counts over the rows that know both: n_10 + n_11 of the first, n_01 + n_11 of the second.
    first, second = x.T @ k, k.T @ x
    spread = (first * (both - first) * second * (both - second)).sqrt()
    return torch.where(spread > 0, (both * joint - first * second) / spread, torch.nan)


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Spearman's rank correlation of two values per task `(T,)`, in [-1, 1].

    Ties share their mean rank. Tasks with a NaN are left out; NaN if fewer than three remain or if
    all values of one side are equal.
    """
    if a.shape != b.shape or a.ndim != 1:
        raise InputError(
            "rank_correlation: expected two vectors of one length, "
            f"got shapes {tuple(a.shape)} and {tuple(b.shape)}"
        )
    a, b = a.double(), b.double()
    known = ~(a.isnan() | b.isnan())
    a, b = a[known], b[known]
    if len(a) < 3 or (a == a[0]).all() or (b == b[0]).all():
        return float("nan")
    from scipy import stats  # slow to import

    return float(stats.spearmanr(a.cpu().numpy(), b.cpu().numpy()).statistic)


def row_correlations(a: Tensor, b: Tensor) -> Tensor:
    """Spearman's rank correlation of each row of `a` `(M, P)` with that of `b`: float64 `(M,)`.

    Ties share their mean rank; NaN where a row is constant.
    """
    if a.shape != b.shape or a.ndim != 2:
        raise InputError(
            "row_correlations: expected two matrices of one shape, "
            f"got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    from scipy import stats  # slow to import

    ranks = (torch.from_numpy(stats.rankdata(x.cpu().numpy(), axis=1)) for x in (a, b))
    x, y = (of - of.mean(1, keepdim=True) for of in ranks)
    spread = (x.square().sum(1) * y.square().sum(1)).sqrt()
    return torch.where(spread > 0, (x * y).sum(1) / spread, torch.nan)


def mantel_test(
    a: Tensor, b: Tensor, *, permutations: int = 999, seed: int = 0
) -> dict[str, float]:
    """Mantel test, with ranks, that two symmetric matrices `(n, n)` agree off the diagonal.

    An item whose whole row is NaN in `a` or `b` is left out.

    Returns:
        `correlation`: Spearman's, over pairs of items; `chance`: its 95 % quantile when the items
        of `a` are shuffled; `p`: the share of shuffles that reach it, the given order among them.
        All NaN if fewer than four items remain or a matrix is constant. Source: Mantel 1967.
    """
    if a.ndim != 2 or a.shape[0] != a.shape[1] or a.shape != b.shape:
        raise InputError(
            "mantel_test: expected two square matrices of one size, "
            f"got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    if permutations != 0:
        permutations = whole_number("permutations", permutations, 0)
    for matrix in (a, b):
        if not torch.allclose(
            matrix.double(), matrix.double().T, rtol=1e-6, atol=1e-9, equal_nan=True
        ):
            raise InputError("mantel_test: expected symmetric matrices")
    n = len(a)
    off = ~torch.eye(n, dtype=torch.bool)
    known = (
        torch.tensor([bool((~(m[i].isnan()) & off[i]).any()) for m in (a, b) for i in range(n)])
        .view(2, n)
        .all(0)
    )
    a, b = (m.double()[known][:, known] for m in (a, b))
    n, nothing = len(a), {"correlation": float("nan"), "chance": float("nan"), "p": float("nan")}
    first, second = torch.triu_indices(n, n, 1)
    x, y = a[first, second], b[first, second]
    if x.isnan().any() or y.isnan().any():
        raise InputError("mantel_test: expected NaN only in whole rows")
    if n < 4 or (x == x[0]).all() or (y == y[0]).all():
        return nothing
    ranks = torch.zeros(n, n, dtype=torch.float64)
    ranks[first, second] = _standard_ranks(x)
    ranks = ranks + ranks.T
    target = _standard_ranks(y)
    correlation = (ranks[first, second] * target).mean().item()
    if not permutations:
        return nothing | {"correlation": correlation}
    generator = torch.Generator().manual_seed(seed)
    shuffles = [torch.randperm(n, generator=generator) for _ in range(permutations)]
    shuffled = torch.stack(
        [(ranks[order[first], order[second]] * target).mean() for order in shuffles]
    )
    reached = int((shuffled >= correlation - 1e-12).sum())
    return {
        "correlation": correlation,
        "chance": shuffled.quantile(0.95).item(),
        "p": (1 + reached) / (1 + permutations),
    }


def _standard_ranks(values: Tensor) -> Tensor:
    from scipy import stats  # slow to import

    ranks = torch.from_numpy(stats.rankdata(values.cpu().numpy()))
    return (ranks - ranks.mean()) / ranks.std(correction=0)
