"""What every dataset promises: one set of arguments, and one line for each bad one."""

import inspect
import subprocess
import sys

import pytest
from mtattr.data import DATASETS, TWIN_WRITERS, load_dataset, options_of, twin_writer
from mtattr.errors import InputError

GENERATED = (*TWIN_WRITERS, "digits")
BAD = [
    ({"split": "training"}, "split 'training' is not one of train, val, test"),
    ({"image_size": 7}, "8..1024"),
    ({"image_size": 1025}, "8..1024"),
    ({"image_size": True}, "8..1024"),
    ({"image_size": 32.0}, "8..1024"),
    ({"image_size": "64"}, "8..1024"),
    ({"image_size": (64, 7)}, "8..1024"),
    ({"image_size": (64, 64, 64)}, "height and a width"),
    *(({"limit": limit}, "limit must be a whole number of at least 1") for limit in (0, -1, 2.5, True)),
    *(({"seed": seed}, "seed must be a whole number of at least 0") for seed in (-1, 1.5, "x", None, True)),
    ({"colour": "red"}, "option 'colour' is unknown; there are root, image_size, limit, seed"),
    *(({"skip_bad": value}, "skip_bad must be True or False") for value in ("no", 1, None)),
    ({}, "root is missing; expected the folder that holds"),
    ({"root": ""}, "root is missing"),
    ({"root": 5}, "root must be a path"),
    *(({"root": root}, "root folder missing") for root in ("no/such/folder", "x" * 5000, "/" + "x" * 300, "a\0b")),
    ({"root": "~nobody-of-this-name/photos"}, "no such user"),
]


def refused(name, **arguments):
    agreed = {"accept_withdrawn": True} if name == "duke" else {}
    with pytest.raises(InputError) as caught:
        load_dataset(name, **{"split": "train", **agreed, **arguments})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_bad_argument_is_named():
    for arguments, expected in BAD:
        assert expected in refused("celeba", **arguments), arguments


@pytest.mark.filterwarnings("ignore:DukeMTMC")
def test_every_dataset_takes_and_checks_the_shared_arguments():
    for name in sorted(DATASETS):
        assert options_of(name)[:4] == ["root", "image_size", "limit", "draw" if name in TWIN_WRITERS else "seed"]
        for arguments, expected in (
            ({"split": "training"}, "train, val, test"),
            ({"image_size": 7}, "8..1024"),
            ({"limit": 0}, "at least 1"),
            ({"colour": "red"}, "'colour' is unknown"),
        ):
            message = refused(name, **arguments)
            assert name in message, arguments
            assert expected in message, arguments
        if name not in GENERATED:
            assert "root is missing" in refused(name)
        if name in TWIN_WRITERS:
            for draw in (-1, 1.5, "x", True):
                assert f"{name}: draw must be a whole number of at least 0" in refused(name, draw=draw)
            assert f"{name}: seed 1 and draw 2 name two draws" in refused(name, seed=1, draw=2)
        else:
            assert f"{name} is read, not drawn: leave draw out" in refused(name, draw=0)
        if name not in GENERATED:
            continue
        if name != "digits":
            assert "root" in refused(name, root="somewhere")


def test_an_unknown_dataset_lists_the_known():
    assert "'mnist' is unknown; there are celeba, celeba-twin, " in refused("mnist")
    assert "dataset" in refused(["digits"])


def test_importing_the_package_imports_no_decoder():
    heavy = "PIL", "sklearn", "torchvision", "pandas", "scipy"
    program = f"import sys, mtattr.data; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_readers_import_without_fcntl():
    readers = "cache, cifar, celeba, compcars, csv_folder, deepfashion, duke, imagenet, market1501, svhn"
    program = f"import sys; sys.modules['fcntl'] = None; from mtattr.data import {readers}"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_twin_can_be_written_and_stands_for_a_real_set():
    for name in TWIN_WRITERS:
        assert name in DATASETS
        assert callable(twin_writer(name))
        assert {"folder", "image_size", "limit", "seed"} <= set(inspect.signature(twin_writer(name)).parameters)
        assert not name.endswith("-twin") or name.removesuffix("-twin") in DATASETS
