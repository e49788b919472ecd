"""Geometric masks of the parts of a pedestrian: the independent check on regions."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from mtattr.data.options import ImageSize, image_shape_of
from mtattr.twins.drawing.shapes import box, ellipse, limb
from mtattr.twins.people.bags import PACK, bag_centre, strap_ends, strap_point
from mtattr.twins.people.canvas import Canvas
from mtattr.twins.people.people import NATIVE_SIZE, prepared
from mtattr.twins.people.records import Point
from mtattr.twins.people.scene import Scenes
from mtattr.twins.people.trunk import hem_level

#: How far a part's colour may run beyond its outline, in the person's heights: the blur of the
#: lens.
MARGIN = 0.022


def part_masks(scene: Scenes, image_size: ImageSize = NATIVE_SIZE) -> dict[str, Tensor]:
    """Part -> its place in one scene, hidden or not, float32 (H, W) in {0, 1}.

    Parts are those of the schema's attributes. Each is a union of boxes, ellipses and bars around
    the landmarks.
    """
    c = prepared(scene.rows(slice(0, 1)), image_shape_of(image_size))
    margin = MARGIN + 1.5 * float(c.frame.pixel)
    return {
        part: (PARTS[part](c)[0] < margin).float()
        for part in dict.fromkeys(a.part for a in scene.spec.attributes)
    }


def _bar(c: Canvas, a: Point, b: Point, radius: float) -> Tensor:
    return limb(c.x, c.y, a[0], a[1], b[0], b[1], radius, radius)


def _union(distances: list[Tensor]) -> Tensor:
    return torch.stack(distances).amin(0)


def _head(c: Canvas) -> Tensor:
    f = c.figure
    size = float(f.unit * f.head_size)
    head = f.head
    behind, front = f.at(0.0, 0.68, -0.09), f.at(0.0, 0.73, 0.03)
    hat = ellipse(c.x, c.y, head[0], head[1] - 0.01 * size, 0.112 * size, 0.105 * size)
    return _union([hat, _bar(c, head, behind, 0.062 * size), _bar(c, head, front, 0.060 * size)])


def _upper(c: Canvas) -> Tensor:
    f = c.figure
    unit = float(f.unit)
    top, bottom = (
        f.at(0.0, 0.85, 0.0),
        f.at(
            0.0,
            float(hem_level(c)) if c.wears.coat.any() or "top" not in c.scenes.spec.index else 0.29,
            0.0,
        ),
    )
    width = float(f.across(f.hip).maximum(f.across(f.chest))) + 0.05 * unit
    trunk = limb(c.x, c.y, top[0], top[1], bottom[0], bottom[1], width, width, cut=True)
    trunk = torch.maximum(trunk, top[1] - 0.035 - c.y)
    arms = [
        _bar(c, a, b, 0.055 * unit)
        for arm in (f.far_arm, f.near_arm)
        for a, b in (arm[:2], arm[1:])
    ]
    return _union([trunk, *arms])


def _lower(c: Canvas) -> Tensor:
    f = c.figure
    unit, hips = float(f.unit), f.hips
    knees = [leg[1] for leg in (f.far_leg, f.near_leg)]
    spread = float((knees[0][0] - knees[1][0]).abs()) / 2
    width = 1.4 * float(f.across(f.hip)) + 0.5 * spread + 0.03 * unit
    middle = (hips[0] + (knees[0][0] + knees[1][0]) / 2) / 2
    skirt = box(c.x, c.y, middle, hips[1] + 0.18 * unit, width, 0.30 * unit)
    legs = [
        _bar(c, a, b, 0.063 * unit)
        for leg in (f.far_leg, f.near_leg)
        for a, b in (leg[:2], leg[1:3])
    ]
    return _union([skirt, *legs])


def _feet(c: Canvas) -> Tensor:
    f = c.figure
    unit = float(f.unit)
    return _union(
        [
            _bar(c, a, b, 0.052 * unit)
            for leg in (f.far_leg, f.near_leg)
            for a, b in (leg[1:3], leg[2:4], leg[3:5])
        ]
    )


def _back(c: Canvas) -> Tensor:
    f = c.figure
    pack = f.at(0.0, 0.715, -(f.chest[1] + 0.050))
    width = float(f.across((f.unit * 0 + PACK[0], f.unit * 0 + PACK[2]))) * 1.2
    straps = f.at(0.0, 0.77, 0.03)
    reach = float(f.across((f.unit * 0 + 0.10, f.unit * 0 + 0.075)))
    unit = float(f.unit)
    return _union(
        [
            box(c.x, c.y, pack[0], pack[1], width, PACK[1] * 1.2 * unit),
            box(c.x, c.y, straps[0], straps[1], reach, 0.11 * unit),
        ]
    )


def _sides(c: Canvas) -> Tensor:
    f = c.figure
    unit = float(f.unit)
    side = torch.where(c.p("bag_side") < 0.5, -1.0, 1.0)
    ends = strap_ends(c, side, c.p("bag_kind") < 0.6)
    points = [
        f.at(*ends[0]),
        f.at(*strap_point(*ends, 0.5), 0.07 * torch.sign(f.cos)),
        f.at(*ends[1]),
    ]
    straps = [_bar(c, *pair, 0.05 * unit) for pair in itertools.pairwise(points)]
    bag = bag_centre(c, side)
    hands = [
        ellipse(c.x, c.y, arm[2][0], arm[2][1] + 0.09 * unit, 0.115 * unit, 0.135 * unit)
        for arm in (f.far_arm, f.near_arm)
    ]
    return _union([*straps, box(c.x, c.y, bag[0], bag[1], 0.12 * unit, 0.09 * unit), *hands])


def _person(c: Canvas) -> Tensor:
    """Everything: boxes for head with hat, trunk with arms and bags, and legs."""
    f = c.figure
    grown = max(1.0, 0.95 / float(f.unit))

    def reach(chains: list[list[Point]], beyond: float) -> float:
        return (
            float(torch.stack([point[0] for chain in chains for point in chain]).abs().max())
            * grown
            + beyond
        )

    head = box(c.x, c.y, f.head[0] * grown, -0.33, 0.15, 0.23)
    trunk = box(c.x, c.y, 0.0, -0.08, reach([f.far_arm, f.near_arm, [f.head]], 0.10), 0.26)
    legs = box(c.x, c.y, 0.0, 0.26, max(reach([f.far_leg, f.near_leg], 0.07), 0.16), 0.30)
    return _union([head, trunk, legs])


PARTS: dict[str, Callable[[Canvas], Tensor]] = {
    "head": _head,
    "upper": _upper,
    "lower": _lower,
    "feet": _feet,
    "back": _back,
    "sides": _sides,
    "person": _person,
}
