"""DukeMTMC-reID with the 10 attributes of Lin et al. (2019), a set withdrawn by its authors."""

from __future__ import annotations

import os
import re
import warnings

from mtattr.data.folders import is_generated, user_path
from mtattr.data.image_data import ImageData
from mtattr.data.options import ImageSize
from mtattr.data.pedestrian_attributes import DUKE
from mtattr.data.pedestrians import Layout, load_pedestrians
from mtattr.errors import InputError

NOTICE = (
    "DukeMTMC was withdrawn: Duke University took it down on 25 April 2019 because filming "
    "outdoors and publishing openly departed from the protocol that its review board (IRB) had "
    "approved, and Carlo Tomasi apologised publicly in June 2019; the people in it never agreed "
    "to be shown. New results on it are not recommended"
)
ABOUT = (
    "; DukeMTMC-reID has been withdrawn and is not handed out any more, so root must be a copy "
    "that you are entitled to hold, with duke_attribute.mat of Lin et al. in it"
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
    source="DukeMTMC-reID (Ristani et al., ECCV workshops 2016; Zheng et al., ICCV 2017) with "
    "attributes by Lin et al. (2019)",
    terms="Withdrawn in 2019. Images and attributes were under CC BY-NC-SA 4.0 with attribution to "
    "DukeMTMC",
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
    """One split: crops squeezed to `image_size` and cached; as `mtattr.data.market1501.load`.

    All of `bounding_box_test` is "test": identities that no query shows have attributes too. A 0 in
    the file (`top` of two people) and several colours of one garment (23 people below) become NaN.
    `top` 1 is long, whereas Market's `up` 1 is short.

    Args:
        attributes: path of `duke_attribute.mat`, or None.
        accept_withdrawn: True states that the caller knows that the set was withdrawn and holds a
            copy rightfully; a warning repeats the notice. Not needed for a generated set.

    Raises:
        InputError: `accept_withdrawn` is not True, or a file is missing, damaged or contradictory.
    """
    drawn = isinstance(root, str | os.PathLike) and is_generated(user_path(root))
    if not drawn:
        if accept_withdrawn is not True:
            consent = "accept_withdrawn=True says that you know this and are entitled to your copy"
            raise InputError(f"duke: {NOTICE}; {consent}")
        warnings.warn(NOTICE, stacklevel=2)
    return load_pedestrians(LAYOUT, split, root, image_size, limit, seed, attributes, skip_bad)
