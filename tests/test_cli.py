import json
import subprocess
import sys

import click
import mtattr
import pytest
from mtattr.cli import main, mtattr_command
from mtattr.cli.options import Names, Seeds, Setting
from mtattr.errors import InputError


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_the_library_needs_no_notebook_stack_and_no_fabric_before_something_is_trained():
    words = python(
        "import sys, mtattr.training, mtattr.data, mtattr.evaluation; print(*{name.split('.')[0] for name in sys.modules})"
    ).split()
    assert "mtattr" in words
    assert not {"IPython", "papermill", "nbformat", "jupytext", "matplotlib", "seaborn", "click"} & set(words)
    assert not {"lightning_fabric", "torchmetrics", "timm", "sklearn", "rich"} & set(words)


def test_help_imports_nothing_heavy():
    code = "import sys; from mtattr.cli import main; main(['--help']); print(*{name.split('.')[0] for name in sys.modules})"
    words = python(code).split()
    assert "reproduce" in words
    assert not {"torch", "numpy", "papermill", "nbformat", "jupytext", "matplotlib"} & set(words)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.split()[-1] == mtattr.__version__


@pytest.mark.parametrize("name", sorted(mtattr_command.commands))
def test_every_command_explains_itself(name, capsys):
    assert main([name, "--help"]) == 0
    assert len(capsys.readouterr().out) > 100


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path / "home"))
    folder = tmp_path / "project"
    (folder / "notebooks" / "attribute_estimation").mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    header = "# ---\n# jupyter:\n#   kernelspec:\n#     name: python3\n#     display_name: Python 3\n#     language: python\n# ---\n"
    parameters = '\n# %% tags=["parameters"]\ndataset: str = "digits"\nroot: str | None = None\nscale: str = "smoke"\nseed: int = 0\n'
    (folder / "notebooks" / "attribute_estimation" / "build.py").write_text(header + parameters)
    monkeypatch.chdir(folder)
    return folder


RUN = ["run", "attribute_estimation", "--variant", "PM", "--dataset", "digits"]

SHARING = ["run", "adaptive_sharing", "--variant", "matched"]


