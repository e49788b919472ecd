"""One's own images and attributes: a folder with a table::

    photos/
        labels.csv
        images/
            anna-1.jpg
            anna-2.jpg
            ben-1.jpg
            …

The table has a header and a row for each image; commas, semicolons or tabs separate the cells::

    image,split,identity,glasses,smiling,hair
    anna-1.jpg,train,anna,1,yes,brown
    anna-2.jpg,train,anna,0,,brown
    ben-1.jpg,test,ben,1,no,

`load_dataset("csv", "train", root="photos")` reads it. Every column besides `image`, `split` and `identity` is a task, in
the order of the columns, and the whole table decides what kind of task:

- 0 and 1, -1 and 1, true and false, or yes and no (in any case) make a binary attribute. So do numbers between 0 and 1,
  which are taken as probabilities. A column keeps to one way of writing: a `yes` among 0 and 1 is an error.
- Other words, or whole numbers, make a categorical attribute with one class for each value, in sorted order.
- An empty cell (or `nan`) is unknown. Losses and metrics leave unknown labels out.

`split` says train, val or test. Without this column a tenth of the people is held out for test and a tenth for val; people
are told apart by `identity`, and without that column each image counts for itself.
"""

from __future__ import annotations

import os
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from mtattr.data.annotations import fault
from mtattr.data.csv_table import DELIMITERS, CsvTable, column_task, read_table
from mtattr.data.decode import Files, decoded_images
from mtattr.data.folders import is_generated, root_folder, user_path
from mtattr.data.held_out import is_validation
from mtattr.data.image_data import ImageData
from mtattr.data.options import SPLITS, ImageSize, check_options, limited_rows
from mtattr.errors import InputError
from mtattr.tasks import TaskSet

ABOUT = "; it is a folder of your own with a table labels.csv and the images that the table names"

HELD_OUT = 0.1


def load(
    split: str,
    *,
    root=None,
    image_size: ImageSize = 64,
    limit: int | None = None,
    seed: int = 0,
    attributes: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
    skip_bad: bool = False,
) -> ImageData:
    """One split of one's own images, squeezed to `image_size`, decoded once into the cache.

    root: the folder with `labels.csv` (or with one table of another name ending in .csv), or the table itself. Images are
    named relative to this folder or to `images` in it. The module's text says what the columns mean.
    attributes: columns to keep, in the order wanted; None keeps all. categorical: columns to take as classes though their
    values look like yes and no, or like yes, no and something else.
    Splits come from the column `split` (train, val, test). Without it the identity's name, or else the image's, decides by
    its hash: about 80 % train, 10 % val, 10 % test, and adding rows never moves another row to another split.
    skip_bad: leave out images that are missing or damaged and list them in `facts["skipped"]`.
    A file README, README.md or README.txt may hold lines `Source: …` and `Terms: …` for the pages that show the data.
    Raises `InputError`, naming file and line, for anything missing or contradictory; nothing is cached then. Warns if an
    identity is in two splits.
    """
    check_options("csv", split, image_size, limit)
    folder, path = _table_path(root)
    table = read_table(path)
    _check_differ(folder, table)
    task_set, labels = _tasks(table, attributes, categorical)
    splits = np.array(
        table.splits or [_carved(name) for name in (table.identities or table.images)]
    )
    rows = np.flatnonzero(splits == split)
    if not len(rows):
        by = (
            "no row has it in the column 'split'"
            if table.splits
            else f"{len(splits)} rows are too few to fill it by chance; add a column 'split'"
        )
        raise InputError(f"{path}: the {split} split is empty: {by}")
    rows = rows[limited_rows(len(rows), limit, seed)]
    files = Files(folder, tuple(_file(folder, table, row, skip_bad) for row in rows))
    images, skipped = decoded_images("csv", files, image_size, split=split, skip_bad=skip_bad)
    kept = rows[np.setdiff1d(np.arange(len(rows)), skipped)]
    people = sorted(set(table.identities or ()))
    number = {name: i for i, name in enumerate(people)}
    about = _readme(folder)
    return ImageData(
        images=images,
        labels=torch.from_numpy(labels[kept]),
        tasks=task_set,
        keys=tuple(table.images[row] for row in kept),
        name="csv",
        split=split,
        identities=torch.tensor([number[table.identities[row]] for row in kept])
        if table.identities
        else None,
        generated=is_generated(folder),
        source=about.get("source", "A folder of the user's own images and attributes"),
        terms=about.get("terms", about.get("licence", about.get("license", ""))),
        facts={
            "layout": f"{path.name}, separated by {DELIMITERS[table.delimiter]}, "
            + (
                "splits from its column"
                if table.splits
                else f"splits by the hash of the {'identity' if table.identities else 'image'}"
            ),
            "counts": {f"{name} split": int((splits == name).sum()) for name in SPLITS},
            "published": {},
            "checksums": {},
            "skipped": [table.images[rows[i]] for i in skipped],
        }
        | (
            {"identities": len(people), "identities_in_two_splits": _shared(table, splits)}
            if table.identities
            else {}
        ),
    )


