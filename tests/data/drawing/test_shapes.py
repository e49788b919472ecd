import math

import pytest
import torch

from mtattr.data.drawing import patterns, shapes
from mtattr.data.drawing.frame import Frame


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


def test_stripes_cover_their_share_and_stay_between_bounds():
    u = torch.linspace(0, 12, 5000)[None, None]
    ink = patterns.stripes(u, 0.5, 0.2, 0.01)
    assert float(ink.mean()) == pytest.approx(0.4, abs=0.01)
    assert ink.min() == 0
    assert ink.max() == 1


def test_spline_passes_its_knots():
    knots = torch.tensor([[0.2, 0.5, 0.1, 0.9, 0.4]])
    table = shapes.spline(knots, 41)
    assert torch.allclose(table[:, ::10], knots, atol=1e-6)
    assert torch.allclose(shapes.look_up(table, torch.tensor([[[0.0, 0.25, 1.0, 7.0]]])), torch.tensor([[[0.2, 0.5, 0.4, 0.4]]]), atol=1e-6)


def test_cells_are_centred_and_seeded():
    u, v = grid(50, 3.0)
    x, y, random = patterns.cells(u, v, 0.5, torch.tensor(3).view(1, 1, 1))
    assert x.abs().max() <= 0.25 + 1e-5
    assert y.abs().max() <= 0.25 + 1e-5
    again = patterns.cells(u, v, 0.5, torch.tensor(3).view(1, 1, 1))[2]
    other = patterns.cells(u, v, 0.5, torch.tensor(4).view(1, 1, 1))[2]
    assert torch.equal(random, again)
    assert not torch.equal(random, other)


def test_noise_repeats_after_one_unit_and_has_unit_variance():
    u, v = torch.rand(2, 1, 300, 300, generator=torch.Generator().manual_seed(0))
    tile = torch.tensor([5])
    first = patterns.noise(u, v, tile)
    assert torch.allclose(first, patterns.noise(u + 3, v - 2, tile), atol=1e-4)
    assert float(first.std()) == pytest.approx(1, abs=0.15)
    assert float(first.mean()) == pytest.approx(0, abs=0.1)


def frames(size):
    values = torch.tensor([[0.2, -0.1, 0.8, 0.4], [-0.3, 0.3, 0.5, -0.9]]).T
    return Frame((size, size), *values)


def test_frame_places_its_origin_and_axes():
    frame = frames(400)
    x, y = frame.coordinates
    for i in range(2):
        angle, scale = float(frame.angle[i]), float(frame.scale[i])
        for fx, fy in ((0.0, 0.0), (0.5, 0.2)):
            px = float(frame.centre_x[i]) + scale * (fx * math.cos(angle) - fy * math.sin(angle))
            py = float(frame.centre_y[i]) + scale * (fx * math.sin(angle) + fy * math.cos(angle))
            column, row = int((px + 1) * 200), int((py + 1) * 200)
            assert float(x[i, row, column]) == pytest.approx(fx, abs=0.02)
            assert float(y[i, row, column]) == pytest.approx(fy, abs=0.02)


def test_patch_holds_the_box_and_agrees_with_the_whole_frame():
    frame = frames(64)
    rows = torch.tensor([0, 1])
    patch = frame.patch(rows, torch.tensor([0.1, 0.0]), torch.tensor([0.2, 0.1]), 0.3, 0.1)
    x, y = frame.coordinates
    assert torch.equal(x[patch.index], patch.x)
    assert torch.equal(y[patch.index], patch.y)
    whole = shapes.coverage(shapes.box(x, y, *(torch.tensor(v)[:, None, None] for v in ([0.1, 0.0], [0.2, 0.1])), 0.3, 0.1), frame.pixel)
    seen = torch.zeros_like(whole)
    seen[patch.index] = whole[patch.index]
    assert torch.equal(seen, whole)
    assert patch.x[0].numel() < whole[0].numel()


def test_a_shape_keeps_its_place_at_every_image_size():
    pictures = []
    for size in (32, 96, 224):
        frame = frames(size)
        x, y = frame.coordinates
        pictures.append(shapes.coverage(shapes.ellipse(x, y, 0.0, 0.1, 0.5, 0.3), frame.pixel)[:, None])
    small = torch.nn.functional.interpolate(pictures[2], size=32, mode="area")
    assert float((small - pictures[0]).abs().mean()) < 0.01
    assert float((torch.nn.functional.interpolate(pictures[1], size=32, mode="area") - pictures[0]).abs().mean()) < 0.01


def test_over_blends_linearly():
    under, colour = torch.zeros(1, 2, 2, 3), torch.tensor([[1.0, 0.5, 0.0]])
    out = shapes.over(under, colour, torch.full((1, 2, 2), 0.4))
    assert torch.allclose(out[0, 1, 1], torch.tensor([0.4, 0.2, 0.0]))


def test_soften_keeps_the_mean_inside_and_agrees_with_a_pooling():
    images = torch.rand(2, 3, 20, 24, generator=torch.Generator().manual_seed(1))
    padded = torch.nn.functional.pad(images, (4, 4, 4, 4), mode="replicate")
    pooled = torch.nn.functional.avg_pool2d(torch.nn.functional.avg_pool2d(padded, 5, 1), 5, 1)
    assert torch.allclose(shapes.soften(images, 2)[:, :, 4:-4, 4:-4], pooled[:, :, 4:-4, 4:-4], atol=1e-5)
    assert torch.allclose(shapes.soften(torch.full((1, 1, 9, 9), 0.3), 3), torch.full((1, 1, 9, 9), 0.3), atol=1e-6)
