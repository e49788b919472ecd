"""Drawing the clothing twin: from scenes to pixels, and to the exact region of every attribute."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from mtattr.data.deepfashion_twin.attributes import NAMES
from mtattr.data.deepfashion_twin.backdrop import draw_backdrop
from mtattr.data.deepfashion_twin.camera import photograph
from mtattr.data.deepfashion_twin.canvas import Canvas, apart, cell, palette
from mtattr.data.deepfashion_twin.fabrics import tint_fabrics, weave_fabrics
from mtattr.data.deepfashion_twin.occluders import draw_occluders
from mtattr.data.deepfashion_twin.outline import draw_outline, width_at
from mtattr.data.deepfashion_twin.parts import draw_folds_of_cut, draw_parts
from mtattr.data.deepfashion_twin.prints import draw_prints
from mtattr.data.deepfashion_twin.scene import Scenes
from mtattr.data.deepfashion_twin.styles import draw_styles, draw_wear
from mtattr.data.deepfashion_twin.support import draw_support
from mtattr.data.shapes import noise, over, soften

Result = TypeVar("Result")


def render(scenes: Scenes, image_size: int = 64, device: torch.device | str = "cpu") -> Tensor:
    """Draw scenes as uint8 (N, 3, H, W); the same scene at any image size, whatever else is in the batch."""
    images = torch.empty(len(scenes), 3, image_size, image_size, dtype=torch.uint8)

    def work(part: slice) -> None:
        images[part] = grey_levels(draw(scenes.rows(part), image_size, device)[1])

    map_batches(work, len(scenes), image_size, device)
    return images


def grey_levels(pictures: Tensor) -> Tensor:
    """Pictures in [0, 1] as uint8 on the CPU."""
    return (pictures * 255).round().to(torch.uint8).cpu()


def garment_mask(scenes: Scenes, image_size: int = 64, device: torch.device | str = "cpu") -> Tensor:
    """Opacity of the visible garment, float32 (N, H, W): what an occluder covers is left out."""
    return torch.cat(map_batches(lambda part: draw(scenes.rows(part), image_size, device)[2].cpu(), len(scenes), image_size, device))


def map_batches(work: Callable[[slice], Result], n: int, image_size: int, device: torch.device | str = "cpu") -> list[Result]:
    """Call `work` on slices that cover n scenes, without gradients, in as many threads as torch may use; results in order."""
    on_cpu = torch.device(device).type == "cpu"
    threads = torch.get_num_threads() if on_cpu else 1
    # Two megabytes a plane on CPU: larger batches leave its cache, smaller ones pay more for each operation's start.
    batch = min(max(2 ** (19 if on_cpu else 23) // image_size**2, 8), 2048)
    batch = max(1, min(batch, -(-n // threads)))

    def quietly(start: int) -> Result:
        with torch.no_grad():
            return work(slice(start, min(start + batch, n)))

    starts = range(0, n, batch)
    if threads == 1:
        return [quietly(start) for start in starts]
    # Drawing is thousands of small operations: one batch a thread pays, several threads on one operation do not.
    try:
        with ThreadPoolExecutor(min(threads, max(len(starts), 1)), initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(quietly, starts))
    finally:
        torch.set_num_threads(threads)


def attribute_regions(
    scene: Scenes, image_size: int = 64, *, only: Sequence[int] | None = None, share: float = 0.98, device: torch.device | str = "cpu"
) -> Tensor:
    """Where each task of one scene shows, float32 (1 + A, H, W) in {0, 1} except task 0, the visible garment's opacity.

    An attribute's region is the smallest set of pixels that holds `share` of the squared change made by toggling it,
    closed over gaps of about 1/20 of the image so that a print's region is the printed cloth, not its ink. It is where
    the attribute would show if absent, and empty if it cannot occur or changes no pixel by three grey levels.
    only: positions of the attributes wanted (the others stay empty), which saves time.
    """
    possible = [k for k in scene.can_occur[0].nonzero()[:, 0].tolist() if only is None or k in only]
    variants = [scene] + [scene.toggled(k) for k in possible]
    joined = Scenes(*(torch.cat([getattr(v, field) for v in variants]) for field in ("categories", "present", "parameters", "labels")))
    drawn = map_batches(lambda part: draw(joined.rows(part), image_size, device)[1:], len(joined), image_size, device)
    images = torch.cat([images for images, _ in drawn])
    change = ((images[1:] - images[:1]) ** 2).sum(1)
    regions = torch.zeros(1 + len(NAMES), image_size, image_size, device=images.device)
    regions[0] = drawn[0][1][0]
    if possible:
        regions[1 + torch.tensor(possible, device=images.device)] = _close(_densest(change, share), image_size)
    return regions.cpu()


def _densest(change: Tensor, share: float) -> Tensor:
    """The smallest set of pixels that holds `share` of each map's sum; empty where no pixel changes by three grey levels."""
    flat = change.flatten(1)
    ordered, order = flat.sort(1, descending=True)
    before = ordered.cumsum(1) - ordered
    keep = (before < share * flat.sum(1, keepdim=True)) & (flat.amax(1, keepdim=True) > 3 * (3 / 255) ** 2) & (ordered > 0)
    return torch.zeros_like(flat).scatter(1, order, keep.float()).view_as(change)


