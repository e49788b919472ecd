"""Network blocks that two papers or more share.

Not re-exported: `nets.vgg` (channels of VGG-16) and `nets.matching` (`closest`, for controls as
large as the network that they are compared with).
"""

from mtattr.nets.backbones import BACKBONES, Backbone, build_backbone, load_weights, read_weights
from mtattr.nets.batch_norm import (
    FrozenBatchNorm2d,
    GlobalBatchNorm2d,
    batch_statistics,
    freeze_batch_norm,
    global_batch_norm,
    use_global_batch_norm,
)
from mtattr.nets.multitask import MultiTaskNet
from mtattr.nets.normalise import Normalise, check_images
from mtattr.nets.output import Output
from mtattr.nets.pointwise import StridedPointwiseConv2d, use_strided_pointwise
from mtattr.nets.small_resnet import SmallResNet, stack_networks

__all__ = [
    "BACKBONES",
    "Backbone",
    "FrozenBatchNorm2d",
    "GlobalBatchNorm2d",
    "MultiTaskNet",
    "Normalise",
    "Output",
    "SmallResNet",
    "StridedPointwiseConv2d",
    "batch_statistics",
    "build_backbone",
    "check_images",
    "freeze_batch_norm",
    "global_batch_norm",
    "load_weights",
    "read_weights",
    "stack_networks",
    "use_global_batch_norm",
    "use_strided_pointwise",
]
