"""Tracing against an oracle that walks along every ray with the textbook's clipping of a line by half spaces."""

import numpy as np
import pytest
import torch
from mtattr.twins.cars.bodies import CABIN, FAR_BODY, FAR_CABIN, LONGEST, LOWER, TABLE
from mtattr.twins.cars.makes import BODIES
from mtattr.twins.cars.solids import trace
from mtattr.twins.cars.view import ASPECT, View


def cameras():
    n = 10
    one = lambda v: torch.full((n,), float(v))  # noqa: E731
    codes = torch.tensor([1, 2, 3, 4, 5] * 2)
    spread = torch.linspace(0.05, 0.95, n)
    return View(codes, spread, spread, 0.9 + spread, one(7.0), one(0.85), one(0.0), one(0.05))


def clipped(eye, ray, planes):
    """Entry and exit of one ray, by half spaces; entry > exit where it misses."""
    enter, leave = -np.inf, np.inf
    for nx, ny, nz, offset in planes:
        slope = nx * ray[0] + ny * ray[1] + nz * ray[2]
        gap = offset - (nx * eye[0] + ny * eye[1] + nz * eye[2])
        if slope < 0:
            enter = max(enter, gap / slope)
        elif slope > 0:
            leave = min(leave, gap / slope)
        elif gap < 0:
            return np.inf, -np.inf
    return enter, leave


@pytest.mark.parametrize(("table", "far"), [(LOWER, FAR_BODY), (CABIN, FAR_CABIN)], ids=["body", "cabin"])
def test_depth_and_outline_agree_with_clipping(table, far):
    view = cameras()
    x = torch.linspace(-ASPECT, ASPECT, 25)[None, None]
    y = torch.linspace(-1, 1, 19)[None, :, None]
    planes = table[torch.arange(10) % len(BODIES)]
    sharp = torch.full((10, 1, 1), 1e-4)
    hit = trace(view, planes, x, y, edge=sharp, corner=sharp, never_front=far)
    rays = view.rays(x, y)
    inside = 0
    for i in range(10):
        for row in range(19):
            for column in range(25):
                ray = (float(rays[0][i, 0, column]), float(rays[1][i, 0, column]), float(rays[2][i, row, 0]))
                enter, leave = clipped(view.eye[i].tolist(), ray, planes[i].tolist())
                if abs(float(hit.outline[i, row, column])) < 2e-3:
                    continue
                assert (enter < leave) == (float(hit.outline[i, row, column]) < 0)
                if enter < leave:
                    inside += 1
                    assert abs(1 / float(hit.near[i, row, column]) - enter) < 5e-3 * enter
    assert inside > 200


def test_rounding_only_takes_away():
    view = cameras()
    x = torch.linspace(-ASPECT, ASPECT, 81)[None, None]
    y = torch.linspace(-1, 1, 61)[None, :, None]
    planes = LOWER[torch.arange(10) % len(BODIES)]
    areas = []
    for radius in (1e-4, 0.02, 0.06):
        r = torch.full((10, 1, 1), radius)
        areas.append(trace(view, planes, x, y, edge=r, corner=r, never_front=FAR_BODY).outline < 0)
    assert (areas[2] <= areas[0]).all()
    assert (areas[1] <= areas[0]).all()
    assert areas[2].sum() > 0.9 * areas[0].sum()


def test_every_body_is_bounded_and_in_proportion():
    for name, body in TABLE.items():
        assert LONGEST["rear"] < body.rear < -body.axle < body.axle < body.front < LONGEST["front"], name
        assert max(z for _, z in body.roof) < LONGEST["height"]
        # The length between the axles is between three and a half and five diameters of a wheel.
        assert 3.4 < 2 * body.axle / (2 * body.wheel) < 5
        assert body.floor < body.nose < body.belt < body.roof[1][1]
    assert set(TABLE) == set(BODIES)
