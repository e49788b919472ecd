"""Drawing the clothing twin: from scenes to pixels, and to the exact region of every attribute."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtattr.data.options import ImageSize, image_shape_of
from mtattr.twins.clothes.attributes import FULL, LOWER, NAMES, UPPER
from mtattr.twins.clothes.backdrop import draw_backdrop
from mtattr.twins.clothes.camera import photograph
from mtattr.twins.clothes.canvas import Canvas
from mtattr.twins.clothes.fabrics import tint_fabrics, weave_fabrics
from mtattr.twins.clothes.occluders import draw_occluders
from mtattr.twins.clothes.outline import draw_outline, width_at
from mtattr.twins.clothes.parts import draw_folds_of_cut, draw_parts
from mtattr.twins.clothes.prints import draw_prints
from mtattr.twins.clothes.scene import Scenes
from mtattr.twins.clothes.styles import draw_styles, draw_wear
from mtattr.twins.clothes.support import draw_support
from mtattr.twins.drawing.batches import drawn, rendered
from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.colour import apart, over, palette, times
from mtattr.twins.drawing.patterns import noise
from mtattr.twins.drawing.regions import changed_regions
from mtattr.twins.drawing.shapes import cell, soften


def render(
    scenes: Scenes, image_size: ImageSize = 64, device: torch.device | str = "cpu"
) -> Tensor:
    """Draw scenes as uint8 (N, 3, H, W); size and batch change nothing in a scene."""
    shape = image_shape_of(image_size)
    return rendered(draw, scenes, shape, device)


def garment_mask(
    scenes: Scenes, image_size: ImageSize = 64, device: torch.device | str = "cpu"
) -> Tensor:
    """Opacity of the visible garment, float32 (N, H, W): what an occluder covers is left out."""
    shape = image_shape_of(image_size)
    return drawn(draw, scenes, shape, device, lambda c: c.visible)


def attribute_regions(
    scene: Scenes,
    image_size: ImageSize = 64,
    *,
    only: Sequence[int] | None = None,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Regions of all tasks in one scene, float32 (1 + A, H, W): 0 the garment, then attributes.

    An attribute's region is where toggling it changes the picture (see `changed_regions`). It is
    where the attribute would show if absent, and empty if it cannot occur.
    only: positions of the attributes wanted (the others stay empty), which saves time.
    """
    shape = image_shape_of(image_size)
    possible = [k for k in scene.can_occur[0].nonzero()[:, 0].tolist() if only is None or k in only]
    variants = scene.joined([scene, *(scene.toggled(k) for k in possible)])
    both = drawn(
        draw, variants, shape, device, lambda c: torch.cat([c.picture, c.visible[:, None]], 1)
    )
    regions = torch.zeros(1 + len(NAMES), *shape)
    regions[0] = both[0, 3]
    if possible:
        regions[[1 + k for k in possible]] = changed_regions(both[1:, :3], both[:1, :3])
    return regions


def draw(
    scenes: Scenes, image_shape: tuple[int, int], device: torch.device | str = "cpu"
) -> Canvas:
    """One batch: the canvas with its finished `picture`, and `visible`, the garments' opacity."""
    c = Canvas(scenes, image_shape, device)
    c.armhole = c.neck_cut = c.opened = None
    _dye(c)
    draw_outline(c)
    if c.armhole is None:
        c.armhole = torch.zeros_like(c.alpha)
    _fold(c)
    tint_fabrics(c)
    c.cloth = c.flat(c.base)
    draw_backdrop(c)
    draw_support(c)
    draw_prints(c)
    draw_wear(c)
    draw_folds_of_cut(c)
    weave_fabrics(c)
    draw_parts(c)
    draw_styles(c)
    lining = over(_shadowed(c), c.base * 0.42, c.back)
    lit = times(c.cloth, c.shade.clamp(0, 1.6)).clamp(0, 1)
    c.picture = over(lining, lit, c.alpha)
    draw_occluders(c)
    c.picture, c.visible = photograph(c), c.alpha * (1 - c.cover)
    return c


def _dye(c: Canvas) -> None:
    c.base = palette(c.p("base_colour"), c.p("base_light"))
    c.second = apart(palette(c.p("second_colour"), c.p("second_light")), c.base)
    c.accent = apart(palette(c.p("accent_colour"), c.p("second_light")), c.base, 0.2)
    metals = torch.tensor(
        [(0.86, 0.72, 0.40), (0.80, 0.81, 0.83), (0.72, 0.52, 0.38)], device=c.device
    )
    c.metal = metals[(c.p("metal") * 3).long()]
    c.button = apart(
        torch.lerp(c.metal, torch.full_like(c.metal, 0.93), (c.p("metal") < 0.5).float()[:, None]),
        c.base,
    )
    c.leather = torch.lerp(
        c.colour(0.10, 0.08, 0.08), c.colour(0.60, 0.38, 0.22), c.p("accent_colour")[:, None]
    )
    c.leather = apart(c.leather, c.base, 0.2)


