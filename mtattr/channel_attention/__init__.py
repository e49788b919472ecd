"""Kimura and Tanaka 2019: for each attribute an attention mask over every channel, and what such masks tell about the features."""

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
