"""What the clothing twin labels: four categories and the attributes with their rates, as plain data.

Names follow the style of the DeepFashion attribute list (lower case, with spaces and hyphens); rates are our own.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtattr.tasks import Task, TaskSet

#: Category name -> (official 1-based id, official clothes type: 1 upper, 2 lower), in the order of the task's values.
CATEGORIES = {"Blouse": (3, 1), "Tank": (17, 1), "Shorts": (32, 2), "Skirt": (33, 2)}

#: Share of each category: the training column of Maeda et al., Table 1.
CATEGORY_COUNTS = (17752, 11204, 14195, 10795)

#: Attribute type -> number in the official list_attr_cloth.txt.
TYPES = {"texture": 1, "fabric": 2, "shape": 3, "part": 4, "style": 5}


@dataclass(frozen=True)
class Attribute:
    """One binary attribute.

    rates: how often it is present in a Blouse, Tank, Shorts, Skirt; 0 = cannot occur there. link: what it tells about
    the category (strong, weak, none = nearly equal rates). choice: attributes of one image that share a choice exclude each other.
    """

    name: str
    type: str
    region: str
    rates: tuple[float, float, float, float]
    link: str
    choice: str | None = None


def _rows(kind: str, region: str, choice: str | None, table: str) -> list[Attribute]:
    rows = []
    for line in table.strip().splitlines():
        name, *rates, link = (cell.strip() for cell in line.split("|"))
        rows.append(Attribute(name, kind, region, tuple(float(rate) / 100 for rate in rates), link, choice))
    return rows


# Columns: name | per cent in Blouse | Tank | Shorts | Skirt | link
ATTRIBUTES: tuple[Attribute, ...] = tuple(
    _rows("texture", "garment", "print", """
        floral print    | 13 |  5 |  6 | 11 | weak
        polka dot       |  6 |  3 |  3 |  6 | weak
        striped         |  4 |  9 |  3 |  4 | weak
        vertical stripe |  5 |  3 |  3 |  3 | none
        pinstripe       |  4 |  1 |  4 |  3 | weak
        plaid           |  5 |  1 |  5 |  6 | weak
        gingham         |  4 |  1 |  3 |  3 | none
        grid print      |  2 |  2 |  2 |  3 | none
        leopard print   |  4 |  3 |  2 |  4 | none
        zebra print     |  2 |  2 |  2 |  2 | none
        chevron         |  2 |  4 |  3 |  4 | none
        tie-dye         |  2 |  7 |  3 |  2 | weak
        color block     |  5 |  5 |  2 |  3 | none
        ombre           |  3 |  5 |  3 |  3 | none
        camouflage      |  1 |  3 |  5 |  1 | weak
        houndstooth     |  2 |  1 |  2 |  5 | weak
        star print      |  2 |  4 |  3 |  2 | none
        heart print     |  3 |  2 |  2 |  2 | none
    """)
    + _rows("fabric", "garment", "fabric", """
        denim           |  6 |  2 | 40 | 12 | strong
        lace            | 10 |  6 |  3 |  7 | weak
        rib-knit        |  3 | 18 |  2 |  6 | strong
        cable-knit      |  3 |  3 |  1 |  3 | none
        chiffon         | 24 |  5 |  1 |  8 | strong
        faux leather    |  2 |  3 |  5 | 13 | strong
        linen           |  6 |  4 |  8 |  4 | none
        satin           | 10 |  6 |  3 |  8 | weak
        corduroy        |  1 |  0 |  7 |  7 | weak
        mesh            |  2 |  9 |  3 |  2 | weak
        tweed           |  2 |  1 |  3 |  7 | weak
        quilted         |  2 |  2 |  2 |  4 | none
    """)
    + _rows("shape", "outline", "fit", """
        fitted          | 12 | 46 | 25 | 25 | weak
        loose           | 46 | 16 | 24 | 20 | weak
    """)
    + _rows("shape", "hem", "length", """
        cropped         | 10 | 20 |  0 |  0 | strong
        longline        | 16 | 12 |  0 |  0 | strong
        mini            |  0 |  0 | 42 | 34 | strong
        knee-length     |  0 |  0 | 14 | 26 | strong
        maxi            |  0 |  0 |  0 | 16 | strong
    """)
    + _rows("shape", "outline", "silhouette", """
        a-line          | 12 | 12 | 14 | 34 | strong
        pencil          |  0 |  0 |  0 | 20 | strong
        peplum          |  9 |  6 |  0 |  0 | strong
        tiered          |  5 |  3 |  3 | 12 | weak
    """)
    + _rows("shape", "hem", "hem", """
        high-low hem    | 10 |  8 |  0 |  8 | weak
        curved hem      | 14 |  9 | 10 |  5 | weak
        asymmetrical hem|  4 |  6 |  3 |  8 | weak
        scalloped hem   |  4 |  3 |  6 |  6 | none
    """)
    + _rows("shape", "waist", None, """
        high-waist      |  0 |  0 | 28 | 32 | strong
    """)
    + _rows("part", "neckline", "neckline", """
        v-neck          | 22 | 18 |  0 |  0 | strong
        crew neck       | 16 | 17 |  0 |  0 | strong
        scoop neck      |  8 | 38 |  0 |  0 | strong
        square neck     |  5 | 10 |  0 |  0 | strong
        collar          | 34 |  2 |  0 |  0 | strong
        mock neck       |  6 |  3 |  0 |  0 | strong
    """)
    + _rows("part", "sleeves", "sleeve", """
        sleeveless      | 16 | 70 |  0 |  0 | strong
        spaghetti strap |  3 | 26 |  0 |  0 | strong
        short sleeve    | 26 |  0 |  0 |  0 | strong
        long sleeve     | 30 |  0 |  0 |  0 | strong
        bell-sleeve     | 10 |  0 |  0 |  0 | strong
    """)
    + _rows("part", "chest", None, """
        chest pocket    | 18 |  9 |  0 |  0 | strong
        keyhole         |  8 |  5 |  0 |  0 | strong
    """)
    + _rows("part", "front", "closure", """
        button-front    | 34 |  5 | 14 | 11 | strong
        zip front       |  4 |  4 | 22 |  9 | weak
        lace-up         |  8 |  8 |  8 |  7 | none
    """)
    + _rows("part", "waist", "waist", """
        belted          |  5 |  3 | 17 | 14 | weak
        drawstring      |  4 |  4 | 22 |  8 | weak
        elastic waist   |  3 |  2 | 14 | 17 | weak
    """)
    + _rows("part", "hips", None, """
        patch pocket    |  3 |  2 | 26 | 10 | strong
    """)
    + _rows("part", "neckline", None, """
        bow             | 11 |  4 |  5 |  8 | weak
    """)
    + _rows("part", "garment", None, """
        pleated         |  8 |  4 |  8 | 26 | strong
        side stripe     |  2 |  4 |  9 |  4 | weak
        contrast trim   |  8 | 13 |  9 |  7 | none
    """)
    + _rows("part", "hem", None, """
        ruffle          | 15 |  8 |  7 | 14 | weak
        cuffed          | 12 |  0 | 22 |  0 | strong
        fringe          |  8 |  9 |  8 |  9 | none
        side slit       |  7 |  8 |  6 | 14 | weak
    """)
    + _rows("style", "chest", "emblem", """
        nautical        |  6 |  8 |  6 |  6 | none
        graphic print   |  4 | 17 |  3 |  2 | strong
        logo            |  2 |  9 |  8 |  2 | weak
    """)
    + _rows("style", "garment", None, """
        sporty          |  4 | 18 | 18 |  6 | weak
        boho tassel     | 10 |  7 |  5 |  7 | none
        distressed      |  3 |  6 | 22 |  6 | strong
        embroidered     | 11 |  6 |  6 |  8 | none
        sequined        |  6 |  7 |  5 |  7 | none
        studded         |  5 |  6 | 10 |  6 | none
        acid wash       |  4 |  7 | 14 |  6 | weak
        paint splatter  |  5 |  7 |  6 |  5 | none
        patchwork       |  6 |  5 |  7 |  7 | none
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

TASKS = TaskSet(
    [
        Task("category", "categorical", tuple(CATEGORIES), "category", "garment"),
        *(Task(a.name, group=a.type, region=a.region) for a in ATTRIBUTES),
    ]
)
