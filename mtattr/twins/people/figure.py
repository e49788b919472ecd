"""The walking figure: a skeleton in three dimensions, seen by the camera.

Lengths are shares of a grown person's height, as anthropometric tables give them: eyes, shoulders,
hips and knees at about 0.94, 0.82, 0.51 and 0.28 of it. Points are (x, y, depth): the person's
frame, and how much nearer than the axis.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mtattr.twins.people.canvas import Canvas
from mtattr.twins.people.records import Figure, Point, Wardrobe

TAU = 2 * math.pi


def stand(c: Canvas, wardrobe: Wardrobe) -> Figure:
    """The figures of a batch."""
    facing = TAU * c.p("facing")
    # Most people walk along the street's axis: towards the camera or away from it.
    angle = facing - 0.22 * torch.sin(2 * facing) + c.pick("turn", -0.22, 0.22)
    cos, sin, pitch = torch.cos(angle), torch.sin(angle), c.of_camera("pitch")
    female, age = wardrobe.female.float(), wardrobe.age
    young, adult, old = (age == 0).float(), (age == 2).float(), (age == 3).float()
    unit = (
        c.pick("height", 0.965, 1.03) * (1 - 0.055 * female) * (1 - 0.26 * young) * (1 - 0.03 * old)
    )
    bulk = c.pick("build", 0.90, 1.10) * (1 + 0.15 * adult + 0.08 * old) * (1 - 0.07 * female)
    lean = c.pick("posture", 0.00, 0.08) + 0.26 * old
    shoulder_width = c.pick("shoulders", 0.104, 0.115) * (1 - 0.13 * female) * (0.60 + 0.40 * bulk)

    legs, arms = _legs(c, female, old), _arms(c, old, bulk, shoulder_width)
    # The body sinks until the lower foot stands on the ground.
    sink = torch.stack([point[1] for leg in legs for point in leg[3:]]).amin(0) - 0.016

    def seen(point: Point, lean: Tensor | float) -> Point:
        x, y, z = point
        z = z + lean * (y - 0.5).clamp(min=0)
        depth = (z * cos - x * sin) * unit
        return (x * cos + z * sin) * unit, 0.5 - (y - sink) * unit + depth * pitch, depth

    legs = [[seen(point, 0.0) for point in leg] for leg in legs]
    arms = [[seen(point, lean) for point in arm] for arm in arms]
    left_is_near = sin < 0
    # Legs overlap by their own depth, not by the shoulders': the foot in front covers the other
    # one.
    left_leg_is_near = legs[0][1][2] + legs[0][2][2] > legs[1][1][2] + legs[1][2][2]
    far_arm, near_arm = _ordered(*arms, left_is_near)
    far_leg, near_leg = _ordered(*legs, left_leg_is_near)
    return Figure(
        cos=cos, sin=sin, pitch=pitch, unit=unit, drop=sink * unit, lean=lean, bulk=bulk,
        head_size=(1 - 0.03 * female) * (1 + 0.16 * young), far_arm=far_arm, near_arm=near_arm,
        far_leg=far_leg, near_leg=near_leg, left_is_near=left_is_near,
        shoulder_width=shoulder_width,
        waist=(
            (0.082 - 0.018 * female) * bulk + 0.010 * (adult + old),
            (0.060 - 0.007 * female) * bulk + 0.024 * (adult + old),
        ),
        chest=((0.100 - 0.010 * female) * bulk, (0.068 + 0.004 * female) * bulk),
        hip=((0.088 + 0.014 * female) * bulk, (0.068 + 0.010 * female) * bulk),
    )  # fmt: skip


def _pace(c: Canvas, old: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Share of a walk, swing of the legs in radians, and phase of the step."""
    walking = torch.where(c.p("gait") < 0.16, 0.12, 1.0)
    return walking, walking * c.pick("stride", 0.30, 0.48) * (1 - 0.35 * old), TAU * c.p("phase")


def _legs(c: Canvas, female: Tensor, old: Tensor) -> list[list[Point]]:
    """Hip, knee, ankle, heel and toe of the left and the right leg, in body coordinates."""
    walking, stride, phase = _pace(c, old)
    hip_width = c.pick("hips", 0.046, 0.052) * (1 + 0.14 * female)
    legs = []
    for sign in (1.0, -1.0):
        swing, forward = stride * sign * torch.sin(phase), sign * torch.cos(phase)
        # The knee bends most while its leg swings forward.
        bend = (
            0.95 * forward.clamp(min=0) ** 1.5 * (0.4 + 0.6 * (1 - swing / 0.48).clamp(0, 1.3))
            + 0.05
        )
        bend = 0.06 + walking * bend + 0.10 * old
        thigh, shank = swing + 0.35 * bend, swing - 0.65 * bend
        hip = (sign * hip_width, torch.full_like(swing, 0.51), torch.zeros_like(swing))
        knee = (hip[0] * 0.98, hip[1] - 0.235 * torch.cos(thigh), 0.235 * torch.sin(thigh))
        x, y, z = (
            hip[0] * (0.85 - 0.2 * female),
            knee[1] - 0.235 * torch.cos(shank),
            knee[2] + 0.235 * torch.sin(shank),
        )
        tip = (0.25 * swing + 0.85 * (shank - 0.05).clamp(max=0)).clamp(-1.1, 0.35)
        down, ahead = torch.cos(tip), torch.sin(tip)
        heel = (x, y - 0.028 * down - 0.006, z - 0.014 + 0.028 * ahead)
        toe = (x + 0.012 * sign, y - 0.030 * down + 0.088 * ahead, z + 0.088 * down + 0.026 * ahead)
        legs.append([hip, knee, (x, y, z), heel, toe])
    return legs


def _arms(c: Canvas, old: Tensor, bulk: Tensor, shoulder_width: Tensor) -> list[list[Point]]:
    """Shoulder, elbow and wrist of both arms in body coordinates, swung against the legs."""
    _, stride, phase = _pace(c, old)
    arms = []
    for sign in (1.0, -1.0):
        swing = -0.85 * stride * sign * torch.sin(phase) + c.pick("arm", -0.08, 0.10)
        fore = swing + c.pick("stance", 0.12, 0.45) + 0.35 * swing.clamp(min=0)
        x, y, z = (
            sign * shoulder_width,
            torch.full_like(swing, 0.793),
            torch.full_like(swing, -0.004),
        )
        elbow = (
            x + sign * 0.165 * (0.13 + 0.06 * bulk),
            y - 0.165 * torch.cos(swing),
            z + 0.165 * torch.sin(swing),
        )
        wrist = (
            elbow[0] - sign * 0.02,
            elbow[1] - 0.145 * torch.cos(fore),
            elbow[2] + 0.145 * torch.sin(fore),
        )
        arms.append([(x, y, z), elbow, wrist])
    return arms


def _ordered(
    left: list[Point], right: list[Point], left_is_near: Tensor
) -> tuple[list[Point], list[Point]]:
    """The far and the near one of two limbs."""

    def chosen(which: Tensor) -> list[Point]:
        return [
            tuple(torch.where(which, a, b) for a, b in zip(p, q, strict=True))
            for p, q in zip(left, right, strict=True)
        ]

    return chosen(~left_is_near), chosen(left_is_near)
