"""Which code a module can reach by imports, and what in it can change a result."""

import ast
from pathlib import Path

import mtattr
import pytest
from mtattr import code
from mtattr.code import closure, code_digest, code_form, imported_files
from mtattr.data import loaders_of

PACKAGE = Path(mtattr.__file__).parent

FILES = {
    "__init__": "version = 1",
    "unused": "from mtattr.far import away",
    "far": "away = 1",
    "near": "import torch\nfrom mtattr import far as distant",
    "late": "def f():\n    from mtattr.far import away\n    return away",
    "dotted": "import mtattr.room.inner\nimport mtattr.room.other as elsewhere",
    "guarded": "try:\n    from mtattr.far import away\nexcept ImportError:\n    away = 0",
    "room.__init__": "from mtattr.room.inner import thing\nfrom mtattr.hall import guest as visitor\nown = 3",
    "room.inner": "thing = 1",
    "room.other": "from mtattr.room import own",
    "hall.__init__": "from mtattr.hall.guests import guest",
    "hall.guests": "guest = 1",
    "one": "from mtattr.another import b\na = 1",
    "another": "import mtattr.one\nb = 2",
    "reader": "from mtattr.room import thing",
    "host": "from mtattr.room import visitor",
    "owner": "from mtattr.room import own",
    "whole": "from mtattr.room import inner",
}
REACHED = {
    "near": {"far"},
    "late": {"far"},
    "guarded": {"far"},
    "dotted": {"room.inner", "room.other", "room.__init__", "hall.guests"},
    "reader": {"room.inner"},
    "whole": {"room.inner"},
    "host": {"hall.guests"},
    "owner": {"room.__init__", "room.inner", "hall.guests"},
    "one": {"another"},
    "another": {"one"},
    "unused": {"far"},
    "room.inner": set(),
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package of this name."""
    root = tmp_path / "mtattr"
    for name, text in FILES.items():
        path = root.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(code, "_PACKAGE", root)
    code._imports.cache_clear()
    yield root
    code._imports.cache_clear()


def names(paths, root):
    return {".".join(path.relative_to(root).with_suffix("").parts) for path in paths}


def test_imports_are_followed_to_the_file_that_defines_the_name(package):
    for start, reached in REACHED.items():
        assert names(closure([f"mtattr.{start}"]), package) == {start, *reached}, start
    assert names(closure(["mtattr.near", "mtattr.reader"]), package) == {"near", "far", "reader", "room.inner"}
    assert closure(["mtattr.nothing", "torch"]) == set()
    assert names(imported_files("import os\nfrom mtattr.room import visitor\nimport mtattr.near"), package) == {
        "hall.guests",
        "near",
        "far",
    }


def test_the_digest_changes_with_the_code_that_is_reached_and_with_no_other(package):
    def digest():
        code._imports.cache_clear()
        return code_digest(["mtattr.late", "mtattr.reader"])

    before = digest()
    assert code_digest(["mtattr.reader", "mtattr.late"]) == before
    (package / "unused.py").write_text("changed = True")
    (package / "hall" / "guests.py").write_text("guest = 2")
    (package / "far.py").write_text('"""A docstring."""\n\naway = (1)  # a comment')
    assert digest() == before
    (package / "far.py").write_text("away = 2")
    assert digest() != before


def test_comments_docstrings_and_layout_are_no_part_of_the_code():
    plain = "def f(a, b=1):\n    return a + b\n\n\nclass C:\n    x = 1\n"
    dressed = '"""Doc."""\n# why\ndef f(a,\n      b=1):\n    """Doc."""\n    return (a + b)\nclass C:\n    """Doc."""\n    x = 1\n'
    assert code_form(plain) == code_form(dressed)
    for changed in (plain.replace("b=1", "b=2"), plain.replace("a + b", "b + a"), plain.replace("x", "y")):
        assert code_form(changed) != code_form(plain)
    assert code_form("%matplotlib inline") == "%matplotlib inline"


def test_the_library_imports_by_whole_names_which_the_closure_follows():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path}: relative import"


@pytest.mark.parametrize("paper", ["adaptive_sharing", "adaptive_weighting", "attention_branch", "channel_attention"])
def test_a_run_on_faces_reaches_its_recipe_the_loop_and_the_drawing_and_no_other_data(paper):
    reached = {
        path.relative_to(PACKAGE).as_posix()
        for path in closure(["mtattr.training.run", *loaders_of("celeba-twin"), f"mtattr.{paper}.recipe"])
    }
    loop = {
        f"training/{name}.py" for name in ("fit", "state", "losses", "optimizer", "steering", "plan", "predict", "weighting", "settings")
    }
    own = {f"{paper}/{name}.py" for name in ("recipe", "sizes", "network", "measurements")}
    drawn = {f"twins/faces/{name}.py" for name in ("load", "scene", "canvas", "hair", "label_noise")}
    batches = {"data/batches.py", "data/image_data.py", "nets/output.py", "tasks.py"}
    assert loop | own | drawn | batches <= reached
    assert paper == "adaptive_sharing" or f"{paper}/loss.py" in reached
    foreign = (
        "data/csv",
        "data/celeba.py",
        "data/market1501",
        "data/deepfashion",
        "data/compcars",
        "cli/",
        "evidence/",
        "plots/",
        "reproduce/",
    )
    assert not [name for name in reached if name.startswith(foreign)]
    rooms = {"adaptive_sharing", "adaptive_weighting", "attention_branch", "attribute_estimation", "channel_attention"} - {paper}
    assert not [name for name in reached if name.split("/")[0] in rooms]
    twins = {name.split("/")[1] for name in reached if name.startswith("twins/") and name.count("/") > 1}
    assert twins == {"faces", "drawing"}


def test_a_joined_dataset_reaches_the_loaders_of_both():
    assert loaders_of("celeba+deepfashion-twin") == ["mtattr.twins.clothes", "mtattr.twins.faces"]
    assert loaders_of("celeba+deepfashion") == ["mtattr.data.celeba", "mtattr.data.deepfashion"]
    assert loaders_of("toy") == []
