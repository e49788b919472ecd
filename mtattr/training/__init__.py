"""The one loop: what to train, losses, checkpoints, runs."""

from mtattr.training.losses import per_task_loss
from mtattr.training.plan import FitSettings, Plan, Start
from mtattr.training.predict import predict
from mtattr.training.run import Run, fit_or_load, plan_for
from mtattr.training.spec import SCALES, RunSpec
from mtattr.training.weighting import FixedWeights, Weighting

__all__ = [
    "SCALES",
    "FitSettings",
    "FixedWeights",
    "Plan",
    "Run",
    "RunSpec",
    "Start",
    "Weighting",
    "fit_or_load",
    "per_task_loss",
    "plan_for",
    "predict",
]
