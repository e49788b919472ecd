"""Lists and tables of CompCars (web-nature pictures)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mtattr.data.annotations import box, check_image_path, fault, table_rows, whole_number
from mtattr.data.decode import Box
from mtattr.data.matlab import read_matlab
from mtattr.data.options import check_choice
from mtattr.errors import InputError

ABOUT = (
    "; CompCars is handed out for non-commercial research, on a signed agreement, on the CompCars "
    "page of the Multimedia Laboratory, The Chinese University of Hong Kong"
)

# Types of body by their number in attributes.txt, from 1 on; 0 is unknown.
TYPES = (
    *("MPV", "SUV", "sedan", "hatchback", "minibus", "fastback", "estate", "pickup"),
    *("hardtop convertible", "sports", "crossover", "convertible"),
)
LISTS = {
    "cvpr2015": {"train": "classification/train.txt", "test": "classification/test.txt"},
    "arxiv2015": {"train": "classification_train.txt", "test": "classification_test.txt"},
}
_COLUMNS = ("model_id", "maximum_speed", "displacement", "door_number", "seat_number", "type")
_VIEWPOINTS = (-1, 1, 2, 3, 4, 5)

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """Folders of one copy: `base` holds image/ and label/, `misc` the tables; the two lists."""

    which: str
    base: Path
    misc: Path
    lists: dict[str, Path]


@dataclass(frozen=True)
class Row:
    """One line of a list, `make/model/year/file`."""

    key: str
    make: int
    model: int
    line: int


def find_place(root: Path, which: str | None) -> Place:
    """One of the two classification splits below `root`, the folder `data` or the one above it.

    Args:
        which: "cvpr2015", "arxiv2015" (a separate download, folder `arxiv_data`), or None for the
            first that is there.
    """
    if which is not None:
        check_choice("compcars", "which", which, LISTS)
    base = root / "data" if (root / "data").is_dir() else root
    folders = [base, root, root / "arxiv_data", base / "arxiv_data"]
    if root.absolute().name == "data":
        folders.append(root.absolute().parent / "arxiv_data")
    misc = next(
        (folder / "misc" for folder in (base, root) if (folder / "misc").is_dir()), base / "misc"
    )
    wanted = [which] if which else list(LISTS)
    for name in wanted:
        for folder in folders:
            for lists in (folder / "train_test_split", folder):
                paths = {part: lists / file for part, file in LISTS[name].items()}
                if any(path.is_file() for path in paths.values()):
                    return Place(name, base, misc, paths)
    files = " or ".join(f"train_test_split/{LISTS[name]['train']}" for name in wanted)
    raise InputError(f"{base}: expected {files} here{ABOUT}")


def read_list(path: Path) -> list[Row]:
    """The lines of a list in file order, all different; `InputError` for one that is no path."""
    rows: dict[str, Row] = {}
    for line, text in table_rows(path, header=False, about=ABOUT):
        parts = text.split("/")
        if len(parts) != 4 or not parts[3] or ".." in parts:
            raise fault(path, line, f"expected make/model/year/picture.jpg, got {text[:60]!r}")
        check_image_path(path, line, text)
        make, model = (
            whole_number(path, line, part, f"the {what}'s number")
            for part, what in zip(parts, ("make", "model"), strict=False)
        )
        if min(make, model) < 1:
            raise fault(path, line, f"makes and models are numbered from 1 on, got {text[:60]!r}")
        if text in rows:
            raise fault(path, line, f"{text!r} is given again, first in line {rows[text].line}")
        rows[text] = Row(text, make, model, line)
    if not rows:
        raise InputError(f"{path}: expected pictures, the file lists none")
    return list(rows.values())


def read_lists(place: Place) -> dict[str, list[Row]]:
    """The official train and test lists.

    Raises `InputError` if a picture is in both, or a test make or model in no training line.
    """
    lists = {part: read_list(path) for part, path in place.lists.items()}
    path, trained = place.lists["test"], {row.key: row for row in lists["train"]}
    makes, models = ({getattr(row, what) for row in lists["train"]} for what in ("make", "model"))
    train = place.lists["train"]
    for row in lists["test"]:
        if row.key in trained:
            line = trained[row.key].line
            raise fault(path, row.line, f"{row.key!r} is also in line {line} of {train}")
        for what, number, known in (("model", row.model, models), ("make", row.make, makes)):
            if number not in known:
                of = f"the {what} {number} of {row.key!r}"
                raise fault(path, row.line, f"{of} is in no line of {train}")
    return lists


def read_types(misc: Path) -> dict[int, int]:
    """{model's number: type of body, 1..12 or 0 for unknown} from attributes.txt."""
    path, found = misc / "attributes.txt", {}
    rows = table_rows(path, header=False, about=ABOUT)
    for line, text in rows:
        fields = text.split()
        if line == 1 and tuple(fields) == _COLUMNS:
            continue
        if line == 1:
            columns = " ".join(_COLUMNS)
            raise fault(path, line, f"expected the column names {columns}, got {text[:60]!r}")
        if len(fields) != len(_COLUMNS):
            raise fault(path, line, f"expected {len(_COLUMNS)} values, got {len(fields)}")
        model, kind = (
            whole_number(path, line, fields[i], what)
            for i, what in ((0, "a model's number"), (-1, "a type of body"))
        )
        if not 0 <= kind <= len(TYPES):
            raise fault(path, line, f"the type {kind} is outside 0..{len(TYPES)}")
        if model in found:
            raise fault(path, line, f"model {model} is given again")
        found[model] = kind
    return found


def read_names(misc: Path) -> tuple[dict[int, str], dict[int, str]]:
    """Names of makes and of models by number from make_model_name.mat, for display.

    Both are empty if there is no such file; numbers without a name are left out.
    """
    path = misc / "make_model_name.mat"
    if not path.is_file():
        return {}, {}
    content = read_matlab(path)
    for variable in ("make_names", "model_names"):
        if variable not in content:
            both = "expected the variables make_names and model_names"
            raise InputError(f"{path}: {both}, {variable} is missing")
    return _cell_names(content["make_names"]), _cell_names(content["model_names"])


def read_box(path: Path) -> tuple[int, Box]:
    """(viewpoint, box) from one label file; of several boxes the first counts.

    The file's box counts from 1 and includes both corners, ours counts from 0 and ends outside.
    Viewpoints: 1 front, 2 rear, 3 side, 4 front-side, 5 rear-side, -1 uncertain.
    """
    rows = list(table_rows(path, header=False))
    if len(rows) < 3:
        expected = "expected a line with the viewpoint, one with the number of boxes and the boxes"
        raise InputError(f"{path}: {expected}, got {len(rows)} lines")
    (line, text), (second, count_text), (third, corners) = rows[:3]
    viewpoint = whole_number(path, line, text, "the viewpoint")
    if viewpoint not in _VIEWPOINTS:
        known = ", ".join(map(str, _VIEWPOINTS))
        raise fault(path, line, f"the viewpoint {viewpoint} is not one of {known}")
    count = whole_number(path, second, count_text, "the number of boxes")
    if count != len(rows) - 2:
        raise fault(path, second, f"announces {count} boxes, the file has {len(rows) - 2}")
    fields = corners.split()
    if len(fields) != 4:
        raise fault(path, third, f"expected a box x1 y1 x2 y2, got {len(fields)} values")
    x1, y1, x2, y2 = box(path)(third, fields)
    if min(x1, y1) < 1:
        raise fault(path, third, f"boxes count from 1, got {corners}")
    return viewpoint, (x1 - 1, y1 - 1, x2, y2)


def first_of(rows: Iterable[Row], key: Callable[[Row], T]) -> dict[T, Row]:
    """{value of `key`: the first row that has it}, in ascending order of the values."""
    found: dict[T, Row] = {}
    for row in rows:
        found.setdefault(key(row), row)
    return dict(sorted(found.items()))


def _cell_names(cells: object) -> dict[int, str]:
    names = {}
    for i, cell in enumerate(cells if isinstance(cells, list) else []):
        text = " ".join(
            [cell] if isinstance(cell, str) else cell if isinstance(cell, list) else []
        ).strip()
        if text:
            names[i + 1] = text
    return names
