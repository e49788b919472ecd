"""The style of every figure, and pictures as matplotlib draws them."""

from __future__ import annotations

from importlib.resources import as_file, files

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mtattr.errors import InputError


def use_style() -> None:
    """Make the book's matplotlib style the current one; figures drawn before stay as they are."""
    with as_file(files("mtattr").joinpath("mtattr.mplstyle")) as path:
        plt.style.use(path)


def figure(
    width: float = 6.4, height: float = 4.0, *, rows: int = 1, columns: int = 1, **options
) -> tuple[Figure, Axes]:
    """A new figure in the book's style and its axes.

    With one row and one column the second value is an `Axes`, else an array `(rows, columns)`.

    Args:
        width, height: inches.
        rows, columns: of axes.
        options: of `matplotlib.pyplot.subplots`.
    """
    use_style()
    fig, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False, **options)
    return fig, axes[0, 0] if rows == columns == 1 else axes


def to_picture(image: ArrayLike | torch.Tensor) -> np.ndarray:
    """One image as float `(H, W, 3)` in [0, 1], which matplotlib draws as it is.

    Args:
        image: `(3, H, W)`, `(H, W, 3)` or grey `(H, W)`; uint8 in 0..255 or float in [0, 1].
    """
    array = as_array(image)
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    elif array.ndim == 3 and array.shape[0] == 3:
        array = array.transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[2] != 3:
        shapes = "(3, H, W), (H, W, 3) or (H, W)"
        raise InputError(f"expected an image {shapes}, got {tuple(array.shape)}")
    if array.dtype == np.uint8:
        return array / 255.0
    if not np.issubdtype(array.dtype, np.floating) or not ((array >= 0) & (array <= 1)).all():
        got = f"{array.dtype} up to {array.max()}"
        raise InputError(f"expected an image of uint8, or of floats in [0, 1], got {got}")
    return array.astype(float)


def as_array(values: ArrayLike | torch.Tensor) -> np.ndarray:
    """Numbers of an array or tensor on any device as a numpy array."""
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
