"""Pairs of a py:percent source and the executed notebook beside it, made from the source."""

from __future__ import annotations

import copy
import json
import re
import tempfile
from pathlib import Path
from typing import NamedTuple

from mtattr.errors import InputError
from mtattr.files import write_atomically
from mtattr.reproduce.files import digest_of
from mtattr.reproduce.project import notebook_name

#: Cell metadata that belongs to the source; anything else is noise of a run or of an editor.
KEPT_CELL_METADATA = ("tags", "mystnb")
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")


class Cell(NamedTuple):
    """Parts of a cell that agree between source and notebook.

    Args:
        type: `code`, `markdown` or `raw`.
        source: text.
        tags: in order.
    """

    type: str
    source: str
    tags: tuple[str, ...]


def read_notebook(path: Path):
    """The notebook node (format 4.5) of a `.py` source (py:percent) or of an `.ipynb`.

    Raises `InputError` if the file is missing or is not a notebook.
    """
    import jupytext
    import nbformat

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected a notebook") from error
    if path.suffix == ".py":
        notebook = jupytext.reads(text, fmt="py:percent")
    else:
        try:
            notebook = nbformat.reads(text, as_version=4)
        except Exception as error:
            problem = f"is not a Jupyter notebook ({type(error).__name__})"
            raise InputError(f"{path}: {problem}; expected JSON of format 4") from error
    notebook.nbformat, notebook.nbformat_minor = 4, max(5, notebook.nbformat_minor)
    return notebook


def cells(path: Path) -> list[Cell]:
    """Type, source and tags of every cell, for a `.py` source and for an `.ipynb` alike."""
    return [_cell(cell) for cell in read_notebook(Path(path)).cells]


def _cell(cell) -> Cell:
    return Cell(cell.cell_type, cell.source, tuple(cell.metadata.get("tags", ())))


def pair_problems(source: Path, notebook: Path) -> list[str]:
    """Differences between a `.py` source and its `.ipynb`, one line each; empty if they agree.

    Compares number, type, text, tags and MyST metadata (alt texts) of the cells, not outputs.
    """
    if not notebook.is_file():
        return [f"{notebook.name}: missing beside {source.name}"]
    ours, theirs = read_notebook(source).cells, read_notebook(notebook).cells
    problems = []
    if len(ours) != len(theirs):
        problems.append(f"{source.name} has {len(ours)} cells, {notebook.name} has {len(theirs)}")
    for number, (left, right) in enumerate(zip(ours, theirs, strict=False)):
        for what, a, b in zip(Cell._fields, _cell(left), _cell(right), strict=True):
            if a != b:
                problems.append(f"{source.name} cell {number}: {what} differs from {notebook.name}")
        if left.metadata.get("mystnb") != right.metadata.get("mystnb"):
            problems.append(f"{source.name} cell {number}: mystnb differs from {notebook.name}")
    return problems


def changed_sides(source: Path, notebook: Path) -> list[Path]:
    """Those of the pair whose cells are no longer the ones that `write_notebook` wrote into both.

    A notebook that does not say what was written is compared with its source by time of change.
    """
    written = read_notebook(notebook).metadata.get("mtattr", {}).get("cells")
    if written is not None:
        pair = (source, notebook)
        return [path for path in pair if _cells_digest(read_notebook(path).cells) != written]
    if not pair_problems(source, notebook):
        return []
    return [notebook if notebook.stat().st_mtime > source.stat().st_mtime else source]


def _cells_digest(cells: list) -> str:
    return digest_of(
        json.dumps([*_cell(cell), cell.metadata.get("mystnb")], sort_keys=True)
        for cell in cells
        if not _is_injected(cell)
    )


