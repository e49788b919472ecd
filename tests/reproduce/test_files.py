import hashlib
from pathlib import Path

import mtattr
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mtattr import PAPERS
from mtattr.errors import InputError
from mtattr.reproduce.files import digest_of, file_digest, library_digest, reached_files

PACKAGE = Path(mtattr.__file__).parent


def test_file_digest_is_sha256(tmp_path):
    (tmp_path / "x").write_bytes(b"\x00\xff" * 1000)
    assert file_digest(tmp_path / "x") == hashlib.sha256(b"\x00\xff" * 1000).hexdigest()


@given(st.lists(st.text(max_size=5), max_size=5), st.lists(st.text(max_size=5), max_size=5))
def test_digest_tells_lists_apart(a, b):
    assert (digest_of(a) == digest_of(b)) == (a == b)


def test_library_digest_follows_code_and_data_but_not_prose(tmp_path):
    code, data = tmp_path / "a.py", tmp_path / "paper.yaml"
    code.write_text("x = 1"), data.write_text("a: 1")
    first = library_digest([code, data])
    code.write_text("# prose\nx = 1")
    assert library_digest([data, code]) == first
    data.write_text("a: 2")
    second = library_digest([code, data])
    code.write_text("x = 2")
    assert len({first, second, library_digest([code, data])}) == 3


def reached(folder, code, *values):
    (folder / "build.py").write_text(code)
    return {path.relative_to(PACKAGE).as_posix() for path in reached_files(folder / "build.py", values)}


def test_a_notebook_reaches_what_it_imports_and_the_papers_and_datasets_that_it_names(tmp_path):
    trains = "from mtattr.training import RunSpec, fit_or_load\n"
    faces = reached(tmp_path, trains + "fit_or_load(RunSpec('channel_attention', 'mcan', dataset))", "celeba-twin", None, 3)
    assert {"training/run.py", "channel_attention/recipe.py", "channel_attention/loss.py", "channel_attention/paper.yaml"} <= faces
    assert {"twins/faces/scene.py", "tasks.py"} <= faces
    assert not [path for path in faces if path.startswith(("twins/cars/", "attribute_estimation/", "cli/", "data/svhn"))]
    both = reached(tmp_path, trains, "celeba+deepfashion")
    assert {"data/celeba.py", "data/deepfashion.py"} <= both
    assert not {"twins/faces/scene.py", "channel_attention/recipe.py"} & both
    assert {f"{paper}/recipe.py" for paper in PAPERS} <= reached(tmp_path, "from mtattr import PAPERS")
    assert reached(tmp_path, "1 + 1") == set()
    with pytest.raises(InputError, match=r"build\.py: is not Python"):
        reached(tmp_path, "1 +")
