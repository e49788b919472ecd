"""Scenes of the car twin: what is drawn in each image and what its annotation says.

All numbers come from integer draws of seeded CPU generators, one generator per block of images, so
labels and scenes are identical on every machine, and the first n scenes do not depend on how many
are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mtattr.twins.cars.makes import BODIES, MAKES, MODEL_OF, MODELS, TYPES, bodies_of
from mtattr.twins.drawing.chance import joined_digest, uniform_numbers
from mtattr.twins.drawing.scenes import SceneTable, first_scenes

BLOCK = 256

#: Shares of annotation errors: so many images are filed under a wrong model, and so many of those
#: under another make (the rest under another model of the same make). Make and type follow from the
#: model, so they are wrong with it.
LABEL_NOISE = {"model_wrong": 0.03, "of_these_other_make": 0.2}

#: Official viewpoint code -> share of the images: 1 front, 2 rear, 3 side, 4 front-side, 5
#: rear-side.
VIEWPOINTS = {1: 0.19, 2: 0.16, 3: 0.15, 4: 0.30, 5: 0.20}

#: Uniform numbers in [0, 1) of each scene; drawing gives them their meaning. None tells anything
#: about make or model.
PARAMETERS = (
    "azimuth", "mirrored", "height", "distance", "fill", "centre_x", "centre_y", "year", "paint",
    "paint_light", "metallic", "trim", "rim", "rim_colour", "rim_size", "wheel_angle", "tint",
    "lamp_style", "lamps_on", "plate", "plate_place", "plate_seed", "mirror_colour", "light",
    "light_side", "light_height", "sky", "overcast", "shadow", "exposure", "warmth", "contrast",
    "background", "background_seed", "background_colour", "background_second", "background_light",
    "background_shift", "background_scale", "background_blur", "ground", "ground_tile", "occluder",
    "occluder_kind", "occluder_x", "occluder_size", "occluder_colour", "occluder_seed", "blur",
    "grain", "grain_tile", "vignette", "spare_1", "spare_2", "spare_3", "spare_4",
)  # fmt: skip
COLUMN = {name: p for p, name in enumerate(PARAMETERS)}


@dataclass(frozen=True, eq=False)
class Scenes(SceneTable):
    """A run of scenes.

    makes, bodies: int64 (N,), positions in MAKES and BODIES of what is drawn. viewpoints: int64
    (N,), official codes.
    parameters: float64 (N, P) in [0, 1), named by `PARAMETERS`. filed: int64 (N,), the position in
    MODELS under which the annotation files the image, errors included.
    """

    makes: Tensor
    bodies: Tensor
    viewpoints: Tensor
    parameters: Tensor
    filed: Tensor

    @property
    def labels(self) -> Tensor:
        """Annotation, float32 (N, 3): class indices of model, make and type; NaN = unknown type."""
        table = torch.tensor(
            [
                [m, model.make, float("nan") if model.type is None else model.type]
                for m, model in enumerate(MODELS)
            ]
        )
        return table[self.filed]

    @property
    def truth(self) -> Tensor:
        """What is drawn, float32 (N, 3): class indices of model, make and type, all known.

        Only for scenes whose make sells the body that is drawn, so not for those `toggled`.
        """
        types = torch.tensor([TYPES.index(body) for body in BODIES])
        return torch.stack([self.models, self.makes, types[self.bodies]], 1).float()

    @property
    def models(self) -> Tensor:
        """Model drawn, int64 (N,): positions in MODELS; -1 if the make sells no such body."""
        table = torch.full((len(MAKES), len(BODIES)), -1)
        for (make, body), model in MODEL_OF.items():
            table[make, body] = model
        return table[self.makes, self.bodies]

    def toggled(self, task: int | str) -> Scenes:
        """The same scenes with one thing changed, everything else (random state, annotation) kept.

        "make" (1): the marks of the next make on the same body, whether or not that make sells such
        a body. "model" (0) and "type" (2): the next body that the same make sells, under the same
        marks.
        """
        if task in ("make", 1):
            return replace(self, makes=(self.makes + 1) % len(MAKES))
        follower = torch.zeros(len(MAKES), len(BODIES), dtype=torch.int64)
        for make in range(len(MAKES)):
            sold = bodies_of(make)
            for body in range(len(BODIES)):
                follower[make, body] = sold[(sold.index(body) + 1) % 4] if body in sold else sold[0]
        return replace(self, bodies=follower[self.makes, self.bodies])

    @property
    def digest(self) -> str:
        """SHA-256 over makes, bodies, viewpoints and parameters."""
        return joined_digest(self.makes, self.bodies, self.viewpoints, self.parameters)


def sample_scenes(split: str, n: int, seed: int = 0) -> Scenes:
    """The first `n` scenes of a split; splits and seeds are separate streams."""
    return first_scenes(lambda block: _sample_block(split, block, seed), BLOCK, n)


def _sample_block(split: str, block: int, seed: int) -> Scenes:
    uniform = uniform_numbers("compcars-twin 1", split, block, seed=seed, rows=BLOCK)
    models = (uniform(1)[:, 0] * len(MODELS)).long()
    makes = torch.tensor([model.make for model in MODELS])
    bodies = torch.tensor([model.body for model in MODELS])
    edges = torch.tensor(list(VIEWPOINTS.values()), dtype=torch.float64).cumsum(0)[:-1]
    viewpoints = torch.tensor(list(VIEWPOINTS))[
        torch.searchsorted(edges, uniform(1)[:, 0].contiguous(), right=True)
    ]
    parameters = uniform(len(PARAMETERS))
    return Scenes(makes[models], bodies[models], viewpoints, parameters, _annotate(models, uniform))


def _annotate(models: Tensor, uniform) -> Tensor:
    """The model under which each image is filed, with the errors of `LABEL_NOISE`."""
    siblings = torch.tensor(
        [
            [m for m, other in enumerate(MODELS) if other.make == model.make and other != model]
            for model in MODELS
        ]
    )
    strangers = torch.tensor(
        [[m for m, other in enumerate(MODELS) if other.make != model.make] for model in MODELS]
    )
    draw = uniform(3)
    pick = lambda table: table[models, (draw[:, 2] * table.shape[1]).long()]  # noqa: E731
    other = torch.where(
        draw[:, 1] < LABEL_NOISE["of_these_other_make"], pick(strangers), pick(siblings)
    )
    return torch.where(draw[:, 0] < LABEL_NOISE["model_wrong"], other, models)