def merge(source: Path, executed):
    """The notebook of `source` with the outputs of `executed`, the same on every machine.

    Cells get stable ids and execution counts 1..n; timings, paths, addresses, stderr and progress
    leave. Injected parameters stay as a cell of their own, because without it the outputs would
    contradict the defaults above.

    Args:
        source: the `.py`.
        executed: a notebook node with the code of `source`, besides what papermill injected.

    Raises:
        InputError: the code differs, or a code cell was not run.
    """
    import nbformat

    name = notebook_name(source)
    result = read_notebook(source)
    ran = [cell for cell in executed.cells if cell.cell_type == "code"]
    injected = [cell for cell in ran if _is_injected(cell)]
    ran = [cell for cell in ran if not _is_injected(cell)]
    code = [cell for cell in result.cells if cell.cell_type == "code"]
    if [cell.source for cell in code] != [cell.source for cell in ran]:
        raise InputError(f"{name}: executed code is not the source's; execute it again")
    for cell, run in zip(code, ran, strict=True):
        if cell.source.strip() and run.get("execution_count") is None:
            raise InputError(f"{name}: cell not executed: {cell.source.splitlines()[0]!r}")
        cell.outputs = clean_outputs(run.outputs, source.parent)
    tags = [cell.metadata.get("tags", ()) for cell in result.cells]
    below = next((i for i, found in enumerate(tags, start=1) if "parameters" in found), 0)
    result.cells[below:below] = [
        nbformat.v4.new_code_cell(cell.source, metadata={"tags": ["injected-parameters"]})
        for cell in injected
    ]
    count = 0
    for number, cell in enumerate(result.cells):
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in KEPT_CELL_METADATA}
        cell.id = f"{source.stem[:40]}-{number:02d}"
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count if cell.source.strip() else None
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    result.metadata = {
        # What `changed_sides` compares with.
        "mtattr": {"cells": _cells_digest(result.cells)},
        "kernelspec": dict(KERNELSPEC),
        "language_info": {
            "file_extension": ".py",
            "mimetype": "text/x-python",
            "name": "python",
            "pygments_lexer": "ipython3",
        },
    }
    nbformat.validate(result)
    return result


def write_notebook(source: Path, executed, destination: Path | None = None) -> Path:
    """Path of `merge(source, executed)`, written to `destination` or beside the source."""
    import nbformat

    destination = destination or source.with_suffix(".ipynb")
    text = nbformat.writes(nbformat.from_dict(merge(source, executed)))
    write_atomically(destination, text.rstrip("\n") + "\n")
    return destination


def _is_injected(cell) -> bool:
    return "injected-parameters" in cell.metadata.get("tags", ())


def clean_outputs(outputs: list, folder: Path) -> list:
    """Outputs without stderr, widgets, timings, memory addresses and this machine's paths.

    Pieces of one stream are joined. The project two levels above `folder` is written as `.`.
    """
    import nbformat

    kept: list = []
    for output in copy.deepcopy(outputs):
        if output.output_type == "stream":
            if output.name == "stderr":
                continue
            if kept and kept[-1].output_type == "stream":
                kept[-1].text += output.text
                continue
        data = output.get("data", {})
        if "application/vnd.jupyter.widget-view+json" in data:
            continue
        output.pop("transient", None)
        if "metadata" in output:
            output.metadata = {key: value for key, value in output.metadata.items() if key in data}
        kept.append(output)
    places = _places(folder)
    for output in kept:
        if output.output_type == "stream":
            output.text = _clean_text(_overwritten(output.text), places)
        for kind, value in output.get("data", {}).items():
            if kind.startswith("text/") and isinstance(value, str):
                output.data[kind] = _clean_text(value, places)
    return [nbformat.from_dict(output) for output in kept]


def _overwritten(text: str) -> str:
    """Text as a terminal shows it: of each line the part after its last carriage return."""
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))


def _places(folder: Path) -> list[tuple[str, str]]:
    from mtattr.data.home import home

    named = {
        str(home()): "$MTATTR_HOME",
        str(folder.resolve().parents[1]): ".",
        str(Path(tempfile.gettempdir())): "$TMPDIR",
        str(Path.home()): "~",
    }
    # The longest first: a cache inside the home folder keeps its own name.
    return sorted((p for p in named.items() if len(p[0]) > 1), key=lambda pair: -len(pair[0]))


def _clean_text(text: str, places: list[tuple[str, str]]) -> str:
    for path, name in places:
        text = re.sub(re.escape(path) + r"(?![\w-])", lambda _: name, text)  # noqa: B023
    return _ADDRESS.sub("0x…", text)