def _fold(c: Canvas) -> None:
    """Set `folds` (about -2 to 2), `nx` (-1 to 1 across the body) and the first `shade`."""
    c.nx = (c.x / c.half_width.clamp(min=0.05)).clamp(-1.5, 1.5)
    stretch = cell(c.pick("fold_stretch", 0.05, 0.16))
    skew = 0.35 * c.x.abs() * stretch
    c.folds = noise(
        c.x * 0.5 + cell(c.p("fold_u")),
        (c.y + skew) * stretch + cell(c.p("fold_v")),
        c.tile("fold_tile", 32),
    )
    depth = cell(
        c.pick("fold_strength", 0.06, 0.14)
        + 0.04 * (c.has("loose") | c.has("chiffon")).float()
        - 0.03 * c.has("fitted").float()
    )
    side = cell(c.pick("light_side", -0.16, 0.16))
    round_ = 1.03 - 0.30 * c.nx.abs() * c.nx * c.nx + side * c.nx
    c.shade = round_.clamp(0.5, 1.3) * (1 + depth * c.folds)
    beyond = c.sleeve * (c.nx.abs() > 1)
    c.shade = torch.lerp(c.shade, 0.93 + side + depth * c.folds * 0.8, beyond)
    rows = rows_of(c.skirt & (c.p("centre_fold") < 0.10) | c.shorts & (c.p("leg_gap") < 0.09))
    if len(rows):
        start = cell(torch.where(c.shorts[rows], c.crotch[rows], c.top[rows] + 0.35))
        c.tone(
            rows,
            1
            - 0.38 * torch.exp(-((c.x[rows] / 0.022) ** 2)) * ((c.y[rows] - start) * 5).clamp(0, 1),
        )


def _shadowed(c: Canvas) -> Tensor:
    """The backdrop with the garment's soft shadow on it."""
    soft = soften(c.alpha[:, None], max(1, round(c.size / 24)))
    soft = torch.roll(soft[:, 0], max(1, round(c.size / 40)), 1)
    return times(c.backdrop, 1 - cell(c.pick("shadow", 0.1, 0.38)) * soft)


def landmarks(c: Canvas) -> list[list[tuple[int, int, int]]]:
    """Corners of each garment as (visibility, x, y) in pixels, in the official order.

    Collar, sleeve and hem of uppers; waistline and hem of lowers; collar, sleeve, waistline and hem
    of full garments.
    visibility: 0 visible, 1 occluded, 2 cut off by the image.
    """
    hem = width_at(c, c.all_rows, c.hem)
    top = width_at(c, c.all_rows, c.top)
    waist = width_at(c, c.all_rows, c.waist)
    shoulder = torch.full_like(hem, 0.16)
    sleeve_x = torch.where(c.end_x > 0, c.end_x, torch.full_like(hem, 0.34))
    sleeve_y = torch.where(c.end_x > 0, c.end_y, torch.full_like(hem, -0.40))
    collars, sleeves = (
        [(-shoulder, c.top), (shoulder, c.top)],
        [(-sleeve_x, sleeve_y), (sleeve_x, sleeve_y)],
    )
    hems = [(-hem, c.hem), (hem, c.hem)]
    corners = {
        UPPER: collars + sleeves + hems,
        LOWER: [(-top, c.top), (top, c.top), *hems],
        FULL: collars + sleeves + [(-waist, c.waist), (waist, c.waist)] + hems,
    }
    placed = {kind: [_pixel_of(c, *point) for point in points] for kind, points in corners.items()}
    found = []
    for i, kind in enumerate(c.kinds):
        seen = []
        for xs, ys in placed[kind]:
            x, y = int(xs[i]), int(ys[i])
            outside = not (0 <= x < c.alpha.shape[2] and 0 <= y < c.alpha.shape[1])
            seen.append((2, 0, 0) if outside else (int(c.cover[i, y, x] > 0.5), x, y))
        found.append(seen)
    return found


def _pixel_of(c: Canvas, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return tuple(v.floor().long() for v in c.frame.to_pixels(x, y))
