"""Which branch reads which: a network that forks, as plain data."""

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
    """The branches of every layer and their parents (Lu et al. 2017, Fig. 2).

    parents: 16 tuples, for conv1_1 .. fc7 and the outputs. `parents[l][k]` is the branch of layer l - 1 that branch k of
    layer l reads; conv1_1 reads the image, 0. The last tuple has an entry per task. Raises `InputError` for parents that
    are not there, for branches that nobody reads, and for another number of layers.
    """

    parents: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        try:
            parents = tuple(tuple(index(parent) for parent in layer) for layer in self.parents)
        except TypeError as error:
            raise InputError(f"a tree needs a whole number for each parent ({error})") from None
        object.__setattr__(self, "parents", parents)
        if len(parents) != len(LAYERS) + 1:
            raise InputError(
                f"a tree has {len(LAYERS) + 1} layers, the outputs included; got {len(parents)}"
            )
        for below, (name, layer) in zip(
            [(0,), *parents], zip((*LAYERS, "outputs"), parents, strict=True), strict=False
        ):
            if set(layer) != set(range(len(below))):
                raise InputError(
                    f"{name}: the branches below are 0..{len(below) - 1} and each needs a reader, got parents {layer}"
                )

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
        """The lowest layer with several branches, all on one branch below: 0 .. 15 (outputs), or 16 if nothing forks.

        It is the layer whose branches the next widening groups.
        """
        return next(
            (layer for layer, parents in enumerate(self.parents) if len(parents) > 1),
            len(self.parents),
        )

    def tasks_of(self, layer: int) -> list[list[int]]:
        """The tasks above every branch of a layer 0 .. 15, in ascending order."""
        owner = list(range(self.num_tasks))  # of each task, its branch in the layer reached so far
        for parents in reversed(self.parents[layer + 1 :]):
            owner = [parents[branch] for branch in owner]
        return [
            [task for task, branch in enumerate(owner) if branch == k]
            for k in range(len(self.parents[layer]))
        ]

    def widen(self, groups: Groups) -> Tree:
        """The tree after the branches at the junction were grouped and the layer below got one copy per group (Eq. 5).

        Raises `InputError` if nothing forks, if the junction sits on conv1_1's input, or if groups do not partition its branches.
        """
        at = self.junction
        if not 1 <= at < len(self.parents):
            raise InputError("nothing to widen: the network has no junction above a layer")
        groups = partition(groups, len(self.parents[at]))
        owner = {branch: g for g, group in enumerate(groups) for branch in group}
        changed = {
            at - 1: (0,) * len(groups),
            at: tuple(owner[branch] for branch in range(len(self.parents[at]))),
        }
        return Tree(
            tuple(changed.get(layer, parents) for layer, parents in enumerate(self.parents))
        )

    def permute_tasks(self, order: Sequence[int]) -> Tree:
        """The same branches with the tasks dealt anew: task `order[t]` takes the place of task t."""
        if sorted(order) != list(range(self.num_tasks)):
            raise InputError(
                f"order must hold each of the {self.num_tasks} tasks once, got {list(order)}"
            )
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
    """`groups` with members in order and groups by their first; `InputError` unless each of 0 .. count - 1 is in just one."""
    try:
        ordered = sorted(sorted(index(member) for member in group) for group in groups)
    except TypeError as error:
        raise InputError(f"groups must be lists of whole numbers ({error})") from None
    if not all(ordered) or sorted(member for group in ordered for member in group) != list(
        range(count)
    ):
        raise InputError(
            f"groups must hold each of 0..{count - 1} once and none may be empty, got {[list(g) for g in groups]}"
        )
    return ordered
