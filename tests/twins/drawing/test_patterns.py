import pytest
import torch
from mtattr.twins.drawing import patterns


def grid(size=200, reach=1.0):
    line = (torch.arange(size) + 0.5) / size * 2 * reach - reach
    return line.expand(1, size, size), line[:, None].expand(1, size, size)


def test_stripes_cover_their_share_and_stay_between_bounds():
    u = torch.linspace(0, 12, 5000)[None, None]
    ink = patterns.stripes(u, 0.5, 0.2, 0.01)
    assert float(ink.mean()) == pytest.approx(0.4, abs=0.01)
    assert ink.min() == 0
    assert ink.max() == 1


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
