"""What every committed pair of source and executed notebook must be."""

import base64
import io
import json
import re
from pathlib import Path

import mtattr
import pytest
from mtattr.reproduce import Project, pair_problems
from mtattr.reproduce.matrix import parameters_of
from mtattr.reproduce.project import notebook_name

PROJECT = Project(Path(__file__).parents[2])
SOURCES = PROJECT.sources()
LARGEST_BYTES, LONGEST_CELL, MOST_CODE_CELLS = 1_500_000, 25, 30
MACHINE_PATH = re.compile(r"(?<![\w./<-])/(home|root|tmp|work|Users|mnt|usr|opt|var)(/|\b)|\b[A-Z]:\\")
PROGRESS = re.compile(r"\d+%\||it/s|s/it|━━|█|\r|ETA")


def test_there_are_notebooks():
    names = {notebook_name(path) for path in SOURCES}
    wanted = {f"{paper}/{step}" for paper in mtattr.PAPERS for step in ("build", "train", "evaluate")} | {"attention_branch/multitask"}
    assert names >= wanted


def test_no_notebook_is_without_its_source():
    notebooks = {path for path in PROJECT.notebooks.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts}
    assert notebooks == {path.with_suffix(".ipynb") for path in SOURCES}


@pytest.fixture(params=SOURCES, ids=notebook_name)
def source(request):
    return request.param


@pytest.fixture
def stored(source):
    return json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))


@pytest.fixture
def code(stored):
    return [cell for cell in stored["cells"] if cell["cell_type"] == "code"]


def outputs(code):
    return [(number, output) for number, cell in enumerate(code, start=1) for output in cell["outputs"]]


def shown(output):
    """Every text of an output, those of pictures left out."""
    texts = [output.get("text", "")] + [value for kind, value in output.get("data", {}).items() if not kind.startswith("image/")]
    return "\n".join("".join(text) if isinstance(text, list) else str(text) for text in texts)


def test_source_and_notebook_agree(source):
    assert pair_problems(source, source.with_suffix(".ipynb")) == []


def test_kernel_is_python3_and_metadata_tells_no_machine(source, stored):
    assert stored["metadata"]["kernelspec"]["name"] == "python3"
    assert set(stored["metadata"]) - {"mtattr"} == {"kernelspec", "language_info"}
    assert "version" not in stored["metadata"]["language_info"]
    assert "name: python3" in source.read_text(encoding="utf-8").split("# %%")[0]
    assert {key for cell in stored["cells"] for key in cell["metadata"]} <= {"tags", "mystnb"}


def test_executed_in_order(code):
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))


def test_no_error_no_stderr_no_progress(code):
    for number, output in outputs(code):
        assert output["output_type"] != "error", f"cell [{number}] failed"
        assert output.get("name") != "stderr", f"cell [{number}] stores stderr"
        assert "widget" not in " ".join(output.get("data", {})), f"cell [{number}] stores a widget"
        assert not PROGRESS.search(shown(output)), f"cell [{number}] stores a progress bar"


def test_parameters(source):
    found = {name: parameter.annotation for name, parameter in parameters_of(source).items()}
    assert list(found.items())[:4] == [("dataset", "str"), ("root", "str | None"), ("scale", "str"), ("seed", "int")]
    assert all(found.values()), "a parameter has no annotation"
    assert parameters_of(source)["scale"].default == "smoke"


def test_no_path_of_a_machine(stored, code):
    for number, output in outputs(code):
        found = MACHINE_PATH.search(shown(output))
        assert found is None, f"cell [{number}] shows {found and found.group()!r}"
    for cell in stored["cells"]:
        assert not re.search(r"/(home|root|work)/|\b[A-Z]:\\", "".join(cell["source"]))


def test_every_picture_has_words_and_an_opaque_ground(code):
    from PIL import Image

    for cell in code:
        for output in cell["outputs"]:
            pictures = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
            if not pictures:
                continue
            alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt.split()) >= 3, f"cell [{cell['execution_count']}] needs mystnb.image.alt"
            if "image/png" in pictures:
                picture = Image.open(io.BytesIO(base64.b64decode("".join(output["data"]["image/png"])))).convert("RGBA")
                assert picture.getchannel("A").getextrema()[0] == 255, f"cell [{cell['execution_count']}] is transparent"


def test_small_enough_to_read(source, code):
    assert source.with_suffix(".ipynb").stat().st_size <= LARGEST_BYTES
    assert len(code) <= MOST_CODE_CELLS
    for cell in code:
        text = "".join(cell["source"])
        assert len(text.splitlines()) <= LONGEST_CELL, f"cell [{cell['execution_count']}] is too long"
        assert not re.search(r"^\s*class \w", text, re.M), f"cell [{cell['execution_count']}] defines a class"


def test_begins_with_title_and_box(stored):
    """The title, then a box (a MyST admonition) with objectives, needs, cost and scale, all before the first code."""
    kinds = [cell["cell_type"] for cell in stored["cells"]]
    opening = ["".join(cell["source"]) for cell in stored["cells"][: kinds.index("code")]]
    assert opening[0].startswith("# ")
    boxes = [text for text in "\n".join(opening).split("\n") if re.match(r"(:{3,}|`{3,})\{[\w-]+\}", text)]
    assert boxes, "no box before the first code cell"
    words = "\n".join(opening).casefold()
    for needed in ("objective", "need", "cpu", "gpu", "scale"):
        assert needed in words, f"the box does not say {needed!r}"
