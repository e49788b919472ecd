import pytest
from mtattr.errors import InputError
from mtattr.reproduce import expand, find_project, shard
from mtattr.reproduce.matrix import parameters_of


@pytest.fixture
def project(make_project):
    return make_project(evaluate="a = 1", build="b = 2", train="c = 3")


def test_parameters_are_read_without_running(project):
    found = parameters_of(project.source("attribute_estimation/build"))
    assert {name: (p.annotation, p.default) for name, p in found.items()} == {
        "dataset": ("str", "digits"),
        "root": ("str | None", None),
        "scale": ("str", "smoke"),
        "seed": ("int", 0),
    }


def test_matrix_is_the_whole_product_in_reading_order(project):
    runs = expand(project, datasets=["digits", "deepfashion-twin"], seeds=[0, 1, 2], scale="reduced")
    assert list(dict.fromkeys(run.name.split("/")[1] for run in runs)) == ["build", "train", "evaluate"]
    assert len(runs) == 3 * 2 * 3 == len({run.run_id for run in runs}) == len({run.folder_name for run in runs})
    assert all(run.parameters["scale"] == "reduced" and run.changed["scale"] == "reduced" for run in runs)


def test_defaults_are_not_injected(project):
    (run,) = expand(project, steps=["build"], datasets=["digits"], seeds=[0], scale="smoke")
    assert run.changed == {}
    (bare,) = expand(project, steps=["build"])
    assert bare.run_id == run.run_id


def test_bad_requests_are_named(project, tmp_path):
    for asked, words in (
        ({"papers": ["nobody"]}, "paper 'nobody'.*attribute_estimation"),
        ({"steps": ["bulid"]}, "step 'bulid'.*build"),
        ({"datasets": ["digit"]}, "dataset 'digit'.*digits"),
        ({"scale": "huge"}, "scale 'huge'.*smoke"),
        ({"parameters": {"sede": 1}}, "unknown parameter 'sede'.*seed"),
        ({"parameters": {"seed": "1"}}, "'seed' is int, got '1'"),
        ({"parameters": {"seed": True}}, "'seed' is int, got True"),
        ({"parameters": {"root": 7}}, "'root' is str . None, got 7"),
        ({"root": tmp_path / "absent"}, "absent: no such folder"),
    ):
        with pytest.raises(InputError, match=words):
            expand(project, **asked)


def test_parameters_must_be_literals(project):
    source = project.source("attribute_estimation/build")
    text = source.read_text()
    for cell in ("seed: int = draw()", "import os", "seed: int = 0\nprint(seed)", "seed: int =", "a, b = 1, 2", "x.y = 1"):
        source.write_text(text.replace("seed: int = 0", cell))
        with pytest.raises(InputError, match="only assignments of literals"):
            parameters_of(source)


def test_exactly_one_parameters_cell(project):
    source = project.source("attribute_estimation/build")
    text = source.read_text()
    source.write_text(text.replace(' tags=["parameters"]', ""))
    with pytest.raises(InputError, match="found 0"):
        parameters_of(source)
    source.write_text(text + '\n# %% tags=["parameters"]\nx: int = 1\n')
    with pytest.raises(InputError, match="found 2"):
        parameters_of(source)


def ids(project):
    return {run.name: run.run_id for run in expand(project)}


def test_run_id_follows_code_and_parameters_but_not_prose(project):
    first, source = ids(project), project.source("attribute_estimation/train")
    text = source.read_text()
    source.write_text(text.replace("# # A tiny chapter", "# # Prose") + "# a comment\n")
    assert ids(project) == first
    source.write_text(text.replace("c = 3", "c = 4"))
    changed = ids(project)
    assert [name for name in first if first[name] != changed[name]] == ["attribute_estimation/train"]
    source.write_text(text.replace("seed: int = 0", "seed: int = 1"))
    assert ids(project)["attribute_estimation/train"] != first["attribute_estimation/train"]


def test_run_id_follows_the_ledger(project):
    first = ids(project)
    (project.root / "book" / "evidence").mkdir(parents=True)
    (project.root / "book" / "evidence" / "ledger.jsonl").write_text("{}\n")
    assert not set(first.values()) & set(ids(project).values())


def test_shards_are_a_partition_that_keeps_chapters_together(project):
    runs = expand(project, seeds=list(range(5)))
    for count in (1, 2, 3, 7):
        parts = [shard(runs, i, count) for i in range(1, count + 1)]
        assert sorted(run.run_id for part in parts for run in part) == sorted(run.run_id for run in runs)
        seeds = [{run.parameters["seed"] for run in part} for part in parts]
        assert sum(len(found) for found in seeds) == 5


def test_a_dataset_that_a_run_does_not_read_does_not_make_it_stale(project, monkeypatch):
    from mtattr.reproduce import files

    first, form = ids(project), files.code_form
    monkeypatch.setattr(files, "code_form", lambda text: form(text) + "!" * ("bumper" in text))
    assert ids(project) == first
    cars = {run.name: run.run_id for run in expand(project, datasets=["compcars-twin"])}
    monkeypatch.undo()
    assert not {run.run_id for run in expand(project, datasets=["compcars-twin"])} & set(cars.values())


def test_project_is_found_from_below(project, tmp_path, monkeypatch):
    assert find_project(project.notebooks / "attribute_estimation").root == project.root.resolve()
    assert [path.stem for path in project.sources()] == ["build", "train", "evaluate"]
    with pytest.raises(InputError, match="'attribute_estimation/none' is unknown"):
        project.source("attribute_estimation/none")
