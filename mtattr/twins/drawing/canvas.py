"""A batch of pictures while they are painted, and the numbers of their scenes."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from mtattr.twins.drawing.colour import over, times
from mtattr.twins.drawing.frame import Frame, Patch


class Numbers:
    """Parameters (B, P) of a batch of scenes, read by the name of their column."""

    def __init__(self, parameters: Tensor, column: Mapping[str, int]) -> None:
        # Turned, so that one number of every scene lies in one piece.
        self._parameters, self._column = parameters.T.contiguous(), column

    def __len__(self) -> int:
        return self._parameters.shape[1]

    def p(self, name: str) -> Tensor:
        """A scene parameter in [0, 1), (B,)."""
        return self._parameters[self._column[name]]

    def pick(self, name: str, low: float, high: float) -> Tensor:
        """A scene parameter spread over [low, high), (B,)."""
        return low + (high - low) * self.p(name)

    def tile(self, name: str, count: int = 4096) -> Tensor:
        """A scene parameter as a whole number below `count` that seeds a pattern, int64 (B,)."""
        return (self.p(name) * count).long()


class Canvas(Numbers):
    """A batch of scenes while they are painted.

    `picture` (B, 3, H, W) lies in [0, 1]: torch mixes planes of colour many times faster than
    pixels of three numbers. `sheet` is the images' own frame, `frame` that of what is drawn.
    """

    aspect: ClassVar[float] = 1.0
    picture: Tensor
    frame: Frame

    def __init__(
        self,
        parameters: Tensor,
        column: Mapping[str, int],
        image_shape: tuple[int, int],
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(parameters.to(torch.float32).to(device), column)
        self.image_shape, self.device = image_shape, torch.device(device)
        self.size = image_shape[0]
        self.sheet = self.frame = Frame.plain(len(self), image_shape, device, self.aspect)

    @functools.cached_property
    def all_rows(self) -> Tensor:
        """Every position of the batch."""
        return torch.arange(len(self), device=self.device)

    def colour(self, *rgb: float, rows: Tensor | None = None) -> Tensor:
        """One colour for all images, or for `rows`, (n, 3)."""
        count = len(self) if rows is None else len(rows)
        return torch.tensor(rgb, device=self.device).expand(count, 3)

    def patch(self, rows: Tensor, cx, cy, half_width, half_height) -> Patch:
        """Pixels around a box in `frame`, in the images `rows`; all parameters (n,) or numbers."""
        return self.frame.patch(rows, cx, cy, half_width, half_height)

    def blend(self, patch: Patch, alpha: Tensor, colour: Tensor) -> None:
        """Lay `colour` (n, 3) or (n, 3, h, w) on the picture, within each image's own box.

        Args:
            alpha: opacity, (n, h, w).
        """
        below = patch.read(self.picture)
        patch.write(self.picture, over(below, colour, alpha * patch.inside))

    def darken(self, patch: Patch, amount: Tensor) -> None:
        """Multiply the light on a patch by 1 - `amount` (n, h, w)."""
        below = patch.read(self.picture)
        patch.write(self.picture, times(below, 1 - amount * patch.inside))


def rows_of(flags: Tensor) -> Tensor:
    """Positions of the images whose flag (B,) is set."""
    return flags.nonzero()[:, 0]


def by_range(values: Tensor, table: Iterable[tuple], among: Any = True) -> Iterator[tuple]:
    """The entries (low, high, *rest) of a table as (rows, *rest), where any value meets them.

    Args:
        values: one number per image, (B,); the rows are those with low <= value < high.
        among: flags (B,) of the images that are asked about.
    """
    for low, high, *rest in table:
        rows = rows_of((values >= low) & (values < high) & among)
        if len(rows):
            yield rows, *rest