BAD = [
    (["bogus"], "bogus"),
    (["ledger"], "Missing command"),
    (["reproduce", "--nonsense"], "--nonsense"),
    (["run", "attribute_estimation", "--evidence", "--variant", "PM"], "--evidence"),
    (["run", "adaptive_sharing", "--evidence", "--scale", "paper", "--set", "weights=absent"], "absent: no such file"),
    (["run", "attribute_estimation", "--dataset", "digits"], "--variant is missing"),
    ([*RUN, "--shard", "3/2"], "3/2"),
    ([*RUN, "--shard", "half"], "half"),
    (["reproduce", "--papers", "nobody"], "paper 'nobody'"),
    (["reproduce", "--steps", "nothing"], "step 'nothing'"),
    (["reproduce", "--datasets", "digit"], "dataset 'digit'"),
    (["reproduce", "--scale", "huge"], "scale 'huge'"),
    (["reproduce", "--root", "absent"], "absent: no such folder"),
    (["reproduce", "--set", "sede=1"], "unknown parameter 'sede'"),
    (["reproduce", "--set", "sede"], "expected name=value"),
    (["reproduce", "--set", "scale=huge"], "use --scale"),
    (["reproduce", "--set", "dataset=nope"], "use --datasets"),
    (["reproduce", "--timeout", "-5"], "--timeout"),
    (["reproduce", "--seeds", "4-0"], "invalid seeds"),
    (["reproduce", "--shard", "3/2"], "--shard"),
    (["reproduce", "--jobs", "0"], "--jobs 0"),
    (["reproduce", "--project", "absent"], "absent"),
    (["notebooks", "check"], "1 differences"),
    (["notebooks", "execute", "a/b"], "notebook 'a/b' is unknown"),
    (["notebooks", "execute", "--scale", "reduced"], "another scale"),
    (["book"], "_config.yml: missing"),
    (["book", "--fresh"], "not run yet"),
    (["run", "nobody", "--variant", "PM", "--dataset", "digits"], "paper 'nobody'"),
    ([*RUN, "--scale", "huge"], "scale 'huge'"),
    ([*RUN, "--dataset", "digit"], "dataset 'digit'"),
    ([*RUN, "--variant", "QM"], "variant 'QM'"),
    ([*RUN, "--root", "absent"], "absent: no such folder"),
    ([*RUN, "--device", "abacus"], "abacus"),
    ([*RUN, "--device", "mps"], "device 'mps' has no float64, which training needs; take --device cpu"),
    ([*RUN, "--set", "colour=3"], "colour"),
    ([*RUN, "--set", "epochs=abc"], "epochs 'abc'"),
    ([*RUN, "--set", "tap=99"], "tap"),
    ([*RUN, "--set", "weights=missing.safetensors"], "missing.safetensors: no such file"),
    ([*RUN, "--nodes", "2"], "MASTER_ADDR"),
    ([*RUN[:4], "--dataset", "digits,deepfashion"], "root is missing"),
    ([*RUN[:4], "--dataset", "digits,deepfashion-twin", "--set", "attributes=50"], "1..15"),
    ([*RUN[:4], "--dataset", "deepfashion,digits", "--scale", "paper"], "no scale 'paper' for digits"),
    ([*SHARING, "--dataset", "celeba+clothes"], "dataset 'celeba+clothes'"),
    ([*SHARING, "--dataset", "celeba-twin,deepfashion"], "root is missing"),  # before the search that `matched` needs
    ([*SHARING, "--dataset", "celeba+deepfashion", "--root", "notebooks"], "notebooks"),
    ([*SHARING, "--dataset", "celeba-twin", "--set", "alpha=-1"], "alpha -1"),
    (["ledger", "add", "absent"], "absent"),
    *((["ledger", name, "--ledger", "absent.jsonl"], "absent.jsonl: no such file") for name in ("show", "verify")),
    (["ledger", "rerun", "abc", "--ledger", "absent.jsonl"], "absent.jsonl: no such file"),
    (["ledger", "rerun", "abc"], "no record's hash begins with 'abc'"),
    (["ledger", "rerun", "abc", "--root", "absent"], "absent: no such folder"),
    (["ledger", "remove", "--paper", "attention_branch", "--edition", "1"], "ledger.jsonl: no such file; --ledger"),
    (["ledger", "remove", "--paper", "attention_branch"], "--edition"),
    (["ledger", "show", "--json", "--csv"], "--json prints whole records"),
    (["ledger", "show", "--seed", "x"], "invalid seeds"),
    ([*RUN, "--threads", "0"], "--threads"),
    (["ledger", "verify", "--repository", "absent"], "absent: no such folder"),
    (["data", "check", "digit"], "dataset 'digit'"),
    (["data", "check", "digits", "--set", "root=notebooks"], "use --root"),
    (["data", "check", "digits", "--set", "image_size=16"], "use --image-size"),
    (["data", "check", "csv", "--set", "skip_bad=true"], "use --skip-bad"),
    (["data", "check", "digits", "--set", "split=train"], "option 'split' is unknown"),
    (["data", "check", "digits", "--set", "name=celeba"], "option 'name' is unknown"),
    (["data", "check", "digits", "--root", "~nobody-of-this-name/x"], "no such user"),
    (["data", "check", "digits", "--root", "x" * 300], "no such folder"),
    (["data", "write", "digits", "out"], "twin 'digits'"),
    (["data", "write", "deepfashion-twin", "out", "--seed", "-1"], "--seed"),
    (["data", "write", "deepfashion-twin", "pyproject.toml/out"], "pyproject.toml/out: could not be written"),
    (["data", "check", "digits", "--root", "absent"], "absent: no such folder"),
    (["data", "write", "deepfashion-twin", "notebooks"], "notebooks"),
    (["data", "check", "deepfashion", "--root", "absent"], "absent"),
]


def test_bad_input_is_one_line_and_nothing_is_written(project, capsys):
    before = sorted(project.rglob("*"))
    for arguments, words in BAD:
        assert main(arguments) == 2, arguments
        lines = capsys.readouterr().err.splitlines()
        assert lines[-1].startswith("mtattr: error: "), arguments
        assert words in lines[-1], arguments
        assert sum(line.startswith("mtattr: error: ") for line in lines) == 1, arguments
        assert not [path for path in sorted(project.rglob("*")) if path not in before and path.is_file()], arguments


