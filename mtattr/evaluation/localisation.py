"""Scores of explanation maps against known regions, and maps that ignore the image as a floor."""

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
    """Mean over images of `score(maps (M, P), inside (M, P)) -> (M,)`, at the regions' size."""
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
    """Differences `(M, 1)` that are rounding: enlarging repeats borders up to the last digits."""
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
    """Share of maps whose highest point lies inside the attribute's region.

    Of several highest pixels the share inside counts; a flat map is a miss.

    Args:
        maps: `(N, T, h, w)`, any range, enlarged bilinearly to the regions.
        regions: `(N, T, H, W)` in [0, 1]; at least 0.5 is inside.
        valid: bool `(N, T)`, the maps to judge, for example of the attributes that are present.
        per_image: return `(N, T)` and not the mean over images.

    Returns:
        float64 `(T,)` in [0, 1]; NaN where nothing is valid or all regions are empty. Source: Zhang
        et al. 2016 (pointing game).
    """
    return _measure(_pointing, maps, regions, valid, per_image)


def energy_inside(
    maps: Tensor, regions: Tensor, valid: Tensor, *, per_image: bool = False
) -> Tensor:
    """Share of a map's positive mass that lies inside the attribute's region.

    Arguments, result and errors as in `pointing_game`. A map without mass scores 0: leaving it out
    would reward a network whose maps vanish. A flat positive map scores the region's share of the
    image. Source: Wang et al. 2020 (Score-CAM), the energy-based pointing game.
    """
    return _measure(_energy, maps, regions, valid, per_image)


def region_iou(maps: Tensor, regions: Tensor, valid: Tensor, *, per_image: bool = False) -> Tensor:
    """Intersection over union of the region and equally many of the map's highest pixels.

    Equal areas make a threshold on the map needless. Arguments, result and errors as in
    `pointing_game`. Tied pixels at the cut count in part; a flat map scores 0.
    """
    return _measure(_iou, maps, regions, valid, per_image)


def centre_prior(h: int, w: int) -> Tensor:
    """Gaussian on the image's centre, a quarter of each side wide: float32 `(h, w)` in (0, 1].

    A floor for maps, since objects are photographed in the middle.
    """
    y = (torch.arange(h) + 0.5) / h - 0.5
    x = (torch.arange(w) + 0.5) / w - 0.5
    return torch.exp(-8 * (y.unsqueeze(1).square() + x.square()))


def random_maps(n: int, t: int, h: int, w: int, *, seed: int = 0) -> Tensor:
    """Maps of uniform noise, float32 `(n, t, h, w)` in [0, 1): a floor for maps of that size."""
    return torch.rand(n, t, h, w, generator=torch.Generator().manual_seed(seed))


def localisation_scores(
    maps: Mapping[str, Tensor], regions: Tensor, valid: Tensor
) -> dict[str, float]:
    """Three scores of each kind of map `(N, T, h, w)`, averaged over images, then over tasks.

    Keys are `<name>_pointing`, `_energy` and `_iou`; each also with the suffix `_centre` and
    `_random`, the score of `centre_prior` and `random_maps`, and `_over_centre`, the difference.
    Other arguments and errors as in `pointing_game`.
    """
    found, measures = {}, {"pointing": pointing_game, "energy": energy_inside, "iou": region_iou}
    for name, judged in maps.items():
        _check(judged, regions, valid)
        n, t, h, w = judged.shape
        blind = {
            "_centre": centre_prior(h, w).expand(n, t, h, w),
            "_random": random_maps(n, t, h, w),
        }
        for score, measure in measures.items():
            key = f"{name}_{score}"
            for suffix, those in {"": judged, **blind}.items():
                found[key + suffix] = measure(those, regions, valid).nanmean().item()
            found[f"{key}_over_centre"] = found[key] - found[f"{key}_centre"]
    return found
