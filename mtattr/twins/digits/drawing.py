"""Drawing the cluttered digits: from scenes to pixels, and to the exact region of the digit."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.data.options import ImageSize, image_shape_of
from mtattr.twins.digits.canvas import Canvas
from mtattr.twins.digits.clutter import draw_ground, draw_handwriting, draw_neighbours, draw_shapes
from mtattr.twins.digits.contrast import ink_colour, middle, with_luma
from mtattr.twins.digits.scene import Scenes
from mtattr.twins.drawing.batches import drawn, rendered
from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.colour import brightness, palette, plane, times
from mtattr.twins.drawing.patterns import noise
from mtattr.twins.drawing.shapes import cell, coverage, soften


def render(
    scenes: Scenes, image_size: ImageSize = 32, device: torch.device | str = "cpu"
) -> Tensor:
    """Draw scenes as uint8 (N, 3, H, W); size and batch change nothing in a scene."""
    shape = image_shape_of(image_size)
    return rendered(draw, scenes, shape, device)


def digit_masks(
    scenes: Scenes, image_size: ImageSize = 32, device: torch.device | str = "cpu"
) -> Tensor:
    """Opacity of the labelled digit's ink, float32 (N, H, W) in [0, 1], blurred alike."""
    shape = image_shape_of(image_size)
    return drawn(draw, scenes, shape, device, lambda s: s.ink)


def draw(
    scenes: Scenes, image_shape: tuple[int, int], device: torch.device | str = "cpu"
) -> Canvas:
    """One batch: the canvas with its finished `picture`, and `ink`, the digits' opacity."""
    s = Canvas(scenes, image_shape, device)
    draw_ground(s)
    s.colour = ink_colour(s)
    draw_shapes(s)
    draw_handwriting(s)
    _write_digit(s)
    s.picture, s.ink = _photograph(s)
    return s


def _write_digit(s: Canvas) -> None:
    """The labelled digit between its neighbours, in an ink that stands out more or less.

    Under some digits lies a shadow to one side, around some runs a line in the ground's tone.
    """
    scale, angle = s.pick("scale", 0.85, 1.25), s.pick("angle", -0.35, 0.35)
    # Anywhere where the whole digit is in the picture.
    cx, cy = (
        s.pick(name, -1.0, 1.0) * (0.98 - reach * scale)
        for name, reach in (("centre_x", 0.50), ("centre_y", 0.63))
    )
    half = 0.42 * scale
    draw_neighbours(s, cx + half, cx - half, cy)
    slant, narrow = s.pick("slant", -0.20, 0.20), s.pick("narrow", 0.85, 1.2)

    def digit(rows: Tensor, dx: Tensor | float = 0.0, dy: Tensor | float = 0.0) -> Tensor:
        shape = s.glyph(
            rows,
            0,
            cx[rows] + dx,
            cy[rows] + dy,
            scale[rows],
            angle[rows],
            slant=cell(slant[rows]),
            narrow=cell(narrow[rows]),
        )
        return shape - cell(s.pick("thickness", -0.008, 0.024)[rows])

    shape = digit(s.all_rows)
    rows = s.where("edge", 0.0, 0.26)
    if len(rows):
        turn = 6.2832 * s.p("edge_angle")[rows]
        shadow = coverage(
            digit(rows, 0.06 * torch.cos(turn), 0.06 * torch.sin(turn)), s.pixel[rows], 0.08
        )
        s.picture[rows] *= 1 - 0.25 * shadow[:, None]
    rows = s.where("edge", 0.26, 0.46)
    if len(rows):
        line = with_luma(palette(s.p("edge_colour"), s.p("ink_light")), brightness(middle(s)))
        s.lay(rows, shape[rows] - 0.045, line[rows], 0.9)
    grain = noise(s.x * 0.9 + cell(s.p("ink_side")), s.y * 0.9, s.tile("ink_grain"))
    fall = (
        1
        + cell(s.pick("ink_side", -0.16, 0.16)) * s.y
        + cell(s.pick("ink_grain", 0.0, 0.07)) * grain
    )
    s.ink = coverage(shape, s.pixel)
    s.cover(s.ink, times(s.colour, fall).clamp(0, 1))


def _photograph(s: Canvas) -> tuple[Tensor, Tensor]:
    """Light, colour cast, faded contrast, blur and grain; the ink is blurred alike."""
    turn = 6.2832 * s.p("light_angle")
    light = 1 + cell(s.pick("light_strength", 0.0, 0.22)) * (
        s.x * cell(torch.cos(turn)) + s.y * cell(torch.sin(turn))
    )
    warm = s.pick("warmth", -0.08, 0.08)
    cast = (
        torch.stack([1 + warm, torch.ones_like(warm), 1 - warm], 1)
        * s.pick("gain", 0.85, 1.12)[:, None]
    )
    picture = times(s.picture, light) * plane(cast)
    fade = s.pick("fade", 0.75, 1.1)[:, None, None, None]
    whole = torch.cat([(picture - 0.5) * fade + 0.5, s.ink[:, None]], 1)
    _blur(s, whole)
    grain = noise(
        1.97 * s.x + 0.71 * s.y + cell(s.p("grain_u")),
        1.97 * s.y - 0.71 * s.x + cell(s.p("grain_v")),
        s.tile("grain_tile"),
    )
    return (whole[:, :3] + (grain * cell(s.pick("grain", 0.004, 0.030)))[:, None]).clamp(
        0, 1
    ), whole[:, 3]


def _blur(s: Canvas, whole: Tensor) -> None:
    """Blur (B, 4, H, W) in place, some pictures by a share, so that strokes stay apart."""
    share = 0.5 * (s.p("blur") - 0.35).clamp(min=0) / 0.65
    rows = rows_of(share > 0)
    if len(rows):
        soft = soften(whole[rows], max(1, round(s.size / 32)))
        whole[rows] = torch.lerp(whole[rows], soft, share[rows, None, None, None])
