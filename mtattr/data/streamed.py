"""`StreamedImages`: images decoded on demand, in the place of a tensor that holds them all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mtattr.data.decode import Box, Files, decode_image, decoding_threads, open_image
from mtattr.data.options import ImageSize, image_shape_of
from mtattr.errors import InputError


class StreamedImages:
    """A read-only stand-in for images uint8 `(N, 3, H, W)` that are decoded on demand and not kept.

    It has the methods of a tensor that `ImageData`, `mtattr.data.batches.take` and the training
    loop use. A position or a slice is decoded at once; a tensor or a list of positions, or a mask,
    gives another stream. Decoding a missing or damaged file raises `InputError`.

    Args:
        box_of: gives the box to cut out of the image at a path; by default the box in `files`, or
            the whole image.
    """

    dtype = torch.uint8
    device = torch.device("cpu")
    ndim = 4
    is_cuda = False

    def __init__(
        self, files: Files, image_size: ImageSize, *, box_of: Callable[[Path], Box] | None = None
    ) -> None:
        self.files, self.box_of = files, box_of
        self.shape = torch.Size((len(files.names), 3, *image_shape_of(image_size)))

    def __len__(self) -> int:
        return len(self.files.names)

    def __repr__(self) -> str:
        return f"StreamedImages{tuple(self.shape)}"

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def dim(self) -> int:
        """Four, as a tensor of images has."""
        return self.ndim

    def size(self, axis: int | None = None) -> torch.Size | int:
        """The shape, or its entry at `axis`."""
        return self.shape if axis is None else self.shape[axis]

    def numel(self) -> int:
        """Bytes that all images would take once decoded."""
        return self.shape.numel()

    def index_select(self, axis: int, rows: Tensor) -> Tensor:
        """The images at positions `(B,)`, decoded: uint8 `(B, 3, H, W)`; `axis` must be 0."""
        if axis != 0:
            raise InputError(f"streamed images can be selected along axis 0 only, got {axis}")
        return self._decoded(self._positions(rows))

    def to(self, device: torch.device | str) -> StreamedImages | Tensor:
        """These images for the CPU; for another device all of them, decoded and moved there."""
        device = torch.device(device)
        return self if device.type == "cpu" else self[:].to(device)

    def float(self) -> Tensor:
        """All images decoded, as float32 in 0..255."""
        return self[:].float()

    def double(self) -> Tensor:
        """All images decoded, as float64 in 0..255."""
        return self[:].double()

    def __truediv__(self, number: float) -> Tensor:
        return self[:] / number

    def __getitem__(self, index: int | slice | Tensor | Sequence[int]) -> Tensor | StreamedImages:
        if isinstance(index, slice):
            return self._decoded(range(*index.indices(len(self))))
        if isinstance(index, tuple) or index is None or index is Ellipsis:
            cure = "take a slice first, as in images[:16][:, 0]"
            raise InputError(f"streamed images are indexed along their first axis only; {cure}")
        rows = torch.as_tensor(index)
        if rows.ndim == 0:
            return self._decoded(self._positions(rows[None]))[0]
        return self._stream(self._positions(rows))

    def _positions(self, rows: Tensor) -> list[int]:
        rows = torch.as_tensor(rows)
        if rows.dtype == torch.bool and rows.shape == (len(self),):
            rows = rows.nonzero()[:, 0]
        if rows.shape == (0,):
            return []
        if rows.ndim != 1 or rows.dtype.is_floating_point or rows.dtype == torch.bool:
            raise InputError(
                "streamed images are indexed by whole numbers or by a mask of length "
                f"{len(self)}, got {tuple(rows.shape)}"
            )
        positions = [row + len(self) if row < 0 else row for row in rows.tolist()]
        if positions and not (min(positions) >= 0 and max(positions) < len(self)):
            # Not InputError: iteration and sequence protocols end on this one.
            raise IndexError(f"position out of range for {len(self)} images")
        return positions

    def _stream(self, positions: Sequence[int]) -> StreamedImages:
        names, boxes = self.files.names, self.files.boxes
        files = replace(
            self.files,
            names=tuple(names[i] for i in positions),
            boxes=None if boxes is None else tuple(boxes[i] for i in positions),
        )
        return StreamedImages(files, self.shape[2:], box_of=self.box_of)

    def _decoded(self, positions: Sequence[int]) -> Tensor:
        out = np.empty((len(positions), *self.shape[1:]), dtype=np.uint8)

        def fill(row: int) -> None:
            out[row] = self._decode(positions[row])

        # A pool per call leaves nothing that a fork or a pickle could break; it takes about 1 ms.
        with decoding_threads() as pool:
            for _ in pool.map(fill, range(len(positions))):
                pass
        return torch.from_numpy(out)

    def _decode(self, i: int) -> np.ndarray:
        path = self.files.folder / self.files.names[i]
        box = self.files.boxes[i] if self.files.boxes else None
        box = self.box_of(path) if self.box_of else box
        return decode_image(path, (self.shape[2], self.shape[3]), box)

    def unreadable(self, block: int = 1024) -> list[int]:
        """Positions of images that cannot be decoded; reads every file."""
        bad = []
        for start in range(0, len(self), block):
            positions = range(start, min(start + block, len(self)))
            with decoding_threads() as pool:
                readable = pool.map(self._is_readable, positions)
                bad += [i for i, fine in zip(positions, readable, strict=True) if not fine]
        return bad

    def _is_readable(self, i: int) -> bool:
        try:
            self._decode(i)
        except InputError:
            return False
        return True


def files_digest(names: Sequence[str], sizes: Sequence[int]) -> str:
    """SHA-256 over names and sizes in bytes, for a fingerprint without reading the pixels."""
    digest = hashlib.sha256()
    for name, size in zip(names, sizes, strict=True):
        digest.update(f"{name} {size}\n".encode())
    return digest.hexdigest()


def centre_box(share: float, aspect: float = 1.0) -> Callable[[Path], Box]:
    """A `box_of` that cuts the largest centred box, shrunk to `share` in (0, 1].

    With share 224/256 this is the usual evaluation crop: short side resized to 256 pixels, 224 cut
    from the middle.

    Args:
        aspect: height over width of the box.
    """

    def box_of(path: Path) -> Box:
        try:
            with open_image(path) as image:
                width, height = image.size
        except Exception:
            # Decoding says what is wrong with the file.
            return (0, 0, 1, 1)
        cut_height = min(height, width * aspect) * share
        cut_width = cut_height / aspect
        left, top = round((width - cut_width) / 2), round((height - cut_height) / 2)
        return (left, top, left + max(round(cut_width), 1), top + max(round(cut_height), 1))

    return box_of
