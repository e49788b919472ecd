"""A generated twin of CompCars: drawn cars of invented makes whose every region is known.

Twelve makes, told by grille, badge and tail lamps, with four models each, told by the shape of the
body; seven official body types, five official viewpoints. Every image is generated; a documented
share of labels is wrong (`LABEL_NOISE`).
"""

from __future__ import annotations

from mtattr.twins.cars.cars import attribute_regions, car_boxes, render
from mtattr.twins.cars.layout import NATIVE_SIZE, write_to
from mtattr.twins.cars.load import SPLIT_SIZES, load
from mtattr.twins.cars.makes import BODIES, MAKES, MODELS, TASKS, TYPES
from mtattr.twins.cars.regions import part_masks
from mtattr.twins.cars.scene import LABEL_NOISE, VIEWPOINTS, Scenes, sample_scenes

__all__ = [
    "BODIES",
    "LABEL_NOISE",
    "MAKES",
    "MODELS",
    "NATIVE_SIZE",
    "SPLIT_SIZES",
    "TASKS",
    "TYPES",
    "VIEWPOINTS",
    "Scenes",
    "attribute_regions",
    "car_boxes",
    "load",
    "part_masks",
    "render",
    "sample_scenes",
    "write_to",
]
