"""Scenes of the cluttered digits: the digits of each image, their places, and the label.

All numbers come from integer draws of seeded CPU generators, one generator per block of images, so
labels and scenes are identical on every machine, and the first n scenes do not depend on how many
are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mtattr.twins.digits.scans import handwriting, legible_rows
from mtattr.twins.drawing.chance import joined_digest, uniform_numbers
from mtattr.twins.drawing.scenes import SceneTable, first_scenes

BLOCK = 256
#: Images of each split when no limit is given. On disk about one row in ten of the training file
#: validates, by the real loader's rule: so many beside 20,000.
SPLIT_SIZES = {"train": 20_000, "val": 2_178, "test": 5_000}

#: Share of the labels that name another digit than the one drawn; the other nine are equally
#: likely.
LABEL_NOISE = {"class_wrong": 0.01}

#: Digits beside the labelled one, of which only a part is in the picture: left and right, and
#: loose pieces of strokes.
PIECES = 9
NEIGHBOURS = 2 + PIECES

#: Uniform numbers in [0, 1) of each scene; drawing gives them their meaning.
PARAMETERS = (
    "centre_x", "centre_y", "scale", "angle", "slant", "narrow", "thickness", "ink_colour",
    "ink_light", "contrast", "ink_side", "ink_grain", "edge", "edge_colour", "edge_angle",
    "background", "background_colour", "background_light", "background_second", "second_light",
    "background_tile", "background_u", "background_v", "background_angle",
    "background_scale", "background_strength", "shapes", "shape_x", "shape_y", "shape_size",
    "shape_colour", "shape_kind", "shape_seed", "neighbours", "left_gap", "left_lift", "left_turn",
    "right_gap", "right_lift", "right_turn", "neighbour_colour", "pieces", "piece_x", "piece_y",
    "piece_turn", "piece_size", "piece_colour",
    "light_angle", "light_strength", "warmth", "gain", "fade", "blur", "grain", "grain_tile",
    "grain_u", "grain_v",
)  # fmt: skip
COLUMN = {name: p for p, name in enumerate(PARAMETERS)}


@dataclass(frozen=True, eq=False)
class Scenes(SceneTable):
    """A run of scenes.

    glyphs: int64 (N, 1 + NEIGHBOURS), positions in scikit-learn's 1797 digits: the labelled one
    first. classes: int64 (N,), the digit drawn. parameters: float64 (N, P) in [0, 1), named by
    `PARAMETERS`. labels: float32 (N, 1), what the annotation says, errors included.
    """

    glyphs: Tensor
    classes: Tensor
    parameters: Tensor
    labels: Tensor

    @property
    def truth(self) -> Tensor:
        """Labels without errors, float32 (N, 1): the digit drawn."""
        return self.classes.float()[:, None]

    @property
    def digest(self) -> str:
        """SHA-256 over digits and parameters."""
        return joined_digest(self.glyphs, self.classes, self.parameters)


def sample_scenes(split: str, n: int, seed: int = 0) -> Scenes:
    """The first `n` scenes of a split; no glyph is in two splits, and every one can be read."""
    return first_scenes(lambda block: _sample_block(split, block, seed), BLOCK, n)


def _sample_block(split: str, block: int, seed: int) -> Scenes:
    uniform = uniform_numbers("cluttered-digits 2", split, block, seed=seed, rows=BLOCK)
    glyphs = _glyphs(uniform(1 + NEIGHBOURS), split)
    classes = torch.from_numpy(handwriting()[1])[glyphs[:, 0]]
    parameters = uniform(len(PARAMETERS))
    wrong = uniform(2)
    other = (classes + 1 + (wrong[:, 1] * 9).long()) % 10
    labels = torch.where(wrong[:, 0] < LABEL_NOISE["class_wrong"], other, classes)
    return Scenes(glyphs, classes, parameters, labels.float()[:, None])


def _glyphs(numbers: Tensor, split: str) -> Tensor:
    """Positions of legible glyphs, shaped as `numbers` in [0, 1): each class is equally likely."""
    rows, counts = (torch.from_numpy(part) for part in legible_rows(split))
    chosen = (numbers * 10).long()
    within = ((numbers * 10 - chosen) * counts[chosen]).long()
    return rows[(counts.cumsum(0) - counts)[chosen] + within]
