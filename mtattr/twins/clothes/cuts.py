"""Cuts of the categories as plain data: distance of view, bulk, length, legs, front."""

from __future__ import annotations

from dataclasses import dataclass

#: Height of the waist of garments that hang from the shoulders, less that of trousers on the same
#: person.
BODY_SHIFT = 0.72


@dataclass(frozen=True)
class Cut:
    """The cut of one category, in garment units.

    zoom, lift: size and height in the picture, as factor and shift. bulk: added to the half width
    of body and sleeves.
    longer: added to the length of an upper garment. legs: radius of a leg at thigh, knee and ankle,
    or None. gape: how much the gap between them widens downwards at least.
    opens: the front is a gap between two panels unless something closes it. vee: depth of the gap
    that lapels leave.
    ribbed: hem and cuffs end in knitted bands.
    """

    zoom: float = 1.0
    lift: float = 0.0
    bulk: float = 0.0
    longer: float = 0.0
    legs: tuple[float, float, float] | None = None
    gape: float = 0.02
    opens: bool = False
    vee: float = 0.0
    ribbed: bool = False


CUTS = {
    "Blouse": Cut(),
    "Tank": Cut(),
    "Shorts": Cut(zoom=1.20, lift=0.20),
    "Skirt": Cut(zoom=1.20, lift=0.20),
    "Tee": Cut(bulk=0.012, longer=0.02),
    "Sweater": Cut(bulk=0.024, longer=0.02, ribbed=True),
    "Cardigan": Cut(bulk=0.018, longer=0.10, opens=True, ribbed=True),
    "Hoodie": Cut(zoom=0.93, lift=0.05, bulk=0.036, longer=0.04, ribbed=True),
    "Jacket": Cut(zoom=0.97, bulk=0.034, longer=-0.02, opens=True),
    "Blazer": Cut(zoom=0.95, bulk=0.022, longer=0.12, opens=True, vee=0.78),
    "Jeans": Cut(zoom=0.73, lift=-0.34, legs=(0.172, 0.126, 0.112)),
    "Leggings": Cut(zoom=0.73, lift=-0.34, legs=(0.158, 0.100, 0.072)),
    "Joggers": Cut(zoom=0.73, lift=-0.34, legs=(0.188, 0.152, 0.092), ribbed=True),
    "Dress": Cut(zoom=0.76, lift=-0.22),
    "Coat": Cut(zoom=0.77, lift=-0.18, bulk=0.040, opens=True, vee=0.62),
    "Jumpsuit": Cut(zoom=0.60, lift=-0.42, legs=(0.184, 0.152, 0.146)),
    "Romper": Cut(zoom=0.82, lift=-0.16, legs=(0.200, 0.200, 0.200), gape=0.22),
}
