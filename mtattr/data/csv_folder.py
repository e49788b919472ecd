"""Your own images and attributes: a folder with a table::

    photos/
        labels.csv
        images/
            anna-1.jpg
            anna-2.jpg
            ben-1.jpg
            …

The table has a header and one row per image; commas, semicolons or tabs separate the cells::

    image,split,identity,glasses,smiling,hair
    anna-1.jpg,train,anna,1,yes,brown
    anna-2.jpg,train,anna,0,,brown
    ben-1.jpg,test,ben,1,no,

`load_dataset("csv", "train", root="photos")` reads it. Every column besides `image`, `split` and
`identity` is a task, in the order of the columns; the whole column decides the kind of task:

- 0 and 1, -1 and 1, true and false, or yes and no (in any case) make a binary attribute. So do
  numbers between 0 and 1, which are taken as probabilities. A column keeps to one way of writing:
  a `yes` among 0 and 1 is an error.
- Other words, or whole numbers, make a categorical attribute with one class per value, in sorted
  order.
- An empty cell (or `nan`) is unknown. Losses and metrics leave unknown labels out.

`split` is train, val or test. Without this column a tenth of the people is held out for test and a
tenth for val; without `identity` each image counts for itself.
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
from mtattr.data.options import SPLITS, ImageSize, check_options, checked_names, limited_rows
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
    """One split of your own images, squeezed to `image_size` and cached.

    Splits come from the column `split`. Without it the hash of the identity's name, or else of the
    image's, decides: about 80 % train, 10 % val, 10 % test, and adding rows never moves another
    row. A file README, README.md or README.txt may hold lines `Source: ...` and `Terms: ...` for
    the pages that show the data. An identity in two splits gives a warning.

    Args:
        root: folder with `labels.csv` (or one table of another name ending in .csv), or the table
            itself. Images are named relative to this folder or to `images` in it.
        attributes: columns to keep, in the order wanted; None keeps all.
        categorical: columns to take as classes though their values look like yes and no, or like
            yes, no and something else.
        skip_bad: leave out images that are missing or damaged and list them in
            `facts["skipped"]`.

    Raises:
        InputError: a file is missing, damaged or contradictory; nothing is cached then.
    """
    check_options("csv", split, image_size, limit)
    folder, path = _table_path(root)
    table = read_table(path)
    _check_differ(folder, table)
    task_set, labels = _tasks(table, attributes, categorical)
    carved_by = "identity" if table.identities else "image"
    splits = np.array(table.splits or [_carved(who) for who in table.identities or table.images])
    rows = np.flatnonzero(splits == split)
    if not len(rows):
        few = f"{len(splits)} rows are too few to fill it by chance; add a column 'split'"
        why = "no row has it in the column 'split'" if table.splits else few
        raise InputError(f"{path}: the {split} split is empty: {why}")
    rows = rows[limited_rows(len(rows), limit, seed)]
    files = Files(folder, tuple(_file(folder, table, row, skip_bad) for row in rows))
    images, kept, skipped = decoded_images("csv", files, image_size, split=split, skip_bad=skip_bad)
    kept, left_out = rows[kept], [table.images[row] for row in rows[skipped]]
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
            "layout": f"{path.name}, separated by {DELIMITERS[table.delimiter]}, splits "
            + ("from its column" if table.splits else f"by the hash of the {carved_by}"),
            "counts": {f"{name} split": int((splits == name).sum()) for name in SPLITS},
            "published": {},
            "checksums": {},
            "skipped": left_out,
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
        expected = "expected labels.csv, or one other table ending in .csv"
        raise InputError(f"{folder}: {expected}; there is {found}{ABOUT}")
    return folder, tables[0]


def _tasks(
    table: CsvTable, attributes: Sequence[str] | None, categorical: Sequence[str]
) -> tuple[TaskSet, np.ndarray]:
    wanted, classes = (
        list(table.columns),
        checked_names("csv: categorical", categorical, table.columns),
    )
    if attributes is not None:
        wanted = checked_names("csv: attributes", attributes, table.columns)
    if not wanted:
        raise InputError(f"csv: attributes must name at least one of {', '.join(table.columns)}")
    found = [column_task(table, name, categorical=name in classes) for name in wanted]
    return TaskSet(task for task, _ in found), np.stack([column for _, column in found], axis=1)


def _carved(name: str) -> str:
    if is_validation(name, HELD_OUT):
        return "test"
    # The larger share contains the smaller, so that a tenth is left for val.
    return "val" if is_validation(name, 2 * HELD_OUT) else "train"


def _check_differ(folder: Path, table: CsvTable) -> None:
    """Raise `InputError` where `a.jpg` and `images/a.jpg` name one file."""
    line_of = dict(zip(table.images, table.lines, strict=True))
    for name, line in line_of.items():
        below = f"images/{name}"
        if below in line_of and not (folder / name).is_file():
            first, second = sorted((line, line_of[below]))
            again = f"image {below!r} is given again, as {name!r}; line {first} has it first"
            raise fault(table.path, second, again)


def _file(folder: Path, table: CsvTable, row: int, skip_bad: bool) -> str:
    name = table.images[row]
    for candidate in (name, f"images/{name}"):
        if (folder / candidate).is_file():
            return candidate
    if not skip_bad:
        nowhere = f"image {name!r} is neither in {folder} nor in {folder / 'images'}"
        raise fault(table.path, table.lines[row], nowhere)
    return name


def _shared(table: CsvTable, splits: np.ndarray) -> int:
    """Number of identities with images in several splits; warns if there are any."""
    pairs = set(zip(table.identities, splits.tolist(), strict=True))
    shared = [who for who, n in Counter(who for who, _ in pairs).items() if n > 1]
    if shared:
        warnings.warn(
            f"{table.path}: {len(shared)} identities (e.g. {shared[0]!r}) are in more than one "
            "split; test scores will be optimistic",
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
