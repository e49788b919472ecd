"""Which rows of a matrix express all its rows best: simultaneous orthogonal matching pursuit (Lu et al. 2017, Eq. 2)."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.errors import InputError

#: A row whose residual is below this share of its own square length is taken for a combination of the chosen rows.
EXHAUSTED = 1e-10


@torch.no_grad()
def somp(rows: Tensor, k: int) -> Tensor:
    """Greedy choice of k of N rows that minimise the residual of all rows fitted by the chosen ones: int64 `(k,)` in pick order.

    rows `(N, d)`, any finite numbers. A pick is the row, scaled to length one, whose products with all residuals are largest
    in the 2-norm; then every row is fitted anew by least squares. The rows are signals and dictionary alike, so that fit is a
    Schur complement of their Gram matrix: O(k N^2), float64. Once the chosen rows span all others, the longest of the rest
    fill up. Raises `InputError` for k outside 1 .. N, for another shape, and for NaN or infinity.
    Source: Lu et al. 2017, Eq. 2 and Sec. 3.1.
    """
    if rows.ndim != 2 or not rows.isfinite().all():
        raise InputError(
            f"somp: expected finite rows (N, d), got shape {tuple(rows.shape)} with {int((~rows.isfinite()).sum())} not finite"
        )
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
