import json

import numpy as np
import torch
from mtattr.errors import InputError
from mtattr.page_data import gallery_command, picture_of, png_of, rounded, write_or_explain


def test_numbers_keep_four_digits_and_nan_is_null():
    assert rounded(torch.tensor([[123.456, 0.000123456], [float("nan"), -1.0]])) == [[123.5, 0.0001235], [None, -1.0]]


def test_a_picture_comes_back_as_it_was():
    image = torch.randint(256, (3, 5, 7), dtype=torch.uint8)
    assert np.array_equal(picture_of(png_of(image)), image.permute(1, 2, 0).numpy())


def test_what_is_made_is_written_as_json(tmp_path):
    file = tmp_path / "new" / "data.json"
    assert write_or_explain(file, lambda: {"a": [1, None]}) == 0
    assert json.loads(file.read_text()) == {"a": [1, None]}


def test_bad_input_is_one_line_and_leaves_the_old_file(tmp_path, capsys):
    file = tmp_path / "data.json"
    file.write_text("old")

    def fail():
        raise InputError("images: too small")

    assert write_or_explain(file, fail) == 2
    assert capsys.readouterr().err == "images: too small\n"
    assert file.read_text() == "old"


def test_a_gallery_asks_for_runs_as_the_evidence_trains_them_unless_told_otherwise(tmp_path):
    file = tmp_path / "gallery.json"
    usual = {"scale": "reduced", "seeds": [0, 1, 2, 3, 4], "precision": "bf16-mixed", "threads": 1}
    for arguments, changed in (([], {}), (["--threads", "2", "--seeds", "7"], {"threads": 2, "seeds": [7]})):
        assert gallery_command(lambda **how: how, "A gallery.", [str(file), *arguments]) == 0
        assert json.loads(file.read_text()) == usual | changed
