import json
import os
from pathlib import Path

import nbformat
import pytest
from mtattr.errors import InputError
from mtattr.reproduce import cells, changed_sides, pair_problems, write_notebook
from mtattr.reproduce.notebooks import clean_outputs, read_notebook


def executed(source: Path):
    """The notebook as if it had been run out of order on a noisy machine."""
    notebook = read_notebook(source)
    for number, cell in enumerate(cell for cell in notebook.cells if cell.cell_type == "code"):
        cell.execution_count = 40 + 3 * number
        cell.metadata["execution"] = {"iopub.execute_input": "2026-01-01T00:00:00Z"}
        cell.metadata["papermill"] = {"duration": 0.1}
        cell.outputs = [
            nbformat.v4.new_output("execute_result", {"text/plain": "1"}, execution_count=cell.execution_count),
            nbformat.v4.new_output("stream", name="stderr", text="a warning\n"),
        ]
    notebook.metadata["papermill"] = {"duration": 1.0}
    notebook.metadata["widgets"] = {}
    return notebook


@pytest.fixture
def pair(make_project):
    project = make_project(build="a = 1\na\n----\nb = 2\nb")
    source = project.source("attribute_estimation/build")
    text = source.read_text() + '\n# %% tags=["hide-input"] mystnb={"image": {"alt": "a line"}}\nplot()\n'
    source.write_text(text)
    return source, write_notebook(source, executed(source))


def test_both_forms_have_the_same_cells(pair):
    source, notebook = pair
    assert cells(source) == cells(notebook)
    assert [cell.type for cell in cells(source)] == ["markdown", "code", "code", "code", "code"]
    assert cells(source)[1].tags == ("parameters",)
    assert pair_problems(source, notebook) == []


def test_stored_notebook_holds_no_noise(pair):
    source, notebook = pair
    stored = json.loads(notebook.read_text())
    code = [cell for cell in stored["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == [1, 2, 3, 4]
    assert [output["execution_count"] for cell in code for output in cell["outputs"]] == [1, 2, 3, 4]
    assert set(stored["metadata"]) == {"kernelspec", "language_info", "mtattr"}
    assert stored["metadata"]["kernelspec"]["name"] == "python3"
    assert {key for cell in code for key in cell["metadata"]} == {"tags", "mystnb"}
    assert "stderr" not in notebook.read_text()
    before = notebook.read_bytes()
    write_notebook(source, executed(source))
    assert notebook.read_bytes() == before, "cell ids or metadata differ from one execution to the next"


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("a = 1", "a = 3", "source"),
        ("# # A tiny chapter", "# # A larger chapter", "source"),
        ('["hide-input"]', '["remove-cell"]', "tags"),
        ("a line", "a curve", "mystnb"),
        ("# %% [markdown]\n", "# %%\n", "type"),
        ("\n# %%\nb = 2\nb\n", "", "cells"),
    ],
)
def test_each_difference_is_found(pair, old, new, word):
    source, notebook = pair
    assert source.read_text().count(old) == 1
    source.write_text(source.read_text().replace(old, new))
    assert any(word in problem for problem in pair_problems(source, notebook))


def edit(path: Path, old: str, new: str) -> None:
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))


def test_the_side_that_changed_is_known(pair):
    source, notebook = pair
    assert changed_sides(source, notebook) == []
    edit(notebook, '"execution_count": 4,\n     "metadata"', '"execution_count": 9,\n     "metadata"')
    assert changed_sides(source, notebook) == [], "a cell that ran again is no edit"
    written = notebook.read_text()
    for old, new in (("A tiny chapter", "My chapter"), ("b = 2", "b = 3"), ("hide-input", "hide-cell"), ("a line", "a curve")):
        edit(notebook, old, new)
        assert changed_sides(source, notebook) == [notebook], new
        notebook.write_text(written)
    edit(source, "b = 2", "b = 3")
    assert changed_sides(source, notebook) == [source]
    edit(notebook, "a = 1", "a = 3")
    assert changed_sides(source, notebook) == [source, notebook]


def test_without_a_digest_the_newer_side_is_the_edited_one(pair):
    source, notebook = pair
    stored = json.loads(notebook.read_text())
    del stored["metadata"]["mtattr"]
    notebook.write_text(json.dumps(stored))
    assert changed_sides(source, notebook) == []
    edit(source, "b = 2", "b = 3")
    os.utime(notebook, (1, 1))
    assert changed_sides(source, notebook) == [source]
    os.utime(source, (0, 0))
    assert changed_sides(source, notebook) == [notebook]


def test_a_missing_notebook_is_a_problem(pair):
    source, notebook = pair
    notebook.unlink()
    assert "missing" in pair_problems(source, notebook)[0]


def test_outputs_of_other_code_are_refused(pair):
    source, notebook = pair
    before, run = notebook.read_bytes(), executed(source)
    source.write_text(source.read_text().replace("a = 1", "a = 3"))
    with pytest.raises(InputError, match="code is not the source's"):
        write_notebook(source, run)
    assert notebook.read_bytes() == before


def test_a_cell_that_did_not_run_is_refused(pair):
    source, _ = pair
    run = executed(source)
    run.cells[2].execution_count = None
    with pytest.raises(InputError, match="not executed: 'a = 1'"):
        write_notebook(source, run)


def test_prose_edits_keep_the_outputs(pair):
    source, notebook = pair
    run = executed(source)
    source.write_text(source.read_text().replace("tiny", "small"))
    write_notebook(source, run)
    assert pair_problems(source, notebook) == []


def test_injected_parameters_stay_visible(pair):
    source, notebook = pair
    run = executed(source)
    run.cells.insert(2, nbformat.v4.new_code_cell("seed = 3", execution_count=2, metadata={"tags": ["injected-parameters"]}))
    write_notebook(source, run)
    assert [cell.source for cell in cells(notebook)][2] == "seed = 3"
    assert [cell["execution_count"] for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"] == [1, 2, 3, 4, 5]


def stream(text, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


def test_outputs_do_not_tell_the_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path / "state"))
    folder = tmp_path / "project" / "notebooks" / "paper"
    folder.mkdir(parents=True)
    text = f"{folder}/x.png {tmp_path}/state/runs {Path.home()}/data <A object at 0x7f3a5c0012d0>\n"
    html = nbformat.v4.new_output("display_data", {"text/html": f"<b>{folder}</b>", "image/png": "iVBORw0KGgo="})
    printed, shown = clean_outputs([stream(text), html], folder)
    assert printed.text == "./notebooks/paper/x.png $MTATTR_HOME/runs ~/data <A object at 0x…>\n"
    assert shown.data == {"text/html": "<b>./notebooks/paper</b>", "image/png": "iVBORw0KGgo="}


def test_streams_become_what_a_terminal_shows(tmp_path):
    folder = tmp_path / "project" / "notebooks" / "paper"
    folder.mkdir(parents=True)
    pieces = [stream("10 %\r5"), stream("0 %\r100 %\ndo"), stream("noise", "stderr"), stream("ne\r\n")]
    (joined,) = clean_outputs(pieces, folder)
    assert joined.text == "100 %\ndone\n"


def test_unreadable_notebooks_are_named(tmp_path):
    broken = tmp_path / "a.ipynb"
    broken.write_text("<html>")
    for path in (broken, tmp_path / "absent.py"):
        with pytest.raises(InputError, match=path.name):
            read_notebook(path)
