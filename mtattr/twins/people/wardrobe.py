"""Clothes and colours of each pedestrian: labelled by the schema, or chosen by the scene."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.drawing.colour import palette
from mtattr.twins.people.canvas import Canvas
from mtattr.twins.people.records import Wardrobe

#: Both ends of what goes by a colour's name.
NAMED = {
    "black": ((0.060, 0.060, 0.070), (0.160, 0.155, 0.165)),
    "white": ((0.82, 0.82, 0.80), (0.97, 0.96, 0.95)),
    "red": ((0.50, 0.08, 0.11), (0.84, 0.18, 0.18)),
    "purple": ((0.30, 0.16, 0.38), (0.58, 0.40, 0.68)),
    "gray": ((0.34, 0.34, 0.36), (0.62, 0.62, 0.61)),
    "blue": ((0.12, 0.18, 0.38), (0.36, 0.54, 0.80)),
    "green": ((0.17, 0.32, 0.20), (0.45, 0.66, 0.42)),
    "yellow": ((0.80, 0.66, 0.16), (0.95, 0.86, 0.42)),
    "pink": ((0.82, 0.44, 0.54), (0.95, 0.72, 0.76)),
    "brown": ((0.28, 0.18, 0.11), (0.54, 0.38, 0.26)),
    "denim": ((0.16, 0.22, 0.36), (0.40, 0.50, 0.66)),
}
#: Colours that no list of either schema names: an unlabelled garment has one of these, and a
#: pattern.
UNNAMED = ((0.86, 0.46, 0.18), (0.78, 0.68, 0.52), (0.20, 0.52, 0.54), (0.66, 0.60, 0.44))
SKINS = (
    (0.93, 0.76, 0.65),
    (0.88, 0.68, 0.56),
    (0.80, 0.59, 0.46),
    (0.62, 0.44, 0.33),
    (0.40, 0.27, 0.21),
)
HAIRS = (
    (0.07, 0.06, 0.06),
    (0.11, 0.08, 0.07),
    (0.20, 0.13, 0.09),
    (0.34, 0.22, 0.13),
    (0.58, 0.43, 0.25),
)


def dress(c: Canvas) -> Wardrobe:
    """What the pedestrians of a batch wear."""
    female = c.truth("gender") == 1

    def worn(name: str, value: int, otherwise: Tensor) -> Tensor:
        known = c.truth(name)
        return otherwise if known is None else known == value

    coat = c.truth("top")
    long_sleeve = worn(
        "up", 0, (c.p("wears_long_sleeve") < 0.78) | (coat == 1 if coat is not None else False)
    )
    age = c.truth("age")
    if age is None:
        age = 1 + (c.p("is_grown") < 0.35).long()
    up, mixed_up = _cloth_colour(c, "up_colour", "up_shade", "up_light")
    down, mixed_down = _cloth_colour(c, "down_colour", "down_shade", "down_light")
    light_shoes = worn("shoes", 1, c.p("wears_light_shoes") < 0.35)[:, None]
    white, dark = _between("white", c.p("shoe_shade"), c), _between("black", c.p("shoe_shade"), c)
    brown = torch.where(
        (c.p("shoe_kind") < 0.3)[:, None], _between("brown", c.p("shoe_shade") * 0.4, c), dark
    )
    return Wardrobe(
        female=female,
        age=age,
        long_hair=worn(
            "hair",
            1,
            torch.where(female, c.p("wears_long_hair") < 0.75, c.p("wears_long_hair") < 0.04),
        ),
        long_sleeve=long_sleeve,
        shorts=worn("down", 1, c.p("wears_shorts") < 0.15),
        skirt=worn("clothes", 0, female & (c.p("wears_skirt") < 0.10)),
        coat=worn("top", 1, torch.zeros_like(long_sleeve)),
        boots=worn("boots", 1, c.p("wears_boots") < 0.05),
        hat=c.truth("hat") == 1,
        backpack=c.truth("backpack") == 1,
        bag=c.truth("bag") == 1,
        handbag=c.truth("handbag") == 1,
        up=up,
        up_second=_second(c, up, "up_second"),
        mixed_up=mixed_up,
        down=down,
        down_second=_second(c, down, "lower_pattern"),
        mixed_down=mixed_down,
        skin=_between_rows(SKINS, c.p("skin"), c),
        hair=_hair(c, age),
        shoe=torch.where(light_shoes, white, brown),
    )


def carried_colour(c: Canvas, pick: str, light: str) -> Tensor:
    """Colour (B, 3) of something carried: leather, canvas or nylon, often dark."""
    free = palette(c.p(pick), c.p(light))
    dark = torch.tensor([0.10, 0.10, 0.12], device=c.device) + 0.10 * c.p(light)[:, None]
    return torch.where((c.p(pick) < 0.30)[:, None], dark, free)


def _between(name: str, share: Tensor, c: Canvas) -> Tensor:
    low, high = (torch.tensor(end, device=c.device) for end in NAMED[name])
    return low + (high - low) * share[:, None]


def _between_rows(table, pick: Tensor, c: Canvas) -> Tensor:
    colours = torch.tensor(table, device=c.device)
    place = pick * (len(table) - 1)
    low = place.long().clamp(max=len(table) - 2)
    return torch.lerp(colours[low], colours[low + 1], (place - low)[:, None])


def _cloth_colour(c: Canvas, name: str, shade: str, light: str) -> tuple[Tensor, Tensor]:
    values = c.scenes.spec.attributes[c.scenes.spec.index[name]].values
    truth = c.truth(name)
    ends = torch.tensor([NAMED[value] for value in values] + [[UNNAMED[0]] * 2], device=c.device)[
        truth
    ]
    colour = torch.lerp(ends[:, 0], ends[:, 1], c.p(shade)[:, None])
    mixed = truth == len(values)
    unnamed = torch.tensor(UNNAMED, device=c.device)[
        (c.p(shade) * len(UNNAMED)).long().clamp(max=len(UNNAMED) - 1)
    ]
    colour = torch.where(mixed[:, None], unnamed, colour)
    return (colour * (0.94 + 0.12 * c.p(light)[:, None])).clamp(0.03, 1), mixed


def _second(c: Canvas, colour: Tensor, pick: str) -> Tensor:
    """The colour of a pattern: another one, or a lighter or darker one of the same."""
    other = palette(c.p(pick), c.p("up_light"))
    own = torch.where((colour.mean(1, keepdim=True) < 0.4), colour * 0.6 + 0.30, colour * 0.62)
    return torch.where((c.p(pick) < 0.5)[:, None], own, other)


def _hair(c: Canvas, age: Tensor) -> Tensor:
    colour = _between_rows(HAIRS, c.p("hair_colour") ** 2, c)
    grey = torch.tensor([0.66, 0.65, 0.64], device=c.device) * (
        0.85 + 0.3 * c.p("hair_colour")[:, None]
    )
    greying = torch.where(age == 3, 1.0, torch.where(age == 2, 0.45 * c.p("beard"), 0.0))
    return torch.lerp(colour, grey, greying[:, None])
