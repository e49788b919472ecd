"""Networks that branch while they train (Lu et al. 2017)."""

from mtattr.adaptive_sharing.affinity import ErrorAffinity, branch_affinity, error_margins
from mtattr.adaptive_sharing.agreement import agreement
from mtattr.adaptive_sharing.grouping import choose_branches, separation_cost, unit_cost
from mtattr.adaptive_sharing.initialise import start_from_wide, start_low_rank
from mtattr.adaptive_sharing.layout import LAYERS, VGG16_WIDTHS, thin_widths
from mtattr.adaptive_sharing.low_rank import LowRankVGG, low_rank_vgg16
from mtattr.adaptive_sharing.network import (
    BranchedVGG,
    ThinVGG,
    count_weights,
    fold_batch_norm,
    vgg16,
)
from mtattr.adaptive_sharing.regroup import grouped_by, leaf_order, shuffled, swapped
from mtattr.adaptive_sharing.search import SearchSettings, search
from mtattr.adaptive_sharing.somp import somp
from mtattr.adaptive_sharing.tree import Tree

__all__ = [
    "LAYERS",
    "VGG16_WIDTHS",
    "BranchedVGG",
    "ErrorAffinity",
    "LowRankVGG",
    "SearchSettings",
    "ThinVGG",
    "Tree",
    "agreement",
    "branch_affinity",
    "choose_branches",
    "count_weights",
    "error_margins",
    "fold_batch_norm",
    "grouped_by",
    "leaf_order",
    "low_rank_vgg16",
    "search",
    "separation_cost",
    "shuffled",
    "somp",
    "start_from_wide",
    "start_low_rank",
    "swapped",
    "thin_widths",
    "unit_cost",
    "vgg16",
]