def _close(mask: Tensor, image_size: int) -> Tensor:
    """Fill gaps up to about 1/20 of the image: dilate, then erode, never losing a pixel of the mask."""
    reach = max(1, round(image_size / 40))
    size = 2 * reach + 1
    grown = F.max_pool2d(F.pad(mask[:, None], (reach,) * 4), size, 1)
    shrunk = -F.max_pool2d(F.pad(-grown, (reach,) * 4, mode="replicate"), size, 1)
    return torch.maximum(mask, shrunk[:, 0])


def draw(scenes: Scenes, image_size: int, device: torch.device | str = "cpu") -> tuple[Canvas, Tensor, Tensor]:
    """One batch: the finished canvas, pictures (B, 3, H, W) in [0, 1], and the visible garments' opacity (B, H, W)."""
    c = Canvas(scenes, image_size, device)
    c.armhole = c.neck_cut = None
    _dye(c)
    draw_outline(c)
    if c.armhole is None:
        c.armhole = torch.zeros_like(c.alpha)
    _fold(c)
    tint_fabrics(c)
    c.cloth = c.base[:, None, None, :].expand(*c.alpha.shape, 3).clone()
    draw_backdrop(c)
    draw_support(c)
    draw_prints(c)
    draw_wear(c)
    draw_folds_of_cut(c)
    weave_fabrics(c)
    draw_parts(c)
    draw_styles(c)
    lining = over(_shadowed(c), c.base * 0.42, c.back)
    lit = (c.cloth * c.shade.clamp(0, 1.6)[..., None]).clamp(0, 1)
    c.picture = over(lining, lit, c.alpha)
    draw_occluders(c)
    return c, photograph(c), c.alpha * (1 - c.cover)


def _dye(c: Canvas) -> None:
    c.base = palette(c.p("base_colour"), c.p("base_light"))
    c.second = apart(palette(c.p("second_colour"), c.p("second_light")), c.base)
    c.accent = apart(palette(c.p("accent_colour"), c.p("second_light")), c.base, 0.2)
    metals = torch.tensor([(0.86, 0.72, 0.40), (0.80, 0.81, 0.83), (0.72, 0.52, 0.38)], device=c.device)
    c.metal = metals[(c.p("metal") * 3).long()]
    c.button = apart(torch.lerp(c.metal, torch.full_like(c.metal, 0.93), (c.p("metal") < 0.5).float()[:, None]), c.base)
    c.leather = torch.lerp(
        torch.tensor([0.10, 0.08, 0.08], device=c.device), torch.tensor([0.60, 0.38, 0.22], device=c.device), c.p("accent_colour")[:, None]
    )
    c.leather = apart(c.leather, c.base, 0.2)


