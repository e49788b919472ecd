"""The camera of a car scene: a level pinhole camera, with upright verticals and one horizon."""

from __future__ import annotations

import torch
from torch import Tensor

#: Official viewpoint code -> range of azimuths in degrees: 0 looks at the front, 90 at the side,
#: 180 at the rear.
AZIMUTHS = {1: (0.0, 11.0), 2: (169.0, 180.0), 3: (82.0, 98.0), 4: (24.0, 62.0), 5: (118.0, 156.0)}

#: Width over height of the images in which the scenes are described: the input of Fukui et al.
#: (CVPR 2019).
ASPECT = 323 / 224


class View:
    """Cameras of a batch.

    A pixel at (x, y) of the sheet looks along forward + across * xs - up * ys, with xs = (x -
    centre_x) / focal and ys = (y - horizon) / focal. `eye` (n, 3) in metres; `forward` and `across`
    (n, 2) are horizontal unit vectors. The camera always stands on the positive side of Y; half of
    the scenes are mirrored instead. `scale` (n,): sheet units per metre at the car's middle.
    """

    def __init__(
        self, viewpoints: Tensor, azimuth, mirrored, height, distance, fill, centre_x, centre_y
    ) -> None:
        limits = torch.tensor(
            [[0.0, 0.0], *(AZIMUTHS[v] for v in sorted(AZIMUTHS))], device=viewpoints.device
        )[viewpoints]
        angle = torch.deg2rad(limits[:, 0] + (limits[:, 1] - limits[:, 0]) * azimuth)
        cos, sin = torch.cos(angle), torch.sin(angle)
        wide = 5.2 * sin + 2.0 * cos.abs()
        self.distance = distance + 2.2 * cos.abs()
        # Perspective makes the near end of the car larger than its middle.
        closer = 1 - (2.2 * cos.abs() + 0.9 * sin) / self.distance
        # A corner view leaves the frame's corners empty, so its car may be larger.
        self.scale = (
            fill
            * closer
            * torch.minimum(2 * ASPECT / wide, torch.full_like(wide, 0.98))
            * (1.34 + 0.48 * sin * cos.abs())
        )
        self.focal = self.scale * self.distance
        self.forward = torch.stack([-cos, -sin], 1)
        self.across = torch.stack([-sin, cos], 1) * torch.where(mirrored < 0.5, 1.0, -1.0)[:, None]
        self.eye = torch.stack([cos * self.distance, sin * self.distance, height], 1)
        self.centre_x = centre_x
        self.horizon = centre_y + self.scale * (0.74 - height)

    def project(self, x, y, z, rows: Tensor | slice = slice(None)) -> tuple[Tensor, Tensor]:
        """Sheet coordinates (n,) of points in metres, (n,) or numbers, in the images `rows`."""
        dx, dy, dz = (
            torch.as_tensor(v, device=self.eye.device) - self.eye[rows, k]
            for k, v in enumerate((x, y, z))
        )
        forward, across = self.forward[rows], self.across[rows]
        depth = (dx * forward[:, 0] + dy * forward[:, 1]).clamp(min=0.5)
        lateral = dx * across[:, 0] + dy * across[:, 1]
        return self.centre_x[rows] + self.focal[rows] * lateral / depth, self.horizon[
            rows
        ] - self.focal[rows] * dz / depth

    def surround(self, xs, ys, zs, rows: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Centre and half extent on the sheet, (n,) each, of boxes between pairs of coordinates."""
        corners = [self.project(x, y, z, rows) for x in xs for y in ys for z in zs]
        px, py = torch.stack([c[0] for c in corners]), torch.stack([c[1] for c in corners])
        left, right, top, bottom = px.amin(0), px.amax(0), py.amin(0), py.amax(0)
        return (left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2

    def rays(
        self, x: Tensor, y: Tensor, rows: Tensor | slice = slice(None)
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Directions (x, y, z) of pixels at x (n, 1, w) and y (n, h, 1), unit depth ahead."""
        c = lambda v: v[rows, None, None]  # noqa: E731
        xs, ys = (x - c(self.centre_x)) / c(self.focal), (y - c(self.horizon)) / c(self.focal)
        return (
            c(self.forward[:, 0]) + c(self.across[:, 0]) * xs,
            c(self.forward[:, 1]) + c(self.across[:, 1]) * xs,
            -ys,
        )

    def nearness(self, planes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Planes (n, P, 4) as affine functions of the sheet: (a, b, c, faces), each (n, P).

        One over the depth at which a pixel's ray meets the plane is a x + b y + c; `faces` says
        where the camera lies outside of it.
        """
        normal, offset = planes[..., :3], planes[..., 3]
        gap = offset - (
            normal[..., 0] * self.eye[:, None, 0]
            + normal[..., 1] * self.eye[:, None, 1]
            + normal[..., 2] * self.eye[:, None, 2]
        )
        gap = torch.where(gap.abs() < 1e-3, torch.full_like(gap, 1e-3), gap)
        along = (
            normal[..., 0] * self.forward[:, None, 0] + normal[..., 1] * self.forward[:, None, 1]
        )
        sideways = (
            normal[..., 0] * self.across[:, None, 0] + normal[..., 1] * self.across[:, None, 1]
        )
        f = self.focal[:, None]
        a, b = sideways / f / gap, -normal[..., 2] / f / gap
        return a, b, along / gap - a * self.centre_x[:, None] - b * self.horizon[:, None], gap < 0
