import torch
from mtattr.twins.drawing.colour import PALETTE, apart, brightness, over, palette, plane, times


def test_palette_reaches_every_entry_and_stays_in_range():
    pick = (torch.arange(len(PALETTE)) + 0.5) / len(PALETTE)
    colours = palette(pick, torch.full_like(pick, 0.5))
    assert torch.allclose(colours, torch.tensor(PALETTE).clamp(0.03, 1), atol=1e-6)
    extreme = palette(torch.tensor([0.0, 1 - 2**-24]), torch.tensor([0.0, 1.0]))
    assert 0 < float(extreme.min()) <= float(extreme.max()) <= 1


def test_brightness_of_grey_is_its_level():
    assert torch.allclose(brightness(torch.full((2, 3), 0.4)), torch.full((2,), 0.4))


def test_apart_moves_only_what_is_too_near():
    dark, light = torch.tensor([[0.2, 0.2, 0.2]]), torch.tensor([[0.9, 0.9, 0.9]])
    assert torch.equal(apart(dark, light), dark)
    moved = apart(dark, dark)
    assert float(brightness(moved) - brightness(dark)) > 0.28
    assert float(brightness(light) - brightness(apart(light, light))) > 0.28


def test_over_blends_linearly():
    under, colour, alpha = torch.zeros(1, 3, 2, 2), torch.tensor([[1.0, 0.5, 0.0]]), torch.full((1, 2, 2), 0.4)
    for given in (colour, plane(colour), plane(colour).expand(1, 3, 2, 2)):
        assert torch.allclose(over(under, given, alpha)[0, :, 1, 1], torch.tensor([0.4, 0.2, 0.0]))
        assert torch.allclose(times(given, alpha)[0, :, 0, 1], torch.tensor([0.4, 0.2, 0.0]))
