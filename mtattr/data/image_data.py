"""`ImageData`: decoded images with their labels."""

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

    Args:
        images: uint8 `(N, 3, H, W)`, in memory or memory-mapped.
        labels: float32 `(N, T)`, NaN = unknown.
        keys: one unique name per image.
        name, split: of the dataset.
        identities: int64 `(N,)`, or None.
        truth: float32 `(N, T)`, what is drawn: the labels before the documented errors. It is known
            wherever the label is; only for generated data.
        region_of: gives for image i float32 `(T, H, W)` in [0, 1], the region that shows each
            task by the truth, not by the label; only for generated data.
        generated: True if the images were drawn.
        source, terms: for the pages that show the data.
        facts: metadata for pages, such as counts and skipped images; never a path.
    """

    images: Tensor
    labels: Tensor
    tasks: TaskSet
    keys: tuple[str, ...]
    name: str
    split: str
    identities: Tensor | None = None
    truth: Tensor | None = field(default=None, repr=False)
    region_of: Callable[[int], Tensor] | None = field(default=None, repr=False)
    generated: bool = False
    source: str = ""
    terms: str = ""
    facts: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.images)
        if self.images.ndim != 4 or self.images.shape[1] != 3 or self.images.dtype != torch.uint8:
            got = f"{self.images.dtype} {tuple(self.images.shape)}"
            raise InputError(f"{self.name}: images must be uint8 (N, 3, H, W), got {got}")
        object.__setattr__(
            self, "labels", self.tasks.check_labels(self.labels, f"{self.name} {self.split}")
        )
        object.__setattr__(self, "keys", tuple(self.keys))
        if len(self.labels) != n or len(self.keys) != n:
            others = f"{len(self.labels)} label rows and {len(self.keys)} keys"
            raise InputError(f"{self.name}: {n} images but {others}")
        if self.truth is not None:
            where = f"{self.name} {self.split}, drawn truth"
            object.__setattr__(self, "truth", self.tasks.check_labels(self.truth, where))
            if self.truth.shape != self.labels.shape:
                raise InputError(f"{where}: expected the shape of the labels")
        if len(set(self.keys)) != n:
            twice = n - len(set(self.keys))
            raise InputError(f"{self.name}: keys must differ, {twice} are given twice")
        if self.identities is not None and self.identities.shape != (n,):
            got = tuple(self.identities.shape)
            raise InputError(f"{self.name}: identities must have shape ({n},), got {got}")

    def __len__(self) -> int:
        return len(self.images)

    def regions(self, i: int) -> Tensor | None:
        """Regions of image i that show each task: float32 `(T, H, W)` in [0, 1], or None."""
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
            truth=None if self.truth is None else self.truth[rows],
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
            truth=None if self.truth is None else self.truth[:, columns],
            region_of=None if of is None else lambda i: of(i)[columns],
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 over name, size, tasks, keys, labels and pixels, from which the truth follows.

        Two digests can stand for the pixels: `facts["scene_digest"]` of a twin, whose pixels follow
        from its scenes up to rounding and must not tell machines apart, and
        `facts["files_digest"]`, of names and sizes of files too many to be read for this.
        """
        digest = hashlib.sha256()
        shape, tasks = str(tuple(self.images.shape)), repr(self.tasks.to_dict())
        for part in (self.name, self.split, shape, tasks, "\n".join(self.keys)):
            digest.update(part.encode())
        digest.update(self.labels.numpy().tobytes())
        stand_in = self.facts.get("scene_digest", self.facts.get("files_digest"))
        if stand_in is not None:
            digest.update(stand_in.encode())
        else:
            for start in range(0, len(self), 4096):
                digest.update(self.images[start : start + 4096].contiguous().numpy().tobytes())
        return digest.hexdigest()
