import json

import nbformat
import pytest
from mtattr.errors import InputError
from mtattr.reproduce import build_book, stage_book, write_notebook
from mtattr.reproduce.notebooks import read_notebook


def outputs_of(path):
    return ["".join(output["data"]["text/plain"]) for cell in json.loads(path.read_text())["cells"] for output in cell.get("outputs", ())]


def run_by_hand(source, value):
    notebook = read_notebook(source)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count = 1
            cell.outputs = []
    notebook.cells[-1].outputs = [nbformat.v4.new_output("execute_result", {"text/plain": value}, execution_count=1)]
    return notebook


@pytest.fixture
def project(make_project):
    project = make_project(build="1 + 1", train="2 + 2")
    root = project.root
    (root / "_config.yml").write_text("title: Tiny\nonly_build_toc_files: true\nexecute:\n  execute_notebooks: 'off'\n")
    pages = "".join(f"  - file: notebooks/attribute_estimation/{step}\n" for step in ("build", "train"))
    (root / "_toc.yml").write_text(f"format: jb-book\nroot: book/start\nchapters:\n{pages}  - file: extra/more\n")
    (root / "book").mkdir(), (root / "extra").mkdir()
    (root / "book" / "start.md").write_text("# Start\n")
    (root / "extra" / "more.md").write_text("# More\n")
    for step in ("build", "train"):
        source = project.source(f"attribute_estimation/{step}")
        write_notebook(source, run_by_hand(source, "'stored'"))
    return project


def fresh(project, tmp_path):
    notebook = tmp_path / "run" / "notebook.ipynb"
    source = project.source("attribute_estimation/build")
    return {"attribute_estimation/build": write_notebook(source, run_by_hand(source, "'fresh'"), notebook)}


def test_fresh_outputs_replace_the_stored_ones_with_the_prose_of_now(project, tmp_path):
    executed = fresh(project, tmp_path)
    source = project.source("attribute_estimation/build")
    source.write_text(source.read_text().replace("A tiny chapter", "A better title"))
    stage = stage_book(executed, tmp_path / "stage", project=project)
    staged = stage / "notebooks" / "attribute_estimation"
    assert outputs_of(staged / "build.ipynb") == ["'fresh'"]
    assert "A better title" in (staged / "build.ipynb").read_text()
    assert outputs_of(staged / "train.ipynb") == ["'stored'"]
    assert outputs_of(source.with_suffix(".ipynb")) == ["'stored'"], "the committed notebook was changed"
    assert {path.name for path in stage.iterdir()} == {"_config.yml", "_toc.yml", "book", "notebooks", "extra"}


def test_a_stage_keeps_nothing_of_the_one_before(project, tmp_path):
    stage = stage_book({}, tmp_path / "stage", project=project)
    (stage / "book" / "left.md").touch()
    stage_book({}, stage, project=project)
    assert not (stage / "book" / "left.md").exists()


def test_what_is_missing_is_named(project, tmp_path):
    (project.root / "extra" / "more.md").unlink()
    with pytest.raises(InputError, match="'extra/more'"):
        stage_book({}, tmp_path / "stage", project=project)
    (project.root / "_config.yml").unlink()
    with pytest.raises(InputError, match=r"_config.yml: missing"):
        stage_book({}, tmp_path / "stage", project=project)


@pytest.mark.slow
def test_book_is_built_once_and_warnings_are_errors(project, tmp_path):
    said = []
    first = build_book(fresh(project, tmp_path), project=project, say=said.append)
    assert first == project.root / "_build" / "html" / "index.html"
    page = first.parent / "notebooks" / "attribute_estimation" / "build.html"
    assert "fresh" in page.read_text()
    assert said[-1] == f"book: open {first}"
    build_book(fresh(project, tmp_path), project=project, say=said.append)
    assert said[-1].startswith("book: nothing changed")

    (project.root / "book" / "start.md").write_text("# Start\n\n[nowhere](absent.md)\n")
    for _ in range(2):  # a second build must not forget the first one's warning
        with pytest.raises(InputError, match="did not build"):
            build_book(fresh(project, tmp_path), project=project, say=said.append)
    assert any("absent" in line for line in said)
    assert page.is_file(), "the last good pages are gone"
    assert {path.name for path in first.parents[1].iterdir()} == {"html", "html.log.txt"}
