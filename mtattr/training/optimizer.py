"""Optimiser of a plan's settings."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from mtattr.training.settings import FitSettings


def build_optimizer(settings: FitSettings, net: nn.Module, weighting: nn.Module) -> Optimizer:
    """Adam, AdamW or SGD over network and weighting; the weighting has no weight decay."""
    groups = [{"params": list(net.parameters())}]
    if own := list(weighting.parameters()):
        groups.append({"params": own, "weight_decay": 0.0})
    common = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    if settings.optimizer == "sgd":
        return SGD(groups, momentum=settings.momentum, **common)
    adam = AdamW if settings.optimizer == "adamw" else Adam
    return adam(groups, betas=settings.betas, **common)
