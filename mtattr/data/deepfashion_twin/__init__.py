"""A generated twin of DeepFashion's category and attribute benchmark: drawn garments whose every region is known.

Seventeen of the fifty categories with their official names and ids, 86 attributes over the five official types, official
split roles. Every image is generated; labels carry the documented share of errors and unknown values that `scene.LABEL_NOISE` gives.
"""

from __future__ import annotations

from mtattr.data.deepfashion_twin.attributes import ATTRIBUTES, CATEGORIES, LETTER_CLASSES, TASKS
from mtattr.data.deepfashion_twin.garments import attribute_regions, render
from mtattr.data.deepfashion_twin.layout import image_key, write_to
from mtattr.data.deepfashion_twin.load import SPLIT_SIZES, load
from mtattr.data.deepfashion_twin.scene import LABEL_NOISE, Scenes, sample_scenes

__all__ = [
    "ATTRIBUTES",
    "CATEGORIES",
    "LABEL_NOISE",
    "LETTER_CLASSES",
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
