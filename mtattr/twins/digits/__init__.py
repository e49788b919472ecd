"""Cluttered digits: real handwriting on generated backgrounds, its ink known exactly.

Ten classes at 32 x 32 pixels; stands in for SVHN and CIFAR-10 where no photographs are at hand. The
handwriting is that of scikit-learn's digits, and no glyph is in two splits. Labels carry the share
of errors that `scene.LABEL_NOISE` gives.
"""

from __future__ import annotations

from mtattr.twins.digits.drawing import digit_masks, render
from mtattr.twins.digits.layout import image_key, write_to
from mtattr.twins.digits.load import TASKS, load
from mtattr.twins.digits.scene import LABEL_NOISE, SPLIT_SIZES, Scenes, sample_scenes

__all__ = [
    "LABEL_NOISE",
    "SPLIT_SIZES",
    "TASKS",
    "Scenes",
    "digit_masks",
    "image_key",
    "load",
    "render",
    "sample_scenes",
    "write_to",
]
