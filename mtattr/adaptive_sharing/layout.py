"""Names and widths of the layers of VGG-16 and of a thin model (Lu et al. 2017, Sec. 3.1)."""

from __future__ import annotations

from collections.abc import Sequence

from mtattr.errors import whole_number
from mtattr.nets.vgg import VGG16_BLOCKS, VGG16_WIDTHS

#: Convolutions in each of the five blocks; a pooling follows every block.
BLOCKS = tuple(len(block) for block in VGG16_BLOCKS)
#: The 15 intermediate layers, bottom first. The output layer comes after them.
LAYERS = (
    *(
        f"conv{block}_{k}"
        for block, count in enumerate(BLOCKS, start=1)
        for k in range(1, count + 1)
    ),
    "fc6",
    "fc7",
)
CONVOLUTIONS = sum(BLOCKS)
#: Layers whose output is pooled.
POOLED = frozenset(sum(BLOCKS[: block + 1]) - 1 for block in range(len(BLOCKS)))


def thin_widths(omega: int, wide: Sequence[int] = VGG16_WIDTHS) -> tuple[int, ...]:
    """Channels of a thin-omega model: at most omega in a convolution, 2 omega in fc6 and fc7.

    Args:
        omega: thinness factor, at least 1.
        wide: channels of the network that is made thin.
    """
    whole_number("omega", omega)
    return (*(min(omega, width) for width in wide[:CONVOLUTIONS]), 2 * omega, 2 * omega)
