import numpy as np
import pytest
import torch
from mtattr.data.options import GENERATED_MARK
from mtattr.errors import InputError
from mtattr.twins.drawing.writing import image_quality, mark_generated, new_folder, save_image, sizes_of
from PIL import Image


def test_a_folder_must_be_new_or_empty(tmp_path):
    assert new_folder(tmp_path / "new") == tmp_path / "new"
    assert new_folder(str(tmp_path)) == tmp_path
    (tmp_path / "file").write_text("mine")
    for taken in (tmp_path, tmp_path / "file"):
        with pytest.raises(InputError, match="new or empty folder"):
            new_folder(taken)


def test_png_reads_back_equal_whatever_its_name(tmp_path):
    image = torch.randint(0, 256, (3, 9, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    save_image(tmp_path / "a.jpg", image, image_quality("toy", "png"))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.jpg")).transpose(2, 0, 1), image.numpy())
    save_image(tmp_path / "b.jpg", image, image_quality("toy", "jpg"))
    assert Image.open(tmp_path / "b.jpg").format == "JPEG"
    with pytest.raises(InputError, match="toy: image_format 'gif'"):
        image_quality("toy", "gif")


def test_the_mark_names_the_twin(tmp_path):
    mark_generated(tmp_path / "out", "toy-twin", "Toy")
    assert "toy-twin" in (tmp_path / "out" / GENERATED_MARK).read_text()


def test_sizes():
    default = {"train": 10, "val": 4, "test": 6}
    assert sizes_of(default, None) == default
    assert sizes_of(default, 3) == {"train": 3, "val": 3, "test": 3}
    assert sizes_of(default, {"val": 1}) == {"train": 10, "val": 1, "test": 6}
