"""Market-1501 (Zheng et al., ICCV 2015) with the 12 attributes of Lin et al. (2019)."""

from __future__ import annotations

import re

from mtattr.data.image_data import ImageData
from mtattr.data.options import ImageSize
from mtattr.data.pedestrian_attributes import MARKET
from mtattr.data.pedestrians import Layout, load_pedestrians

ABOUT = (
    "; Market-1501 is handed out for research on the page of its author Liang Zheng, and "
    "market_attribute.mat is in the GitHub repository Market-1501_Attribute of the user vana77"
)

LAYOUT = Layout(
    schema=MARKET,
    # Some copies have files that end in .jpg.jpg.
    file_name=re.compile(
        r"(?P<identity>-1|\d{4})_c(?P<camera>[1-6])s\d_\d{6}_\d{2}(\.jpg)+",
        re.IGNORECASE | re.ASCII,
    ),
    example="0002_c1s1_000451_03.jpg",
    folders=("Market-1501-v15.09.15", "Market-1501", "market1501"),
    repositories=("Market-1501_Attribute", "Market-1501_Attribute-master"),
    unlabelled=("-1", "0000"),
    published={
        "bounding_box_train": 12_936,
        "bounding_box_test": 19_732,
        "query": 3_368,
        "test": 13_115,
        "distractors": 2_798,
        "junk": 3_819,
        "train identities": 751,
        "test identities": 750,
    },
    md5="9446b56c6cfe7a70fd3f3d66ca22440d",
    about=ABOUT,
    source="Market-1501 (Zheng et al., ICCV 2015) with attributes by Lin et al. (Pattern "
    "Recognition 2019)",
    terms="Research only, no redistribution, no commercial use; the attributes carry no licence",
)


def load(
    split: str,
    *,
    root=None,
    image_size: ImageSize = 64,
    limit: int | None = None,
    seed: int = 0,
    attributes=None,
    skip_bad: bool = False,
) -> ImageData:
    """One split: crops of 64 x 128 pixels squeezed to `image_size` and cached.

    "test" is `bounding_box_test` without distractors (`0000_`) and junk (`-1_`), which have no
    labels. There is no official validation split: "val" are the training images of the identities
    that `mtattr.data.held_out.validation_identities` chooses; no person is in two splits. `query`
    is not used. Labels belong to the identity: 1 is the file's value 2, and a colour that the file
    does not flag, or more than one, is NaN.

    Keys are file names in ascending order. `facts["cameras"]` counts the split's images by camera;
    `facts["identity_rates"]` are shares of the labelled identities of the whole official half, as
    the published rates are.

    Args:
        root: folder with `bounding_box_train` and `bounding_box_test`, or the one above it.
        attributes: path of `market_attribute.mat`; None looks in `root`, in its folder `attribute`
            and beside it.
        skip_bad: leave out images that are missing, damaged or misnamed and list them in
            `facts["skipped"]`; files that do not end in .jpg are always ignored.

    Raises:
        InputError: a file is missing, damaged or contradictory; nothing is cached then.
    """
    return load_pedestrians(LAYOUT, split, root, image_size, limit, seed, attributes, skip_bad)
