"""Multi-channel attentional sub-networks and a plain network (Kimura and Tanaka 2019, Fig. 2)."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mtattr.channel_attention.classifiers import MaskedClassifiers
from mtattr.channel_attention.context import DILATIONS, ContextModule, fitting_dilations
from mtattr.channel_attention.front_end import FrontEnd
from mtattr.channel_attention.masked_pool import masked_pool
from mtattr.channel_attention.masks import ChannelMasks
from mtattr.channel_attention.reconstructor import Reconstructor
from mtattr.errors import InputError, whole_number
from mtattr.nets import Output

MASKS = ("channel", "single", "none")


def feature_extractor(
    front_end: str = "vgg16",
    channels: int = 128,
    *,
    image_size: int | tuple[int, int] = 128,
    width: float = 1.0,
    batch_norm: bool = False,
    context: bool = True,
    literal_dilations: bool = False,
    noise: float = 0.01,
    weights: str | Path | None = None,
) -> nn.Sequential:
    """Extractor f_f of features `(B, channels, H/s, W/s)`: a `FrontEnd` and a `ContextModule`.

    Source: Kimura and Tanaka 2019, Sec. 3.1, read as 128 "classes" of the Dilation Network.

    Args:
        front_end, channels, width, batch_norm, weights: of `FrontEnd`.
        image_size: side or sides in pixels of the images that it is made for; dilations that reach
            beyond their map are lowered unless `literal_dilations`.
        context: False leaves the context module out.
        noise: of `ContextModule`.
    """
    front = FrontEnd(front_end, channels, width=width, batch_norm=batch_norm, weights=weights)
    sides = image_size if isinstance(image_size, tuple) else (image_size,)
    smallest = min(whole_number("side of the images", side, front.stride) for side in sides)
    if not context:
        return nn.Sequential(front)
    dilations = DILATIONS if literal_dilations else fitting_dilations(smallest // front.stride)
    return nn.Sequential(front, ContextModule(channels, dilations, noise=noise))


def multilabel_head(channels: int, num_attributes: int, hidden: int | None = None) -> nn.Sequential:
    """Multi-label classifier f_m: global average pooling, one linear layer or two (Sec. 3.3)."""
    layers: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if hidden is not None:
        layers += [nn.Linear(channels, whole_number("hidden", hidden)), nn.ReLU()]
        channels = hidden
    return nn.Sequential(*layers, nn.Linear(channels, num_attributes))


class ChannelAttentionNet(nn.Module):
    """K masked classifiers, a multi-label classifier and a reconstructor on shared features F.

    y_b^k = f_b^k((1 + M^k(F)) F), y_m = f_m(F), x' = f_r(F) with F = f_f(x): Kimura and Tanaka
    2019, Eq. 2, 4 and 5. `forward` returns logits `(B, K)` of the masked classifiers, and in
    `extra`, as far as the parts are there, "extracted" F `(B, C, h, w)`, "pooled" `(B, K, C)`, the
    input of the classifiers' linear layers, "mask_means" `(B, K, C or 1)`, the means of |M| over
    positions, "multilabel_logits" `(B, K)` and "reconstruction" `(B, 3, H, W)`. The paper leaves
    most arguments open; the chapter gives the reasons for the defaults.

    Args:
        num_attributes: K, of binary attributes.
        channels: C, of features and masks.
        mask: "channel", a map per channel and attribute; "single", one map per attribute; "none".
        mask_kernel, mask_layers, mask_activation: of `ChannelMasks`.
        keep_one: False leaves the 1 of 1 + M out.
        classifier_hidden: of `MaskedClassifiers`.
        multilabel, reconstruct: whether f_m and f_r are there.
        multilabel_hidden: of `multilabel_head`.
        upsampling: of `Reconstructor`.
        chunk: attributes whose masks are held at once, None for all; training recomputes them.
        extractor: options of `feature_extractor`.
    """

    def __init__(
        self,
        num_attributes: int = 40,
        channels: int = 128,
        *,
        mask: str = "channel",
        mask_kernel: int = 3,
        mask_layers: int = 1,
        mask_activation: str = "sigmoid",
        keep_one: bool = True,
        classifier_hidden: int | None = None,
        multilabel: bool = True,
        multilabel_hidden: int | None = None,
        reconstruct: bool = True,
        upsampling: str = "nearest",
        chunk: int | None = None,
        **extractor: Any,
    ) -> None:
        super().__init__()
        if mask not in MASKS:
            raise InputError(f"mask {mask!r} is unknown; there are {', '.join(MASKS)}")
        if mask == "none" and not keep_one:
            raise InputError("without masks and without the 1 nothing reaches the classifiers")
        self.num_attributes = whole_number("num_attributes", num_attributes)
        self.keep_one = keep_one
        self.chunk = None if chunk is None else whole_number("chunk", chunk)
        self.extractor = feature_extractor(channels=channels, **extractor)
        self.stride = self.extractor[0].stride
        self.masks = self.multilabel = self.reconstructor = None
        if mask != "none":
            self.masks = ChannelMasks(
                channels,
                num_attributes,
                kernel_size=mask_kernel,
                layers=mask_layers,
                activation=mask_activation,
                single=mask == "single",
            )
        self.classifiers = MaskedClassifiers(channels, num_attributes, hidden=classifier_hidden)
        if multilabel:
            self.multilabel = multilabel_head(channels, num_attributes, multilabel_hidden)
        if reconstruct:
            self.reconstructor = Reconstructor(channels, self.stride, upsampling=upsampling)

    def forward(self, images: Tensor) -> Output:
        """Answers for images `(B, 3, H, W)` in [0, 1]."""
        features = self.extractor(images)
        pooled, means = self.attend(features)
        extra = {"extracted": features, "pooled": pooled}
        if means is not None:
            extra["mask_means"] = means
        if self.multilabel is not None:
            extra["multilabel_logits"] = self.multilabel(features)
        if self.reconstructor is not None:
            if any(side % self.stride for side in images.shape[2:]):
                size = " x ".join(map(str, images.shape[2:]))
                raise InputError(
                    f"images of {size} px can not be reconstructed:"
                    f" their sides must be multiples of the stride {self.stride}"
                )
            extra["reconstruction"] = self.reconstructor(features)
        return Output(self.classifiers(pooled), None, extra)

    def attend(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """Pooled (1 + M^k) F, `(B, K, C)` (Eq. 2), and means of |M|, `(B, K, C or 1)`, or None."""
        k, hidden = self.num_attributes, self.classifiers.hidden
        if self.masks is None and hidden is None:  # The mean of F, which all attributes share.
            return features.mean((2, 3)).unsqueeze(1).expand(-1, k, -1), None
        if self.masks is None:
            zero = features.new_zeros(len(features), k, 1, *features.shape[2:])
            return self.classifiers.pool(features, zero), None
        if self.chunk is None:
            return self._attend(features, slice(0, k))
        if self.masks.is_plain and hidden is None:
            weight, bias = self.masks.conv.weight, self.masks.conv.bias
            return masked_pool(features, weight, bias, chunk=self.chunk, keep_one=self.keep_one)
        attend = self._attend
        if torch.is_grad_enabled():
            again = {"use_reentrant": False, "preserve_rng_state": False}
            attend = functools.partial(checkpoint, self._attend, **again)
        chunks = [slice(i, min(i + self.chunk, k)) for i in range(0, k, self.chunk)]
        parts = [attend(features, attributes) for attributes in chunks]
        pooled, means = (torch.cat(part, dim=1) for part in zip(*parts, strict=True))
        return pooled, means

    def _attend(self, features: Tensor, attributes: slice) -> tuple[Tensor, Tensor]:
        masks = self.masks(features, attributes)
        pooled = self.classifiers.pool(features, masks, attributes, keep_one=self.keep_one)
        return pooled, masks.abs().mean((3, 4))


class MultiLabelNet(nn.Module):
    """Plain network to compare with: the same extractor and multi-label classifier alone.

    `forward` returns logits `(B, K)`, and in `extra` "extracted", the features `(B, C, h, w)`.

    Args:
        num_attributes, channels, hidden: of `multilabel_head`.
        extractor: options of `feature_extractor`.
    """

    def __init__(
        self,
        num_attributes: int = 40,
        channels: int = 128,
        *,
        hidden: int | None = None,
        **extractor: Any,
    ) -> None:
        super().__init__()
        whole_number("num_attributes", num_attributes)
        self.extractor = feature_extractor(channels=channels, **extractor)
        self.multilabel = multilabel_head(channels, num_attributes, hidden)

    def forward(self, images: Tensor) -> Output:
        """Answers for images `(B, 3, H, W)` in [0, 1]."""
        features = self.extractor(images)
        return Output(self.multilabel(features), None, {"extracted": features})
