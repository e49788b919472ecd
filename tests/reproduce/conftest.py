import textwrap
from pathlib import Path

import pytest
from mtattr.reproduce import Project

HEADER = """\
# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A tiny chapter

# %% tags=["parameters"]
dataset: str = "digits"  # which images
root: str | None = None
scale: str = "smoke"
seed: int = 0
"""


@pytest.fixture
def make_project(tmp_path, monkeypatch):
    """A project folder of tiny notebooks: `make_project(build="code", train=...)`; state goes to its own home.

    The project's path holds a space and an accent, as a user's may.
    """
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def make(paper: str = "attribute_estimation", **steps: str) -> Project:
        folder = tmp_path / "my course é"
        (folder / "notebooks" / paper).mkdir(parents=True, exist_ok=True)
        (folder / "pyproject.toml").touch()
        for step, code in steps.items():
            cells = "".join(f"\n# %%\n{textwrap.dedent(cell).strip()}\n" for cell in code.split("----"))
            Path(folder / "notebooks" / paper / f"{step}.py").write_text(HEADER + cells)
        return Project(folder)

    return make
