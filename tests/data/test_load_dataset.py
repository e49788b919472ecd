import subprocess
import sys

import pytest

from mtattr.data import DATASETS, load_dataset
from mtattr.errors import InputError


def test_unknown_dataset_lists_the_known():
    with pytest.raises(InputError, match="'mnist' is unknown; there are digits, deepfashion, deepfashion-twin"):
        load_dataset("mnist", "train")


@pytest.mark.parametrize("name", sorted(DATASETS))
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"split": "training"}, "train, val, test"),
        ({"image_size": 7}, "8..1024"),
        ({"image_size": 1025}, "8..1024"),
        ({"image_size": True}, "8..1024"),
        ({"image_size": "64"}, "8..1024"),
        ({"limit": 0}, "at least 1"),
        ({"limit": -1}, "at least 1"),
        ({"limit": 2.5}, "at least 1"),
        ({"colour": "red"}, "'colour' is unknown; there are root, image_size, limit, seed"),
    ],
)
def test_bad_arguments(name, arguments, expected):
    with pytest.raises(InputError, match=expected) as caught:
        load_dataset(name, **{"split": "train", **arguments})
    assert "\n" not in str(caught.value)


def test_importing_the_package_imports_no_decoder():
    heavy = "PIL", "sklearn", "torchvision", "pandas", "scipy"
    program = f"import sys, mtattr.data; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("seed", [-1, 1.5, "x", None, True])
@pytest.mark.parametrize("name", ["digits", "deepfashion-twin"])
def test_a_seed_is_a_whole_number(name, seed):
    with pytest.raises(InputError, match=f"{name}: seed"):
        load_dataset(name, "train", limit=5, image_size=8, seed=seed)


def test_arguments_of_another_type_are_named():
    with pytest.raises(InputError, match="dataset"):
        load_dataset(["digits"], "train")
    with pytest.raises(InputError, match="root must be a path"):
        load_dataset("deepfashion", "train", root=5)
