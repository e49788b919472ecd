"""Files of CIFAR-10 and CIFAR-100: the "python version" and the "binary version"."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtattr.data.folders import read_bytes
from mtattr.data.plain_pickle import Array, read_plain_pickle
from mtattr.errors import InputError

SIDE = 32
PIXELS = 3 * SIDE * SIDE


@dataclass(frozen=True)
class Layout:
    """Files of one version of one set.

    Args:
        version: "python version" or "binary version".
        folder: folder in the official archive.
        files: {"train" or "test": its files}.
        names: {kind of label: (file of the class names, key in it; the binary version has none)}.
        columns: {kind of label that each record or batch carries, in file order: its key}.
    """

    version: str
    folder: str
    files: dict[str, tuple[str, ...]]
    names: dict[str, tuple[str, str]]
    columns: dict[str, str]


@dataclass(frozen=True)
class Batch:
    """Images in file order: pixels uint8 `(N, 3, 32, 32)`, int64 labels `(N,)` of each kind."""

    pixels: np.ndarray
    labels: dict[str, np.ndarray]


_FIVE = range(1, 6)
LAYOUTS = {
    "cifar10": (
        Layout(
            "python version",
            "cifar-10-batches-py",
            {"train": tuple(f"data_batch_{i}" for i in _FIVE), "test": ("test_batch",)},
            {"class": ("batches.meta", "label_names")},
            {"class": "labels"},
        ),
        Layout(
            "binary version",
            "cifar-10-batches-bin",
            {"train": tuple(f"data_batch_{i}.bin" for i in _FIVE), "test": ("test_batch.bin",)},
            {"class": ("batches.meta.txt", "")},
            {"class": ""},
        ),
    ),
    "cifar100": (
        Layout(
            "python version",
            "cifar-100-python",
            {"train": ("train",), "test": ("test",)},
            {"fine": ("meta", "fine_label_names"), "coarse": ("meta", "coarse_label_names")},
            {"coarse": "coarse_labels", "fine": "fine_labels"},
        ),
        Layout(
            "binary version",
            "cifar-100-binary",
            {"train": ("train.bin",), "test": ("test.bin",)},
            {"fine": ("fine_label_names.txt", ""), "coarse": ("coarse_label_names.txt", "")},
            {"coarse": "", "fine": ""},
        ),
    ),
}


def find_layout(name: str, root: Path, about: str) -> tuple[Layout, Path]:
    """The version of the set at `root` and its folder; the python version if both are there.

    Raises:
        InputError: neither is there; names an archive that waits to be unpacked.
    """
    for layout in LAYOUTS[name]:
        for folder in (root / layout.folder, root):
            if any((folder / file).is_file() for files in layout.files.values() for file in files):
                return layout, folder
    folders = " or ".join(layout.folder for layout in LAYOUTS[name])
    for archive in sorted(root.glob("cifar-*.tar.gz")):
        raise InputError(f"{archive}: unpack this archive first; expected the folder {folders}")
    raise InputError(f"{root}: expected the folder {folders} here{about}")


def read_part(
    layout: Layout, folder: Path, part: str, classes: dict[str, tuple[str, ...]], about: str
) -> Batch:
    """All images of one part of a set.

    Args:
        part: "train" or "test".
        classes: class names of each kind of label.

    Raises:
        InputError: a file is missing or damaged, or a label has no name.
    """
    read = _read_python if layout.version == "python version" else _read_binary
    batches = [read(folder / file, layout, about) for file in layout.files[part]]
    for file, batch in zip(layout.files[part], batches, strict=True):
        for kind, labels in batch.labels.items():
            last = len(classes[kind]) - 1
            bad = np.flatnonzero((labels < 0) | (labels > last))
            if len(bad):
                raise InputError(
                    f"{folder / file}: image {bad[0]} has the {kind} label {labels[bad[0]]}, "
                    f"outside 0..{last}: {folder / layout.names[kind][0]} names {last + 1} classes"
                )
    return Batch(
        np.concatenate([batch.pixels for batch in batches]),
        {
            kind: np.concatenate([batch.labels[kind] for batch in batches])
            for kind in layout.columns
        },
    )


def read_class_names(layout: Layout, folder: Path, about: str) -> dict[str, tuple[str, ...]]:
    """Class names of each kind of label, in order; `InputError` for fewer than two or one twice."""
    found = {}
    for kind, (file, key) in layout.names.items():
        path = folder / file
        names = _python_names(path, key, about) if key else _text_names(path, about)
        if len(names) < 2 or len(set(names)) < len(names):
            raise InputError(
                f"{path}: expected at least two {kind} names, all different, got {len(names)}"
            )
        found[kind] = names
    return found


def _read_python(path: Path, layout: Layout, about: str) -> Batch:
    content = _dict(path, about)
    data = content["data"].pixels if isinstance(content.get("data"), Array) else np.empty(0)
    if data.ndim != 2 or data.shape[1] != PIXELS or not len(data):
        raise InputError(f"{path}: expected an array 'data' of (N, {PIXELS}), got {data.shape}")
    labels = {}
    for kind, key in layout.columns.items():
        values = content.get(key)
        if not isinstance(values, list) or any(
            type(value) is not int or abs(value) >= 2**31 for value in values
        ):
            raise InputError(f"{path}: expected a list {key!r} of whole numbers")
        if len(values) != len(data):
            raise InputError(f"{path}: {len(data)} images but {len(values)} {key}")
        labels[kind] = np.array(values, dtype=np.int64)
    return Batch(data.reshape(-1, 3, SIDE, SIDE), labels)


def _read_binary(path: Path, layout: Layout, about: str) -> Batch:
    content = np.frombuffer(read_bytes(path, about), dtype=np.uint8)
    width = len(layout.columns)
    if len(content) % (width + PIXELS) or not len(content):
        raise InputError(
            f"{path}: expected whole records of {width + PIXELS} bytes, got {len(content)} bytes; "
            "the file is cut short or another one"
        )
    records = content.reshape(-1, width + PIXELS)
    labels = {kind: records[:, i].astype(np.int64) for i, kind in enumerate(layout.columns)}
    return Batch(records[:, width:].reshape(-1, 3, SIDE, SIDE), labels)


def _python_names(path: Path, key: str, about: str) -> tuple[str, ...]:
    names = _dict(path, about).get(key)
    names = [_text(name) for name in names] if isinstance(names, list) else [None]
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: expected a list {key!r} of class names")
    return tuple(names)


def _text_names(path: Path, about: str) -> tuple[str, ...]:
    try:
        lines = read_bytes(path, about).decode("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise InputError(
            f"{path}: expected one class name per line in UTF-8, the file holds other bytes"
        ) from None
    return tuple(line.strip() for line in lines if line.strip())


def _dict(path: Path, about: str) -> dict:
    content = read_plain_pickle(path, about)
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a dictionary, got a {type(content).__name__}")
    return {_text(key): value for key, value in content.items()}


def _text(value: object) -> object:
    """`value`, as text if a program wrote it as bytes."""
    return value.decode("latin-1") if isinstance(value, bytes) else value
