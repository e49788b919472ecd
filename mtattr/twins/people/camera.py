"""Effects of a street camera: light, cast, a weak lens, compression, grain."""

from __future__ import annotations

import functools

import torch

from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.colour import plane
from mtattr.twins.drawing.frame import Frame
from mtattr.twins.drawing.patterns import noise
from mtattr.twins.drawing.shapes import cell, soften
from mtattr.twins.people.canvas import ASPECT, Canvas


def photograph(c: Canvas) -> torch.Tensor:
    """The picture (B, 3, H, W) in [0, 1] as the camera of each scene records it."""
    picture = c.picture
    gain = c.of_camera("gain") * c.pick("exposure", 0.90, 1.10) * c.pick("gain", 0.97, 1.03)
    picture = picture * plane(c.of_camera("cast") * gain[:, None])
    grey = (0.30 * picture[:, 0] + 0.59 * picture[:, 1] + 0.11 * picture[:, 2])[:, None]
    picture = grey + 0.84 * (picture - grey)
    contrast = c.of_camera("contrast")[:, None, None, None]
    picture = (picture - 0.47) * contrast + 0.47
    blur = c.of_camera("blur") * 0.75 + 0.55 * (c.p("blur") - 0.45).clamp(min=0)
    reach = round(c.size / 128 * 1.1) or (1 if c.size >= 64 else 0)
    rows = rows_of(blur > 0.08)
    if len(rows) and reach:
        picture[rows] = torch.lerp(
            picture[rows],
            soften(picture[rows], reach),
            blur[rows].clamp(max=1)[:, None, None, None],
        )
    tile = c.tile("grain_tile")
    grain = _grain_planes(c.image_shape, c.device)[tile % len(_TILES)]
    return (picture + (grain * cell(c.of_camera("noise")))[:, None]).clamp(0, 1)


_TILES = range(32)


@functools.lru_cache(maxsize=8)
def _grain_planes(image_shape: tuple[int, int], device: torch.device) -> torch.Tensor:
    """The sensor's grain (32, H, W), of unit variance: the same speckles at every image size."""
    x, y = Frame.plain(len(_TILES), image_shape, device, ASPECT).coordinates
    return noise(x * 2.9, y * 2.9, torch.tensor(_TILES, device=device))
