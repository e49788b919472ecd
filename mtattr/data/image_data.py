"""Images with their labels: what every loader returns and every loop reads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from mtattr.errors import InputError
from mtattr.tasks import TaskSet


@dataclass(frozen=True, eq=False)
class ImageData:
    """Decoded images and their labels.

    images: uint8 `(N, 3, H, W)`, in memory or memory-mapped. labels: float32 `(N, T)`, NaN = unknown.
    keys: a name per image, unique. identities: int64 `(N,)` or None. `region_of(i)` gives float32 `(T, H, W)` in
    [0, 1], where in image i each task is visible; only generated data know it. `facts` holds what a page should say
    about the set (counts found, images skipped); it never holds a path.
    Raises `InputError` when shapes, types or keys disagree.
    """

    images: Tensor
    labels: Tensor
    tasks: TaskSet
    keys: tuple[str, ...]
    name: str
    split: str
    identities: Tensor | None = None
    region_of: Callable[[int], Tensor] | None = field(default=None, repr=False)
    generated: bool = False
    source: str = ""
    terms: str = ""
    facts: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.images)
        if self.images.ndim != 4 or self.images.shape[1] != 3 or self.images.dtype != torch.uint8:
            raise InputError(
                f"{self.name}: images must be uint8 (N, 3, H, W), got {self.images.dtype} {tuple(self.images.shape)}"
            )
        object.__setattr__(
            self, "labels", self.tasks.check_labels(self.labels, f"{self.name} {self.split}")
        )
        object.__setattr__(self, "keys", tuple(self.keys))
        if len(self.labels) != n or len(self.keys) != n:
            raise InputError(
                f"{self.name}: {n} images, {len(self.labels)} label rows and {len(self.keys)} keys must be as many"
            )
        if len(set(self.keys)) != n:
            raise InputError(
                f"{self.name}: keys must differ, {n - len(set(self.keys))} are given twice"
            )
        if self.identities is not None and self.identities.shape != (n,):
            raise InputError(
                f"{self.name}: identities must have shape ({n},), got {tuple(self.identities.shape)}"
            )

    def __len__(self) -> int:
        return len(self.images)

    def regions(self, i: int) -> Tensor | None:
        """Where each task is visible in image i: float32 `(T, H, W)` in [0, 1], or None if nobody knows."""
        return None if self.region_of is None else self.region_of(i)

    def subset(self, rows: Sequence[int] | Tensor) -> ImageData:
        """The images at the given positions, in the given order."""
        rows = torch.as_tensor(rows, dtype=torch.long)
        of = self.region_of
        return replace(
            self,
            images=self.images[rows],
            labels=self.labels[rows],
            keys=tuple(self.keys[i] for i in rows.tolist()),
            identities=None if self.identities is None else self.identities[rows],
            region_of=None if of is None else lambda i: of(int(rows[i])),
        )

    def select_tasks(self, keep: Sequence[int | str]) -> ImageData:
        """The same images with only the tasks at the given positions or names."""
        columns = [self.tasks.index(k) if isinstance(k, str) else int(k) for k in keep]
        of = self.region_of
        return replace(
            self,
            labels=self.labels[:, columns],
            tasks=self.tasks.select(columns),
            region_of=None if of is None else lambda i: of(i)[columns],
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 over name, size, tasks, keys and labels, and over the pixels or what stands for them.

        Pixels of a twin follow from its scene parameters up to rounding, so they must not tell machines apart; a twin
        puts a digest of its scenes in `facts["scene_digest"]`. A set too large to be read for this puts a digest of its
        files' names and sizes in `facts["files_digest"]`.
        """
        digest = hashlib.sha256()
        for part in (
            self.name,
            self.split,
            str(tuple(self.images.shape)),
            repr(self.tasks.to_dict()),
            "\n".join(self.keys),
        ):
            digest.update(part.encode())
        digest.update(self.labels.numpy().tobytes())
        stand_in = self.facts.get("scene_digest", self.facts.get("files_digest"))
        if stand_in is not None:
            digest.update(stand_in.encode())
        else:
            for start in range(0, len(self), 4096):
                digest.update(self.images[start : start + 4096].contiguous().numpy().tobytes())
        return digest.hexdigest()
