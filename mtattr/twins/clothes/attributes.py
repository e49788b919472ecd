"""Labels of the clothing twin as plain data: seventeen categories, attributes and rates.

Names follow the style of the DeepFashion attribute list (lower case, with spaces and hyphens);
rates are our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtattr.errors import InputError
from mtattr.tasks import Task, TaskSet

#: The plain cuts, which use no `MORE_PARAMETERS`: four categories of nearly equal size in the real
#: set.
FOUR_CLASSES = ("Blouse", "Tank", "Shorts", "Skirt")

UPPER, LOWER, FULL = 1, 2, 3


@dataclass(frozen=True)
class Category:
    """One category: official 1-based id, clothes type (UPPER, LOWER, FULL), training images.

    images: for the four of Maeda et al. the training column of their Table 1, for the others the
    public count of the whole benchmark times the training split's share of it, 209222 of 289222.
    """

    number: int
    kind: int
    images: int


#: By official id, which is the order of the task's values when all are chosen.
CATEGORIES = {
    "Blazer": Category(2, UPPER, 5422),
    "Blouse": Category(3, UPPER, 17752),
    "Cardigan": Category(6, UPPER, 9629),
    "Hoodie": Category(10, UPPER, 2928),
    "Jacket": Category(11, UPPER, 7572),
    "Sweater": Category(16, UPPER, 9493),
    "Tank": Category(17, UPPER, 11204),
    "Tee": Category(18, UPPER, 26684),
    "Jeans": Category(26, LOWER, 5119),
    "Joggers": Category(29, LOWER, 3195),
    "Leggings": Category(30, LOWER, 3626),
    "Shorts": Category(32, LOWER, 14195),
    "Skirt": Category(33, LOWER, 10795),
    "Coat": Category(39, FULL, 1534),
    "Dress": Category(41, FULL, 52145),
    "Jumpsuit": Category(42, FULL, 4451),
    "Romper": Category(48, FULL, 5359),
}

#: Attribute type -> number in the official list_attr_cloth.txt.
TYPES = {"texture": 1, "fabric": 2, "shape": 3, "part": 4, "style": 5}


@dataclass(frozen=True)
class Attribute:
    """One binary attribute.

    rates: category -> how often it is present there; 0 = cannot occur. link: what it tells about
    which of `FOUR_CLASSES` is shown (strong, weak, none = nearly equal rates). choice: attributes
    of one image that share a choice exclude each other.
    """

    name: str
    type: str
    region: str
    rates: dict[str, float]
    link: str
    choice: str | None = None


def _rows(kind: str, region: str, choice: str | None, table: str) -> list[Attribute]:
    rows = []
    for line in table.strip().splitlines():
        name, *groups, link = (cell.strip() for cell in line.split("|"))
        per_cent = [float(rate) / 100 for group in groups for rate in group.split()]
        rows.append(
            Attribute(name, kind, region, dict(zip(COLUMNS, per_cent, strict=True)), link, choice)
        )
    return rows


#: Columns of the table below, in per cent.
COLUMNS = (
    *FOUR_CLASSES,
    "Tee", "Sweater", "Cardigan", "Hoodie", "Jacket", "Blazer",
    "Jeans", "Leggings", "Joggers",
    "Dress", "Coat", "Jumpsuit", "Romper",
)  # fmt: skip

ATTRIBUTES: tuple[Attribute, ...] = tuple(
    _rows("texture", "garment", "print", """
        floral print     | 13  5  6 11 |  5  2  3  2  4  3 |  1  5  3 | 20  1 14 20 | weak
        polka dot        |  6  3  3  6 |  3  2  2  1  1  2 |  1  2  1 |  6  1  5  6 | weak
        striped          |  4  9  3  4 | 14 13  8  4  2  1 |  0  2  2 |  8  1  5  5 | weak
        vertical stripe  |  5  3  3  3 |  2  1  1  0  1  3 |  1  2  1 |  3  1  5  3 | none
        pinstripe        |  4  1  4  3 |  1  0  1  0  1  9 |  0  0  1 |  2  2  4  1 | weak
        plaid            |  5  1  5  6 |  1  2  2  2  5  5 |  1  1  2 |  4 11  1  2 | weak
        gingham          |  4  1  3  3 |  1  1  1  0  1  1 |  0  0  0 |  3  1  1  2 | none
        grid print       |  2  2  2  3 |  1  2  2  1  1  3 |  0  2  1 |  2  3  1  2 | none
        leopard print    |  4  3  2  4 |  2  2  2  2  2  1 |  1  5  1 |  3  3  3  3 | none
        zebra print      |  2  2  2  2 |  1  1  1  1  1  0 |  0  3  1 |  2  1  1  1 | none
        chevron          |  2  4  3  4 |  1  4  4  1  1  0 |  0  2  0 |  3  1  1  2 | none
        tie-dye          |  2  7  3  2 |  6  1  1  5  1  0 |  1  6  4 |  3  0  2  3 | weak
        color block      |  5  5  2  3 |  4  6  4  6  5  2 |  1  2  4 |  5  4  2  2 | none
        ombre            |  3  5  3  3 |  3  4  3  2  1  0 |  2  3  2 |  2  0  1  1 | none
        camouflage       |  1  3  5  1 |  2  0  0  4  6  0 |  2  3  7 |  0  1  1  1 | weak
        houndstooth      |  2  1  2  5 |  0  2  2  0  2  4 |  0  1  0 |  1  7  0  0 | weak
        star print       |  2  4  3  2 |  3  2  2  3  1  0 |  1  3  3 |  1  0  1  2 | none
        heart print      |  3  2  2  2 |  3  3  2  2  0  0 |  0  2  1 |  2  0  0  1 | none
    """)
    + _rows("fabric", "garment", "fabric", """
        denim            |  6  2 40 12 |  1  0  1  0 22  1 | 88  0  1 |  4  1  8  8 | strong
        lace             | 10  6  3  7 |  3  1  4  0  1  1 |  0  1  0 | 14  0  6  9 | weak
        rib-knit         |  3 18  2  6 |  5 18 16  4  1  0 |  0  4  4 |  5  1  3  2 | strong
        cable-knit       |  3  3  1  3 |  0 26 18  2  0  0 |  0  0  0 |  1  2  0  0 | none
        chiffon          | 24  5  1  8 |  2  0  2  0  0  0 |  0  0  0 | 17  0  8  9 | strong
        faux leather     |  2  3  5 13 |  0  0  0  0 24  4 |  3 10  3 |  2  6  2  1 | strong
        linen            |  6  4  8  4 |  5  1  2  1  4 12 |  0  0  8 |  5  3 12 10 | none
        satin            | 10  6  3  8 |  1  0  0  0  4  7 |  0  3  3 |  9  1  9  5 | weak
        corduroy         |  1  0  7  7 |  0  0  0  0  4  6 |  4  0  2 |  1  4  1  1 | weak
        mesh             |  2  9  3  2 |  3  2  1  2  1  0 |  0  6  2 |  3  0  1  1 | weak
        tweed            |  2  1  3  7 |  0  3  4  1  6 14 |  0  0  0 |  2 20  0  0 | weak
        quilted          |  2  2  2  4 |  0  2  0  3 10  1 |  0  1  2 |  0  8  0  0 | none
    """)
    + _rows("shape", "outline", "fit", """
        fitted           | 12 46 25 25 | 16  8 10  6 14 30 | 52 80  6 | 34 10 22 16 | weak
        loose            | 46 16 24 20 | 26 34 30 34 20 12 | 14  0 40 | 20 26 30 28 | weak
    """)
    + _rows("shape", "hem", "length", """
        cropped          | 10 20  0  0 | 11  9  5  8 20  3 | 16 14 10 |  0  0  8  0 | strong
        longline         | 16 12  0  0 |  8 10 24  6  6 10 |  0  0  0 |  0  0  0  0 | strong
        mini             |  0  0 42 34 |  0  0  0  0  0  0 |  0  0  0 | 34  0  0  0 | strong
        knee-length      |  0  0 14 26 |  0  0  0  0  0  0 |  0  0  0 | 24 26  0  0 | strong
        maxi             |  0  0  0 16 |  0  0  0  0  0  0 |  0  0  0 | 18 12  0  0 | strong
    """)
    + _rows("shape", "outline", "silhouette", """
        a-line           | 12 12 14 34 |  3  3  4  0  3  2 |  0  0  0 | 30 12  0  8 | strong
        pencil           |  0  0  0 20 |  0  0  0  0  0  0 |  0  0  0 | 12  0  0  0 | strong
        peplum           |  9  6  0  0 |  2  2  3  0  3  6 |  0  0  0 |  6  2  3  4 | strong
        tiered           |  5  3  3 12 |  2  0  0  0  0  0 |  0  0  0 |  9  0  2  5 | weak
    """)
    + _rows("shape", "hem", "hem", """
        high-low hem     | 10  8  0  8 |  6  5  4  0  0  0 |  0  0  0 |  8  0  0  0 | weak
        curved hem       | 14  9 10  5 | 10  4  5  4  5 14 |  0  0  0 |  4  3  0  8 | weak
        asymmetrical hem |  4  6  3  8 |  3  4  6  0  5  2 |  0  0  0 |  6  3  0  0 | weak
        scalloped hem    |  4  3  6  6 |  2  2  2  0  0  0 |  0  0  0 |  4  0  0  5 | none
    """)
    + _rows("shape", "waist", None, """
        high-waist       |  0  0 28 32 |  0  0  0  0  0  0 | 26 22 12 |  0  0  0  0 | strong
    """)
    + _rows("part", "neckline", "neckline", """
        v-neck           | 22 18  0  0 | 20 16 20  0  0  0 |  0  0  0 | 26  0 30 22 | strong
        crew neck        | 16 17  0  0 | 44 44 12  0  0  0 |  0  0  0 | 12  0  8  8 | strong
        scoop neck       |  8 38  0  0 | 16  8  6  0  0  0 |  0  0  0 | 18  0 12 14 | strong
        square neck      |  5 10  0  0 |  3  2  0  0  0  0 |  0  0  0 |  8  0  8  8 | strong
        collar           | 34  2  0  0 |  2  5  4  0 34  0 |  0  0  0 |  6  0  6  5 | strong
        mock neck        |  6  3  0  0 |  3 20  2  0 14  0 |  0  0  0 |  3  0  4  2 | strong
    """)
    + _rows("part", "sleeves", "sleeve", """
        sleeveless       | 16 70  0  0 | 10  4  3  3  6  4 |  0  0  0 | 44  3 40 34 | strong
        spaghetti strap  |  3 26  0  0 |  0  0  0  0  0  0 |  0  0  0 | 18  0 20 24 | strong
        short sleeve     | 26  0  0  0 | 62  8  4  3  3  2 |  0  0  0 | 18  2 12 20 | strong
        long sleeve      | 30  0  0  0 | 14 76 78 86 84 82 |  0  0  0 | 10 86  6  5 | strong
        bell-sleeve      | 10  0  0  0 |  3  7  8  0  3  4 |  0  0  0 |  4  5  3  4 | strong
    """)
    + _rows("part", "chest", None, """
        chest pocket     | 18  9  0  0 | 14  3  5  3 30 22 |  0  0  0 |  6 12 10  8 | strong
        keyhole          |  8  5  0  0 |  5  4  0  0  0  0 |  0  0  0 |  9  0  8  8 | strong
    """)
    + _rows("part", "front", "closure", """
        button-front     | 34  5 14 11 |  3  5 34  2 14  0 |  9  0  2 |  8 16  9  9 | strong
        zip front        |  4  4 22  9 |  1  2  3 36 34  2 | 12  0  4 |  5 10  8  5 | weak
        lace-up          |  8  8  8  7 |  6  5  2  3  2  0 |  5  4  5 |  6  0  6  7 | none
    """)
    + _rows("part", "waist", "waist", """
        belted           |  5  3 17 14 |  1  2  6  0 10  8 | 16  0  3 | 16 36 24 18 | weak
        drawstring       |  4  4 22  8 |  1  1  0  0  6  0 |  3  8 52 |  4  0 12 12 | weak
        elastic waist    |  3  2 14 17 |  1  1  0  0  5  0 |  3 40 26 | 10  0 16 18 | weak
    """)
    + _rows("part", "hips", None, """
        patch pocket     |  3  2 26 10 |  2  4 14  0 22 20 | 24  2 10 |  4 30  8  9 | strong
    """)
    + _rows("part", "neckline", None, """
        bow              | 11  4  5  8 |  5  3  1  0  1  1 |  1  1  0 | 10  4 10 10 | weak
    """)
    + _rows("part", "garment", None, """
        pleated          |  8  4  8 26 |  2  0  0  0  1  2 |  0  0  2 | 16  3  6  6 | strong
        side stripe      |  2  4  9  4 |  3  3  2  4  5  1 |  4 10 18 |  3  2  4  2 | weak
        contrast trim    |  8 13  9  7 | 12  8 12  8 12  8 |  3  4  6 |  8  5  8 10 | none
    """)
    + _rows("part", "hem", None, """
        ruffle           | 15  8  7 14 |  4  3  3  0  1  2 |  0  0  0 | 15  1 10 13 | weak
        cuffed           | 12  0 22  0 | 10  9  8  6 10  6 | 22  0  0 |  0  8  0  0 | strong
        fringe           |  8  9  8  9 |  3  6  6  0  5  0 |  0  0  0 |  6  2  0  0 | none
        side slit        |  7  8  6 14 |  5  7  5  0  2  5 |  0  0  0 | 12  4  0  0 | weak
    """)
    + _rows("style", "chest", "emblem", """
        nautical         |  6  8  6  6 |  5  5  2  2  1  1 |  0  0  1 |  3  0  3  4 | none
        graphic print    |  4 17  3  2 | 26  9  0 22  0  0 |  0  2  2 |  2  0  1  2 | strong
        logo             |  2  9  8  2 | 14  4  0 22  0  0 |  0  6 12 |  1  0  1  1 | weak
    """)
    + _rows("style", "garment", None, """
        sporty           |  4 18 18  6 | 12  3  1 12  8  0 |  0 22 30 |  3  0  2  2 | weak
        boho tassel      | 10  7  5  7 |  5  3  4  0  3  0 |  0  0  0 |  8  0  7  9 | none
        distressed       |  3  6 22  6 |  7  4  3  4  8  0 | 34  2  3 |  1  1  3  3 | strong
        embroidered      | 11  6  6  8 |  6  5  5  3  5  2 |  8  1  1 | 11  2  7  9 | none
        sequined         |  6  7  5  7 |  4  3  3  1  4  4 |  1  2  1 |  9  1  5  3 | none
        studded          |  5  6 10  6 |  4  3  2  2 10  4 |  7  2  2 |  3  3  3  3 | none
        acid wash        |  4  7 14  6 |  6  2  1  5  8  0 | 20  5  6 |  2  0  4  4 | weak
        paint splatter   |  5  7  6  5 |  5  2  1  3  3  0 |  4  4  3 |  2  0  2  2 | none
        patchwork        |  6  5  7  7 |  4  4  4  3  5  3 |  6  3  2 |  4  4  3  3 | none
    """)
)  # fmt: skip

NAMES: tuple[str, ...] = tuple(attribute.name for attribute in ATTRIBUTES)
INDEX: dict[str, int] = {name: k for k, name in enumerate(NAMES)}

#: Choice -> positions of the attributes that exclude each other.
CHOICES: dict[str, tuple[int, ...]] = {
    choice: tuple(k for k, a in enumerate(ATTRIBUTES) if a.choice == choice)
    for choice in dict.fromkeys(a.choice for a in ATTRIBUTES)
    if choice
}


def chosen_classes(classes: str | Sequence[str] | None) -> tuple[str, ...]:
    """Names of the categories wanted: a sequence or "A,B"; None = all, by official id.

    Raises `InputError` for an unknown name, for fewer than two, or for one that is given twice.
    """
    if classes is None:
        return tuple(CATEGORIES)
    names = classes.split(",") if isinstance(classes, str) else classes
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise InputError(f"deepfashion-twin: classes must be names, got {classes!r}")
    names = tuple(name.strip() for name in names)
    for name in names:
        if name not in CATEGORIES:
            raise InputError(
                f"deepfashion-twin: category {name!r} is unknown; there are {', '.join(CATEGORIES)}"
            )
    if len(set(names)) < max(2, len(names)):
        raise InputError(
            f"deepfashion-twin: classes must name at least two different categories, got {classes}"
        )
    return names


def rates_of(classes: Sequence[str]) -> Tensor:
    """How often each attribute is present in each of the categories, float64 (C, A)."""
    return torch.tensor(
        [[a.rates[name] for a in ATTRIBUTES] for name in classes], dtype=torch.float64
    )


def tasks_of(classes: Sequence[str]) -> TaskSet:
    """Task 0, `category`, with the given values, then every attribute as a binary task."""
    return TaskSet(
        [
            Task("category", "categorical", tuple(classes), "category", "garment"),
            *(Task(a.name, group=a.type, region=a.region) for a in ATTRIBUTES),
        ]
    )


TASKS = tasks_of(tuple(CATEGORIES))
