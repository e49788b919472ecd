"""Networks for photographs, cut in parts: ResNet and SE-ResNet of timm, and VGG-16."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from mtattr.attention_branch.parts import Parts, pooled_linear
from mtattr.errors import InputError
from mtattr.nets import load_weights
from mtattr.nets.normalise import IMAGENET_MEAN, IMAGENET_STD, Normalise
from mtattr.nets.vgg import VGG16_BLOCKS

RESNETS = (
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "seresnet50",
    "seresnet152",
)


def imagenet_resnet(
    name: str, num_classes: int, *, weights: str | Path | None = None, base_width: int = 64
) -> Parts:
    """timm's ResNet cut after layer3 (14 x 14 at 224 px); the attention stage is layer4 with stride 1.

    weights: a safetensors file in timm's naming, its classifier ignored; then the attention stage begins as a copy of the
    pretrained layer4. Random without. base_width: channels inside the first bottlenecks, 64 as published.
    Raises `InputError` for an unknown name or a file that does not fit.
    Source: released code, which starts the attention stage at random.
    """
    if name not in RESNETS:
        raise InputError(f"network {name!r} is unknown; there are {', '.join(RESNETS)}")
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="IProgress not found"
        )  # of download bars; nothing is downloaded
        import timm
    if base_width != 64 and name in ("resnet18", "resnet34"):
        raise InputError(f"{name} can not be widened: it has no bottlenecks")
    how = {"pretrained": False, "num_classes": 0} | (
        {"base_width": base_width} if base_width != 64 else {}
    )
    net = timm.create_model(name, **how)
    attention = timm.create_model(name, **how).layer4
    if weights is not None:
        load_weights(net, weights, name, ignored=("fc.",))
        attention = copy.deepcopy(net.layer4)
    stem = (net.conv1, net.bn1, net.act1, net.maxpool)
    return Parts(
        extractor=nn.Sequential(
            Normalise(IMAGENET_MEAN, IMAGENET_STD), *stem, net.layer1, net.layer2, net.layer3
        ),
        attention=without_stride(attention),
        perception=net.layer4,
        top=pooled_linear(net.num_features, num_classes),
        channels=net.feature_info[-2]["num_chs"],
        attention_channels=net.num_features,
        perception_channels=net.num_features,
        stride=32,
    )


def without_stride(stage: nn.Module) -> nn.Module:
    """Set every stride of a stage's convolutions to 1, in place, so that its map keeps the input's size; returns `stage`."""
    for module in stage.modules():
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
        if isinstance(module, nn.AvgPool2d | nn.MaxPool2d):
            raise InputError("a stage with pooling can not keep its resolution by a stride of 1")
    return stage


class VGGTop(nn.Module):
    """Adaptive pooling and three linear layers with ReLU and dropout, in the order of torchvision's classifier."""

    def __init__(
        self, channels: int, hidden: int, num_classes: int, side: int, dropout: float
    ) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(side)
        sizes = (channels * side * side, hidden, hidden)
        layers: list[nn.Module] = []
        for inputs in sizes[:2]:
            layers += [nn.Linear(inputs, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)]
        self.classifier = nn.Sequential(*layers, nn.Linear(hidden, num_classes))

    def forward(self, features: Tensor) -> Tensor:
        """`(B, channels, h, w)` to logits."""
        return self.classifier(self.pool(features).flatten(1))


def vgg16(
    num_classes: int,
    *,
    batch_norm: bool = True,
    weights: str | Path | None = None,
    divisor: float = 1,
    pools: int = 4,
    side: int = 7,
    dropout: float = 0.5,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
) -> Parts:
    """VGG-16 cut after conv5_3, before its last pooling; two 3x3 convolutions replace fc6 and fc7 in the attention branch.

    weights: a safetensors file in torchvision's naming, its last layer ignored. divisor: of all channels; pools: how many of
    the four poolings inside the extractor are kept, the first ones; side: of the map that fc6 reads. The three make small relatives.
    Raises `InputError` for a file that does not fit. Source: the paper names no cut; ours, as Sec. 3.1 and CAM suggest.
    """
    features: list[nn.Module] = []
    inputs = 3
    for number, block in enumerate(VGG16_BLOCKS):
        if 0 < number <= pools:
            features.append(nn.MaxPool2d(2))
        for width in block:
            features += _conv(inputs, int(width / divisor), batch_norm)
            inputs = int(width / divisor)
    wide, hidden = int(1024 / divisor), int(4096 / divisor)
    trunk, top = nn.Sequential(*features), VGGTop(inputs, hidden, num_classes, side, dropout)
    if weights is not None:
        whole = nn.ModuleDict({"features": trunk, "classifier": top.classifier})
        load_weights(
            whole, weights, "vgg16_bn" if batch_norm else "vgg16", ignored=("classifier.6.",)
        )
    return Parts(
        extractor=nn.Sequential(Normalise(mean, std), trunk),
        attention=nn.Sequential(*_conv(inputs, wide, batch_norm), *_conv(wide, wide, batch_norm)),
        perception=nn.MaxPool2d(2),
        top=top,
        channels=inputs,
        attention_channels=wide,
        perception_channels=None,
        stride=2 ** (pools + 1),
    )


def _conv(inputs: int, outputs: int, batch_norm: bool) -> list[nn.Module]:
    norm = [nn.BatchNorm2d(outputs)] if batch_norm else []
    return [nn.Conv2d(inputs, outputs, 3, padding=1), *norm, nn.ReLU(inplace=True)]
