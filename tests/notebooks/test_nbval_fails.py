"""The check of stored outputs is itself checked: an edited number must fail, an untouched notebook must pass."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import mtattr
import nbformat
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    """A folder whose path holds a space and an accent, as a user's may."""
    (tmp_path / "my course é").mkdir()
    return tmp_path / "my course é"


def nbval(notebook: Path) -> subprocess.CompletedProcess:
    options = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(Path(__file__).with_name("sanitize.cfg"))]
    command = [sys.executable, "-m", "pytest", *options, "--nbval-cell-timeout", "300", "-p", "no:cacheprovider", "-q", str(notebook)]
    environment = os.environ | {"PYTHONPATH": str(Path(mtattr.__file__).parents[1])}
    return subprocess.run(
        command, cwd=notebook.parent, capture_output=True, text=True, env=environment, timeout=280, stdin=subprocess.DEVNULL
    )


def write(path: Path, cells: list[tuple[str, str, list[str]]]) -> Path:
    """An executed notebook of (source, stored result, tags)."""
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    for count, (source, result, tags) in enumerate(cells, start=1):
        cell = nbformat.v4.new_code_cell(source, execution_count=count, metadata={"tags": tags})
        cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": result}, execution_count=count)]
        notebook.cells.append(cell)
    nbformat.write(notebook, path)
    return path


CELLS = [("sum(range(10))", "45", []), ("object()", "<object at 0x…>", []), ("import time\ntime.time()", "1.0", ["nbval-ignore-output"])]


def test_untouched_passes_and_edited_fails(folder):
    good = nbval(write(folder / "good.ipynb", CELLS))
    assert good.returncode == 0, good.stdout
    assert "3 passed" in good.stdout
    edited = nbval(write(folder / "edited.ipynb", [("sum(range(10))", "46", []), *CELLS[1:]]))
    assert edited.returncode == 1
    assert "1 failed, 2 passed" in edited.stdout


@pytest.mark.slow
def test_output_that_was_not_stored_fails(folder):
    warned = nbval(write(folder / "warned.ipynb", [("import sys\nprint('careful', file=sys.stderr)\n45", "45", [])]))
    assert warned.returncode == 1
    broken = nbval(write(folder / "broken.ipynb", [("1 / 0", "1", ["nbval-ignore-output"])]))
    assert broken.returncode == 1


@pytest.mark.slow
def test_editing_a_stored_number_of_the_book_fails(folder):
    """The build notebook of the first chapter, because it trains nothing."""
    name = "notebooks/attribute_estimation/build.ipynb"
    assert (ROOT / name).is_file(), f"{name} does not exist yet"
    copy = folder / "project" / name
    copy.parent.mkdir(parents=True)
    (folder / "project" / "pyproject.toml").touch()
    shutil.copytree(ROOT / "book" / "evidence", folder / "project" / "book" / "evidence")
    shutil.copy(ROOT / name, copy)
    untouched = nbval(copy)
    assert untouched.returncode == 0, untouched.stdout
    notebook = json.loads(copy.read_text(encoding="utf-8"))
    edited = change_a_digit(notebook)
    copy.write_text(json.dumps(notebook), encoding="utf-8")
    result = nbval(copy)
    assert result.returncode == 1, f"cell [{edited}] was edited and nobody noticed"


def change_a_digit(notebook: dict) -> int:
    """Change one stored digit in place, in an output that is compared, and return its cell's number."""
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code" or "nbval-ignore-output" in cell["metadata"].get("tags", ()):
            continue
        for output in cell["outputs"]:
            holder, key = (output, "text") if "text" in output else (output.get("data", {}), "text/plain")
            text = "".join(holder.get(key, ""))
            if "0x" in text or text.startswith("<Figure"):
                continue
            digits = [i for i, letter in enumerate(text) if letter.isdigit()]
            if digits:
                at = digits[-1]
                holder[key] = text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :]
                return cell["execution_count"]
    raise AssertionError("no stored number is compared in this notebook")
