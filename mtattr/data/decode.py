"""Decoding of image files to uint8 arrays of one size."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from mtattr.data.cache import cached_images_and_notes
from mtattr.data.options import ImageSize, image_shape_of
from mtattr.errors import InputError

Box = tuple[int, int, int, int]

_BLOCK = 256
#: Accepted contents, whatever a file's name ends in: Pillow runs other programs for some formats.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")


@dataclass(frozen=True)
class Files:
    """Image files below one folder, with an optional box (x_1, y_1, x_2, y_2 in pixels) of each."""

    folder: Path
    names: tuple[str, ...]
    boxes: tuple[Box, ...] | None = None


def decode_image(path: Path, image_size: ImageSize, box: Box | None = None) -> np.ndarray:
    """One image file as uint8 `(3, H, W)`, squeezed to `image_size` by bilinear interpolation.

    Shrinking averages over the source area. An orientation tag is ignored, because boxes and
    landmarks refer to the stored pixels. Grey levels of 16 bits become 8. Of several pictures in
    one file the first counts.

    Args:
        box: cut out first, clipped to the image.

    Raises:
        InputError: the file is missing, damaged, of a format outside `FORMATS`, or holds numbers
            without a fixed range (32 bits).
    """
    # Imported here: only loaders that decode files need Pillow.
    from PIL import Image

    height, width = image_shape_of(image_size)
    try:
        with open_image(path) as opened:
            image = opened
            # Pillow before 11 opens PNG files of 16 bits as numbers of 32.
            if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
                # Pillow would clip all above 255 to white.
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            elif image.mode in ("I", "F"):
                raise InputError(f"{path}: expected 8 or 16 bits per channel, the image has 32")
            if box is not None:
                left, top = max(box[0], 0), max(box[1], 0)
                right, bottom = min(box[2], image.width), min(box[3], image.height)
                if left >= right or top >= bottom:
                    size = f"{image.width} x {image.height} pixels"
                    raise InputError(f"{path}: the box lies outside the image of {size}")
                # resize(box=...) would let pixels outside the box bleed in.
                image = image.crop((left, top, right, bottom))
            shaped = image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: image file missing") from None
    # Pillow's readers raise whatever they stumble over in a damaged file.
    except Exception as error:
        why = str(error) or type(error).__name__
        raise InputError(
            f"{path}: expected a whole image file, it is damaged or cut short ({why})"
        ) from None
    return np.asarray(shaped).transpose(2, 0, 1)


def open_image(path: Path):
    """The Pillow image in a file, to be closed by the caller; `InputError` for a pipe or folder."""
    # Imported here: only loaders that decode files need Pillow.
    from PIL import Image

    if not stat.S_ISREG(path.stat().st_mode):
        # Opening a pipe would wait for somebody to write.
        raise InputError(f"{path}: expected a whole image file, it is a folder or a device")
    return Image.open(path, formats=FORMATS)


def decoded_images(
    dataset: str, files: Files, image_size: ImageSize, *, split: str, skip_bad: bool = False
) -> tuple[Tensor, np.ndarray, list[int]]:
    """All images of one split, decoded once into the cache.

    A changed name, size, modification time or box of any file leads to decoding anew.

    Args:
        split: named in errors.
        skip_bad: leave out images that are missing or damaged; otherwise the first one raises.

    Returns:
        The images uint8 `(N, 3, H, W)` in order, the positions kept `(N,)` and those left out.

    Raises:
        InputError: an image is missing or damaged, or with `skip_bad` all of them are.
    """
    shape = image_shape_of(image_size)
    pair = isinstance(image_size, tuple | list)
    key = {
        "files": _digest(files, skip_bad),
        "image_size": list(shape) if pair else shape[0],
        "skip_bad": skip_bad,
    }

    def fill(out: np.ndarray) -> dict:
        skipped = _decode_all(out, files, image_size, skip_bad)
        if len(skipped) == len(out) > 0:
            others = f"this and all other images of the {split} split are missing or damaged"
            raise InputError(f"{files.folder / files.names[0]}: {others}")
        return {"skipped": skipped}

    count = len(files.names)
    images, notes = cached_images_and_notes(dataset, key, (count, 3, *shape), fill)
    kept = np.setdiff1d(np.arange(count), notes["skipped"])
    return images[: len(kept)], kept, notes["skipped"]


def _decode_all(out: np.ndarray, files: Files, image_size: ImageSize, skip_bad: bool) -> list[int]:
    def attempt(i: int) -> np.ndarray | InputError:
        box = files.boxes[i] if files.boxes else None
        try:
            return decode_image(files.folder / files.names[i], image_size, box)
        except InputError as error:
            return error

    skipped: list[int] = []
    log = logging.getLogger(__name__)
    with decoding_threads() as pool:
        for start in range(0, len(out), _BLOCK):
            block = range(start, min(start + _BLOCK, len(out)))
            for i, result in zip(block, pool.map(attempt, block), strict=True):
                if not isinstance(result, InputError):
                    out[i - len(skipped)] = result
                elif skip_bad:
                    skipped.append(i)
                else:
                    raise result
            if start // 5000 != block.stop // 5000:
                log.info("decoded %d of %d images", block.stop, len(out))
    return skipped


@contextmanager
def decoding_threads() -> Iterator[ThreadPoolExecutor]:
    """A pool of threads that decode images without Pillow's warnings."""
    with warnings.catch_warnings(), ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
        # What Pillow finds odd it either reads all the same or refuses; then the error names it.
        warnings.filterwarnings("ignore", module="PIL")
        yield pool


def _digest(files: Files, skip_bad: bool) -> str:
    digest = hashlib.sha256()
    for i, name in enumerate(files.names):
        path = files.folder / name
        try:
            state = path.stat()
            about = f"{name} {state.st_size} {state.st_mtime_ns}"
        except (OSError, ValueError):
            # Found before anything is decoded, a missing file costs the user seconds, not minutes.
            if not skip_bad:
                raise InputError(f"{path}: image file missing") from None
            about = f"{name} missing"
        digest.update(f"{about} {files.boxes[i] if files.boxes else ''}\n".encode())
    return digest.hexdigest()


def find_image_folder(candidates: Sequence[Path], names: Sequence[str], about: str = "") -> Path:
    """The first folder that holds one of the first 100 names, else their leading folder.

    Raises `InputError` listing the places that were tried.
    """
    top = names[0].split("/")[0]
    for wanted in (names[:100], [top]):
        for folder in candidates:
            if any((folder / name).exists() for name in wanted):
                return folder
    archives = [folder / f"{top}.zip" for folder in candidates if (folder / f"{top}.zip").is_file()]
    if archives:
        raise InputError(
            f"{archives[0]}: unpack this archive first; expected the folder {top!r} beside it"
        )
    others = ", ".join(map(str, candidates[1:]))
    raise InputError(f"{candidates[0] / top}: image folder missing, also in {others}{about}")
