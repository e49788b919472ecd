import importlib
import shutil

import pytest
from mtattr.training import Run, fit_or_load

from training import toy


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Run:
    """The toy's run of one epoch, trained once; not to be changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTATTR_HOME", str(tmp_path_factory.mktemp("toy")))
        return fit_or_load(toy.toy_spec(), plan=toy.toy_plan(epochs=1), device="cpu", precision="32-true", progress=False)


@pytest.fixture
def run(trained, fresh_home) -> Run:
    """A copy of it in a home of this test."""
    shutil.copytree(trained.folder, fresh_home / "runs" / trained.folder.name)
    return fit_or_load(toy.toy_spec(), plan=toy.toy_plan(epochs=1), device="cpu", precision="32-true", progress=False)


@pytest.fixture
def interrupt(monkeypatch, fresh_home):
    """A function that trains until a step of the toy fails, and gives the checkpoint that is left."""
    loop = importlib.import_module("mtattr.training.fit")

    def leave(step: int, plan=None):
        calls, take = iter(range(1000)), loop.take

        def failing(*arguments):
            if next(calls) == step:
                raise KeyboardInterrupt
            return take(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(loop, "take", failing)
            with pytest.raises(KeyboardInterrupt):
                fit_or_load(toy.toy_spec(), plan=plan or toy.toy_plan(), checkpoint_seconds=0)
        (checkpoint,) = fresh_home.rglob("checkpoint.safetensors")
        return checkpoint

    return leave
