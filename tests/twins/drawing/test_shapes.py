import math

import pytest
import torch
from mtattr.twins.drawing import shapes


def grid(size=200, reach=1.0):
    line = (torch.arange(size) + 0.5) / size * 2 * reach - reach
    return line.expand(1, size, size), line[:, None].expand(1, size, size)


def area(distance, size=200, reach=1.0):
    pixel = 2 * reach / size
    return float(shapes.coverage(distance, pixel).sum() * pixel**2)


def triangle_area(points):
    return 0.5 * abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True)))


@pytest.mark.parametrize("size", [64, 200])
def test_areas_agree_with_geometry(size):
    x, y = grid(size)
    corners = [(-0.6, -0.5), (0.7, -0.2), (0.1, 0.6)]
    expected = {
        "ellipse": (shapes.ellipse(x, y, 0.1, -0.1, 0.6, 0.35), math.pi * 0.6 * 0.35),
        "box": (shapes.box(x, y, 0.0, 0.1, 0.5, 0.3), 4 * 0.5 * 0.3),
        "rounded box": (shapes.box(x, y, 0.0, 0.1, 0.5, 0.3, 0.1), 4 * 0.5 * 0.3 - (4 - math.pi) * 0.1**2),
        "polygon": (shapes.polygon(x, y, corners), triangle_area(corners)),
        "polygon backwards": (shapes.polygon(x, y, corners[::-1]), triangle_area(corners)),
        "limb": (shapes.limb(x, y, -0.4, 0.0, 0.4, 0.0, 0.2, 0.2), 0.8 * 0.4 + math.pi * 0.2**2),
        "cut limb": (shapes.limb(x, y, -0.4, 0.0, 0.4, 0.0, 0.2, 0.2, cut=True), 0.8 * 0.4 + math.pi * 0.2**2 / 2),
        "polyline": (shapes.polyline(x, y, [(-0.5, 0.0), (0.5, 0.0)], 0.2), 1.0 * 0.2 + math.pi * 0.1**2),
        "profile": (shapes.profile(x, y, torch.full((1, 8), 0.4), -0.5, 0.7)[0], 0.8 * 1.2),
    }
    for name, (distance, truth) in expected.items():
        assert area(distance, size) == pytest.approx(truth, rel=0.02), name


def test_ellipse_distance_is_exact_for_a_circle():
    x, y = grid(31)
    assert torch.allclose(shapes.ellipse(x, y, 0.2, 0.1, 0.5, 0.5), torch.sqrt((x - 0.2) ** 2 + (y - 0.1) ** 2) - 0.5, atol=1e-5)


def test_spline_passes_its_knots():
    knots = torch.tensor([[0.2, 0.5, 0.1, 0.9, 0.4]])
    table = shapes.spline(knots, 41)
    assert torch.allclose(table[:, ::10], knots, atol=1e-6)
    assert torch.allclose(shapes.look_up(table, torch.tensor([[[0.0, 0.25, 1.0, 7.0]]])), torch.tensor([[[0.2, 0.5, 0.4, 0.4]]]), atol=1e-6)


def test_soften_keeps_the_mean_inside_and_agrees_with_a_pooling():
    images = torch.rand(2, 3, 20, 24, generator=torch.Generator().manual_seed(1))
    padded = torch.nn.functional.pad(images, (4, 4, 4, 4), mode="replicate")
    pooled = torch.nn.functional.avg_pool2d(torch.nn.functional.avg_pool2d(padded, 5, 1), 5, 1)
    assert torch.allclose(shapes.soften(images, 2)[:, :, 4:-4, 4:-4], pooled[:, :, 4:-4, 4:-4], atol=1e-5)
    assert torch.allclose(shapes.soften(torch.full((1, 1, 9, 9), 0.3), 3), torch.full((1, 1, 9, 9), 0.3), atol=1e-6)