def _table_path(root) -> tuple[Path, Path]:
    if isinstance(root, str | os.PathLike) and os.path.isfile(path := user_path(root)):
        return path.parent, path
    folder = root_folder("csv", root, "labels.csv and the images", ABOUT)
    if (folder / "labels.csv").is_file():
        return folder, folder / "labels.csv"
    tables = sorted(
        path for path in folder.glob("*.csv") if path.is_file() and not path.name.startswith(".")
    )
    if len(tables) != 1:
        found = ", ".join(path.name for path in tables[:5]) or "none"
        raise InputError(
            f"{folder}: expected labels.csv, or one other table ending in .csv; there is {found}{ABOUT}"
        )
    return folder, tables[0]


def _tasks(
    table: CsvTable, attributes: Sequence[str] | None, categorical: Sequence[str]
) -> tuple[TaskSet, np.ndarray]:
    wanted = list(table.columns) if attributes is None else _names("attributes", attributes, table)
    classes = set(_names("categorical", categorical, table))
    found = [column_task(table, name, categorical=name in classes) for name in wanted]
    return TaskSet(task for task, _ in found), np.stack([column for _, column in found], axis=1)


def _names(option: str, names: Sequence[str], table: CsvTable) -> list[str]:
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise InputError(
            f"csv: {option} must be different names out of {', '.join(table.columns)}, got {names!r}"
        )
    names = [part.strip() for part in names.split(",")] if isinstance(names, str) else list(names)
    for name in names:
        if name not in table.columns:
            raise InputError(
                f"csv: {option} names {name!r}, which is no attribute of {table.path}; there are {', '.join(table.columns)}"
            )
    if len(set(names)) < len(names) or (option == "attributes" and not names):
        raise InputError(
            f"csv: {option} must be different names out of {', '.join(table.columns)}, got {names}"
        )
    return names


def _carved(name: str) -> str:
    # The larger share contains the smaller, so that a tenth is left for val.
    return (
        "test"
        if is_validation(name, HELD_OUT)
        else "val"
        if is_validation(name, 2 * HELD_OUT)
        else "train"
    )


def _check_differ(folder: Path, table: CsvTable) -> None:
    """Raise `InputError` where `a.jpg` and `images/a.jpg` name the one file."""
    line_of = dict(zip(table.images, table.lines, strict=True))
    for name, line in line_of.items():
        below = f"images/{name}"
        if below in line_of and not (folder / name).is_file():
            raise fault(
                table.path,
                max(line, line_of[below]),
                f"image {below!r} is given again, as {name!r}; line {min(line, line_of[below])} has it first",
            )


def _file(folder: Path, table: CsvTable, row: int, skip_bad: bool) -> str:
    name = table.images[row]
    for candidate in (name, f"images/{name}"):
        if (folder / candidate).is_file():
            return candidate
    if not skip_bad:
        raise fault(
            table.path,
            table.lines[row],
            f"image {name!r} is neither in {folder} nor in {folder / 'images'}",
        )
    return name


def _shared(table: CsvTable, splits: np.ndarray) -> int:
    """How many identities have images in more than one split; warns if any has."""
    often = Counter(
        identity for identity, _ in set(zip(table.identities, splits.tolist(), strict=True))
    )
    shared = [identity for identity, n in often.items() if n > 1]
    if shared:
        warnings.warn(
            f"{table.path}: identity {shared[0]!r} is in more than one split ({len(shared)} are), so that test scores will flatter",
            stacklevel=3,
        )
    return len(shared)


def _readme(folder: Path) -> dict[str, str]:
    for name in ("README", "README.md", "README.txt"):
        if (folder / name).is_file():
            text = (folder / name).read_text(encoding="utf-8", errors="replace")
            found = re.findall(
                r"^[\s*#-]*(source|terms|licen[cs]e)[\s*]*:[\s*]*(\S.*?)\s*$",
                text,
                re.IGNORECASE | re.MULTILINE,
            )
            return {key.lower(): value for key, value in found}
    return {}
