"""From image files to uint8 arrays of one size."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from mtattr.data.cache import cached_images_and_notes
from mtattr.data.options import ImageSize, image_shape_of
from mtattr.errors import InputError

Box = tuple[int, int, int, int]

_BLOCK = 256
#: What may stand in an image file, whatever its name ends in: Pillow knows more, and runs other programs for some of it.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")


@dataclass(frozen=True)
class Files:
    """Image files below one folder, with an optional box (x_1, y_1, x_2, y_2 in pixels) to cut out of each."""

    folder: Path
    names: tuple[str, ...]
    boxes: tuple[Box, ...] | None = None


def decode_image(path: Path, image_size: ImageSize, box: Box | None = None) -> np.ndarray:
    """One image file as uint8 `(3, H, W)`: a square of `image_size` pixels, or (height, width).

    Cut to `box` where given, then squeezed to this shape without keeping the aspect, by bilinear interpolation that averages over
    the source area when shrinking. An orientation tag is ignored: boxes and landmarks refer to the stored pixels.
    Grey levels of 16 bits become 8. Of several pictures in one file the first counts.
    Raises `InputError`, naming the file, if it is missing, no file, damaged, cut short, of another format than `FORMATS`,
    or holds numbers without a fixed range (32 bits).
    """
    # Imported here: only who decodes files needs Pillow.
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
                raise InputError(
                    f"{path}: expected 8 or 16 bits for each channel, the image has 32 and no fixed range"
                )
            if box is not None:
                box = (
                    max(box[0], 0),
                    max(box[1], 0),
                    min(box[2], image.width),
                    min(box[3], image.height),
                )
                if box[0] >= box[2] or box[1] >= box[3]:
                    raise InputError(
                        f"{path}: the bounding box lies outside the image of {image.width} x {image.height} pixels"
                    )
                # resize(box=...) would let pixels outside the box bleed in.
                image = image.crop(box)
            shaped = image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: image file missing") from None
    # Pillow's readers raise whatever they stumble over in a damaged file.
    except Exception as error:
        raise InputError(
            f"{path}: expected a whole image file, it is damaged or cut short ({str(error) or type(error).__name__})"
        ) from None
    return np.asarray(shaped).transpose(2, 0, 1)


def open_image(path: Path):
    """The Pillow image in a file, to be closed by the caller; raises what Pillow raises, and `InputError` for a pipe or a folder."""
    # Imported here: only who decodes files needs Pillow.
    from PIL import Image

    if not stat.S_ISREG(path.stat().st_mode):
        # Opening a pipe would wait for somebody to write.
        raise InputError(f"{path}: expected a whole image file, it is a folder or a device")
    return Image.open(path, formats=FORMATS)


def decoded_images(
    dataset: str, files: Files, image_size: ImageSize, *, split: str, skip_bad: bool = False
) -> tuple[Tensor, list[int]]:
    """All images uint8 `(N, 3, H, W)`, decoded once into the cache, and the positions left out; H and W as `decode_image` has them.

    A changed name, size, modification time or box of any file leads to decoding anew. A missing or damaged image raises
    `InputError`; with `skip_bad` it is left out, and the tensor holds the others in order, unless there is none. `split` is
    for the error's words.
    """
    key = {
        "files": _digest(files, skip_bad),
        "image_size": _plain(image_size),
        "skip_bad": skip_bad,
    }

    def fill(out: np.ndarray) -> dict:
        skipped = _decode_all(out, files, image_size, skip_bad)
        if len(skipped) == len(out) > 0:
            first = files.folder / files.names[0]
            raise InputError(
                f"{first}: this and all other images of the {split} split are missing or damaged"
            )
        return {"skipped": skipped}

    images, notes = cached_images_and_notes(
        dataset, key, (len(files.names), 3, *image_shape_of(image_size)), fill
    )
    skipped = notes["skipped"]
    return images[: len(images) - len(skipped)], skipped


def _plain(image_size: ImageSize) -> int | list[int]:
    return (
        int(image_size)
        if not isinstance(image_size, tuple | list)
        else [int(side) for side in image_size]
    )


def _decode_all(out: np.ndarray, files: Files, image_size: ImageSize, skip_bad: bool) -> list[int]:
    def attempt(i: int) -> np.ndarray | InputError:
        try:
            return decode_image(
                files.folder / files.names[i], image_size, files.boxes[i] if files.boxes else None
            )
        except InputError as error:
            return error

    skipped: list[int] = []
    log = logging.getLogger(__name__)
    with warnings.catch_warnings(), ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
        # What Pillow finds odd it either reads all the same or refuses, and then the error names the file.
        warnings.filterwarnings("ignore", module="PIL")
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


def _digest(files: Files, skip_bad: bool) -> str:
    digest = hashlib.sha256()
    for i, name in enumerate(files.names):
        path = files.folder / name
        try:
            state = path.stat()
            about = f"{name} {state.st_size} {state.st_mtime_ns}"
        except (OSError, ValueError):
            # Found here, before anything is decoded, a missing file costs the user a second and not minutes.
            if not skip_bad:
                raise InputError(f"{path}: image file missing") from None
            about = f"{name} missing"
        digest.update(f"{about} {files.boxes[i] if files.boxes else ''}\n".encode())
    return digest.hexdigest()


def find_image_folder(candidates: Sequence[Path], names: Sequence[str], about: str = "") -> Path:
    """The first folder that holds one of the first 100 names, else the first that holds their leading folder.

    Raises `InputError` listing the places that were tried.
    """
    for folder in candidates:
        if any((folder / name).is_file() for name in names[:100]):
            return folder
    top = names[0].split("/")[0]
    for folder in candidates:
        if (folder / top).is_dir():
            return folder
    archives = [folder / f"{top}.zip" for folder in candidates if (folder / f"{top}.zip").is_file()]
    if archives:
        raise InputError(
            f"{archives[0]}: unpack this archive first; expected the folder {top!r} with the images beside it"
        )
    raise InputError(
        f"{candidates[0] / top}: image folder missing, also in {', '.join(str(c) for c in candidates[1:])}{about}"
    )
