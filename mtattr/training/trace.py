"""Per-epoch means of a weighting's internal values."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mtattr.training.checkpoint import with_prefix


class Trace:
    """Mean over an epoch of each value that a weighting's `trace` gives, NaN left out."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, Tensor] = {}

    @torch.no_grad()
    def add(self, values: Mapping[str, Tensor]) -> None:
        """Add the values `(T,)` of one iteration."""
        for name, value in values.items():
            known = ~value.isnan()
            if name not in self._sums:
                self._sums[name] = torch.zeros_like(value)
                self._counts[name] = torch.zeros_like(value)
            self._sums[name] += torch.where(known, value, 0)
            self._counts[name] += known

    def end_epoch(self) -> dict[str, list[float]]:
        """The means since the last call, T numbers per name, NaN where no value was known."""
        means = {
            name: (self._sums[name] / self._counts[name]).double().tolist() for name in self._sums
        }
        self._sums, self._counts = {}, {}
        return means

    def state_dict(self) -> dict[str, Tensor]:
        """Sums and counts by name."""
        sums = {f"sum.{name}": value for name, value in self._sums.items()}
        return sums | {f"count.{name}": value for name, value in self._counts.items()}

    def load_state_dict(self, state: Mapping[str, Tensor], device: torch.device | str) -> None:
        """The inverse of `state_dict`."""
        on_device = {name: value.to(device) for name, value in state.items()}
        self._sums, self._counts = with_prefix(on_device, "sum."), with_prefix(on_device, "count.")
