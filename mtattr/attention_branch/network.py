"""Baseline, class activation mapping, Attention Branch Network (Fukui et al. 2019, Figs. 1, 2)."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from mtattr.attention_branch.attention import apply_attention
from mtattr.attention_branch.branch import AttentionBranch
from mtattr.attention_branch.parts import Parts, check_images
from mtattr.attention_branch.residual import cifar_resnet
from mtattr.nets import Output


class BaselineNet(nn.Module):
    """The classifier without attention. `extra["features"]` is the last feature map."""

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self.extractor, self.perception, self.top = parts.extractor, parts.perception, parts.top
        self.stride = parts.stride

    def forward(self, images: Tensor) -> Output:
        """Logits for images `(B, 3, H, W)` in [0, 1]."""
        check_images(images, self.stride, training=self.training)
        features = self.perception(self.extractor(images))
        return Output(self.top(features), extra={"features": features})


class ClassActivationNet(nn.Module):
    """Class activation mapping: last stage with stride 1, 1x1 convolution, average pooling.

    `maps` `(B, K, h, w)` has one map per class or task, in raw range, whose mean is the logit.
    Source: Zhou et al. 2016; Sec. 4.2.
    """

    def __init__(self, parts: Parts, num_classes: int) -> None:
        super().__init__()
        self.extractor, self.stage, self.stride = parts.extractor, parts.attention, parts.stride
        self.to_classes = nn.Conv2d(parts.attention_channels, num_classes, 1)

    def forward(self, images: Tensor) -> Output:
        """Logits and maps for images `(B, 3, H, W)` in [0, 1]."""
        check_images(images, self.stride, training=self.training)
        features = self.stage(self.extractor(images))
        maps = self.to_classes(features)
        return Output(maps.mean(dim=(2, 3)), maps, {"features": features})


class AttentionBranchNet(nn.Module):
    """Attention Branch Network: a map multiplies the features that the perception branch reads.

    Args:
        residual: (1 + M) g (Eq. 2), else M g (Eq. 1).
        form: head of the branch, see `AttentionBranch`.
        attend: False leaves g as it is: a control with the same branches and losses.

    No gradient is stopped: the branch learns from both losses. Returns the perception branch's
    logits `(B, K)`, `maps` `(B, 1, h, w)`, and in `extra` "attention_logits" `(B, K)`, "extracted"
    g, "attended" g' and "features", the last feature map.
    """

    def __init__(
        self,
        parts: Parts,
        num_classes: int,
        *,
        residual: bool = True,
        form: str = "released",
        attend: bool = True,
    ) -> None:
        super().__init__()
        self.residual, self.attend, self.stride = residual, attend, parts.stride
        self.extractor, self.perception, self.top = parts.extractor, parts.perception, parts.top
        self.branch = AttentionBranch(parts.attention, parts.attention_channels, num_classes, form)

    def forward(self, images: Tensor, maps: Tensor | None = None) -> Output:
        """Logits and map for images `(B, 3, H, W)` in [0, 1]; `maps` in place of the branch's."""
        check_images(images, self.stride, training=self.training)
        g = attended = self.extractor(images)
        attention_logits, own, _ = self.branch(g)
        maps = own if maps is None else maps
        if self.attend:
            attended = apply_attention(g, maps, self.residual)
        features = self.perception(attended)
        extra = {"attention_logits": attention_logits, "extracted": g}
        extra |= {"attended": attended, "features": features}
        return Output(self.top(features), maps, extra)


class AttentionBranchResNet(AttentionBranchNet):
    """Attention Branch Network of a `cifar_resnet` of `depth` 6 n + 2, which takes `options`."""

    def __init__(
        self,
        depth: int,
        num_classes: int,
        *,
        residual: bool = True,
        form: str = "released",
        attend: bool = True,
        **options: Any,
    ) -> None:
        parts = cifar_resnet(depth, num_classes, **options)
        super().__init__(parts, num_classes, residual=residual, form=form, attend=attend)
