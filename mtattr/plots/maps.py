"""Explanation maps over their image, with the range that they have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from numpy.typing import ArrayLike

from mtattr.errors import InputError
from mtattr.plots.images import draw_outline
from mtattr.plots.style import as_array, figure, to_picture

#: Shares of the image and of the map where they are laid over each other.
IMAGE_SHARE, MAP_SHARE = 0.55, 0.45


def unnormalise(
    image: ArrayLike | torch.Tensor, mean: Sequence[float], std: Sequence[float]
) -> np.ndarray:
    """The image `(3, H, W)` in [0, 1] that a network was shown as (image - mean) / std.

    Raises `InputError` for statistics with which the image leaves [0, 1] by more than rounding.
    """
    array = as_array(image).astype(float)
    if array.ndim != 3 or array.shape[0] != 3:
        raise InputError(f"unnormalise: expected an image (3, H, W), got {array.shape}")
    array = array * np.asarray(std)[:, None, None] + np.asarray(mean)[:, None, None]
    if not (array > -1e-3).all() or not (array < 1 + 1e-3).all():
        values = f"values from {array.min():.3g} to {array.max():.3g}"
        raise InputError(f"unnormalise: {values}; were these the statistics of the image?")
    return array.clip(0, 1)


def map_overlay(
    image: ArrayLike | torch.Tensor,
    map_: ArrayLike | torch.Tensor,
    *,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    limits: tuple[float, float] | None = None,
    outline: ArrayLike | torch.Tensor | None = None,
    title: str = "",
    bar: bool = True,
    axes: Axes | None = None,
) -> Axes:
    """An explanation map over its image, 0.45 to 0.55, with a bar of the raw range.

    Args:
        image: as one image of `image_grid`, or normalised by `mean` and `std`.
        map_: `(h, w)` in any range, enlarged bilinearly, in the colours of viridis.
        mean, std: taken out of the image again.
        limits: raw values of the lowest and highest colour; those of the map if None.
        outline: `(H, W)` in [0, 1]; its line at one half is drawn.
        title: of the axes.
        bar: draw the bar of colours.
        axes: where to draw; a new figure if None.
    """
    picture = to_picture(image if mean is None else unnormalise(image, mean, std))
    values = as_array(map_).astype(float)
    if values.ndim != 2 or not np.isfinite(values).all():
        got = f"got shape {values.shape}, {int((~np.isfinite(values)).sum())} not finite"
        raise InputError(f"map_overlay: expected a map (h, w) of numbers, {got}")
    low, high = limits or (values.min(), values.max())
    large = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None, None],
        size=picture.shape[:2],
        mode="bilinear",
        align_corners=False,
    )[0, 0].numpy()
    if axes is None:
        _, axes = figure(3.2, 3.4)
    norm = Normalize(low, high if high > low else low + 1, clip=True)
    scale = _viridis(norm)
    axes.imshow((IMAGE_SHARE * picture + MAP_SHARE * scale.to_rgba(large)[..., :3]).clip(0, 1))
    if outline is not None:
        draw_outline(axes, outline, picture.shape[:2])
    if bar:
        drawn = axes.figure.colorbar(
            scale, ax=axes, fraction=0.046, pad=0.03, ticks=[norm.vmin, norm.vmax]
        )
        drawn.ax.set_yticklabels([f"{low:.2g}", f"{high:.2g}"], fontsize=8)
        drawn.outline.set_visible(False)
    axes.set_axis_off()
    axes.set_title(title, fontsize=10, loc="center")
    return axes


def _viridis(norm: Normalize):
    from matplotlib.cm import ScalarMappable

    return ScalarMappable(norm, "viridis")
