"""Maps and features that the evaluation page draws."""

import pytest
from mtattr.attention_branch import gallery
from mtattr.pages import course_ledger


def test_bad_input_is_one_line_and_exit_code_2(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path))
    assert gallery.main([str(tmp_path / "out.json"), "--scale", "huge"]) == 2
    assert "scale 'huge' is unknown" in capsys.readouterr().err


def test_the_committed_file_has_what_the_page_draws():
    data = gallery.gallery_of()
    if data is None:
        pytest.skip("not made yet")
    assert data["scale"] == "reduced"
    shown = data["sets"][gallery.DIGITS]
    methods = shown["methods"]
    assert [method["variant"] for method in methods] == list(gallery.SHOWN.values())
    assert all(len(method["maps"]) == len(shown["pictures"]) == gallery.IMAGES for method in methods)
    records = [r for r in course_ledger() if r["spec"]["paper"] == "attention_branch"]
    assert gallery.recorded(methods, records)
