"""Scenes of the pedestrian twins: who walks where, before which camera, and the annotation.

All numbers come from integer draws of seeded CPU generators, one generator an identity, so labels
and scenes are identical on every machine, and the first n scenes do not depend on how many are
asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mtattr.errors import InputError
from mtattr.twins.drawing.chance import joined_digest, uniform_numbers
from mtattr.twins.drawing.scenes import SceneTable
from mtattr.twins.people.annotation import BLOCK, annotated_block
from mtattr.twins.people.attributes import DOMAINS, Domain
from mtattr.twins.people.identities import split_identities

#: Images of each split when no limit is given: about 440, 70 and 310 identities.
SPLIT_SIZES = {"train": 7_000, "val": 1_100, "test": 5_000}
#: Uniform numbers in [0, 1) of each scene, the same in all images of an identity; drawing gives
#: them their meaning.
OF_IDENTITY = (
    "height", "build", "shoulders", "hips", "skin", "hair_colour", "hair_style", "hair_length",
    "beard", "stance", "stride", "posture", "up_shade", "up_light", "up_pattern", "up_second",
    "up_period", "up_neck", "up_fit", "sleeve_length", "jacket", "hood", "down_shade", "down_light",
    "trouser_width", "lower_length", "skirt_flare", "lower_pattern", "shoe_shade", "shoe_kind",
    "hat_kind", "hat_colour", "hat_light", "backpack_colour", "backpack_light", "backpack_size",
    "backpack_kind", "bag_colour", "bag_light", "bag_size", "bag_side", "bag_kind",
    "handbag_colour", "handbag_light", "handbag_size", "handbag_side", "handbag_kind",
    "wears_long_hair", "wears_long_sleeve", "wears_shorts", "wears_skirt", "wears_boots",
    "wears_light_shoes", "is_grown",
)  # fmt: skip
#: The same in all images of an identity before one camera.
OF_PASSAGE = (
    "facing", "place_u", "place_tile", "sun", "light_side", "exposure", "gait", "distance",
    "bystander", "bystander_x", "bystander_y", "bystander_colour", "furniture", "furniture_x",
    "furniture_colour",
)  # fmt: skip
#: Different in every image.
OF_IMAGE = (
    "phase", "turn", "crop_x", "crop_y", "crop_scale", "tilt", "arm", "fold_u", "fold_v",
    "fold_tile", "blur", "grain_tile", "gain", "occluder", "occluder_kind", "occluder_x",
    "occluder_y", "occluder_size", "occluder_colour",
)  # fmt: skip
PARAMETERS = OF_IDENTITY + OF_PASSAGE + OF_IMAGE
COLUMN = {name: p for p, name in enumerate(PARAMETERS)}

#: Whole numbers of each scene: who, where and when, which make its file name, and whether it is a
#: query.
NUMBERS = ("identity", "camera", "sequence", "frame", "box", "query")


@dataclass(frozen=True, eq=False)
class Scenes(SceneTable):
    """A run of scenes of one domain, "market1501" or "duke".

    present: int64 (N, T), what is drawn: 0 or 1, or a class index; a colour one past the last class
    is none of them.
    parameters: float64 (N, P) in [0, 1), named by `PARAMETERS`. labels: float32 (N, T), what the
    annotation says: errors and NaN included. numbers: int64 (N, 6), named by `NUMBERS`.
    """

    domain: str
    present: Tensor
    parameters: Tensor
    labels: Tensor
    numbers: Tensor

    @property
    def spec(self) -> Domain:
        """The set's schema and cameras."""
        return DOMAINS[self.domain]

    @property
    def identities(self) -> Tensor:
        """Identity number of every scene, int64 (N,)."""
        return self.numbers[:, 0]

    def toggled(self, attribute: int | str) -> Scenes:
        """The same scenes with one attribute changed, all else (random state included) unchanged.

        A binary attribute flips, a categorical one takes its next value, the first after the last.
        """
        k = self.spec.index[attribute] if isinstance(attribute, str) else attribute
        present = self.present.clone()
        values = len(self.spec.attributes[k].values) or 2
        present[:, k] = torch.where(present[:, k] >= values - 1, 0, present[:, k] + 1)
        return replace(self, present=present)

    @property
    def truth(self) -> Tensor:
        """Labels without errors, float32 (N, T); NaN for a colour that is none of the list."""
        values = torch.tensor([len(a.values) or 2 for a in self.spec.attributes])
        return self.present.float().masked_fill(self.present >= values, torch.nan)

    @property
    def digest(self) -> str:
        """SHA-256 over the domain's attributes, parameters and numbers."""
        return joined_digest(self.present, self.parameters, self.numbers)


