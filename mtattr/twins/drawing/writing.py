"""Writing of a twin to disk in the layout of the real set: the steps that all share."""

from __future__ import annotations

import os
from pathlib import Path

from torch import Tensor

from mtattr.data.options import GENERATED_MARK
from mtattr.errors import InputError


def new_folder(folder: str | os.PathLike) -> Path:
    """`folder` as a path; `InputError` if it exists and is not an empty folder."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: expected a new or empty folder to write to")
    return folder


def image_quality(name: str, image_format: str) -> dict:
    """Options for saving as "png" (reads back equal) or "jpg" (lossy); else `InputError`."""
    if image_format not in ("png", "jpg"):
        raise InputError(f"{name}: image_format {image_format!r} is not one of png, jpg")
    return (
        {"format": "JPEG", "quality": 95}
        if image_format == "jpg"
        else {"format": "PNG", "compress_level": 1}
    )


def save_image(path: Path, image: Tensor, quality: dict) -> None:
    """Save one image, uint8 (3, H, W), in the format of `quality` whatever the name ends in."""
    from PIL import Image

    Image.fromarray(image.permute(1, 2, 0).numpy()).save(path, **quality)


def mark_generated(folder: Path, name: str, real: str) -> None:
    """Say in the folder itself that its images were drawn: loaders read the mark."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / GENERATED_MARK).write_text(
        f"Drawn by mtattr ({name}). No photograph is involved; not the {real} dataset.\n"
    )


def sizes_of(default: dict[str, int], limit: int | dict[str, int] | None) -> dict[str, int]:
    """Images per split: the default sizes, or `limit` for all splits or for those it names."""
    return default | (
        limit if isinstance(limit, dict) else {} if limit is None else dict.fromkeys(default, limit)
    )
