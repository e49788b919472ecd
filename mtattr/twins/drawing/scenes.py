"""Runs of scenes: tables with one row per scene, drawn in blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Self

import torch
from torch import Tensor


class SceneTable:
    """Base of a twin's scenes, a frozen dataclass with one row per scene in every tensor."""

    parameters: Tensor

    def __len__(self) -> int:
        return len(self.parameters)

    def _columns(self) -> dict[str, Tensor]:
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}

    def rows(self, index: slice | Tensor) -> Self:
        """The scenes at the given positions."""
        return replace(self, **{name: value[index] for name, value in self._columns().items()})

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The scenes of all parts, which agree in everything but tensors, one after the other."""
        names = parts[0]._columns()
        return replace(
            parts[0], **{name: torch.cat([getattr(part, name) for part in parts]) for name in names}
        )


def first_scenes(block: Callable[[int], SceneTable], size: int, n: int) -> SceneTable:
    """The first `n` scenes of the blocks `block(0)`, `block(1)`, ..., each of `size` scenes."""
    blocks = [block(k) for k in range(-(-n // size) or 1)]
    return blocks[0].joined(blocks).rows(slice(0, n))
