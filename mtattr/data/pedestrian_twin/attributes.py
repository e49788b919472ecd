"""What the pedestrian twins label: the two official schemas with their published rates, as plain data.

Counts of identities are those of `market_attribute.mat` and `duke_attribute.mat` (Lin et al., Pattern Recognition 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

from mtattr.tasks import Task, TaskSet

AGES = ("young", "teenager", "adult", "old")


@dataclass(frozen=True)
class Attribute:
    """One attribute of a pedestrian.

    field: name in the official file; of a colour the prefix of its fields ("up", "down"). part: the part mask that holds it.
    train, test: identities per value, as published; of a binary attribute those with values 1 and 2. unlabelled: identities
    of train and test without a usable value. male_rate: share of value 2 among men, where genders differ much.
    """

    name: str
    field: str
    part: str
    train: tuple[int, ...]
    test: tuple[int, ...]
    values: tuple[str, ...] = ()
    unlabelled: tuple[int, int] = (0, 0)
    male_rate: float | None = None

    def counts(self, role: str) -> tuple[int, ...]:
        """Identities per value in the official training ("train") or test ("test") identities."""
        return self.train if role == "train" else self.test

    @property
    def is_colour(self) -> bool:
        """Whether the official file gives it as one flag a colour."""
        return self.name.endswith("_colour")


#: Colours in the order of the official evaluation script, which is the order of the class indices.
MARKET_ATTRIBUTES = (
    Attribute("gender", "gender", "person", (431, 320), (414, 336)),
    Attribute("hair", "hair", "head", (506, 245), (475, 275), male_rate=0.03),
    Attribute("age", "age", "person", (14, 569, 160, 8), (2, 640, 103, 5), values=AGES),
    Attribute("up", "up", "upper", (39, 712), (45, 705), male_rate=0.96),
    Attribute("down", "down", "lower", (294, 457), (262, 488), male_rate=0.55),
    Attribute("clothes", "clothes", "lower", (110, 641), (85, 665), male_rate=0.998),
    Attribute("hat", "hat", "head", (731, 20), (727, 23)),
    Attribute("backpack", "backpack", "back", (552, 199), (563, 187), male_rate=0.30),
    Attribute("bag", "bag", "sides", (566, 185), (565, 185), male_rate=0.20),
    Attribute("handbag", "handbag", "sides", (665, 86), (674, 76), male_rate=0.06),
    Attribute(
        "up_colour", "up", "upper", (113, 228, 78, 30, 86, 46, 56, 36), (109, 208, 76, 24, 106, 52, 45, 61),
        values=("black", "white", "red", "purple", "gray", "blue", "green", "yellow"), unlabelled=(78, 69),
    ),
    Attribute(
        "down_colour", "down", "lower", (293, 58, 29, 123, 123, 14, 69, 10, 2), (287, 50, 20, 126, 154, 20, 48, 1, 0),
        values=("black", "white", "pink", "gray", "blue", "green", "brown", "yellow", "purple"), unlabelled=(30, 44),
    ),
)  # fmt: skip

DUKE_ATTRIBUTES = (
    Attribute("gender", "gender", "person", (394, 308), (637, 473)),
    Attribute("top", "top", "upper", (593, 107), (995, 115), unlabelled=(2, 0), male_rate=0.09),
    Attribute("boots", "boots", "feet", (511, 191), (816, 294), male_rate=0.10),
    Attribute("shoes", "shoes", "feet", (598, 104), (969, 141)),
    Attribute("hat", "hat", "head", (598, 104), (905, 205), male_rate=0.18),
    Attribute("backpack", "backpack", "back", (247, 455), (371, 739), male_rate=0.70),
    Attribute("bag", "bag", "sides", (584, 118), (921, 189)),
    Attribute("handbag", "handbag", "sides", (672, 30), (1074, 36), male_rate=0.01),
    Attribute(
        "up_colour", "up", "upper", (431, 54, 44, 9, 76, 66, 10, 11), (666, 83, 53, 7, 141, 103, 20, 23),
        values=("black", "white", "red", "purple", "gray", "blue", "green", "brown"), unlabelled=(1, 14),
    ),
    Attribute(
        "down_colour", "down", "lower", (300, 57, 11, 77, 224, 1, 32), (542, 85, 20, 93, 324, 7, 52),
        values=("black", "white", "red", "gray", "blue", "green", "brown"), unlabelled=(0, 34),
    ),
)  # fmt: skip


def _tasks(attributes: tuple[Attribute, ...]) -> TaskSet:
    return TaskSet(Task(a.name, "categorical" if a.values else "binary", a.values, a.part, a.part) for a in attributes)


MARKET_TASKS = _tasks(MARKET_ATTRIBUTES)
DUKE_TASKS = _tasks(DUKE_ATTRIBUTES)


@dataclass(frozen=True)
class Domain:
    """One of the two sets: its schema, its cameras and how many images an identity has.

    appears: chance that a camera sees an identity; longest: images of an identity in one camera at most.
    name: the real set's name in `mtattr.data`; title: its name in print.
    """

    name: str
    title: str
    attributes: tuple[Attribute, ...]
    tasks: TaskSet
    cameras: int
    appears: float
    longest: int

    @property
    def index(self) -> dict[str, int]:
        """Attribute name -> position."""
        return {a.name: k for k, a in enumerate(self.attributes)}


DOMAINS = {
    "market1501": Domain("market1501", "Market-1501", MARKET_ATTRIBUTES, MARKET_TASKS, cameras=6, appears=0.76, longest=6),
    "duke": Domain("duke", "DukeMTMC-reID", DUKE_ATTRIBUTES, DUKE_TASKS, cameras=8, appears=0.48, longest=8),
}
