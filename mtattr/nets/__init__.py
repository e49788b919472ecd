"""Network blocks that two papers or more share."""

from mtattr.nets.backbones import BACKBONES, Backbone, build_backbone
from mtattr.nets.batch_norm import GlobalBatchNorm2d, use_global_batch_norm
from mtattr.nets.multitask import MultiTaskNet
from mtattr.nets.output import Output

__all__ = ["BACKBONES", "Backbone", "GlobalBatchNorm2d", "MultiTaskNet", "Output", "build_backbone", "use_global_batch_norm"]
