"""Fukui et al. 2019: a branch that learns where to look, whose map is attention and explanation at once."""

from mtattr.attention_branch.attention import apply_attention
from mtattr.attention_branch.branch import AttentionBranch
from mtattr.attention_branch.imagenet import imagenet_resnet, vgg16
from mtattr.attention_branch.loss import attention_branch_loss
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
    "methods_of",
    "residual_parts",
    "resnext",
    "vgg16",
    "wide_resnet",
]
