"""Attention Branch Network: an attention map that is trained with the classifier and explains it.

Fukui, Hirakawa, Yamashita and Fujiyoshi, "Attention Branch Network: Learning of Attention Mechanism
for Visual Explanation", CVPR 2019, pages 10705-10714, doi 10.1109/CVPR.2019.01096.

In the paper -> in this package:

- Eq. 1, 2 -> `apply_attention`
- Eq. 3 -> `attention_branch_loss`
- Eq. 4, 5 -> `MultitaskAttentionBranchNet.loop`
- Fig. 1 -> `ClassActivationNet`, `AttentionBranchNet`
- Fig. 2 -> `Parts`, `AttentionBranch`, `AttentionBranchNet`
- Fig. 3 -> `TaskAttentionBranch`, `MultitaskAttentionBranchNet`
- Fig. 4, 5 -> `explanation_maps`, `gallery.gallery_data`
- Fig. 6 -> `gallery.features_of`
- Fig. 7 -> `explanation_maps`, `explorer.explorer_data`
- Table 1 -> `AttentionBranchResNet` with and without `residual`
- Table 2 -> `cifar_resnet`, `wide_resnet`, `densenet`, `resnext`, `imagenet_resnet`, `vgg16`
- Table 3 -> `imagenet_resnet`, `vgg16`
- Table 4 -> `MultitaskAttentionBranchNet`
- not in the paper: whether the map is used, `map_use`, and whether it shows what the network has
  learned, `sanity`
"""

from mtattr.attention_branch.attention import apply_attention
from mtattr.attention_branch.branch import AttentionBranch
from mtattr.attention_branch.imagenet import imagenet_resnet, vgg16
from mtattr.attention_branch.loss import attention_branch_loss
from mtattr.attention_branch.map_use import map_use
from mtattr.attention_branch.maps import explanation_maps, methods_of
from mtattr.attention_branch.multitask import MultitaskAttentionBranchNet, TaskAttentionBranch
from mtattr.attention_branch.network import (
    AttentionBranchNet,
    AttentionBranchResNet,
    BaselineNet,
    ClassActivationNet,
)
from mtattr.attention_branch.parts import Parts
from mtattr.attention_branch.residual import ResidualBlock, cifar_resnet, residual_parts, resnext
from mtattr.attention_branch.sanity import sanity
from mtattr.attention_branch.sharing import gated_conv2d
from mtattr.attention_branch.task_norm import TaskBatchNorm2d
from mtattr.attention_branch.task_stage import TaskStage
from mtattr.attention_branch.wide import densenet, wide_resnet

__all__ = [
    "AttentionBranch",
    "AttentionBranchNet",
    "AttentionBranchResNet",
    "BaselineNet",
    "ClassActivationNet",
    "MultitaskAttentionBranchNet",
    "Parts",
    "ResidualBlock",
    "TaskAttentionBranch",
    "TaskBatchNorm2d",
    "TaskStage",
    "apply_attention",
    "attention_branch_loss",
    "cifar_resnet",
    "densenet",
    "explanation_maps",
    "gated_conv2d",
    "imagenet_resnet",
    "map_use",
    "methods_of",
    "residual_parts",
    "resnext",
    "sanity",
    "vgg16",
    "wide_resnet",
]
