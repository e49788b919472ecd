"""Scenes of the face twin: whose picture it is, what it shows, and what its annotation says.

All numbers come from integer draws of seeded CPU generators, one generator per block of people, so
labels and scenes are identical on every machine, and the first n scenes do not depend on how many
are asked for.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from statistics import NormalDist

import torch
from torch import Tensor

from mtattr.twins.drawing.chance import Uniform, joined_digest, normal_numbers, uniform_numbers
from mtattr.twins.drawing.scenes import SceneTable, first_scenes
from mtattr.twins.faces.attributes import INDEX, NAMES
from mtattr.twins.faces.factors import FACTORS, GENDER, OWN_SHARES, present_attributes
from mtattr.twins.faces.habits import follow_habits
from mtattr.twins.faces.label_noise import LABEL_NOISE, annotate, label_ceiling
from mtattr.twins.faces.parameters import IDENTITY_PARAMETERS, IMAGE_PARAMETERS

__all__ = [
    "COLUMN",
    "FIRST_IDENTITY",
    "LABEL_NOISE",
    "PARAMETERS",
    "Scenes",
    "label_ceiling",
    "label_correlation",
    "sample_scenes",
]

#: Numbers in [0, 1) of each scene, uniform but for `follow_habits`; drawing gives them their
#: meaning.
PARAMETERS: tuple[str, ...] = IDENTITY_PARAMETERS + IMAGE_PARAMETERS
COLUMN: dict[str, int] = {name: p for p, name in enumerate(PARAMETERS)}

#: People of a block, and the pictures of each in ascending order: 10 to 30, 20 on average.
PEOPLE = 64
PICTURES = tuple(10 + 21 * rank // PEOPLE for rank in range(PEOPLE))

#: Smallest identity of each split, far enough apart for as many images as the real splits have.
FIRST_IDENTITY = {"train": 1, "val": 8_301, "test": 9_401}

# Bounds of equally likely intervals of a normal number. Three decimals hide what libraries of two
# machines differ by.
_BOUNDS = (-3.2, *(round(NormalDist().inv_cdf(k / PEOPLE), 3) for k in range(1, PEOPLE)), 3.2)


@dataclass(frozen=True, eq=False)
class Scenes(SceneTable):
    """A run of scenes.

    identities: int64 (N,), from 1, who is shown. present: bool (N, 40), the attributes drawn.
    parameters: float64 (N, P) in [0, 1), named by `PARAMETERS`, those of `IDENTITY_PARAMETERS`
    equal in all pictures of a person. labels: float32 (N, 40) in {0, 1}, what the annotation says:
    errors included.
    """

    identities: Tensor
    present: Tensor
    parameters: Tensor
    labels: Tensor

    def toggled(self, attribute: int | str) -> Scenes:
        """The same scenes with one attribute flipped and nothing else changed."""
        k = INDEX[attribute] if isinstance(attribute, str) else attribute
        present = self.present.clone()
        present[:, k] ^= True
        return replace(self, present=present)

    @property
    def truth(self) -> Tensor:
        """Labels without errors, float32 (N, 40): the attributes drawn."""
        return self.present.float()

    @property
    def digest(self) -> str:
        """SHA-256 over identities, attributes and parameters."""
        return joined_digest(self.identities, self.present, self.parameters)


def sample_scenes(split: str, n: int, seed: int = 0) -> Scenes:
    """The first `n` scenes of a split; no person is in two splits."""
    return first_scenes(lambda block: _sample_block(split, block, seed), sum(PICTURES), n)


@functools.cache
def label_correlation(n: int = 40_000) -> Tensor:
    """Correlation of the labels of every two attributes, float64 (40, 40): phi of `n` scenes."""
    return torch.corrcoef(sample_scenes("train", n).labels.double().T)


def _sample_block(split: str, block: int, seed: int) -> Scenes:
    people = uniform_numbers("celeba-twin people 1", split, block, seed=seed, rows=PEOPLE)
    pictures = uniform_numbers(
        "celeba-twin pictures 1", split, block, seed=seed, rows=sum(PICTURES)
    )
    # The pictures of a person lie scattered over the block, as in the real set.
    who = torch.arange(PEOPLE).repeat_interleave(torch.tensor(PICTURES)[_ranks(people, 1)[:, 0]])[
        _order(pictures(1)[:, 0])
    ]
    factors = _mixed(
        _spread_normals(people, len(FACTORS))[who],
        normal_numbers(pictures, len(FACTORS)),
        FACTORS.values(),
    )
    at, male, female = GENDER
    gender = torch.where(factors[:, :1] > at, male, female).double()
    factors = torch.cat([gender, factors[:, 1:]], 1)
    own = _mixed(
        _spread_normals(people, len(NAMES))[who],
        normal_numbers(pictures, len(NAMES)),
        OWN_SHARES.values(),
    )
    labels = annotate(factors, own, normal_numbers(pictures, len(NAMES)), pictures(3 * len(NAMES)))
    parameters = torch.cat(
        [people(len(IDENTITY_PARAMETERS))[who], pictures(len(IMAGE_PARAMETERS))], 1
    )
    present = present_attributes(factors, own)
    return Scenes(
        FIRST_IDENTITY[split] + PEOPLE * block + who,
        present,
        follow_habits(parameters, present, who),
        labels,
    )


def _spread_normals(uniform: Uniform, columns: int) -> Tensor:
    """Float64 (PEOPLE, columns), nearly normal, each of PEOPLE equally likely intervals hit once.

    With independent draws the rate of an attribute that a person never changes would be off by over
    a point for a thousand people.
    """
    bounds = torch.tensor(_BOUNDS, dtype=torch.float64)
    ranks = _ranks(uniform, columns)
    return bounds[ranks] + (bounds[ranks + 1] - bounds[ranks]) * uniform(columns)


def _ranks(uniform: Uniform, columns: int) -> Tensor:
    """Random orders of 0..PEOPLE-1, int64 (PEOPLE, columns)."""
    return torch.stack([_order(column) for column in uniform(columns).unbind(1)], 1)


def _order(numbers: Tensor) -> Tensor:
    return torch.argsort(numbers, stable=True)


def _mixed(of_person: Tensor, of_picture: Tensor, shares) -> Tensor:
    """Numbers (N, K) of variance 1: the given share of each column's variance is the person's."""
    shares = tuple(shares)
    person = torch.tensor([math.sqrt(s) for s in shares], dtype=torch.float64)
    picture = torch.tensor([math.sqrt(1 - s) for s in shares], dtype=torch.float64)
    return of_person * person + of_picture * picture
