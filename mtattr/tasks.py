"""Binary and categorical tasks in order, and the network units of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from mtattr.errors import InputError

KINDS = ("binary", "categorical")


@dataclass(frozen=True)
class Task:
    """One thing to predict.

    Args:
        kind: "binary" or "categorical".
        values: names of the classes of a categorical task.
        group: the body part or attribute type that a table sorts by.
        region: the part of the image that shows the task, if known.
    """

    name: str
    kind: str = "binary"
    values: tuple[str, ...] = ()
    group: str = ""
    region: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        if self.kind not in KINDS:
            raise InputError(
                f"task {self.name!r}: kind {self.kind!r} is not one of {', '.join(KINDS)}"
            )
        if self.kind == "categorical" and len(self.values) < 2:
            needs = "a categorical task needs at least two values"
            raise InputError(f"task {self.name!r}: {needs}, got {self.values}")
        if self.kind == "binary" and self.values:
            raise InputError(f"task {self.name!r}: a binary task has no values, got {self.values}")

    @property
    def num_units(self) -> int:
        """Network outputs that the task needs: one if binary, one per class if categorical."""
        return len(self.values) if self.kind == "categorical" else 1


class TaskSet:
    """Ordered tasks of different names, with the layout of their labels and units.

    Labels are float32 `(N, T)`: a probability in [0, 1] for a binary task, the class index for a
    categorical one, NaN where unknown. Networks emit units `(N, U)`; `slices[t]` are the columns
    of task t.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self.tasks = tuple(tasks)
        if not self.tasks:
            raise InputError("a TaskSet needs at least one task")
        self._index = {task.name: t for t, task in enumerate(self.tasks)}
        if len(self._index) != len(self.tasks):
            names = [task.name for task in self.tasks]
            twice = sorted({name for name in names if names.count(name) > 1})
            raise InputError(f"task names must differ; given twice: {', '.join(twice)}")
        slices, start = [], 0
        for task in self.tasks:
            slices.append(slice(start, start + task.num_units))
            start += task.num_units
        self.slices = tuple(slices)
        self.num_units = start

    @classmethod
    def binary(cls, names: Iterable[str], group: str = "") -> TaskSet:
        """A set of binary tasks with the given names."""
        return cls(Task(name, group=group) for name in names)

    def __len__(self) -> int:
        return len(self.tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    def __getitem__(self, t: int) -> Task:
        return self.tasks[t]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TaskSet) and self.tasks == other.tasks

    def __hash__(self) -> int:
        return hash(self.tasks)

    def __repr__(self) -> str:
        names = ", ".join(self.names[:4]) + ", …" * (len(self) > 4)
        return f"TaskSet({len(self)} tasks, {self.num_units} units: {names})"

    @property
    def names(self) -> tuple[str, ...]:
        """Task names in order."""
        return tuple(task.name for task in self.tasks)

    @property
    def binary_indices(self) -> tuple[int, ...]:
        """Positions of the binary tasks."""
        return tuple(t for t, task in enumerate(self.tasks) if task.kind == "binary")

    @property
    def categorical_indices(self) -> tuple[int, ...]:
        """Positions of the categorical tasks."""
        return tuple(t for t, task in enumerate(self.tasks) if task.kind == "categorical")

    def index(self, name: str) -> int:
        """Position of the task called `name`; `InputError` if there is none."""
        if name not in self._index:
            raise InputError(f"no task is called {name!r}; there are {', '.join(self.names)}")
        return self._index[name]

    def select(self, keep: Iterable[int | str]) -> TaskSet:
        """The tasks at the given positions or names, in the given order."""
        return TaskSet(self.tasks[self.index(k) if isinstance(k, str) else int(k)] for k in keep)

    def check_labels(self, labels: Tensor, source: str = "labels") -> Tensor:
        """`labels` `(N, T)` as float32; `InputError` for another shape or a value out of range."""
        if labels.ndim != 2 or labels.shape[1] != len(self):
            raise InputError(
                f"{source}: expected shape (N, {len(self)}), got {tuple(labels.shape)}"
            )
        labels = labels.to(torch.float32)
        for t, task in enumerate(self.tasks):
            column = labels[:, t]
            known = column[~column.isnan()]
            if task.kind == "binary":
                bad, expected = (known < 0) | (known > 1), "a probability in [0, 1]"
            else:
                bad = (known < 0) | (known >= task.num_units) | (known != known.round())
                expected = f"a class index in 0..{task.num_units - 1}"
            if bad.any():
                value = f"{known[bad][0].item():g}"
                raise InputError(
                    f"{source}: task {task.name!r} has the value {value}, not {expected}"
                )
        return labels

    def to_dict(self) -> list[dict]:
        """JSON form, one dict per task, which `from_dict` reads back equal."""
        return [asdict(task) | {"values": list(task.values)} for task in self.tasks]

    @classmethod
    def from_dict(cls, rows: Iterable[dict]) -> TaskSet:
        """The inverse of `to_dict`."""
        return cls(Task(**row) for row in rows)
