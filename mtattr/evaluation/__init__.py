"""Metrics over known labels, statistics over runs and images, explanation maps, cost."""

from mtattr.evaluation.accuracy import (
    balanced_accuracy,
    class_accuracy,
    class_floor,
    mean_accuracy,
    mean_accuracy_floor,
    micro_accuracy,
    micro_floor,
    task_accuracy,
    task_floor,
)
from mtattr.evaluation.batched import batched, evaluating
from mtattr.evaluation.by_task import accuracy_by_task
from mtattr.evaluation.correlation import (
    mantel_test,
    phi_coefficients,
    rank_correlation,
    row_correlations,
)
from mtattr.evaluation.cost import (
    count_flops,
    count_parameters,
    latency,
    peak_memory_mb,
    seconds_in_turn,
)
from mtattr.evaluation.counts import counts, f1_from, precision_from, recall_from
from mtattr.evaluation.deletion import deletion_insertion
from mtattr.evaluation.gradcam import class_activation_maps, grad_cam
from mtattr.evaluation.imputation import linear_imputation, mean_colour
from mtattr.evaluation.localisation import (
    centre_prior,
    energy_inside,
    localisation_scores,
    pointing_game,
    random_maps,
    region_iou,
)
from mtattr.evaluation.occlusion import occlusion_maps
from mtattr.evaluation.predictions import predict, probabilities
from mtattr.evaluation.probe import linear_probe
from mtattr.evaluation.random_effects import RandomEffects, random_effects
from mtattr.evaluation.ranking import average_precision, f1, top_k_accuracy, top_k_recall
from mtattr.evaluation.regions import known_regions
from mtattr.evaluation.residuals import Residual, equal_variances, pooled_residual
from mtattr.evaluation.statistics import (
    Estimate,
    Interval,
    WelchResult,
    holm,
    mean_estimate,
    paired_estimate,
    paired_interval,
    t_interval,
    welch_estimate,
    welch_test,
)
from mtattr.evaluation.thresholds import choose_thresholds

__all__ = [
    "Estimate",
    "Interval",
    "RandomEffects",
    "Residual",
    "WelchResult",
    "accuracy_by_task",
    "average_precision",
    "balanced_accuracy",
    "batched",
    "centre_prior",
    "choose_thresholds",
    "class_accuracy",
    "class_activation_maps",
    "class_floor",
    "count_flops",
    "count_parameters",
    "counts",
    "deletion_insertion",
    "energy_inside",
    "equal_variances",
    "evaluating",
    "f1",
    "f1_from",
    "grad_cam",
    "holm",
    "known_regions",
    "latency",
    "linear_imputation",
    "linear_probe",
    "localisation_scores",
    "mantel_test",
    "mean_accuracy",
    "mean_accuracy_floor",
    "mean_colour",
    "mean_estimate",
    "micro_accuracy",
    "micro_floor",
    "occlusion_maps",
    "paired_estimate",
    "paired_interval",
    "peak_memory_mb",
    "phi_coefficients",
    "pointing_game",
    "pooled_residual",
    "precision_from",
    "predict",
    "probabilities",
    "random_effects",
    "random_maps",
    "rank_correlation",
    "recall_from",
    "region_iou",
    "row_correlations",
    "seconds_in_turn",
    "t_interval",
    "task_accuracy",
    "task_floor",
    "top_k_accuracy",
    "top_k_recall",
    "welch_estimate",
    "welch_test",
]