def _fold(c: Canvas) -> None:
    """Set `folds` (about -2 to 2), `nx` (-1 to 1 across the body) and the first `shade`."""
    c.nx = (c.x / c.half_width.clamp(min=0.05)).clamp(-1.5, 1.5)
    stretch = cell(c.pick("fold_stretch", 0.05, 0.16))
    tile = (c.p("fold_tile") * 32).long()
    skew = 0.35 * c.x.abs() * stretch
    c.folds = noise(c.x * 0.5 + cell(c.p("fold_u")), (c.y + skew) * stretch + cell(c.p("fold_v")), tile)
    depth = cell(c.pick("fold_strength", 0.06, 0.14) + 0.04 * (c.has("loose") | c.has("chiffon")).float() - 0.03 * c.has("fitted").float())
    side = cell(c.pick("light_side", -0.16, 0.16))
    round_ = 1.03 - 0.30 * c.nx.abs() * c.nx * c.nx + side * c.nx
    c.shade = round_.clamp(0.5, 1.3) * (1 + depth * c.folds)
    beyond = c.sleeve * (c.nx.abs() > 1)
    c.shade = torch.lerp(c.shade, 0.93 + side + depth * c.folds * 0.8, beyond)
    rows = (c.skirt & (c.p("centre_fold") < 0.10) | c.shorts & (c.p("leg_gap") < 0.09)).nonzero()[:, 0]
    if len(rows):
        start = cell(torch.where(c.shorts[rows], c.crotch[rows], c.top[rows] + 0.35))
        c.tone(rows, 1 - 0.38 * torch.exp(-((c.x[rows] / 0.022) ** 2)) * ((c.y[rows] - start) * 5).clamp(0, 1))


def _shadowed(c: Canvas) -> Tensor:
    """The backdrop with the garment's soft shadow on it."""
    soft = soften(c.alpha[:, None], max(1, round(c.size / 24)))
    soft = torch.roll(soft[:, 0], max(1, round(c.size / 40)), 1)
    return c.backdrop * (1 - cell(c.pick("shadow", 0.1, 0.38)) * soft)[..., None]


def landmarks(c: Canvas) -> list[list[tuple[int, int, int]]]:
    """Corners of each garment as (visibility, x, y) in pixels, in the official order: left before right.

    Collar, sleeve and hem of uppers, waistline and hem of lowers. visibility: 0 visible, 1 occluded, 2 cut off by the image.
    """
    hem = width_at(c, c.all_rows, c.hem)
    waist = width_at(c, c.all_rows, c.top)
    shoulder = torch.full_like(hem, 0.16)
    sleeve_x = torch.where(c.end_x > 0, c.end_x, torch.full_like(hem, 0.34))
    sleeve_y = torch.where(c.end_x > 0, c.end_y, torch.full_like(hem, -0.40))
    upper = [(-shoulder, c.top), (shoulder, c.top), (-sleeve_x, sleeve_y), (sleeve_x, sleeve_y), (-hem, c.hem), (hem, c.hem)]
    lower = [(-waist, c.top), (waist, c.top), (-hem, c.hem), (hem, c.hem)]
    placed = {True: [_to_pixels(c, *p) for p in upper], False: [_to_pixels(c, *p) for p in lower]}
    found = []
    for i, is_upper in enumerate(c.upper.tolist()):
        corners = []
        for xs, ys in placed[is_upper]:
            x, y = int(xs[i]), int(ys[i])
            outside = not (0 <= x < c.size and 0 <= y < c.size)
            corners.append((2, 0, 0) if outside else (int(c.cover[i, y, x] > 0.5), x, y))
        found.append(corners)
    return found


def _to_pixels(c: Canvas, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    cos, sin = torch.cos(c.frame.angle), torch.sin(c.frame.angle)
    px = c.frame.centre_x + c.frame.scale * (x * cos - y * sin)
    py = c.frame.centre_y + c.frame.scale * (x * sin + y * cos)
    return tuple(((v + 1) * c.size / 2).floor().long() for v in (px, py))
