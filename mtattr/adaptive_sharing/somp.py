"""Filter selection by simultaneous orthogonal matching pursuit (Lu et al. 2017, Eq. 2)."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.errors import InputError

#: A row counts as a combination of the chosen rows if its residual is below this share of its norm.
EXHAUSTED = 1e-10


@torch.no_grad()
def somp(rows: Tensor, k: int) -> Tensor:
    """Greedy choice of k of N rows, from which all rows are fitted by least squares.

    Each step picks the row whose direction has the largest products, in the 2-norm, with the
    residuals of all rows, then fits every row again. Rows are signals and dictionary at once, so a
    fit is a Schur complement of their Gram matrix: O(k N^2), float64. Once the chosen rows span all
    others, the longest of the rest fill up. Source: Lu et al. 2017, Eq. 2 and Sec. 3.1.

    Args:
        rows: `(N, d)`, finite.
        k: 1 .. N.

    Returns:
        Positions of the rows, int64 `(k,)`, in pick order.
    """
    bad = int((~rows.isfinite()).sum())
    if rows.ndim != 2 or bad:
        shape = tuple(rows.shape)
        raise InputError(f"somp: expected finite rows (N, d), got {shape} with {bad} not finite")
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= len(rows):
        raise InputError(f"somp: k must be a whole number in 1..{len(rows)}, got {k!r}")
    rows = rows.detach().double()
    residual = rows @ rows.T
    square = residual.diagonal().clone()
    picks: list[int] = []
    chosen = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
    while len(picks) < k:
        open_rows = ~chosen & (residual.diagonal() > EXHAUSTED * square)
        if not open_rows.any():
            left = torch.where(chosen, -1.0, square).argsort(descending=True, stable=True)
            picks += left[: k - len(picks)].tolist()
            break
        gain = torch.where(open_rows, residual.norm(dim=0) / square.sqrt(), -1.0)
        pick = int(gain.argmax())
        picks.append(pick)
        chosen[pick] = True
        column = residual[:, pick].clone()
        residual.addr_(column, column, alpha=-1.0 / float(column[pick]))
    return torch.tensor(picks, device=rows.device)
