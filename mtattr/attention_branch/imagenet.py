"""Networks for photographs, cut in parts: timm's ResNet and SE-ResNet, and VGG-16."""

from __future__ import annotations

import copy
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from mtattr.attention_branch.parts import Parts
from mtattr.errors import InputError
from mtattr.nets import load_weights
from mtattr.nets.normalise import IMAGENET_MEAN, IMAGENET_STD, Normalise
from mtattr.nets.vgg import VGG16_BLOCKS

RESNETS = (*(f"resnet{depth}" for depth in (18, 34, 50, 101, 152)), "seresnet50", "seresnet152")


def imagenet_resnet(
    name: str, num_classes: int, *, weights: str | Path | None = None, base_width: int = 64
) -> Parts:
    """timm's ResNet cut after layer3; the attention stage is a layer4 of stride 1.

    Args:
        weights: safetensors file in timm's naming, whose classifier is ignored; the attention stage
            then begins as a copy of layer4. The released code starts it at random.
        base_width: channels inside the first bottlenecks, 64 as published.

    Raises:
        InputError: an unknown name or a file that does not fit.
    """
    if name not in RESNETS:
        raise InputError(f"network {name!r} is unknown; there are {', '.join(RESNETS)}")
    with warnings.catch_warnings():
        # About download bars; nothing is downloaded.
        warnings.filterwarnings("ignore", message="IProgress not found")
        import timm
    if base_width != 64 and name in ("resnet18", "resnet34"):
        raise InputError(f"{name} can not be widened: it has no bottlenecks")

    def made() -> nn.Module:
        return timm.create_model(name, pretrained=False, num_classes=0, base_width=base_width)

    net, attention = made(), made().layer4
    if weights is not None:
        load_weights(net, weights, name, ignored=("fc.",))
        attention = copy.deepcopy(net.layer4)
    stem = Normalise(IMAGENET_MEAN, IMAGENET_STD), net.conv1, net.bn1, net.act1, net.maxpool
    extractor = nn.Sequential(*stem, net.layer1, net.layer2, net.layer3)
    channels, outputs = net.feature_info[-2]["num_chs"], net.num_features
    sizes = {"channels": channels, "outputs": outputs, "stride": 32}
    return Parts.pooled(num_classes, extractor, without_stride(attention), net.layer4, **sizes)


def without_stride(stage: nn.Module) -> nn.Module:
    """Set the stride of a stage's convolutions to 1, in place, so that it keeps the resolution."""
    for module in stage.modules():
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
    return stage


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
    """VGG-16 cut before its last pooling; two 3x3 convolutions replace fc6 and fc7 for attention.

    Args:
        weights: safetensors file in torchvision's naming, whose last layer is ignored.
        divisor: of all channels, for small relatives.
        pools: number of the four poolings of the extractor that are kept, the first ones.
        side: of the map that fc6 reads.

    Source: the paper names no cut; ours follows Sec. 3.1 and CAM.
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
    trunk, layers = nn.Sequential(*features), []
    for size in (inputs * side * side, hidden):
        layers += [nn.Linear(size, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)]
    classifier = nn.Sequential(*layers, nn.Linear(hidden, num_classes))
    head = {"pool": nn.AdaptiveAvgPool2d(side), "flatten": nn.Flatten(), "classifier": classifier}
    if weights is not None:
        whole = nn.ModuleDict({"features": trunk, "classifier": classifier})
        name = "vgg16_bn" if batch_norm else "vgg16"
        load_weights(whole, weights, name, ignored=("classifier.6.",))
    return Parts(
        extractor=nn.Sequential(Normalise(mean, std), trunk),
        attention=nn.Sequential(*_conv(inputs, wide, batch_norm), *_conv(wide, wide, batch_norm)),
        perception=nn.MaxPool2d(2),
        top=nn.Sequential(OrderedDict(head)),
        channels=inputs,
        attention_channels=wide,
        perception_channels=None,
        stride=2 ** (pools + 1),
    )


def _conv(inputs: int, outputs: int, batch_norm: bool) -> list[nn.Module]:
    norm = [nn.BatchNorm2d(outputs)] if batch_norm else []
    return [nn.Conv2d(inputs, outputs, 3, padding=1), *norm, nn.ReLU(inplace=True)]
