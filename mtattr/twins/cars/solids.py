"""Tracing convex solids with rounded edges, in closed form.

Along a pixel's ray a convex solid begins at the farthest of the planes that face the camera and
ends at the nearest of the others. One over the depth of a plane is affine in the pixel's position,
so both need no iteration; taking smooth extremes instead of hard ones rounds edges and blends
normals.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mtattr.twins.cars.view import View
from mtattr.twins.drawing.shapes import cell

_FAR = 1e3


class Hit(NamedTuple):
    """Where rays meet a solid, (n, h, w) each.

    near: 1 / depth. outline: distance to the silhouette on the sheet, negative inside. along, down:
    how `near` changes across and down the sheet, from which the surface's direction follows.
    """

    near: Tensor
    outline: Tensor
    along: Tensor
    down: Tensor


def trace(
    view: View,
    planes: Tensor,
    x: Tensor,
    y: Tensor,
    *,
    edge: Tensor,
    corner: Tensor,
    never_front: tuple[int, ...] = (),
) -> Hit:
    """Meet the solid bounded by `planes` (n, P, 4) with the pixels at x (1, 1, w), y (1, h, 1).

    edge, corner: radii on the sheet, (n, 1, 1), of the edges inside the picture of the solid and of
    its silhouette.
    """
    a, b, c, faces = view.nearness(planes)
    # A few images at a time stay in the cache of a processor.
    size = max(1, 2**17 // (x.shape[2] * y.shape[1])) if x.device.type == "cpu" else len(planes)
    parts = []
    for start in range(0, len(planes), size):
        few = slice(start, start + size)
        parts.append(
            _trace(a[few], b[few], c[few], faces[few], x, y, edge[few], corner[few], never_front)
        )
    return Hit(*(torch.cat(column) for column in zip(*parts, strict=True)))


def _trace(
    a: Tensor,
    b: Tensor,
    c: Tensor,
    faces: Tensor,
    x: Tensor,
    y: Tensor,
    edge: Tensor,
    corner: Tensor,
    never_front,
) -> tuple:
    shape = (len(a), y.shape[1], x.shape[2])
    near = torch.full(shape, _FAR, device=x.device)
    slope = [torch.zeros(shape, device=x.device) for _ in range(2)]
    front_c, front_a, front_b = (
        torch.where(faces, c, _FAR),
        torch.where(faces, a, 0.0),
        torch.where(faces, b, 0.0),
    )
    for p in range(a.shape[1]):
        if p in never_front or not faces[:, p].any():
            continue
        ap, bp = cell(front_a[:, p]), cell(front_b[:, p])
        other = (ap * x + cell(front_c[:, p])) + bp * y
        gradient = (slope[0] - ap).square_().add_((slope[1] - bp).square_()).add_(1e-12).sqrt_()
        weight = (near - other).div_(gradient).div_(2 * edge).add_(0.5).clamp_(0, 1)
        # lerp is exact at both ends, so a plane that faces other images of the batch leaves this
        # one as it is.
        near = torch.lerp(near, other, weight).sub_(
            gradient.mul_(edge).mul_(weight).mul_(1 - weight)
        )
        for part, value in zip(slope, (ap, bp), strict=True):
            part.add_((value - part).mul_(weight))
    outline = torch.full(shape, -_FAR, device=x.device)
    back_c, back_a, back_b = (
        torch.where(faces, -_FAR, c),
        torch.where(faces, 0.0, a),
        torch.where(faces, 0.0, b),
    )
    for p in range(a.shape[1]):
        if faces[:, p].all():
            continue
        ap, bp = cell(back_a[:, p]), cell(back_b[:, p])
        gradient = (slope[0] - ap).square_().add_((slope[1] - bp).square_()).add_(1e-12).sqrt_()
        other = (
            ((ap * x + cell(back_c[:, p])) + bp * y).sub_(near).div_(gradient).clamp_(-_FAR, _FAR)
        )
        weight = (other - outline).div_(2 * corner).add_(0.5).clamp_(0, 1)
        outline = torch.lerp(outline, other, weight).add_(weight.mul_(1 - weight).mul_(corner))
    return near.clamp_(0.02, 2.0), outline, slope[0], slope[1]
