"""What a weighting did, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class Trace:
    """Mean over an epoch's iterations of every value that a weighting's `trace` gives; NaN values
    are left out.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, Tensor] = {}

    @torch.no_grad()
    def add(self, values: Mapping[str, Tensor]) -> None:
        """Take in one iteration's values `(T,)`."""
        for name, value in values.items():
            known = ~value.isnan()
            if name not in self._sums:
                self._sums[name], self._counts[name] = (
                    torch.zeros_like(value),
                    torch.zeros_like(value),
                )
            self._sums[name] += torch.where(known, value, 0)
            self._counts[name] += known

    def end_epoch(self) -> dict[str, list[float]]:
        """Means since the last call, T numbers per name, NaN where there was none; starts anew."""
        means = {
            name: (self._sums[name] / self._counts[name]).double().tolist() for name in self._sums
        }
        self._sums, self._counts = {}, {}
        return means

    def state_dict(self) -> dict[str, Tensor]:
        """Sums and counts under names that `load_state_dict` understands."""
        return {f"sum.{k}": v for k, v in self._sums.items()} | {
            f"count.{k}": v for k, v in self._counts.items()
        }

    def load_state_dict(self, state: Mapping[str, Tensor], device: torch.device | str) -> None:
        """The inverse of `state_dict`."""
        self._sums = {
            k.removeprefix("sum."): v.to(device) for k, v in state.items() if k.startswith("sum.")
        }
        self._counts = {
            k.removeprefix("count."): v.to(device)
            for k, v in state.items()
            if k.startswith("count.")
        }
