import inspect
import subprocess
import sys

import pytest
from mtattr.data import DATASETS, TWIN_WRITERS, load_dataset, options_of, twin_writer
from mtattr.errors import InputError


def test_unknown_dataset_lists_the_known():
    with pytest.raises(InputError, match=r"'mnist' is unknown; there are celeba, celeba-twin, .* csv"):
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
        ({"image_size": (64, 7)}, "8..1024"),
        ({"image_size": (64, 64, 64)}, "height and a width"),
        ({"limit": 0}, "at least 1"),
        ({"limit": -1}, "at least 1"),
        ({"limit": 2.5}, "at least 1"),
        ({"colour": "red"}, "'colour' is unknown; there are root, image_size, limit, seed"),
    ],
)
@pytest.mark.filterwarnings("ignore:DukeMTMC")
def test_bad_arguments(name, arguments, expected):
    agreed = {"accept_withdrawn": True} if name == "duke" else {}
    with pytest.raises(InputError, match=expected) as caught:
        load_dataset(name, **{"split": "train", **agreed, **arguments})
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


def test_every_twin_can_be_written_and_stands_for_a_real_set():
    for name in TWIN_WRITERS:
        assert name in DATASETS
        assert callable(twin_writer(name))
        assert {"folder", "image_size", "limit", "seed"} <= set(inspect.signature(twin_writer(name)).parameters)
        assert not name.endswith("-twin") or name.removesuffix("-twin") in DATASETS


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_every_loader_takes_the_shared_options(name):
    assert options_of(name)[:4] == ["root", "image_size", "limit", "seed"]


@pytest.mark.parametrize("value", ["no", 1, None])
def test_skip_bad_is_true_or_false(value):
    with pytest.raises(InputError, match="skip_bad must be True or False"):
        load_dataset("celeba", "train", root="absent", skip_bad=value)
