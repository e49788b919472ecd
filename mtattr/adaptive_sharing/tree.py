"""The tree of a network with branches, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import index
from typing import Any

from mtattr.adaptive_sharing.layout import LAYERS
from mtattr.errors import InputError, whole_number

Groups = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Tree:
    """Branches of every layer and their parents (Lu et al. 2017, Fig. 2).

    Args:
        parents: 16 tuples, for conv1_1 .. fc7 and the outputs, the last with an entry per task.
            Branch k of layer l reads branch `parents[l][k]` of layer l - 1; conv1_1 reads the
            image, 0. Every branch needs a reader.
    """

    parents: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        try:
            parents = tuple(tuple(index(parent) for parent in layer) for layer in self.parents)
        except TypeError as error:
            raise InputError(f"a tree needs a whole number for each parent ({error})") from None
        object.__setattr__(self, "parents", parents)
        if len(parents) != len(LAYERS) + 1:
            count = len(LAYERS) + 1
            raise InputError(f"a tree has {count} layers, the outputs included; got {len(parents)}")
        for name, below, layer in zip(
            (*LAYERS, "outputs"), [(0,), *parents[:-1]], parents, strict=True
        ):
            if set(layer) != set(range(len(below))):
                rule = f"the branches below are 0..{len(below) - 1} and each needs a reader"
                raise InputError(f"{name}: {rule}, got parents {layer}")

    @classmethod
    def trunk(cls, num_tasks: int) -> Tree:
        """One branch in every layer, read by all tasks at the top."""
        return cls((*((0,),) * len(LAYERS), (0,) * whole_number("num_tasks", num_tasks)))

    @property
    def num_tasks(self) -> int:
        """Number of outputs."""
        return len(self.parents[-1])

    @property
    def copies(self) -> tuple[int, ...]:
        """Branches of each of the 15 layers below the outputs."""
        return tuple(len(layer) for layer in self.parents[:-1])

    @property
    def junction(self) -> int:
        """Lowest layer with several branches, 0 .. 15 (outputs), or 16 if there is none.

        The next widening groups its branches.
        """
        forks = (layer for layer, parents in enumerate(self.parents) if len(parents) > 1)
        return next(forks, len(self.parents))

    def tasks_of(self, layer: int) -> list[list[int]]:
        """Tasks above each branch of a layer 0 .. 15, in ascending order."""
        owner = list(range(self.num_tasks))  # branch of each task in the layer reached so far
        for parents in reversed(self.parents[layer + 1 :]):
            owner = [parents[branch] for branch in owner]
        return [
            [task for task, branch in enumerate(owner) if branch == k]
            for k in range(len(self.parents[layer]))
        ]

    def widen(self, groups: Groups) -> Tree:
        """The tree in which the layer below the junction has one branch per group (Eq. 5).

        Raises `InputError` if there is no junction above a layer, or unless `groups` hold each
        branch at the junction once.
        """
        at = self.junction
        if not 1 <= at < len(self.parents):
            raise InputError("nothing to widen: the network has no junction above a layer")
        groups = partition(groups, len(self.parents[at]))
        owner = {branch: g for g, group in enumerate(groups) for branch in group}
        parents = list(self.parents)
        parents[at - 1] = (0,) * len(groups)
        parents[at] = tuple(owner[branch] for branch in range(len(self.parents[at])))
        return Tree(tuple(parents))

    def permute_tasks(self, order: Sequence[int]) -> Tree:
        """The same branches with other tasks: task `order[t]` takes the place of task t."""
        if sorted(order) != list(range(self.num_tasks)):
            count = self.num_tasks
            raise InputError(f"order must hold each of the {count} tasks once, got {list(order)}")
        outputs = [0] * self.num_tasks
        for t, task in enumerate(order):
            outputs[task] = self.parents[-1][t]
        return replace(self, parents=(*self.parents[:-1], tuple(outputs)))

    def to_list(self) -> list[list[int]]:
        """JSON form, which `from_list` reads back equal."""
        return [list(layer) for layer in self.parents]

    @classmethod
    def from_list(cls, parents: Any) -> Tree:
        """The inverse of `to_list`; `InputError` for anything else."""
        return cls(parents)


def partition(groups: Groups, count: int) -> list[list[int]]:
    """`groups` in order; `InputError` unless they hold each of 0 .. count - 1 once."""
    try:
        ordered = sorted(sorted(index(member) for member in group) for group in groups)
    except TypeError as error:
        raise InputError(f"groups must be lists of whole numbers ({error})") from None
    members = sorted(member for group in ordered for member in group)
    if not all(ordered) or members != list(range(count)):
        rule = f"groups must hold each of 0..{count - 1} once and none may be empty"
        raise InputError(f"{rule}, got {[list(group) for group in groups]}")
    return ordered
