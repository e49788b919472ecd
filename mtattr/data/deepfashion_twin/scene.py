"""Scenes of the clothing twin: what is drawn in each image and what its annotation says.

All numbers come from integer draws of seeded CPU generators, one generator per block of images, so labels and scenes
are identical on every machine, and the first n scenes do not depend on how many are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mtattr.data.deepfashion_twin.attributes import ATTRIBUTES, CATEGORY_COUNTS, CHOICES, INDEX
from mtattr.data.drawing.chance import joined_digest, uniform_numbers

BLOCK = 256

#: Shares of annotation errors. A present attribute is missed, and as many absent ones (in proportion to their rate) are
#: marked; unknown values become NaN; a wrong category is mostly the other one of the same clothes type.
LABEL_NOISE = {"category_wrong": 0.03, "positive_missed": 0.06, "positive_false": 0.06, "unknown": 0.01}

#: Uniform numbers in [0, 1) of each scene; drawing gives them their meaning.
PARAMETERS = (
    "centre_x", "centre_y", "scale", "angle", "stance", "arm_swing",
    "body_width", "waist_width", "hem_width", "hem_level", "strap_width", "strap_place", "neck_width", "neck_depth", "leg_gap", "crotch",
    "sleeve_width", "sleeve_length", "hem_tilt", "side",
    "base_colour", "base_light", "base_tint", "second_colour", "second_light", "accent_colour", "metal",
    "print_scale", "print_angle", "print_offset_u", "print_offset_v", "print_seed", "weave_scale", "wear_seed",
    "fold_tile", "fold_strength", "fold_u", "fold_v", "fold_stretch", "centre_fold", "light_side", "light_strength",
    "pocket_place", "button_size", "bow_size", "belt_width", "emblem_kind", "emblem_size", "pleat_count", "trim_width", "slit_height",
    "background", "background_colour", "background_light", "background_second", "background_tile", "background_u", "background_scale",
    "support", "skin", "hair_colour", "trousers_colour",
    "occluder", "occluder_kind", "occluder_x", "occluder_y", "occluder_size", "occluder_colour",
    "gain", "warmth", "contrast", "blur", "grain", "grain_tile", "vignette", "shadow", "spare_1", "spare_2", "spare_3", "spare_4",
)  # fmt: skip
COLUMN = {name: p for p, name in enumerate(PARAMETERS)}


@dataclass(frozen=True, eq=False)
class Scenes:
    """A run of scenes.

    categories: int64 (N,), what is drawn. present: bool (N, A), the attributes drawn. parameters: float64 (N, P) in
    [0, 1), named by `PARAMETERS`. labels: float32 (N, 1 + A), what the annotation says: errors and NaN included.
    """

    categories: Tensor
    present: Tensor
    parameters: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.categories)

    def rows(self, index: slice | Tensor) -> Scenes:
        """The scenes at the given positions."""
        return Scenes(self.categories[index], self.present[index], self.parameters[index], self.labels[index])

    def toggled(self, attribute: int | str) -> Scenes:
        """The same scenes with one attribute flipped where it can occur, all else (random state included) unchanged.

        Setting one attribute of an exclusive choice clears the others of that choice; clearing it leaves none of them.
        """
        k = INDEX[attribute] if isinstance(attribute, str) else attribute
        present = self.present.clone()
        flip = self.can_occur[:, k]
        value = self.present[:, k] ^ flip
        if ATTRIBUTES[k].choice:
            for other in CHOICES[ATTRIBUTES[k].choice]:
                present[:, other] &= ~(value & flip)
        present[:, k] = value
        return replace(self, present=present)

    @property
    def can_occur(self) -> Tensor:
        """Whether each attribute can occur on the scene's category, bool (N, A)."""
        return (_rates() > 0)[self.categories]

    @property
    def digest(self) -> str:
        """SHA-256 over categories, attributes and parameters."""
        return joined_digest(self.categories, self.present, self.parameters)


def _rates() -> Tensor:
    return torch.tensor([a.rates for a in ATTRIBUTES], dtype=torch.float64).T


def sample_scenes(split: str, n: int, seed: int = 0) -> Scenes:
    """The first `n` scenes of a split; splits and seeds are separate streams."""
    blocks = [_sample_block(split, block, seed) for block in range((n + BLOCK - 1) // BLOCK or 1)]
    joined = Scenes(*(torch.cat([getattr(b, field) for b in blocks]) for field in ("categories", "present", "parameters", "labels")))
    return joined.rows(slice(0, n))


def _sample_block(split: str, block: int, seed: int) -> Scenes:
    uniform = uniform_numbers("deepfashion-twin 1", split, block, seed=seed, rows=BLOCK)
    counts = torch.tensor(CATEGORY_COUNTS, dtype=torch.float64)
    categories = torch.searchsorted((counts.cumsum(0) / counts.sum())[:-1].contiguous(), uniform(1)[:, 0].contiguous(), right=True)
    rates = _rates()[categories]
    draw = uniform(len(ATTRIBUTES))
    present = draw < rates
    for members in CHOICES.values():
        edges = rates[:, list(members)].cumsum(1)
        shared = draw[:, members[0], None]
        present[:, list(members)] = (shared < edges) & (shared >= torch.cat([torch.zeros_like(edges[:, :1]), edges[:, :-1]], 1))
    parameters = uniform(len(PARAMETERS))
    return Scenes(categories, present, parameters, _annotate(categories, present, rates, uniform))


def _annotate(categories: Tensor, present: Tensor, rates: Tensor, uniform) -> Tensor:
    """Labels float32 (N, 1 + A) with the errors of `LABEL_NOISE`."""
    draw = uniform(present.shape[1])
    marked = torch.where(present, draw >= LABEL_NOISE["positive_missed"], draw < LABEL_NOISE["positive_false"] * rates)
    attributes = marked.float().masked_fill(uniform(present.shape[1]) < LABEL_NOISE["unknown"], float("nan"))
    wrong = uniform(2)
    sibling = categories ^ 1
    far = (categories + 2) % 4
    other = torch.where(wrong[:, 1] < 0.8, sibling, far)
    category = torch.where(wrong[:, 0] < LABEL_NOISE["category_wrong"], other, categories)
    return torch.cat([category.float()[:, None], attributes], 1)
