"""The camera: what it projects and what its rays meet are inverse to each other."""

import itertools
import math

import torch
from mtattr.twins.cars.view import ASPECT, AZIMUTHS, View


def view_of(viewpoint, azimuth=0.5, mirrored=0.9, height=1.4):
    one = lambda v: torch.tensor([float(v)])  # noqa: E731
    return View(torch.tensor([viewpoint]), one(azimuth), one(mirrored), one(height), one(7.0), one(0.8), one(0.05), one(0.1))


def test_a_ray_through_a_points_image_meets_the_point():
    for viewpoint, mirrored in itertools.product(AZIMUTHS, (0.1, 0.9)):
        view = view_of(viewpoint, mirrored=mirrored)
        for point in ((1.0, 0.4, 0.3), (-2.0, -0.8, 1.1), (0.0, 0.9, 1.5)):
            x, y = view.project(*point)
            ray = torch.stack([r[0, 0, 0] for r in view.rays(x[:, None, None], y[:, None, None])])
            offset = torch.tensor(point) - view.eye[0]
            cross = torch.linalg.cross(ray, offset)
            assert cross.norm() < 1e-4 * offset.norm() * ray.norm(), (viewpoint, mirrored, point)
            assert float(ray @ offset) > 0, (viewpoint, mirrored, point)


def test_the_camera_stands_where_the_viewpoint_says():
    named = {1: "front", 2: "rear", 3: "side", 4: "front-side", 5: "rear-side"}
    assert set(AZIMUTHS) == set(named)
    for (viewpoint, (low, high)), azimuth in itertools.product(AZIMUTHS.items(), (0.0, 0.3, 0.999)):
        eye = view_of(viewpoint, azimuth).eye[0]
        angle = math.degrees(math.atan2(float(eye[1]), float(eye[0])))
        assert low - 1e-3 <= angle <= high + 1e-3, named[viewpoint]
        assert math.isclose(float(eye[2]), 1.4, rel_tol=1e-5), named[viewpoint]


def test_mirroring_swaps_left_and_right_and_nothing_else():
    plain, mirrored = view_of(4, mirrored=0.1), view_of(4, mirrored=0.9)
    for point in ((1.0, 0.4, 0.3), (-2.0, -0.8, 1.1)):
        (x, y), (u, v) = plain.project(*point), mirrored.project(*point)
        centre = plain.centre_x
        assert torch.allclose(x - centre, centre - u, atol=1e-6)
        assert torch.allclose(y, v)


def test_nearness_of_a_plane_is_one_over_its_depth():
    view = view_of(5)
    normal = torch.tensor([0.6, 0.0, 0.8])
    planes = torch.cat([normal, torch.tensor([1.2])])[None, None]
    a, b, c, faces = view.nearness(planes)
    assert bool(faces[0, 0]) == (float(normal @ view.eye[0]) > 1.2)
    for x, y in ((0.0, 0.3), (-0.7, -0.2), (0.9 * ASPECT, 0.9)):
        ray = torch.stack([r[0, 0, 0] for r in view.rays(torch.full((1, 1, 1), x), torch.full((1, 1, 1), y))])
        depth = (1.2 - normal @ view.eye[0]) / (normal @ ray)
        assert torch.allclose(a[0, 0] * x + b[0, 0] * y + c[0, 0], 1 / depth, rtol=1e-4, atol=1e-5)
