"""State of the tests: a home of their own, one per worker, so that no test reads what a user's runs left."""

import os

import mtattr  # noqa: F401 - first: sets OMP_WAIT_POLICY, which torch reads when it loads
import pytest
import torch
from hypothesis import settings

# A busy machine is no failure.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(scope="session", autouse=True)
def _session_home(tmp_path_factory: pytest.TempPathFactory):
    before = os.environ.get("MTATTR_HOME")
    os.environ["MTATTR_HOME"] = str(tmp_path_factory.mktemp("home"))
    torch.set_num_threads(1)
    yield
    if before is None:
        del os.environ["MTATTR_HOME"]
    else:
        os.environ["MTATTR_HOME"] = before


@pytest.fixture
def fresh_home(tmp_path, monkeypatch):
    """A home that is empty at the start of one test."""
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
