"""Training: specification, recipe protocol, plan, loop, run, record.

A reader's way from `mtattr run` to the first gradient: `run.fit_or_load` -> `run.plan_for` -> the
paper's `recipe.plan` -> `fit.fit` -> the losses that the plan names.
"""

from mtattr.training.baseline import baseline_plan
from mtattr.training.finished import Run
from mtattr.training.fit import Trained, fit
from mtattr.training.losses import Batch, per_task_loss, task_losses
from mtattr.training.opening import Opened, checkpoints, open_run, write_checkpoint
from mtattr.training.plan import SPLITS, Initial, Measures, Plan
from mtattr.training.predict import predict
from mtattr.training.recipe import Recipe, recipe_of
from mtattr.training.run import fit_or_load, plan_for
from mtattr.training.settings import FitSettings
from mtattr.training.spec import SCALES, RunSpec
from mtattr.training.state import Loop
from mtattr.training.weighting import FixedWeights, Weighting

__all__ = [
    "SCALES",
    "SPLITS",
    "Batch",
    "FitSettings",
    "FixedWeights",
    "Initial",
    "Loop",
    "Measures",
    "Opened",
    "Plan",
    "Recipe",
    "Run",
    "RunSpec",
    "Trained",
    "Weighting",
    "baseline_plan",
    "checkpoints",
    "fit",
    "fit_or_load",
    "open_run",
    "per_task_loss",
    "plan_for",
    "predict",
    "recipe_of",
    "task_losses",
    "write_checkpoint",
]