def sample_scenes(domain: str, split: str, n: int, seed: int = 0) -> Scenes:
    """The first `n` scenes of a split of "market1501" or "duke", by file name, without queries.

    Raises `InputError` where the four-digit identity numbers do not give so many.
    """
    return sample_with_queries(domain, split, n, seed)[0]


def sample_with_queries(domain: str, split: str, n: int, seed: int = 0) -> tuple[Scenes, Scenes]:
    """The first `n` scenes of a split, and one query per identity and camera."""
    parts, queries, found = [], [], 0
    for position, number in split_identities(domain, split):
        if found >= n and parts:
            break
        scenes = _identity_scenes(
            domain, "test" if split == "test" else "train", position, number, seed
        )
        is_query = scenes.numbers[:, -1] == 1
        queries.append(scenes.rows(is_query))
        parts.append(scenes.rows(~is_query))
        found += len(parts[-1])
    if found < n:
        raise InputError(
            f"{domain}-twin: {split} has {found:,} images at most, {n:,} were asked for"
        )
    return Scenes.joined(parts).rows(slice(0, n)), Scenes.joined(queries)


def unlabelled_scenes(domain: str, identity: int, n: int, seed: int = 0) -> Scenes:
    """`n` scenes of unlisted people, under one identity number of 0 or less."""
    parts = [
        _identity_scenes(domain, "test", k, 20_000 + 1000 * -identity + k, seed).rows(
            torch.tensor([0, -1])
        )
        for k in range(max((n + 1) // 2, 1))
    ]
    scenes = Scenes.joined(parts).rows(slice(0, n))
    scenes.numbers[:, 0] = identity
    # Strangers may share a moment by chance; a frame of their own keeps their names apart.
    scenes.numbers[:, 3] = 100_000 + torch.arange(n)
    scenes.numbers[:, 5] = 0
    return scenes


def _identity_scenes(domain: str, role: str, position: int, number: int, seed: int) -> Scenes:
    """All scenes of one identity: per camera the images in order of time, then the query."""
    spec = DOMAINS[domain]
    truth, labels = (
        table[position % BLOCK] for table in annotated_block(domain, role, position // BLOCK, seed)
    )
    uniform = uniform_numbers(f"{domain}-twin walks 1", role, number, seed=seed, rows=1)
    cameras, length = spec.cameras, spec.longest + 1
    person = uniform(len(OF_IDENTITY)).expand(cameras * length, -1)
    passage = (
        uniform(cameras * len(OF_PASSAGE)).view(cameras, 1, -1).expand(-1, length, -1).flatten(0, 1)
    )
    image = uniform(cameras * length * len(OF_IMAGE)).view(cameras * length, -1)
    seen, count, sequence, start, box = uniform(4 * cameras + cameras * length).split(
        [cameras] * 4 + [cameras * length], 1
    )
    # Every identity passes at least two cameras.
    seen = (seen[0] < spec.appears) | (seen[0].argsort(stable=True).argsort(stable=True) < 2)
    count = 1 + (count[0] * spec.longest).long()
    step = torch.arange(length)
    kept = seen[:, None] & (step <= count[:, None])
    camera = (torch.arange(cameras) + 1)[:, None].expand(-1, length)
    first, stride, runs = (
        ((start[0] * 90_000).long(), 25, 3)
        if domain == "market1501"
        else (44_000 + (start[0] * 200_000).long(), 60, 1)
    )
    numbers = torch.stack(
        [
            torch.full_like(camera, number),
            camera,
            (1 + (sequence[0] * runs).long())[:, None].expand(-1, length),
            first[:, None] + step * stride,
            1 + (box.view(cameras, length) * 6).long(),
            (step == count[:, None]).long(),
        ],
        -1,
    )[kept]
    kept = kept.flatten()
    parameters = torch.cat([person, passage, image], 1)[kept]
    return Scenes(
        domain, truth.expand(len(numbers), -1), parameters, labels.expand(len(numbers), -1), numbers
    )
