"""Scenes of the clothing twin: what is drawn in each image and what its annotation says.

All numbers come from integer draws of seeded CPU generators, one generator per block of images, so
labels and scenes are identical on every machine, and the first n scenes do not depend on how many
are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mtattr.twins.clothes.attributes import (
    ATTRIBUTES,
    CATEGORIES,
    CHOICES,
    FOUR_CLASSES,
    FULL,
    INDEX,
    LOWER,
    UPPER,
    chosen_classes,
    rates_of,
)
from mtattr.twins.drawing.chance import joined_digest, uniform_numbers
from mtattr.twins.drawing.scenes import SceneTable, first_scenes

BLOCK = 256
#: Images of each split when no limit is given.
SPLIT_SIZES = {"train": 12_000, "val": 2_000, "test": 4_000}

#: Shares of annotation errors. A present attribute is missed, and as many absent ones (in
#: proportion to their rate) are marked; unknown values become NaN; a wrong category is mostly
#: another one of the same clothes type.
LABEL_NOISE = {
    "category_wrong": 0.03,
    "positive_missed": 0.06,
    "positive_false": 0.06,
    "unknown": 0.01,
}

#: Uniform numbers in [0, 1) of each scene; drawing gives them their meaning.
PARAMETERS = (
    "centre_x", "centre_y", "scale", "angle", "stance", "arm_swing", "body_width", "waist_width",
    "hem_width", "hem_level", "strap_width", "strap_place", "neck_width", "neck_depth", "leg_gap",
    "crotch", "sleeve_width", "sleeve_length", "hem_tilt", "side", "base_colour", "base_light",
    "base_tint", "second_colour", "second_light", "accent_colour", "metal", "print_scale",
    "print_angle", "print_offset_u", "print_offset_v", "print_seed", "weave_scale", "wear_seed",
    "fold_tile", "fold_strength", "fold_u", "fold_v", "fold_stretch", "centre_fold", "light_side",
    "light_strength", "pocket_place", "button_size", "bow_size", "belt_width", "emblem_kind",
    "emblem_size", "pleat_count", "trim_width", "slit_height", "background", "background_colour",
    "background_light", "background_second", "background_tile", "background_u", "background_scale",
    "support", "skin", "hair_colour", "trousers_colour", "occluder", "occluder_kind", "occluder_x",
    "occluder_y", "occluder_size", "occluder_colour", "gain", "warmth", "contrast", "blur", "grain",
    "grain_tile", "vignette", "shadow", "spare_1", "spare_2", "spare_3", "spare_4",
)  # fmt: skip

#: More of them, drawn from a stream of their own: scenes of `FOUR_CLASSES` do not use them and are
#: what they were.
MORE_PARAMETERS = (
    "leg_width", "leg_taper", "flare", "opening", "inner_colour", "inner_light", "front",
    "pocket_kind", "shoe_colour", "rib_width", "waist_level", "hood", "fade", "lapel_width",
    "more_1", "more_2",
)  # fmt: skip
COLUMN = {name: p for p, name in enumerate(PARAMETERS + MORE_PARAMETERS)}


@dataclass(frozen=True, eq=False)
class Scenes(SceneTable):
    """A run of scenes.

    categories: int64 (N,), what is drawn, as positions in `classes`. present: bool (N, A), the
    attributes drawn.
    parameters: float64 (N, P) in [0, 1), named by `PARAMETERS`. labels: float32 (N, 1 + A), what
    the annotation says: errors and NaN included. more: float64 (N, Q) in [0, 1), named by
    `MORE_PARAMETERS`.
    """

    categories: Tensor
    present: Tensor
    parameters: Tensor
    labels: Tensor
    more: Tensor
    classes: tuple[str, ...]

    def toggled(self, attribute: int | str) -> Scenes:
        """The same scenes with one attribute flipped where it can occur, and nothing else changed.

        Setting one attribute of an exclusive choice clears the others of that choice; clearing it
        leaves none of them.
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
        return (rates_of(self.classes) > 0)[self.categories]

    @property
    def truth(self) -> Tensor:
        """Labels without errors, float32 (N, 1 + A): category and attributes drawn."""
        return torch.cat([self.categories[:, None], self.present], 1).float()

    @property
    def digest(self) -> str:
        """SHA-256 over categories, attributes and every parameter that the classes use."""
        parts = (self.categories, self.present, self.parameters)
        if self.classes != FOUR_CLASSES:
            parts += (self.more, torch.tensor([CATEGORIES[name].number for name in self.classes]))
        return joined_digest(*parts)


