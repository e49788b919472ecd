"""DukeMTMC-reID with the 10 attributes of Lin et al. (2019), withdrawn by its authors, from a copy the user may hold."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path

from mtattr.data.image_data import ImageData
from mtattr.data.options import GENERATED_MARK, ImageSize
from mtattr.data.pedestrian_attributes import DUKE
from mtattr.data.pedestrians import Layout, load_pedestrians
from mtattr.errors import InputError

NOTICE = (
    "DukeMTMC was withdrawn: Duke University took it down on 25 April 2019 because filming outdoors and publishing openly "
    "departed from the protocol that its review board (IRB) had approved, and Carlo Tomasi apologised publicly in June 2019; "
    "the people in it never agreed to be shown. New results on it are not recommended"
)
ABOUT = (
    "; DukeMTMC-reID has been withdrawn and is not handed out any more, so root must be a copy that you are entitled to "
    "hold, with duke_attribute.mat of Lin et al. in it"
)

LAYOUT = Layout(
    schema=DUKE,
    file_name=re.compile(
        r"(?P<identity>\d{4})_c(?P<camera>[1-8])_f\d{7}(\.jpg)+", re.IGNORECASE | re.ASCII
    ),
    example="0005_c2_f0046985.jpg",
    folders=("DukeMTMC-reID", "dukemtmc-reid", "dukemtmc-reid/DukeMTMC-reID"),
    repositories=("DukeMTMC-attribute", "DukeMTMC-attribute-master"),
    unlabelled=(),
    published={
        "bounding_box_train": 16_522,
        "bounding_box_test": 17_661,
        "query": 2_228,
        "test": 17_661,
        "train identities": 702,
        "test identities": 1_110,
    },
    md5="1439ad317502a0c82ff8b79bdaa9dc11",
    about=ABOUT,
    source="DukeMTMC-reID (Ristani et al., ECCV workshops 2016; Zheng et al., ICCV 2017) with attributes by Lin et al. (2019)",
    terms="Withdrawn in 2019. Images and attributes were under CC BY-NC-SA 4.0 with attribution to DukeMTMC",
)


def load(
    split: str,
    *,
    root=None,
    image_size: ImageSize = 64,
    limit: int | None = None,
    seed: int = 0,
    attributes=None,
    accept_withdrawn: bool = False,
    skip_bad: bool = False,
) -> ImageData:
    """One split: crops of any size squeezed to `image_size`, labels of the person shown, decoded once into the cache.

    accept_withdrawn: must be True unless `root` holds a written twin; by it the caller states to know that the set was
    withdrawn and to hold a copy rightfully, and a warning repeats the notice. Nothing here tells where a copy could be had.
    Everything else is as in `mtattr.data.market1501.load` (there: junk and distractors), with `duke_attribute.mat`. All of
    `bounding_box_test` is "test": identities that no query shows have attributes too. A 0 in the file says that a person
    is not labelled (`top` of two), and several colours of one garment (23 people below) are one label that is unknown:
    each becomes NaN. `top` 1 is long, whereas Market's `up` 1 is short.
    Raises `InputError` without `accept_withdrawn`, and when anything is missing, damaged or contradictory.
    """
    if not _is_drawn(root):
        if accept_withdrawn is not True:
            raise InputError(
                f"duke: {NOTICE}; accept_withdrawn=True says that you know this and are entitled to your copy"
            )
        warnings.warn(NOTICE, stacklevel=2)
    return load_pedestrians(
        LAYOUT,
        split,
        root=root,
        image_size=image_size,
        limit=limit,
        seed=seed,
        attributes=attributes,
        skip_bad=skip_bad,
    )


def _is_drawn(root) -> bool:
    """Whether the folder is a written twin, which shows nobody and was withdrawn by nobody."""
    return (
        isinstance(root, str | os.PathLike)
        and "\0" not in os.fspath(root)
        and Path(root, GENERATED_MARK).is_file()
    )
