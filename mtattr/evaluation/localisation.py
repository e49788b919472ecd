"""How well explanation maps point at the regions where attributes are known to be, and what blind maps reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from mtattr.errors import InputError

#: Map and region pixels compared at once: bounds the memory for many tasks at large sizes.
_PIXELS_AT_ONCE = 16_000_000


def _check(maps: Tensor, regions: Tensor, valid: Tensor) -> None:
    if (
        maps.ndim != 4
        or regions.ndim != 4
        or not maps.shape[:2] == regions.shape[:2] == valid.shape
    ):
        raise InputError(
            "expected maps (N, T, h, w), regions (N, T, H, W) and valid (N, T), "
            f"got {tuple(maps.shape)}, {tuple(regions.shape)} and {tuple(valid.shape)}"
        )
    if maps[valid.bool()].isnan().any():
        raise InputError("maps: NaN in a map that is marked valid")


def _measure(
    score: Callable[[Tensor, Tensor], Tensor],
    maps: Tensor,
    regions: Tensor,
    valid: Tensor,
    per_image: bool,
) -> Tensor:
    """Apply `score(maps (M, P), inside (M, P)) -> (M,)` to the valid pairs at the regions' size and average over images."""
    _check(maps, regions, valid)
    size = regions.shape[-2:]
    result = torch.full(valid.shape, torch.nan, dtype=torch.float64, device=maps.device)
    pairs = valid.bool().nonzero()
    for part in pairs.split(max(1, _PIXELS_AT_ONCE // max(1, size.numel()))):
        n, t = part.unbind(1)
        inside = (regions[n, t] >= 0.5).flatten(1)
        large = F.interpolate(
            maps[n, t].float().unsqueeze(1), size=size, mode="bilinear", align_corners=False
        ).flatten(1)
        result[n, t] = torch.where(inside.any(1), score(large, inside).double(), torch.nan)
    return result if per_image else result.nanmean(0)


def _tolerance(maps: Tensor) -> Tensor:
    """Differences up to this, `(M, 1)`, are rounding: enlarging repeats borders, equal only up to the last digits."""
    return 1e-5 * (maps.amax(1, keepdim=True) - maps.amin(1, keepdim=True))


def _is_flat(maps: Tensor) -> Tensor:
    return maps.amax(1) - maps.amin(1) <= 1e-6 * maps.abs().amax(1)


def _pointing(maps: Tensor, inside: Tensor) -> Tensor:
    peak = maps >= maps.amax(1, keepdim=True) - _tolerance(maps)
    return ((peak & inside).sum(1) / peak.sum(1)).masked_fill(_is_flat(maps), 0.0)


def _energy(maps: Tensor, inside: Tensor) -> Tensor:
    mass = maps.clamp(min=0).double()
    total = mass.sum(1)
    return torch.where(total > 0, (mass * inside).sum(1) / total, 0.0)


def _iou(maps: Tensor, inside: Tensor) -> Tensor:
    area = inside.sum(1, keepdim=True)
    last = maps.sort(dim=1, descending=True).values.gather(1, (area - 1).clamp(min=0))
    tied = (maps - last).abs() <= _tolerance(maps)
    above = (maps > last) & ~tied
    share = (area - above.sum(1, keepdim=True)).double() / tied.sum(1, keepdim=True)
    overlap = ((above + tied * share) * inside).sum(1)
    return (overlap / (2 * area.squeeze(1) - overlap)).masked_fill(_is_flat(maps), 0.0)


def pointing_game(
    maps: Tensor, regions: Tensor, valid: Tensor, *, per_image: bool = False
) -> Tensor:
    """How often the highest point of a map lies inside the attribute's region.

    maps: `(N, T, h, w)`, any range, enlarged bilinearly to the regions. regions: `(N, T, H, W)` in [0, 1]; inside means at
    least 0.5. valid: bool `(N, T)`, which maps to judge, for example the attributes that are present. Several highest
    pixels count with the share of them that lies inside; a flat map, all 0 included, points nowhere and is a miss.
    Returns float64 `(T,)` in [0, 1], the mean over images, or `(N, T)` if `per_image`; NaN where not valid or where the
    region is empty. Raises `InputError` for wrong shapes or NaN in a valid map. Source: Zhang et al. 2016 (pointing game).
    """
    return _measure(_pointing, maps, regions, valid, per_image)


def energy_inside(
    maps: Tensor, regions: Tensor, valid: Tensor, *, per_image: bool = False
) -> Tensor:
    """Which share of a map's mass lies inside the attribute's region.

    Arguments, result and errors as in `pointing_game`. Negative values have no mass. A map without mass scores 0, for
    leaving it out would reward a network whose maps vanish; a flat positive map scores the region's share of the image.
    Source: Wang et al. 2020 (Score-CAM), the energy-based pointing game.
    """
    return _measure(_energy, maps, regions, valid, per_image)


def region_iou(maps: Tensor, regions: Tensor, valid: Tensor, *, per_image: bool = False) -> Tensor:
    """Intersection over union of the region with as many of the map's highest pixels as the region has.

    Taking equal areas frees the score from any threshold on the map. Arguments, result and errors as in `pointing_game`;
    tied pixels at the cut count with the share of them that is needed, and a flat map scores 0.
    """
    return _measure(_iou, maps, regions, valid, per_image)


def centre_prior(h: int, w: int) -> Tensor:
    """A Gaussian bump on the image's centre, a quarter of each side wide: float32 `(h, w)` in (0, 1], a floor for maps.

    Things are photographed in the middle: a map has found something only if it beats this one.
    """
    y = (torch.arange(h) + 0.5) / h - 0.5
    x = (torch.arange(w) + 0.5) / w - 0.5
    return torch.exp(-8 * (y.unsqueeze(1).square() + x.square()))


def random_maps(n: int, t: int, h: int, w: int, *, seed: int = 0) -> Tensor:
    """Maps of uniform noise, float32 `(n, t, h, w)` in [0, 1), the same for the same seed: the floor of knowing nothing.

    Use the size of the maps that are judged, so that enlarging blurs both alike.
    """
    return torch.rand(n, t, h, w, generator=torch.Generator().manual_seed(seed))


def localisation_scores(
    maps: Mapping[str, Tensor], regions: Tensor, valid: Tensor
) -> dict[str, float]:
    """The three scores of each kind of map `(N, T, h, w)`, averaged over images, then over tasks, with blind maps beside them.

    For each name `<name>_pointing`, `_energy` and `_iou`; beside each `_centre` and `_random`, the same for a centred bump and for
    random maps of that size, and `_over_centre`, the difference. Other arguments and errors as of `pointing_game`.
    """
    found = {}
    for name, of in maps.items():
        _check(of, regions, valid)
        n, t, h, w = of.shape
        blind = {"centre": centre_prior(h, w).expand(n, t, h, w), "random": random_maps(n, t, h, w)}
        for score, measure in {
            "pointing": pointing_game,
            "energy": energy_inside,
            "iou": region_iou,
        }.items():
            key = f"{name}_{score}"
            found[key] = measure(of, regions, valid).nanmean().item()
            found |= {
                f"{key}_{rival}": measure(of_rival, regions, valid).nanmean().item()
                for rival, of_rival in blind.items()
            }
            found[f"{key}_over_centre"] = found[key] - found[f"{key}_centre"]
    return found
