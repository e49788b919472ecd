"""Networks that branch while they train.

Lu, Kumar, Zhai, Cheng, Javidi and Feris: "Fully-adaptive Feature Sharing in Multi-Task Networks
with Applications in Person Attribute Classification", CVPR 2017. Its numbers in this package:

- Eq. 1, 3: `layer.BranchedLayer`
- Eq. 2: `somp`
- Eq. 4, 5: `Tree.widen`, `BranchedVGG.widen`
- Eq. 6: `error_margins`, `ErrorAffinity`
- Eq. 7, 8: `branch_affinity`
- Eq. 9: `unit_cost`, `grouping_loss`; its minimum: `choose_branches`
- Eq. 10, 11: `separation_cost`
- Algorithm 1, training with adaptive widening: `search`
- Algorithm 2, initialisation by SOMP: `start_from_wide`
- Sec. 3.1, thin models: `thin_widths`, `ThinVGG`
- Sec. 4.4, Fig. 3, exchanged tasks: `swapped`
- Sec. 4.5, baselines and speed: `vgg16`, `low_rank_vgg16`, `start_low_rank`, `fold_batch_norm`
"""

from mtattr.adaptive_sharing.affinity import ErrorAffinity, branch_affinity, error_margins
from mtattr.adaptive_sharing.agreement import agreement
from mtattr.adaptive_sharing.grouping import (
    choose_branches,
    grouping_loss,
    separation_cost,
    unit_cost,
)
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
    "grouping_loss",
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
