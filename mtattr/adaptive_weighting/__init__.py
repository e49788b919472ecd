"""Task weights that follow the validation losses, and three published alternatives.

He, Wang, Fu, Feng, Jiang and Xue: "Adaptively Weighted Multi-task Deep Network for Person Attribute
Classification", ACM Multimedia 2017. Its numbers in this package:

- Eq. 1, separate models: `SeparateNets`, `StackedSeparateNets`
- Eq. 2, the basic model: weights of 1
- Eq. 3, the weighted loss: `square_error` per task, summed by `ValidationLossTrend.forward`
- Eq. 4, decisions with tau = 0: `mtattr.evaluation.mean_accuracy`
- Algorithm 1, training: `training_step` of `mtattr.training.fit`, with `ValidationLossTrend`
- Algorithm 2, update of the weights: `change_weights`; as printed: `two_factor_weights`

The alternatives are `UncertaintyWeighting` (Kendall et al. 2018), `GradNorm` (Chen et al. 2018) and
`DynamicWeightAverage` (Liu et al. 2019); the controls `ShuffledTrend` and `AveragedTrend` are ours.
"""

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