def sample_scenes(
    split: str, n: int, seed: int = 0, classes: str | Sequence[str] | None = None
) -> Scenes:
    """The first `n` scenes of a split with the given categories (see `chosen_classes`)."""
    names = chosen_classes(classes)
    return first_scenes(lambda block: _sample_block(split, block, seed, names), BLOCK, n)


def _sample_block(split: str, block: int, seed: int, classes: tuple[str, ...]) -> Scenes:
    uniform = uniform_numbers("deepfashion-twin 1", split, block, seed=seed, rows=BLOCK)
    counts = torch.tensor([CATEGORIES[name].images for name in classes], dtype=torch.float64)
    categories = torch.searchsorted(
        (counts.cumsum(0) / counts.sum())[:-1].contiguous(),
        uniform(1)[:, 0].contiguous(),
        right=True,
    )
    rates = rates_of(classes)[categories]
    draw = uniform(len(ATTRIBUTES))
    present = draw < rates
    for members in CHOICES.values():
        edges = rates[:, list(members)].cumsum(1)
        shared = draw[:, members[0], None]
        present[:, list(members)] = (shared < edges) & (
            shared >= torch.cat([torch.zeros_like(edges[:, :1]), edges[:, :-1]], 1)
        )
    parameters = uniform(len(PARAMETERS))
    more = uniform_numbers("deepfashion-twin more 1", split, block, seed=seed, rows=BLOCK)(
        len(MORE_PARAMETERS)
    )
    return Scenes(
        categories,
        present,
        parameters,
        _annotate(categories, present, rates, uniform, classes),
        more,
        classes,
    )


def _annotate(
    categories: Tensor, present: Tensor, rates: Tensor, uniform, classes: tuple[str, ...]
) -> Tensor:
    """Labels float32 (N, 1 + A) with the errors of `LABEL_NOISE`."""
    draw = uniform(present.shape[1])
    marked = torch.where(
        present,
        draw >= LABEL_NOISE["positive_missed"],
        draw < LABEL_NOISE["positive_false"] * rates,
    )
    attributes = marked.float().masked_fill(
        uniform(present.shape[1]) < LABEL_NOISE["unknown"], float("nan")
    )
    wrong = uniform(2)
    category = torch.where(
        wrong[:, 0] < LABEL_NOISE["category_wrong"],
        _mistaken(categories, wrong[:, 1], classes),
        categories,
    )
    return torch.cat([category.float()[:, None], attributes], 1)


def _mistaken(categories: Tensor, draw: Tensor, classes: tuple[str, ...]) -> Tensor:
    """Another category for each: four times in five of the same clothes type, else the next."""
    other = torch.empty_like(categories)
    for c in range(len(classes)):
        near, far = _confusable(c, classes)
        rows = categories == c
        pick = (draw[rows] / 0.8 * len(near)).long().clamp(max=len(near) - 1)
        other[rows] = torch.where(draw[rows] < 0.8, torch.tensor(near)[pick], far)
    return other


def _confusable(c: int, classes: tuple[str, ...]) -> tuple[list[int], int]:
    """What category c is taken for: those of its type, and one of another type."""
    groups = [
        [k for k, name in enumerate(classes) if CATEGORIES[name].kind == kind]
        for kind in (UPPER, LOWER, FULL)
    ]
    groups = [group for group in groups if group]
    g = next(i for i, group in enumerate(groups) if c in group)
    place = groups[g].index(c)
    near = groups[g][place + 1 :] + groups[g][:place]
    following = groups[(g + 1) % len(groups)]
    far = following[place % len(following)] if len(groups) > 1 else near[0]
    return near or [far], far
