"""Kimura and Tanaka 2019: for each attribute an attention mask over every channel.

M. Kimura and M. Tanaka, "Interpretation of Feature Space using Multi-Channel Attentional
Sub-Networks", 2019, arXiv 1904.13078. Where its parts are:

- Sec. 3.1, features F = f_f(x): `feature_extractor`, a `FrontEnd` and a `ContextModule`
- Eq. 2, y_b^k = f_b^k((1 + M^k(F)) F): `ChannelAttentionNet.attend`, in the order `ChannelMasks`
  (M^k), `apply_masks` (1 + M^k, times F), `MaskedClassifiers` (f_b^k); `pool_masked` and
  `masked_pool` give the same with less memory
- Eq. 4, multi-label classifier f_m: `multilabel_head` in `network`
- Sec. 3.4, reconstructor f_r: `Reconstructor`
- Eq. 1, 3 and 5, the terms L_b, L_m, L_r and ||M||_1: `loss_terms`
- Eq. 6, their weighted sum: `channel_attention_loss`
- Fig. 1, mean masks: `mask_means`; Fig. 3, masks of the three best channels: `top_channels`,
  `explanation_maps`
- Fig. 4 and Table 1, correlation of channels: `feature_correlation`, `neighbours`
- Table 2, correlation of attributes: `attribute_correlation`

Ours: `channel_contributions`, `mask_spread`, `evidence_maps`, `kept_channels`, `sharpen`.
"""

from mtattr.channel_attention.classifiers import MaskedClassifiers, apply_masks, pool_masked
from mtattr.channel_attention.context import ContextModule, fitting_dilations
from mtattr.channel_attention.correlation import (
    attribute_correlation,
    feature_correlation,
    neighbours,
)
from mtattr.channel_attention.front_end import FrontEnd
from mtattr.channel_attention.importance import (
    channel_contributions,
    mask_means,
    mask_spread,
    top_channels,
)
from mtattr.channel_attention.loss import LossTerms, channel_attention_loss, loss_terms
from mtattr.channel_attention.maps import evidence_maps, explanation_maps, methods_of
from mtattr.channel_attention.masked_pool import masked_pool
from mtattr.channel_attention.masks import ChannelMasks
from mtattr.channel_attention.network import ChannelAttentionNet, MultiLabelNet, feature_extractor
from mtattr.channel_attention.pruning import channel_scores, kept_channels, pruned_logits
from mtattr.channel_attention.reconstructor import Reconstructor
from mtattr.channel_attention.sharpening import noisy_logits, sharpen

__all__ = [
    "ChannelAttentionNet",
    "ChannelMasks",
    "ContextModule",
    "FrontEnd",
    "LossTerms",
    "MaskedClassifiers",
    "MultiLabelNet",
    "Reconstructor",
    "apply_masks",
    "attribute_correlation",
    "channel_attention_loss",
    "channel_contributions",
    "channel_scores",
    "evidence_maps",
    "explanation_maps",
    "feature_correlation",
    "feature_extractor",
    "fitting_dilations",
    "kept_channels",
    "loss_terms",
    "mask_means",
    "mask_spread",
    "masked_pool",
    "methods_of",
    "neighbours",
    "noisy_logits",
    "pool_masked",
    "pruned_logits",
    "sharpen",
    "top_channels",
]
