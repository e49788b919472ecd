from pathlib import Path

import pytest
from mtattr.data.home import home
from mtattr.errors import InputError


def test_the_environment_names_it(monkeypatch, tmp_path):
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path / "here"))
    assert home() == tmp_path / "here"
    assert not home().exists()


def test_a_relative_folder_does_not_move_with_the_process(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MTATTR_HOME", "here")
    assert home() == tmp_path / "here"


def test_default(monkeypatch):
    for value in [None, "", " "]:
        monkeypatch.delenv("MTATTR_HOME", raising=False)
        if value is not None:
            monkeypatch.setenv("MTATTR_HOME", value)
        assert home() == Path.home() / ".cache" / "mtattr"


def test_the_home_of_nobody_is_bad_input(monkeypatch):
    monkeypatch.setenv("MTATTR_HOME", "~nobody-of-this-name/state")
    with pytest.raises(InputError, match="MTATTR_HOME '~nobody"):
        home()
