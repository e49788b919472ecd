import pytest
from mtattr.twins.faces import write_to
from PIL import Image

LIMIT = {"train": 24, "val": 12, "test": 16}


@pytest.fixture(scope="session")
def written_faces(tmp_path_factory):
    """A small face twin on disk, and how many images of each split it has."""
    return write_to(tmp_path_factory.mktemp("faces") / "twin", image_size=(40, 32), limit=LIMIT), LIMIT


@pytest.fixture
def table(written_faces):
    """A function that reads a written table as lines, and checks the line ends."""

    def read(path):
        text = (written_faces[0] / path).read_bytes().decode()
        assert text.endswith("\r\n")
        assert text.count("\r") == text.count("\n") == text.count("\r\n")
        return text.split("\r\n")[:-1]

    return read


@pytest.fixture
def picture_format():
    """A function that says in which format the bytes of an image file are, whatever its name."""

    def read(path):
        with Image.open(path) as image:
            return image.format, image.size

    return read
