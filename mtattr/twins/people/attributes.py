"""Schemas of the real sets, and what only a drawing needs to know of each attribute."""

from __future__ import annotations

from dataclasses import dataclass

from mtattr.data.pedestrian_attributes import DUKE, MARKET, Schema
from mtattr.tasks import TaskSet


@dataclass(frozen=True)
class Attribute:
    """One attribute of a pedestrian.

    field: name in the official file; of a colour the prefix of its fields ("up", "down"). part: the
    part mask that holds it.
    train, test: identities per value, as published; of a binary attribute those with values 1 and
    2. unlabelled: identities of train and test without a usable value. male_rate: share of value 2
    among men, where genders differ much.
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


def _drawn(
    schema: Schema, male_rates: dict[str, float], unlabelled: dict[str, tuple[int, int]]
) -> tuple[Attribute, ...]:
    return tuple(
        Attribute(
            a.name,
            a.name.removesuffix("_colour"),
            a.part,
            a.train,
            a.test,
            a.values,
            unlabelled.get(a.name, (0, 0)),
            male_rates.get(a.name),
        )
        for a in schema.attributes
    )


MARKET_ATTRIBUTES = _drawn(
    MARKET,
    {
        "hair": 0.03,
        "up": 0.96,
        "down": 0.55,
        "clothes": 0.998,
        "backpack": 0.30,
        "bag": 0.20,
        "handbag": 0.06,
    },
    {"up_colour": (78, 69), "down_colour": (30, 44)},
)
DUKE_ATTRIBUTES = _drawn(
    DUKE,
    {"top": 0.09, "boots": 0.10, "hat": 0.18, "backpack": 0.70, "handbag": 0.01},
    {"top": (2, 0), "up_colour": (1, 14), "down_colour": (0, 34)},
)
MARKET_TASKS, DUKE_TASKS = MARKET.tasks, DUKE.tasks


@dataclass(frozen=True)
class Domain:
    """One of the two sets: its schema, its cameras and how many images an identity has.

    appears: chance that a camera sees an identity; longest: images of an identity in one camera at
    most.
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
    "market1501": Domain(
        "market1501",
        "Market-1501",
        MARKET_ATTRIBUTES,
        MARKET_TASKS,
        cameras=6,
        appears=0.76,
        longest=6,
    ),
    "duke": Domain(
        "duke", "DukeMTMC-reID", DUKE_ATTRIBUTES, DUKE_TASKS, cameras=8, appears=0.48, longest=8
    ),
}
