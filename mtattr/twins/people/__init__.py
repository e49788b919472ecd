"""Generated twins of Market-1501 and DukeMTMC-reID: drawn pedestrians with known regions.

The official schemas, file names and roles; labels belong to identities, and so do the errors that
`LABEL_NOISE` documents.
"""

from __future__ import annotations

from mtattr.twins.people.annotation import LABEL_NOISE
from mtattr.twins.people.attributes import DUKE_TASKS, MARKET_TASKS
from mtattr.twins.people.layout import image_keys, write_duke_twin, write_market1501_twin
from mtattr.twins.people.load import load_duke_twin, load_market1501_twin
from mtattr.twins.people.parts import part_masks
from mtattr.twins.people.people import NATIVE_SIZE, attribute_regions, render
from mtattr.twins.people.scene import SPLIT_SIZES, Scenes, sample_scenes

__all__ = [
    "DUKE_TASKS",
    "LABEL_NOISE",
    "MARKET_TASKS",
    "NATIVE_SIZE",
    "SPLIT_SIZES",
    "Scenes",
    "attribute_regions",
    "image_keys",
    "load_duke_twin",
    "load_market1501_twin",
    "part_masks",
    "render",
    "sample_scenes",
    "write_duke_twin",
    "write_market1501_twin",
]
