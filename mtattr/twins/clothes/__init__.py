"""A generated twin of DeepFashion's attribute benchmark: drawn garments with known regions.

Seventeen of the fifty categories with their official names and ids, 86 attributes over the five
official types, official split roles. Every image is generated; labels carry the documented share of
errors and unknown values that `scene.LABEL_NOISE` gives.
"""

from __future__ import annotations

from mtattr.twins.clothes.attributes import ATTRIBUTES, CATEGORIES, FOUR_CLASSES, TASKS
from mtattr.twins.clothes.garments import attribute_regions, render
from mtattr.twins.clothes.layout import image_key, write_to
from mtattr.twins.clothes.load import load
from mtattr.twins.clothes.scene import LABEL_NOISE, SPLIT_SIZES, Scenes, sample_scenes

__all__ = [
    "ATTRIBUTES",
    "CATEGORIES",
    "FOUR_CLASSES",
    "LABEL_NOISE",
    "SPLIT_SIZES",
    "TASKS",
    "Scenes",
    "attribute_regions",
    "image_key",
    "load",
    "render",
    "sample_scenes",
    "write_to",
]
