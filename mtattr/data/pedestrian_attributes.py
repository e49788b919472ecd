"""The attributes of Market-1501 and DukeMTMC-reID, with their official fields and counts.

Lin et al., "Improving Person Re-identification by Attribute and Identity Learning", Pattern
Recognition 2019. Colours stand in the order of the official evaluation script; counts are of
identities, from the official files.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtattr.tasks import Task, TaskSet

_AGES = ("young", "teenager", "adult", "old")


@dataclass(frozen=True)
class Attribute:
    """One attribute of the official file.

    A binary attribute is a field with the values 1 and 2, an age one with 1..4; a colour is one
    field per value, named field + value, with 2 where the colour is flagged.

    Args:
        train, test: published identities per value, unknown ones left out.
    """

    name: str
    part: str
    train: tuple[int, ...]
    test: tuple[int, ...]
    values: tuple[str, ...] = ()

    @property
    def task(self) -> Task:
        """The task; the part of the body is its group and its region."""
        return Task(
            self.name, "categorical" if self.values else "binary", self.values, self.part, self.part
        )

    @property
    def fields(self) -> tuple[str, ...]:
        """The field, or one field for each colour."""
        if not self.name.endswith("_colour"):
            return (self.name,)
        return tuple(self.name.removesuffix("_colour") + value for value in self.values)

    @property
    def rate_names(self) -> list[str]:
        """Texts "name = value" of each value, or the name alone of a binary attribute."""
        return [f"{self.name} = {value}" for value in self.values] or [self.name]


@dataclass(frozen=True)
class Schema:
    """The attributes of one set.

    Args:
        variable: name of the variable in its MATLAB file.
        identities: published number of labelled identities of the halves "train" and "test".
        zero_is_unknown: True if a binary 0 means "not labelled".
    """

    name: str
    variable: str
    attributes: tuple[Attribute, ...]
    identities: dict[str, int]
    zero_is_unknown: bool

    @property
    def tasks(self) -> TaskSet:
        """The attributes as tasks, in order."""
        return TaskSet(attribute.task for attribute in self.attributes)

    def published_rates(self, half: str) -> dict[str, float]:
        """{name or "name = value": published share of the identities of "train" or "test"}.

        The name alone stands for the value 2 of a binary attribute. Shares are of all identities,
        labelled or not.
        """
        rates = {}
        for attribute in self.attributes:
            counts = attribute.train if half == "train" else attribute.test
            names = attribute.rate_names
            for name, count in zip(names, counts[-len(names) :], strict=True):
                rates[name] = count / self.identities[half]
        return rates


MARKET = Schema(
    name="market1501",
    variable="market_attribute",
    identities={"train": 751, "test": 750},
    zero_is_unknown=False,
    attributes=(
        Attribute("gender", "person", (431, 320), (414, 336)),
        Attribute("hair", "head", (506, 245), (475, 275)),
        Attribute("age", "person", (14, 569, 160, 8), (2, 640, 103, 5), _AGES),
        Attribute("up", "upper", (39, 712), (45, 705)),
        Attribute("down", "lower", (294, 457), (262, 488)),
        Attribute("clothes", "lower", (110, 641), (85, 665)),
        Attribute("hat", "head", (731, 20), (727, 23)),
        Attribute("backpack", "back", (552, 199), (563, 187)),
        Attribute("bag", "sides", (566, 185), (565, 185)),
        Attribute("handbag", "sides", (665, 86), (674, 76)),
        Attribute(
            "up_colour",
            "upper",
            (113, 228, 78, 30, 86, 46, 56, 36),
            (109, 208, 76, 24, 106, 52, 45, 61),
            ("black", "white", "red", "purple", "gray", "blue", "green", "yellow"),
        ),
        Attribute(
            "down_colour",
            "lower",
            (293, 58, 29, 123, 123, 14, 69, 10, 2),
            (287, 50, 20, 126, 154, 20, 48, 1, 0),
            ("black", "white", "pink", "gray", "blue", "green", "brown", "yellow", "purple"),
        ),
    ),
)

# The published counts hold an identity with several lower colours (23 of the test identities)
# under each of them.
DUKE = Schema(
    name="duke",
    variable="duke_attribute",
    identities={"train": 702, "test": 1110},
    zero_is_unknown=True,
    attributes=(
        Attribute("gender", "person", (394, 308), (637, 473)),
        Attribute("top", "upper", (593, 107), (995, 115)),
        Attribute("boots", "feet", (511, 191), (816, 294)),
        Attribute("shoes", "feet", (598, 104), (969, 141)),
        Attribute("hat", "head", (598, 104), (905, 205)),
        Attribute("backpack", "back", (247, 455), (371, 739)),
        Attribute("bag", "sides", (584, 118), (921, 189)),
        Attribute("handbag", "sides", (672, 30), (1074, 36)),
        Attribute(
            "up_colour",
            "upper",
            (431, 54, 44, 9, 76, 66, 10, 11),
            (666, 83, 53, 7, 141, 103, 20, 23),
            ("black", "white", "red", "purple", "gray", "blue", "green", "brown"),
        ),
        Attribute(
            "down_colour",
            "lower",
            (300, 57, 11, 77, 224, 1, 32),
            (542, 85, 20, 93, 324, 7, 52),
            ("black", "white", "red", "gray", "blue", "green", "brown"),
        ),
    ),
)
