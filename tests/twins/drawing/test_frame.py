import math

import pytest
import torch
from mtattr.twins.drawing import shapes
from mtattr.twins.drawing.frame import Frame


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


def high_frames(shape, aspect=0.5):
    values = torch.tensor([[0.1, -0.2, 0.7, 0.3], [-0.1, 0.3, 0.4, -0.5]]).T
    return Frame(shape, *values, aspect=aspect)


def test_a_high_picture_has_its_scene_in_true_proportion():
    """A circle of radius 0.3 in a picture of 0.5 : 1 covers as many pixels as plain geometry says."""
    frame = Frame((256, 128), *torch.tensor([[0.0, 0.0, 1.0, 0.0]]).T, aspect=0.5)
    x, y = frame.coordinates
    circle = shapes.coverage(shapes.ellipse(x, y, 0.0, 0.0, 0.3, 0.3), frame.pixel)
    assert float(circle.sum()) == pytest.approx(math.pi * (0.3 * 128) ** 2, rel=0.01)
    assert float(x.max()) == pytest.approx(0.5, abs=0.01)
    assert float(y.max()) == pytest.approx(1.0, abs=0.01)


def test_a_squeezed_picture_is_the_true_one_squeezed():
    pictures = {}
    for shape in ((128, 64), (64, 64)):
        frame = high_frames(shape)
        pictures[shape] = shapes.coverage(shapes.ellipse(*frame.coordinates, 0.1, 0.1, 0.4, 0.3), frame.pixel)[:, None]
    squeezed = torch.nn.functional.interpolate(pictures[128, 64], size=(64, 64), mode="area")
    assert float((squeezed - pictures[64, 64]).abs().mean()) < 0.01


def test_patch_and_pixel_positions_agree_in_a_high_picture():
    frame = high_frames((96, 48))
    rows = torch.tensor([0, 1])
    patch = frame.patch(rows, torch.tensor([0.1, 0.2]), torch.tensor([-0.3, 0.1]), 0.2, 0.3)
    x, y = frame.coordinates
    assert torch.equal(x[patch.index], patch.x)
    assert torch.equal(y[patch.index], patch.y)
    px, py = frame.to_pixels(torch.tensor([0.1, 0.2]), torch.tensor([-0.3, 0.1]))
    for i in range(2):
        row, column = int(py[i]), int(px[i])
        assert float(x[i, row, column]) == pytest.approx([0.1, 0.2][i], abs=0.05)
        assert float(y[i, row, column]) == pytest.approx([-0.3, 0.1][i], abs=0.05)


def test_a_patch_reads_and_writes_its_own_pixels():
    frame = high_frames((96, 48))
    patch = frame.patch(torch.tensor([1]), torch.tensor([0.2]), torch.tensor([0.1]), 0.2, 0.3)
    pictures = torch.rand(2, 3, 96, 48, generator=torch.Generator().manual_seed(2))
    image, row, column = patch.index
    expected = pictures[image[:, None], torch.arange(3)[:, None, None], row[:, None], column[:, None]]
    assert torch.equal(patch.read(pictures), expected)
    assert torch.equal(patch.read(pictures[:, 1].contiguous()), pictures[:, 1][patch.index])
    painted = pictures.clone()
    patch.write(painted, expected * 0)
    assert painted[0].equal(pictures[0])
    assert float(painted[1].sum()) == pytest.approx(float(pictures[1].sum() - expected.sum()), rel=1e-5)
    both = frame.patch(torch.tensor([0, 1]), torch.tensor([0.1, 0.2]), torch.tensor([-0.3, 0.1]), 0.2, 0.3)
    some = both.some(torch.tensor([1]))
    assert torch.equal(some.read(pictures), both.read(pictures)[1:])
    assert torch.equal(some.inside, both.inside[1:])
    moved = frame.patch(torch.tensor([1]), torch.tensor([0.2]), torch.tensor([0.1]), 0.2, 0.3, torch.tensor([0]))
    assert torch.equal(moved.read(pictures.flip(0)), expected)
