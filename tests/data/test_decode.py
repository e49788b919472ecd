import io
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mtattr.data.decode import decode_image
from mtattr.errors import InputError
from PIL import Image


def photograph(side=48):
    pixels = np.random.RandomState(0).randint(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def jpeg():
    stream = io.BytesIO()
    photograph().save(stream, "JPEG", quality=80)
    return stream.getvalue()


@given(share=st.floats(0, 1, exclude_max=True))
def test_a_jpeg_cut_anywhere_is_named(folder, jpeg, share):
    path = folder / "cut.jpg"
    # The last two bytes are the end marker: without them every pixel is still there.
    path.write_bytes(jpeg[: int((len(jpeg) - 2) * share)])
    with pytest.raises(InputError, match=r"cut\.jpg: expected a whole image file") as caught:
        decode_image(path, 16)
    assert len(str(caught.value).splitlines()) == 1


@given(content=st.binary(max_size=300))
def test_other_files_are_named(folder, content):
    path = folder / "other.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"other\.jpg"):
        decode_image(path, 16)


def test_a_missing_file_and_a_folder_are_named(folder):
    with pytest.raises(InputError, match=r"none\.jpg: image file missing"):
        decode_image(folder / "none.jpg", 16)
    with pytest.raises(InputError, match="whole image file"):
        decode_image(folder, 16)


def test_every_kind_of_picture_becomes_three_channels(folder):
    for mode in ["L", "1", "P", "RGBA", "LA"]:
        path = folder / f"{mode}.png"
        photograph().convert(mode).save(path)
        want = np.asarray(photograph().convert(mode).convert("RGB")).transpose(2, 0, 1)
        assert np.array_equal(decode_image(path, 48), want)


def test_the_aspect_is_not_kept(folder):
    path = folder / "halves.png"
    halves = Image.new("RGB", (60, 20), (255, 0, 0))
    halves.paste((0, 0, 255), (30, 0, 60, 20))
    halves.save(path)
    square = decode_image(path, 10)
    assert (square[:, :, :4] == np.array([255, 0, 0])[:, None, None]).all()
    assert (square[:, :, 6:] == np.array([0, 0, 255])[:, None, None]).all()


def test_pixels_outside_the_box_do_not_bleed_in(folder):
    path = folder / "framed.png"
    framed = Image.new("RGB", (40, 40), (255, 255, 255))
    framed.paste((10, 20, 30), (8, 4, 31, 35))
    framed.save(path)
    inside = decode_image(path, 12, (8, 4, 31, 35))
    assert (inside == np.array([10, 20, 30])[:, None, None]).all()


def test_a_box_that_sticks_out_is_clipped(folder):
    path = folder / "whole.png"
    photograph().save(path)
    assert np.array_equal(decode_image(path, 12, (-5, -9, 99, 48)), decode_image(path, 12))


def test_a_pair_is_height_and_width(folder, jpeg):
    path = folder / "high.jpg"
    path.write_bytes(jpeg)
    image = decode_image(path, (32, 16), box=(8, 0, 24, 32))
    assert image.shape == (3, 32, 16)
    # A cut of the very size that is asked for passes unchanged.
    assert np.array_equal(image, np.asarray(Image.open(path).convert("RGB"))[0:32, 8:24].transpose(2, 0, 1))


def test_grey_levels_of_16_bits_become_8(folder):
    for ending in ["png", "tiff"]:
        levels = np.linspace(0, 65535, 32 * 32).reshape(32, 32).astype(np.uint16)
        path = folder / f"deep.{ending}"
        Image.fromarray(levels).save(path)
        assert np.array_equal(decode_image(path, 32), np.broadcast_to(levels // 256, (3, 32, 32)))


def test_numbers_without_a_range_are_refused(folder):
    for dtype in [np.int32, np.float32]:
        path = folder / "wide.tiff"
        Image.fromarray(np.ones((16, 16), dtype)).save(path)
        with pytest.raises(InputError, match=r"wide\.tiff: expected 8 or 16 bits"):
            decode_image(path, 16)


def test_formats_that_no_camera_writes_are_refused(folder):
    for kind in ["DDS", "EPS", "ICO"]:
        path = folder / "odd.jpg"
        photograph().save(path, kind)
        with pytest.raises(InputError, match=r"odd\.jpg: expected a whole image file"):
            decode_image(path, 16)


def test_what_a_file_holds_counts_and_not_its_name(folder):
    for kind in ["PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM"]:
        path = folder / "renamed.jpg"
        photograph().save(path, kind, **({"lossless": True} if kind == "WEBP" else {}))
        want = np.asarray(Image.open(path).convert("RGB")).transpose(2, 0, 1)
        assert np.array_equal(decode_image(path, 48), want)


def test_a_pipe_does_not_keep_us_waiting(folder):
    path = folder / "pipe.jpg"
    os.mkfifo(path)
    with pytest.raises(InputError, match=r"pipe\.jpg: expected a whole image file"):
        decode_image(path, 16)


def test_whatever_pillow_stumbles_over_names_the_file(folder, jpeg, monkeypatch):
    path = folder / "stumble.jpg"
    path.write_bytes(jpeg)

    def stumble(self, mode):
        raise RuntimeError("no planes")

    monkeypatch.setattr(Image.Image, "convert", stumble)
    with pytest.raises(InputError, match=r"stumble\.jpg: .*no planes"):
        decode_image(path, 16)
