"""The answer of every network of the course."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor


class Output(NamedTuple):
    """A network's answer for B images.

    Args:
        logits: `(B, U)`, the units of a `TaskSet` in its order.
        maps: raw attention `(B, T, h, w)` or None.
        extra: named tensors, or functions of the network, that a paper's loss or analysis reads.
    """

    logits: Tensor
    maps: Tensor | None = None
    extra: dict[str, Any] = {}  # noqa: RUF012
