"""A generated twin of CelebA: drawn faces with all 40 attributes and their exact regions.

Rates and correlations of the labels are those published of the real set; a factor graph that is
known makes them. Every image is generated and shows nobody; labels carry the documented share of
errors that `LABEL_NOISE` gives.
"""

from __future__ import annotations

from mtattr.twins.faces.attributes import (
    ATTRIBUTES,
    INDEX,
    NAMES,
    PART_OF,
    PARTS,
    TASKS,
    TRAIN_RATES,
)
from mtattr.twins.faces.faces import attribute_regions, landmarks, part_masks, render
from mtattr.twins.faces.factors import FACTORS, LOADINGS, factor_of, loading_table
from mtattr.twins.faces.label_noise import LABEL_NOISE, label_ceiling
from mtattr.twins.faces.layout import NATIVE_SIZE, SPLIT_SIZES, image_keys, write_to
from mtattr.twins.faces.load import load
from mtattr.twins.faces.scene import PARAMETERS, Scenes, label_correlation, sample_scenes

__all__ = [
    "ATTRIBUTES",
    "FACTORS",
    "INDEX",
    "LABEL_NOISE",
    "LOADINGS",
    "NAMES",
    "NATIVE_SIZE",
    "PARAMETERS",
    "PARTS",
    "PART_OF",
    "SPLIT_SIZES",
    "TASKS",
    "TRAIN_RATES",
    "Scenes",
    "attribute_regions",
    "factor_of",
    "image_keys",
    "label_ceiling",
    "label_correlation",
    "landmarks",
    "load",
    "loading_table",
    "part_masks",
    "render",
    "sample_scenes",
    "write_to",
]