@pytest.mark.parametrize(
    ("raised", "code"), [(KeyboardInterrupt(), 130), (InputError("a.txt: two\nlines"), 2), (OSError(28, "full", "x"), 2)]
)
def test_exit_codes(monkeypatch, capsys, raised, code):
    def fail() -> None:
        raise raised

    monkeypatch.setitem(mtattr_command.commands, "fail", click.Command("fail", callback=fail))
    assert main(["fail"]) == code
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_bug_is_not_hidden(monkeypatch):
    monkeypatch.setitem(mtattr_command.commands, "fail", click.Command("fail", callback=lambda: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        main(["fail"])


def test_seeds():
    for text, seeds in (("3", [3]), ("0-4", [0, 1, 2, 3, 4]), ("0,2,5-7", [0, 2, 5, 6, 7]), ("1,1-2", [1, 2])):
        assert Seeds().convert(text, None, None) == seeds
    for text in ("", "a", "-1", "1-", "4-0", "1,,2", "1.5"):
        with pytest.raises(click.BadParameter):
            Seeds().convert(text, None, None)


def test_names_and_settings():
    assert Names().convert("a, b,a", None, None) == ["a", "b"]
    typed = {
        "alpha=0.3": 0.3,
        "backbone=xception": "xception",
        "weights=null": None,
        "taps=[1, 2]": [1, 2],
        "path=a=b": "a=b",
        "id='007'": "007",
    }
    for text, value in typed.items():
        assert Setting().convert(text, None, None)[1] == value


def test_an_edited_notebook_is_never_overwritten_and_the_advice_names_the_side(project, capsys):
    import nbformat
    from mtattr.reproduce import write_notebook
    from mtattr.reproduce.notebooks import read_notebook

    source = project / "notebooks/attribute_estimation/build.py"
    ran = read_notebook(source)
    ran.cells[0].execution_count, ran.cells[0].outputs = 1, []
    notebook = write_notebook(source, ran)
    stored = notebook.read_bytes()
    source.write_text(source.read_text() + "\n# %%\n1 + 1\n")
    assert main(["notebooks", "check"]) == 2
    assert "build.py changed; run: mtattr notebooks execute attribute_estimation/build" in capsys.readouterr().err

    mine = nbformat.read(notebook, as_version=4)
    mine.cells.append(nbformat.v4.new_markdown_cell("My notes."))
    nbformat.write(mine, notebook)
    edited = notebook.read_bytes()
    for both in (True, False):
        for command in (["notebooks", "check"], ["notebooks", "execute"], ["notebooks", "execute", "attribute_estimation/build"]):
            assert main(command) == 2
            assert ("were both edited" if both else "build.ipynb was edited; to keep the edits run: jupytext") in capsys.readouterr().err
            assert notebook.read_bytes() == edited != stored
        source.write_text(source.read_text().removesuffix("\n# %%\n1 + 1\n"))


def test_dry_run_lists_and_fails_nothing(project, capsys):
    assert main(["reproduce", "--dry-run", "--seeds", "0-2"]) == 0
    assert capsys.readouterr().out.count("would run") == 3


def test_show_an_empty_ledger(project, capsys):
    assert main(["ledger", "show"]) == 0
    assert capsys.readouterr().err.strip() == "0 records"


def test_ledger_with_a_broken_line_is_refused(project, capsys):
    ledger = project / "book" / "evidence" / "ledger.jsonl"
    ledger.parent.mkdir(parents=True)
    ledger.write_text(json.dumps({"schema": 1}) + "\n")
    for command in ("show", "verify"):
        assert main(["ledger", command]) == 2
        assert "ledger.jsonl" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", '{"spec": {}}', '{"code": "x", "spec": {"paper": "p"}}', '{"code": {}, "spec": {"paper": "p"}}', "[" * 99_999],
)
def test_adding_what_is_no_record_names_the_file_and_leaves_the_ledger(project, capsys, text):
    ledger = project / "book" / "evidence" / "ledger.jsonl"
    ledger.parent.mkdir(parents=True)
    ledger.touch()
    (project / "result.json").write_text(text)
    assert main(["ledger", "add", "result.json"]) == 2
    assert capsys.readouterr().err.startswith("mtattr: error: result.json: ")
    assert ledger.read_text() == ""
    assert list(ledger.parent.iterdir()) == [ledger]


def test_a_twin_that_cannot_be_written_leaves_nothing(project, capsys, monkeypatch):
    from mtattr.twins import clothes

    def half(folder, **options):
        (folder / "Img").mkdir(parents=True)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(clothes, "write_to", half)
    (project / "empty").mkdir()
    for name in ("new", "empty"):
        assert main(["data", "write", "deepfashion-twin", name]) == 2
        assert f"{name}: could not be written (No space left" in capsys.readouterr().err
    assert not (project / "new").exists()
    assert list((project / "empty").iterdir()) == []


def test_a_twin_is_written_whole(project):
    from mtattr.data import load_dataset

    assert main(["data", "write", "deepfashion-twin", "out", "--image-size", "16", "--limit", "30"]) == 0
    assert sorted(path.name for path in (project / "out").iterdir()) == ["Anno_coarse", "Eval", "GENERATED.txt", "Img"]
    assert len(load_dataset("deepfashion", "val", root=project / "out", image_size=16)) == 30


def test_of_processes_that_train_together_one_complains(monkeypatch, capsys):
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert main(["bogus"]) == 2
    assert capsys.readouterr().err == ""


def test_a_root_in_the_users_home_is_found(project, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(project.parent))
    assert main(["data", "check", "csv", "--root", "~/project"]) == 2
    assert f"{project}: expected labels.csv" in capsys.readouterr().err


def test_the_remains_of_a_killed_write_are_told_from_the_users_files(project, capsys):
    (project / "out" / ".part-abc" / "whole").mkdir(parents=True)
    assert main(["data", "write", "deepfashion-twin", "out"]) == 2
    assert "out: holds the beginning of a write" in capsys.readouterr().err
    assert (project / "out" / ".part-abc" / "whole").is_dir()


def test_a_setting_takes_numbers_as_people_write_them():
    convert = Setting().convert
    values = [convert(f"rate={text}", None, None)[1] for text in ("1e-3", "5E2", "0.001", "2", "xception", "null")]
    assert values == [0.001, 500.0, 0.001, 2, "xception", None]
    for text in (".inf", ".nan", "1e999"):
        with pytest.raises(click.UsageError, match="finite"):
            convert(f"rate={text}", None, None)
