"""Multi-channel attentional sub-networks: one extractor and what reads it (Kimura and Tanaka 2019, Fig. 2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mtattr.channel_attention.classifiers import MaskedClassifiers
from mtattr.channel_attention.context import DILATIONS, ContextModule, fitting_dilations
from mtattr.channel_attention.front_end import STRIDES, FrontEnd
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
    """f_f: images `(B, 3, H, W)` in [0, 1] to features `(B, channels, H/s, W/s)`, a `FrontEnd` and a `ContextModule`.

    image_size: side or sides, in pixels, of the images that it is made for: dilations that reach beyond their map are lowered, unless
    `literal_dilations`. context: False leaves the context module out. Other arguments as of the two modules. Raises `InputError` as
    they do.
    Source: Kimura and Tanaka 2019, Sec. 3.1, read as 128 "classes" of the Dilation Network.
    """
    front = FrontEnd(front_end, channels, width=width, batch_norm=batch_norm, weights=weights)
    sides = image_size if isinstance(image_size, tuple) else (image_size, image_size)
    if len(sides) != 2:
        raise InputError(f"image_size must be one side or two, got {image_size!r}")
    side = (
        min(whole_number("side of the images", side, STRIDES[front_end]) for side in sides)
        // STRIDES[front_end]
    )
    if not context:
        return nn.Sequential(front)
    dilations = DILATIONS if literal_dilations else fitting_dilations(side)
    return nn.Sequential(front, ContextModule(channels, dilations, noise=noise))


def multilabel_head(channels: int, num_attributes: int, hidden: int | None = None) -> nn.Sequential:
    """f_m: global average pooling and a linear layer, or two with `hidden` units and ReLU between, to K logits (Sec. 3.3)."""
    pool: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if hidden is None:
        return nn.Sequential(*pool, nn.Linear(channels, num_attributes))
    return nn.Sequential(
        *pool,
        nn.Linear(channels, whole_number("hidden", hidden)),
        nn.ReLU(),
        nn.Linear(hidden, num_attributes),
    )


class ChannelAttentionNet(nn.Module):
    """y_b^k = f_b^k((1 + M^k(F)) F), y_m = f_m(F), x' = f_r(F) with F = f_f(x) (Kimura and Tanaka 2019, Eq. 2, 4 and 5).

    num_attributes: K binary attributes. channels: C of features and masks. front_end, image_size, width, batch_norm, context,
    literal_dilations, noise, weights: of `feature_extractor`. mask: "channel", a map for every channel and attribute; "single", one map
    for each attribute; "none", classifiers without masks. mask_kernel, mask_layers, mask_activation: of `ChannelMasks`. keep_one: the 1.
    classifier_hidden: of `MaskedClassifiers`. multilabel, multilabel_hidden: whether and how f_m is there. reconstruct, upsampling: the
    same of f_r.
    chunk: masks of at most so many attributes at once, None for all; memory is bounded by it, because in training each chunk is computed
    again for its gradients. The paper does not say most of this; the chapter gives the reason of each default.

    `forward` returns logits `(B, K)` of the masked classifiers, and in `extra` "extracted" F `(B, C, h, w)`, "pooled" `(B, K, C)`, what the
    classifiers read, "mask_means" `(B, K, C or 1)`, the mean of |M| over positions, "multilabel_logits" `(B, K)` and "reconstruction"
    `(B, 3, H, W)`, each if it is there. Raises `InputError` for values that are not as above, and for images that can not be reconstructed.
    """

    def __init__(
        self,
        num_attributes: int = 40,
        channels: int = 128,
        *,
        front_end: str = "vgg16",
        image_size: int | tuple[int, int] = 128,
        width: float = 1.0,
        batch_norm: bool = False,
        context: bool = True,
        literal_dilations: bool = False,
        noise: float = 0.01,
        weights: str | Path | None = None,
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
    ) -> None:
        super().__init__()
        if mask not in MASKS:
            raise InputError(f"mask {mask!r} is unknown; there are {', '.join(MASKS)}")
        if mask == "none" and not keep_one:
            raise InputError(
                "without masks and without the 1 of 1 + M nothing reaches the classifiers"
            )
        self.num_attributes = whole_number("num_attributes", num_attributes)
        self.keep_one, self.chunk = (
            keep_one,
            None if chunk is None else whole_number("chunk", chunk),
        )
        how = {
            "image_size": image_size,
            "width": width,
            "batch_norm": batch_norm,
            "weights": weights,
        }
        how |= {"context": context, "literal_dilations": literal_dilations, "noise": noise}
        self.extractor = feature_extractor(front_end, channels, **how)
        self.masks = None
        if mask != "none":
            options = {
                "kernel_size": mask_kernel,
                "layers": mask_layers,
                "activation": mask_activation,
                "single": mask == "single",
            }
            self.masks = ChannelMasks(channels, num_attributes, **options)
        self.classifiers = MaskedClassifiers(channels, num_attributes, hidden=classifier_hidden)
        self.multilabel = (
            multilabel_head(channels, num_attributes, multilabel_hidden) if multilabel else None
        )
        self.stride = STRIDES[front_end]
        self.reconstructor = (
            Reconstructor(channels, self.stride, upsampling=upsampling) if reconstruct else None
        )

    def forward(self, images: Tensor) -> Output:
        """Answers for images `(B, 3, H, W)` in [0, 1]."""
        if (
            self.reconstructor is not None
            and images.ndim == 4
            and any(side % self.stride for side in images.shape[2:])
        ):
            size = " x ".join(map(str, images.shape[2:]))
            raise InputError(
                f"images of {size} px can not be reconstructed: their sides must be multiples of the stride {self.stride}"
            )
        features = self.extractor(images)
        pooled, means = self.attend(features)
        extra = {"extracted": features, "pooled": pooled}
        if means is not None:
            extra["mask_means"] = means
        if self.multilabel is not None:
            extra["multilabel_logits"] = self.multilabel(features)
        if self.reconstructor is not None:
            extra["reconstruction"] = self.reconstructor(features)
        return Output(self.classifiers(pooled), None, extra)

    def attend(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the classifiers read, `(B, K, C)`, and the mean of |M| over positions, `(B, K, C or 1)`, None without masks."""
        if self.masks is None:
            if self.classifiers.hidden is None:  # the mean of F, which all attributes share
                return features.mean((2, 3)).unsqueeze(1).expand(-1, self.num_attributes, -1), None
            zero = features.new_zeros(len(features), self.num_attributes, 1, *features.shape[2:])
            return self.classifiers.pool(features, zero), None
        if self.chunk is not None and self.masks.is_plain and self.classifiers.hidden is None:
            conv = self.masks.conv
            return masked_pool(
                features, conv.weight, conv.bias, chunk=self.chunk, keep_one=self.keep_one
            )
        parts = []
        for attributes in self._chunks():
            if self.chunk is not None and torch.is_grad_enabled():
                parts.append(
                    checkpoint(
                        self._attend,
                        features,
                        attributes,
                        use_reentrant=False,
                        preserve_rng_state=False,
                    )
                )
            else:
                parts.append(self._attend(features, attributes))
        pooled, means = (torch.cat(part, dim=1) for part in zip(*parts, strict=True))
        return pooled, means

    def _attend(self, features: Tensor, attributes: slice) -> tuple[Tensor, Tensor]:
        masks = self.masks(features, attributes)
        pooled = self.classifiers.pool(features, masks, attributes, keep_one=self.keep_one)
        return pooled, masks.abs().mean((3, 4))

    def _chunks(self) -> Iterator[slice]:
        step = self.num_attributes if self.chunk is None else self.chunk
        for first in range(0, self.num_attributes, step):
            yield slice(first, min(first + step, self.num_attributes))


class MultiLabelNet(nn.Module):
    """The plain network to compare with: the same extractor and multi-label head, and nothing else.

    num_attributes, channels, hidden: of `multilabel_head`. options: of `feature_extractor`. `forward` returns logits `(B, K)`, and
    in `extra` "extracted", the features `(B, C, h, w)`.
    """

    def __init__(
        self, num_attributes: int = 40, channels: int = 128, *, hidden: int | None = None, **options
    ) -> None:
        super().__init__()
        self.extractor = feature_extractor(options.pop("front_end", "vgg16"), channels, **options)
        self.multilabel = multilabel_head(
            channels, whole_number("num_attributes", num_attributes), hidden
        )

    def forward(self, images: Tensor) -> Output:
        """Answers for images `(B, 3, H, W)` in [0, 1]."""
        features = self.extractor(images)
        return Output(self.multilabel(features), None, {"extracted": features})
