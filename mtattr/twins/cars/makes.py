"""Labels of the car twin: invented makes with four models each, as plain data.

A make is told by its grille, badge and rear lamps, a model by its make and its body. Ids are sparse
and 1-based, as in the real set, and class indices follow their sorted order.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtattr.tasks import Task, TaskSet

#: Official body types; the number in attributes.txt is the position plus one, 0 = unknown.
TYPES = (
    "MPV", "SUV", "sedan", "hatchback", "minibus", "fastback", "estate", "pickup",
    "hardtop convertible", "sports", "crossover", "convertible",
)  # fmt: skip

#: Bodies that are drawn, each named by its official type.
BODIES = ("sedan", "hatchback", "SUV", "estate", "pickup", "sports", "MPV")

#: Makes in the order of their ids: (name, 1-based id, names of the four models, body of the
#: fourth). All are invented. The first three models are a sedan, a hatchback and an SUV. The
#: position is also the number of the make's grille.
MAKES = (
    ("Arvena", 4, ("Lento", "Pico", "Montara", "Lento Viaggio"), "estate"),
    ("Belmoro", 9, ("Serie Due", "Serie Uno", "Quota", "Corsaro"), "sports"),
    ("Caldmoor", 17, ("Regent", "Wren", "Fell", "Drover"), "pickup"),
    ("Dunholt", 23, ("Parallel", "Spruce", "Tarn", "Gatherer"), "MPV"),
    ("Evrane", 38, ("Claire", "Petite", "Altitude", "Claire Break"), "estate"),
    ("Fjordan", 41, ("Nord", "Lille", "Fjell", "Kurve"), "sports"),
    ("Halvik", 56, ("Edda", "Rune", "Troll", "Bjorn"), "pickup"),
    ("Ostrava Motor", 72, ("Komet", "Mina", "Tatry", "Rodina"), "MPV"),
    ("Prairie & Sons", 85, ("Homestead", "Foal", "Ridgeway", "Longhaul"), "pickup"),
    ("Sorano", 103, ("o6", "o3", "o9", "o6 Tourer"), "estate"),
    ("Tessarine", 127, ("Velina", "Cirro", "Astral", "Lumen"), "sports"),
    ("Yukada", 150, ("Hoshi", "Koma", "Yama", "Kazoku"), "MPV"),
)  # fmt: skip

#: Models whose body type attributes.txt does not know, as (make, body): their type label is NaN.
TYPE_UNKNOWN = (("Evrane", "SUV"), ("Prairie & Sons", "hatchback"))


@dataclass(frozen=True)
class Model:
    """One model: 1-based `id`, position of `make`, `body`, `type` in their lists, type or None."""

    id: int
    short_name: str
    make: int
    body: int
    type: int | None

    @property
    def name(self) -> str:
        """The class name: the make's and the model's."""
        return f"{MAKES[self.make][0]} {self.short_name}"


def _models() -> tuple[Model, ...]:
    models = []
    for make, (maker, _, names, fourth) in enumerate(MAKES):
        for slot, (name, body) in enumerate(
            zip(names, ("sedan", "hatchback", "SUV", fourth), strict=True)
        ):
            # Ids of one make lie far apart, so that their order says nothing about makes or bodies.
            number = (4 * make + slot) * 397 % 1913 + 6
            kind = None if (maker, body) in TYPE_UNKNOWN else TYPES.index(body)
            models.append(Model(number, name, make, BODIES.index(body), kind))
    return tuple(sorted(models, key=lambda model: model.id))


#: The 48 models in the order of their ids, which is that of the classes.
MODELS = _models()
MODEL_OF = {(model.make, model.body): m for m, model in enumerate(MODELS)}

#: All tasks; `load` chooses among them.
TASKS = TaskSet(
    [
        Task(
            "model",
            "categorical",
            tuple(model.name for model in MODELS),
            group="model",
            region="body",
        ),
        Task("make", "categorical", tuple(make[0] for make in MAKES), group="make", region="marks"),
        Task("type", "categorical", TYPES, group="type", region="body"),
    ]
)


def bodies_of(make: int) -> tuple[int, ...]:
    """The bodies of a make's models, in the order of MAKES."""
    return tuple(BODIES.index(body) for body in ("sedan", "hatchback", "SUV", MAKES[make][3]))
