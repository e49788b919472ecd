"""Task weights that follow the losses (He et al. 2017), and three published ways beside them."""

from mtattr.adaptive_weighting.averaged import AveragedTrend
from mtattr.adaptive_weighting.dynamic_weight_average import DynamicWeightAverage
from mtattr.adaptive_weighting.grad_norm import GradNorm
from mtattr.adaptive_weighting.loss import square_error
from mtattr.adaptive_weighting.network import SeparateNets, StackedSeparateNets
from mtattr.adaptive_weighting.shuffled import ShuffledTrend
from mtattr.adaptive_weighting.trend import ValidationLossTrend, change_weights, two_factor_weights
from mtattr.adaptive_weighting.uncertainty import UncertaintyWeighting

__all__ = [
    "AveragedTrend",
    "DynamicWeightAverage",
    "GradNorm",
    "SeparateNets",
    "ShuffledTrend",
    "StackedSeparateNets",
    "UncertaintyWeighting",
    "ValidationLossTrend",
    "change_weights",
    "square_error",
    "two_factor_weights",
]
